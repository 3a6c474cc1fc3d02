"""What the inventory says when it refuses a hold: one place for codes, words and details."""

from collections.abc import Iterable
from datetime import datetime

from domain.errors import Rejection, RejectionCode
from domain.events import Sale
from domain.holds import HeldLine
from domain.seat_maps import SeatIndex
from domain.tiers import Tier, zone_pool


def sale_not_started(opens_at: datetime) -> Rejection:
    """Too early, by the inventory's own clock."""
    return Rejection(
        code=RejectionCode.SALE_NOT_STARTED,
        message="The sale has not started yet.",
        details={"opens_at": opens_at.isoformat()},
    )


def sale_ended(closes_at: datetime) -> Rejection:
    """Too late, by the inventory's own clock."""
    return Rejection(
        code=RejectionCode.SALE_ENDED, message="The sale has ended.", details={"closes_at": closes_at.isoformat()}
    )


def sold_out(sale: Sale, lines: Iterable[HeldLine], pools: Iterable[str]) -> Rejection:
    """These pools have less left than was asked of them; ``tiers`` are the asked ones that draw from them."""
    short = tuple(pools)
    concerned = _drawing_from(sale, lines, short)
    return Rejection(
        code=RejectionCode.SOLD_OUT,
        message=f"Not enough tickets are left: {', '.join(tier.name for tier in concerned)}.",
        details={"pools": list(short), "tiers": [str(tier.id) for tier in concerned]},
    )


def not_together(sale: Sale, line: HeldLine) -> Rejection:
    """No row of the tier's zones has so many free neighbours, though single seats may be left."""
    tier = sale.tier(line.tier_id)
    zones = tier.zones if tier else ()
    return Rejection(
        code=RejectionCode.SOLD_OUT,
        message=f"{line.tier_name}: no {line.quantity} free seats side by side are left.",
        details={
            "pools": [zone_pool(key) for key in zones],
            "tiers": [str(line.tier_id)],
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


def buyer_limit_reached(*, maximum: int, taken: int) -> Rejection:
    """All holds and orders of this buyer for this event together would be too many tickets."""
    return Rejection(
        code=RejectionCode.LIMIT_REACHED,
        message=f"One person can have at most {maximum} tickets for this event.",
        details={"maximum": maximum, "taken": taken},
    )


def too_many_holds(*, maximum: int) -> Rejection:
    """This buyer keeps as many unfinished baskets as one may."""
    return Rejection(
        code=RejectionCode.TOO_MANY_HOLDS,
        message=f"Finish or give up one of your {maximum} reservations first.",
        details={"maximum": maximum},
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
    asked = {line.tier_id for line in lines}
    return tuple(
        tier
        for tier in sale.tiers
        if tier.id in asked and not {*tier.pools, *map(zone_pool, tier.zones)}.isdisjoint(pools)
    )
