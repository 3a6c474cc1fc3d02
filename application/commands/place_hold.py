"""Take stock for a buyer for a limited time."""

from dataclasses import dataclass, replace

from application.commands.rebuild_sale import rebuild_sale
from domain.demands import demand, price, refuses_total
from domain.errors import InventoryUnavailable, Rejection, RejectionCode
from domain.events import Sale
from domain.holds import ActiveHold, BuyerFingerprint, HoldId, HoldLine, fingerprint
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory, SaleDoubt
from domain.ports.rate_limits import RateLimiter
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.waiting_room import WaitingRoom
from domain.ports.world import Clock
from domain.promotions import find
from domain.waiting_room import Admission, DoorPolicy

DOUBTS_MAX = 3
"""How often one request may find its idea of the sale, or the inventory, out of date before it gives up."""

CODES_PER_DEVICE = 20
CODES_PER_ADDRESS = 100
CODES_SECONDS = 300
"""So many tries with a code in so long, of one browser and of everybody behind one network address, for one event."""

DOOR = DoorPolicy(admitted_per_second=50)
"""How fast a waiting room lets people in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """``event`` is an id or a slug. ``hold_id`` comes from the caller's side, so that a retry finds its hold.

    ``code`` is what the buyer typed to get a lower price, a locked tier or an early sale.
    """

    hold_id: HoldId
    event: str
    lines: tuple[HoldLine, ...]
    buyer: BuyerFingerprint
    code: str | None = None


def place_hold(
    command: PlaceHold,
    *,
    catalogue: Catalogue,
    inventory: Inventory,
    waiting_room: WaitingRoom,
    unit_of_work: UnitOfWorkFactory,
    rate_limiter: RateLimiter,
    clock: Clock,
) -> ActiveHold | Rejection:
    """All lines or none. Idempotent by hold id.

    In the steady state: the sale from memory, one round trip to the inventory, no SQL (a waiting room costs one more
    round trip, and a code two). The price is that of this moment by our clock, and the hold keeps it. Raises NotFound
    for an unknown event and InventoryUnavailable when Valkey cannot answer: a hold fails closed.
    """
    sale = catalogue.on_sale(event=command.event)
    if sale.terms.admission_required and (rejection := _not_admitted(sale, command.buyer, waiting_room)):
        return rejection
    now = clock.now()
    if command.code and (rejection := _guessing(sale, command.buyer, rate_limiter)):
        return rejection
    for _ in range(DOUBTS_MAX):
        promotion = find(sale.promotions, command.code, now=now) if command.code else None
        if isinstance(promotion, Rejection):
            return promotion
        wanted = demand(sale, command.lines, now=now, promotion=promotion)
        if isinstance(wanted, Rejection):
            return wanted
        lines = price(sale, command.lines, now=now, promotion=promotion)
        if rejection := refuses_total(lines, sale):
            return rejection
        key = promotion.key if promotion else None
        answer = inventory.hold(
            hold_id=command.hold_id,
            sale=sale,
            demand=wanted,
            lines=lines,
            fingerprint=fingerprint(command.lines, promotion=key),
            buyer=replace(command.buyer, promotion=key) if key else command.buyer,
        )
        if answer is SaleDoubt.REBUILD:
            sale = rebuild_sale(
                sale.event_id, above=sale.epoch, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work
            )
        elif answer is SaleDoubt.STALE:
            sale = catalogue.fresh(event_id=sale.event_id)
        else:
            return answer
    raise InventoryUnavailable("the sale keeps being rebuilt")


def _guessing(sale: Sale, buyer: BuyerFingerprint, rate_limiter: RateLimiter) -> Rejection | None:
    """Every code that is tried counts, right or wrong, so that a pace of guessing never finds anything worth having.

    Counted before the code is looked at: otherwise being told to wait would itself say that the last one was wrong.
    A browser forgets its cookie at will, so the network counts too.
    """
    waits = (
        rate_limiter.wait_seconds(
            key=f"codes:{sale.event_id.hex}:d:{buyer.device}", at_most=CODES_PER_DEVICE, seconds=CODES_SECONDS
        ),
        rate_limiter.wait_seconds(
            key=f"codes:{sale.event_id.hex}:i:{buyer.address}", at_most=CODES_PER_ADDRESS, seconds=CODES_SECONDS
        ),
    )
    if not any(waits):
        return None
    return Rejection(
        code=RejectionCode.TOO_MANY_CODES,
        message=f"Too many codes were tried. Please wait {max(waits)} seconds.",
        details={"wait_seconds": max(waits)},
    )


def _not_admitted(sale: Sale, buyer: BuyerFingerprint, waiting_room: WaitingRoom) -> Rejection | None:
    """Whoever knocks without an admission stands in the queue from then on, and is told where."""
    place = waiting_room.join(event_id=sale.event_id, visitor=buyer.device, policy=DOOR)
    if isinstance(place, Admission):
        return None
    soon = "soon" if place.wait_seconds is None else f"in about {place.wait_seconds} seconds"
    return Rejection(
        code=RejectionCode.NOT_ADMITTED,
        message=f"You are in the queue, {place.ahead} ahead of you. It will be your turn {soon}.",
        details={"ahead": place.ahead, "wait_seconds": place.wait_seconds},
    )
