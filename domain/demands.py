"""Demands: what a hold asks of stock, before anybody looks at the stock.

The words a buyer says are turned by :func:`demand` into what stock arithmetic needs (`Demand`), priced, and checked
against every rule that needs no stock to be looked at. What needs the stock (is it free?) or the server's clock (is the
sale open?) is decided by the inventory, in the same atomic step in which it is taken.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from domain.errors import Rejection, RejectionCode
from domain.events import EventState, Sale
from domain.holds import (
    LINES_PER_HOLD_MAX,
    SEATS_PER_HOLD_MAX,
    BestAvailableLine,
    GeneralLine,
    HeldLine,
    HoldLine,
    SeatsLine,
)
from domain.money import Money
from domain.openings import not_yet
from domain.prices import refuses_charge
from domain.promotions import Promotion, code_not_for, promotion_pool
from domain.seat_maps import SeatFeature, SeatIndex, ZoneKind
from domain.tiers import Tier, TierId, UnitPrice, zone_pool

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a tier opens that waits for another one: no clock says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One tier that would do. ``own_pool``: its own capacity, where that is not counted in the demand already."""

    tier_key: str
    zones: tuple[str, ...]
    own_pool: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BestAvailable:
    """Part ``line`` of a demand: so many neighbours from one of these choices, the first that has them."""

    line: int
    quantity: int
    choices: tuple[Choice, ...]
    accessible: bool = False
    split: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a hold takes from stock, summed over all its lines, so that lines sharing a pool are counted together.

    ``pools`` counts units by pool key, chosen seats included, best-available seats excluded from zone pools
    (their zone is known only once they are chosen). ``seats`` lists chosen seats by line. Between ``opens_at``
    and ``closes_at`` the sale *and* every tier in it are open; the inventory's clock decides. ``not_yet`` is said
    instead of the time where a tier waits for another one: then there is none.
    """

    pools: Mapping[str, int]
    seats: Mapping[int, tuple[SeatIndex, ...]]
    best: tuple[BestAvailable, ...]
    units: int
    opens_at: datetime
    closes_at: datetime
    not_yet: Rejection | None = None


def demand(
    sale: Sale, lines: tuple[HoldLine, ...], *, now: datetime, promotion: Promotion | None = None
) -> Demand | Rejection:
    """Turn what a buyer asks for into what stock must give, or say which rule forbids it.

    Checks everything that needs neither the stock nor its clock: tiers and seats exist and fit together, quantities
    and limits, what a promotion opens, who may have seats that are kept for those who need them. ``now`` says only
    which of several tiers is the cheapest.
    """
    if sale.state is EventState.CANCELLED:
        return Rejection(code=RejectionCode.EVENT_CANCELLED, message="This event is cancelled.")
    if sale.state is not EventState.PUBLISHED:
        return Rejection(code=RejectionCode.NOT_ON_SALE, message="This event is not on sale.")
    if not 1 <= len(lines) <= LINES_PER_HOLD_MAX:
        return Rejection(code=RejectionCode.INVALID_REQUEST, message=f"A hold has 1 to {LINES_PER_HOLD_MAX} items.")
    tiers = _tiers(sale, lines, promotion)
    if isinstance(tiers, Rejection):
        return tiers
    if promotion and not any(covered(promotion, tier) for tier in tiers.values()):
        return code_not_for(tier.name for tier in tiers.values())
    if rejection := _unsold_quantity(tiers, lines):
        return rejection
    units = sum(line.quantity for line in lines)
    if units > min(sale.terms.per_order_max, SEATS_PER_HOLD_MAX):
        return Rejection(
            code=RejectionCode.LIMIT_REACHED,
            message=f"One order takes at most {sale.terms.per_order_max} tickets.",
            details={"maximum": sale.terms.per_order_max, "requested": units},
        )
    return _sum_up(sale, lines, tiers, _Priced(sale=sale, now=now, promotion=promotion))


def covered(promotion: Promotion | None, tier: Tier) -> bool:
    """Whether tickets of this tier are bought under the promotion."""
    return promotion is not None and promotion.covers(tier.id, locked=tier.locked)


def _tiers(sale: Sale, lines: tuple[HoldLine, ...], promotion: Promotion | None) -> dict[TierId, Tier] | Rejection:
    """Every tier that a line may become."""
    tiers: dict[TierId, Tier] = {}
    for line in lines:
        for tier_id in wanted_tiers(line):
            tier = sale.tier(tier_id)
            if tier is None:
                return unknown_tier(str(tier_id))
            if rejection := _fits(tier, line, promotion):
                return rejection
            tiers[tier.id] = tier
    return tiers


def _unsold_quantity(tiers: Mapping[TierId, Tier], lines: tuple[HoldLine, ...]) -> Rejection | None:
    """Whichever tiers the lines become, each is sold neither in too small a number nor in too large a one."""
    for tier in tiers.values():
        certain = [line.quantity for line in lines if wanted_tiers(line) == (tier.id,)]
        perhaps = [line.quantity for line in lines if tier.id in wanted_tiers(line) and len(wanted_tiers(line)) > 1]
        outcomes = {sum(certain)} if certain else set(perhaps)
        for quantity in (*outcomes, sum(certain) + sum(perhaps)):
            if rejection := tier.refuses_quantity(quantity):
                return rejection
    return None


def wanted_tiers(line: HoldLine) -> tuple[TierId, ...]:
    """The tiers that would do for a line: more than one only for best-available seats."""
    return line.tier_ids if isinstance(line, BestAvailableLine) else (line.tier_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Priced:
    """A sale at one moment, to who comes with this promotion."""

    sale: Sale
    now: datetime
    promotion: Promotion | None

    def unit(self, tier: Tier) -> UnitPrice:
        return self.sale.price_of(tier, now=self.now, promotion=self.promotion)

    def line(self, tier: Tier, quantity: int, seats: tuple[SeatIndex, ...] = ()) -> HeldLine:
        return HeldLine(
            tier_id=tier.id,
            tier_name=tier.name,
            quantity=quantity,
            unit=self.unit(tier),
            seats=seats,
            promotion=self.promotion.key if self.promotion and covered(self.promotion, tier) else None,
        )

    def in_order(self, line: BestAvailableLine) -> list[Tier]:
        """The tiers that would do, the first choice first."""
        tiers = [tier for tier in self.sale.tiers if tier.id in line.tier_ids]
        if len(tiers) == 1:
            return tiers
        if line.cheapest:
            return sorted(tiers, key=lambda tier: (self.unit(tier).total.amount, tier.position))
        return sorted(tiers, key=lambda tier: (self.sale.seat_map.nearest(*tier.zones), tier.position))


def price(
    sale: Sale, lines: tuple[HoldLine, ...], *, now: datetime, promotion: Promotion | None = None
) -> tuple[HeldLine, ...]:
    """Each line at the price of this moment. Chosen seats are in it; best-available ones join when they are known."""
    priced = _Priced(sale=sale, now=now, promotion=promotion)
    held = []
    for line in lines:
        seats = line.seats if isinstance(line, SeatsLine) else ()
        if isinstance(line, BestAvailableLine) and line.or_tiers:
            first, *others = (priced.line(tier, line.quantity) for tier in priced.in_order(line))
            held.append(replace(first, or_else=tuple(others)))
        else:
            tier = sale.tier(line.tier_id)
            assert tier is not None, "demand() has checked every tier"
            held.append(priced.line(tier, line.quantity, seats))
    return tuple(held)


def refuses_total(lines: tuple[HeldLine, ...], sale: Sale) -> Rejection | None:
    """An order that no card could be charged. Lines that may become several tiers are looked at as each of them."""
    if not any(line.or_else for line in lines):
        return refuses_charge(Money(sum(map(_minor, lines)), sale.currency))
    for pick in (min, max):
        total = sum(pick(map(_minor, (line, *line.or_else))) for line in lines)
        if rejection := refuses_charge(Money(total, sale.currency)):
            return rejection
    return None


def _minor(line: HeldLine) -> int:
    """Minor units of a line's total; adding numbers costs a tenth of adding money, and every hold does it."""
    face, discount, fee, _, tax = line.unit.amounts
    return (face - discount + fee + (tax if line.unit.tax_added else 0)) * line.quantity


