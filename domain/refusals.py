"""What the inventory says when it refuses a hold: one place for codes, words and details."""

from collections.abc import Iterable
from datetime import datetime

from domain.demands import Demand
from domain.errors import Rejection, RejectionCode
from domain.events import LimitSubject, Sale
from domain.holds import HeldLine
from domain.limits import Limit
from domain.promotions import code_limit_reached, code_used_up, promotion_pool
from domain.seat_maps import SeatIndex
from domain.tiers import Tier, zone_pool


def sale_not_started(opens_at: datetime) -> Rejection:
    """Too early, by the inventory's own clock."""
    return Rejection(
        code=RejectionCode.SALE_NOT_STARTED,
        message="The sale has not started yet.",
        details={"opens_at": opens_at.isoformat()},
    )


def too_early(demand: Demand) -> Rejection:
    """What is asked for is not on sale yet: from a time on, or when something else is gone."""
    return demand.not_yet or sale_not_started(demand.opens_at)


def sale_ended(closes_at: datetime) -> Rejection:
    """Too late, by the inventory's own clock."""
    return Rejection(
        code=RejectionCode.SALE_ENDED, message="The sale has ended.", details={"closes_at": closes_at.isoformat()}
    )


def sold_out(sale: Sale, lines: Iterable[HeldLine], pools: Iterable[str]) -> Rejection:
    """These pools have less left than was asked of them; ``tiers`` are the asked ones that draw from them."""
    short = tuple(pools)
    if short and all(pool.startswith(promotion_pool("")) for pool in short):
        return code_used_up()
    short = tuple(pool for pool in short if not pool.startswith(promotion_pool("")))
    concerned = _drawing_from(sale, lines, short)
    return Rejection(
        code=RejectionCode.SOLD_OUT,
        message=f"Not enough tickets are left: {', '.join(tier.name for tier in concerned)}.",
        details={"pools": list(short), "tiers": [str(tier.id) for tier in concerned]},
    )


def not_together(sale: Sale, line: HeldLine) -> Rejection:
    """No row of the tier's zones has so many free neighbours, though single seats may be left."""
    tried = [tier for tier in map(sale.tier, (one.tier_id for one in (line, *line.or_else))) if tier]
    return Rejection(
        code=RejectionCode.SOLD_OUT,
        message=f"{', '.join(tier.name for tier in tried)}: no {line.quantity} free seats side by side are left.",
        details={
            "pools": list(dict.fromkeys(zone_pool(key) for tier in tried for key in tier.zones)),
            "tiers": [str(tier.id) for tier in tried],
            "together": line.quantity,
        },
    )


def seats_taken(seats: Iterable[SeatIndex]) -> Rejection:
    """Somebody else has these chosen seats, given as indexes into the map."""
    return Rejection(
        code=RejectionCode.SEATS_TAKEN,
        message="Some of these seats were taken a moment ago.",
        details={"seats": sorted(seats)},
    )


def buyer_limit_reached(limit: Limit, *, taken: int) -> Rejection:
    """All holds and orders of this buyer for this event, or with this promotion, would be too many tickets."""
    if limit.of_promotion:
        return code_limit_reached(limit.units_max, taken=taken)
    return Rejection(
        code=RejectionCode.LIMIT_REACHED,
        message=f"One person can have at most {limit.units_max} tickets for this event.",
        details={"maximum": limit.units_max, "taken": taken, "by": limit.subject.value},
    )


def too_many_holds(limit: Limit) -> Rejection:
    """This buyer, or everybody at this network address, keeps as many unfinished baskets as one may."""
    shared = limit.subject is LimitSubject.ADDRESS
    return Rejection(
        code=RejectionCode.TOO_MANY_HOLDS,
        message="Too many reservations are open from your network at this moment. Please try again soon."
        if shared
        else f"Finish or give up one of your {limit.live_max} reservations first.",
        details={"maximum": limit.live_max, "by": limit.subject.value},
    )


def cooling_down(until: datetime) -> Rejection:
    """This buyer let one hold after another lapse, and everybody else has a turn first."""
    return Rejection(
        code=RejectionCode.COOLING_DOWN,
        message="You let several reservations lapse. Please wait a little before the next one.",
        details={"until": until.isoformat()},
    )


def seat_stranded(seats: Iterable[SeatIndex]) -> Rejection:
    """These free seats would be left alone, and the same number of neighbours would leave none."""
    return Rejection(
        code=RejectionCode.SEAT_STRANDED,
        message="This would leave a single seat that hardly anybody can use. Please move by one seat.",
        details={"seats": sorted(seats)},
    )


def extensions_used_up(until: datetime) -> Rejection:
    """The hold ends when it ends."""
    return Rejection(
        code=RejectionCode.EXTENSIONS_USED_UP,
        message="This reservation cannot be extended any more.",
        details={"expires_at": until.isoformat()},
    )


def hold_lapsed() -> Rejection:
    """The hold is over: lapsed, given back, or turned into an order already."""
    return Rejection(code=RejectionCode.HOLD_LAPSED, message="This reservation is over. Please choose again.")


def hold_id_reused() -> Rejection:
    """The same hold id with other contents is a mistake, not a retry."""
    return Rejection(
        code=RejectionCode.IDEMPOTENCY_MISMATCH,
        message="This key was already used for a different reservation.",
    )


def checkout_in_progress() -> Rejection:
    """The hold's order is being placed or paid, so it is no longer a basket."""
    return Rejection(
        code=RejectionCode.CHECKOUT_IN_PROGRESS, message="The order for this reservation is already being paid."
    )


def _drawing_from(sale: Sale, lines: Iterable[HeldLine], pools: tuple[str, ...]) -> tuple[Tier, ...]:
    asked = {one.tier_id for line in lines for one in (line, *line.or_else)}
    return tuple(
        tier
        for tier in sale.tiers
        if tier.id in asked and not {*tier.pools, *map(zone_pool, tier.zones)}.isdisjoint(pools)
    )