def unknown_tier(word: str) -> Rejection:
    """There is no such tier in this event."""
    return Rejection(
        code=RejectionCode.UNKNOWN_TIER, message="This event has no such ticket type.", details={"tier": word}
    )


def unknown_seats(seats: tuple[str, ...]) -> Rejection:
    """There are no such seats in this event's map, or not in the tier they were asked under."""
    return Rejection(
        code=RejectionCode.UNKNOWN_SEAT,
        message="Some of these seats do not belong to this ticket type of this event.",
        details={"seats": list(seats)},
    )


def _fits(tier: Tier, line: HoldLine, promotion: Promotion | None) -> Rejection | None:
    if tier.locked and not covered(promotion, tier):
        return Rejection(
            code=RejectionCode.ACCESS_CODE_REQUIRED,
            message=f"{tier.name} needs an access code.",
            details={"tier": str(tier.id)},
        )
    if isinstance(line, GeneralLine) is not (tier.kind is ZoneKind.GENERAL_ADMISSION):
        wanted = "a quantity" if tier.kind is ZoneKind.GENERAL_ADMISSION else "seats or best_available"
        return Rejection(
            code=RejectionCode.INVALID_REQUEST,
            message=f"Ask for {wanted} of {tier.name}.",
            details={"tier": str(tier.id), "kind": tier.kind.value},
        )
    if line.quantity < 1:
        return Rejection(code=RejectionCode.INVALID_REQUEST, message="Ask for at least one ticket.")
    return None


def _sum_up(
    sale: Sale, lines: tuple[HoldLine, ...], tiers: Mapping[TierId, Tier], priced: _Priced
) -> Demand | Rejection:
    promotion = priced.promotion
    pools: dict[str, int] = {}
    seats: dict[int, tuple[SeatIndex, ...]] = {}
    best: list[BestAvailable] = []
    chosen: dict[SeatIndex, bool] = {}
    for position, line in enumerate(lines):
        tier = tiers[line.tier_id]
        if isinstance(line, BestAvailableLine):
            best.append(_best_available(priced, line, position))
        if len(wanted_tiers(line)) == 1:
            for pool in tier.pools:
                pools[pool] = pools.get(pool, 0) + line.quantity
        if not isinstance(line, SeatsLine):
            continue
        for index in line.seats:
            seat = sale.seat_map.seats[index] if 0 <= index < len(sale.seat_map.seats) else None
            if seat is None or seat.zone not in tier.zones:
                return unknown_seats((seat.id if seat else str(index),))
            if index in chosen:
                return Rejection(
                    code=RejectionCode.INVALID_REQUEST,
                    message="A seat is named twice.",
                    details={"seats": [seat.id]},
                )
            chosen[index] = line.accessible or tier.accessible
            pools[zone_pool(seat.zone)] = pools.get(zone_pool(seat.zone), 0) + 1
        seats[position] = line.seats
    if rejection := _not_asked_for(sale, chosen):
        return rejection
    if promotion:
        pools[promotion_pool(promotion.key)] = _uses(promotion, lines, tiers)
    closes = [tier.closes_at for tier in tiers.values() if tier.closes_at]
    waiting = next((tier for tier in tiers.values() if tier.waits), None)
    return Demand(
        pools=pools,
        seats=seats,
        best=tuple(best),
        units=sum(line.quantity for line in lines),
        # Refused by the inventory and not here: it knows whether this copy of the sale is the newest.
        opens_at=_opens_at(sale, tiers.values(), promotion) if waiting is None else NEVER,
        closes_at=min(sale.terms.closes_at, *closes) if closes else sale.terms.closes_at,
        not_yet=not_yet(waiting, sale.tiers) if waiting else None,
    )


def _uses(promotion: Promotion, lines: tuple[HoldLine, ...], tiers: Mapping[TierId, Tier]) -> int:
    """Tickets that the promotion is used for.

    Best seats that may become a covered tier or another count as covered: the order says which they became, and what
    was taken too much comes back with it. A cap may so refuse a little early, and never lets anybody past.
    """
    return sum(
        line.quantity for line in lines if any(covered(promotion, tiers[tier_id]) for tier_id in wanted_tiers(line))
    )


def _opens_at(sale: Sale, tiers: Collection[Tier], promotion: Promotion | None) -> datetime:
    """When all of these tiers are open, to who comes with this promotion."""
    if promotion is None or promotion.presale_at is None:
        opens = [tier.opens_at for tier in tiers if tier.opens_at]
        return max(sale.terms.opens_at, *opens) if opens else sale.terms.opens_at
    return max(opens_at(sale.terms.opens_at, tier, promotion) for tier in tiers)


def opens_at(sale_opens_at: datetime, tier: Tier, promotion: Promotion | None) -> datetime:
    """When a tier opens: with the sale, at its own time if that is later, or with a presale if that is earlier."""
    to_all = max(sale_opens_at, tier.opens_at) if tier.opens_at else sale_opens_at
    if promotion is None or promotion.presale_at is None or not covered(promotion, tier):
        return to_all
    return min(to_all, promotion.presale_at)


def _best_available(priced: _Priced, line: BestAvailableLine, position: int) -> BestAvailable:
    sale, tiers = priced.sale, priced.in_order(line)
    return BestAvailable(
        line=position,
        quantity=line.quantity,
        choices=tuple(_choice(tier, alone=len(tiers) == 1) for tier in tiers),
        accessible=(line.accessible or any(tier.accessible for tier in tiers)) and not sale.terms.accessible_released,
        split=line.split,
    )


def _choice(tier: Tier, *, alone: bool) -> Choice:
    own = next(iter(tier.pools), None)
    return Choice(tier_key=tier.key, zones=tier.zones, own_pool=None if alone else own)


def _not_asked_for(sale: Sale, chosen: Mapping[SeatIndex, bool]) -> Rejection | None:
    """Accessible seats go to who asks for them, companions' seats to who takes an accessible one as well.

    ``chosen`` says of each seat whether it was asked for as accessible.
    """
    if sale.terms.accessible_released or not any(sale.seat_map.seats[index].asked_for for index in chosen):
        return None
    kept = {index: sale.seat_map.seats[index].features for index in chosen if sale.seat_map.seats[index].asked_for}
    accompanied = any(SeatFeature.ACCESSIBLE in features for features in kept.values())
    refused = [index for index in kept if not accompanied or not chosen[index]]
    if not refused:
        return None
    return Rejection(
        code=RejectionCode.SEATS_RESERVED,
        message="These seats are kept for people who need an accessible seat, and for who comes with them.",
        details={"seats": sorted(sale.seat_map.seats[index].id for index in refused)},
    )
