"""What somebody chose on an event's page: read from a form, kept while they look at other sections, made into lines.

Fields, by tier key: ``qty.<tier>`` general admission, ``best.<tier>`` best seats together, which ``split.<tier>``
allows to be apart and of which ``access.<tier>`` makes one an accessible seat. The key ``*`` stands for any section;
``prefer`` says which of them first. A chosen seat is ``seat=<seat id>~<tier>``; without the tier it is sold as
``as.<zone>`` says, or as the zone's first tier. ``accessible`` opens the seats that are kept for who asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from werkzeug.datastructures import MultiDict

from domain.demands import unknown_seats, unknown_tier
from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventId
from domain.holds import SEATS_PER_HOLD_MAX, BestAvailableLine, GeneralLine, HoldId, HoldLine, SeatsLine
from domain.promotions import CODE_LENGTH_MAX, Promotion
from domain.seat_maps import SeatMap, ZoneKind
from domain.tiers import PER_ORDER_MAX, Tier

QUANTITY = "qty."
BEST = "best."
SOLD_AS = "as."
SEAT = "seat"
SPLIT = "split."
NEEDS_ACCESS = "access."
ACCESSIBLE = "accessible"
PREFER = "prefer"
CHEAPEST = "cheapest"
ANYWHERE = "*"
CODE = "code"
SEAT_AND_TIER = "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSeat:
    """A seat's id and the key of the tier it is to be sold as."""

    seat_id: str
    tier_key: str

    @property
    def field(self) -> str:
        """As it is written in a form."""
        return f"{self.seat_id}{SEAT_AND_TIER}{self.tier_key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Quantities and best-available numbers by tier key, and chosen seats; nothing of it is checked against stock.

    ``split`` and ``needs_access`` are tier keys whose best seats may be apart, or must have an accessible one among
    them; ``accessible`` says that accessible seats may be chosen from the plan.
    """

    quantities: dict[str, int]
    best: dict[str, int]
    seats: tuple[ChosenSeat, ...]
    code: str | None
    split: frozenset[str]
    needs_access: frozenset[str]
    accessible: bool
    cheapest: bool

    @property
    def empty(self) -> bool:
        return not (self.quantities or self.best or self.seats)


def read(form: MultiDict[str, str], event: Event, seat_map: SeatMap) -> Choice:
    """Everything that was chosen. A number that cannot be read counts as one too many: it is refused later."""
    return Choice(
        quantities=_numbers(form, QUANTITY),
        best=_numbers(form, BEST),
        seats=_seats(form, event, seat_map),
        code=form.get(CODE, "").strip()[:CODE_LENGTH_MAX] or None,
        split=_ticked(form, SPLIT),
        needs_access=_ticked(form, NEEDS_ACCESS),
        accessible=ACCESSIBLE in form,
        cheapest=form.get(PREFER) == CHEAPEST,
    )


def lines(choice: Choice, event: Event, seat_map: SeatMap, *, now: datetime) -> tuple[HoldLine, ...] | Rejection:
    """The choice as lines of a hold, in the order of the event's tiers."""
    tiers = {tier.key: tier for tier in event.tiers}
    somewhere = any_section(event, now=now)
    known_best = (key for key in choice.best if key != ANYWHERE or not somewhere)
    named = [*choice.quantities, *known_best, *(seat.tier_key for seat in choice.seats)]
    if strangers := [key for key in named if key not in tiers]:
        return unknown_tier(strangers[0])
    if missing := [seat.seat_id for seat in choice.seats if seat.seat_id not in seat_map.by_id]:
        return unknown_seats(tuple(missing))
    if choice.empty:
        return Rejection(code=RejectionCode.INVALID_REQUEST, message="Choose at least one ticket first.")
    found: list[HoldLine] = []
    for tier in sorted(event.tiers, key=lambda tier: tier.position):
        if quantity := choice.quantities.get(tier.key):
            found.append(GeneralLine(tier_id=tier.id, quantity=quantity))
        if quantity := choice.best.get(tier.key):
            found.append(_best(choice, tier.key, quantity, (tier,)))
        seats = tuple(seat_map.by_id[seat.seat_id].index for seat in choice.seats if seat.tier_key == tier.key)
        if seats:
            found.append(SeatsLine(tier_id=tier.id, seats=seats, accessible=choice.accessible))
    if quantity := choice.best.get(ANYWHERE):
        found.append(_best(choice, ANYWHERE, quantity, somewhere))
    return tuple(found)


def _best(choice: Choice, key: str, quantity: int, tiers: tuple[Tier, ...]) -> BestAvailableLine:
    return BestAvailableLine(
        tier_id=tiers[0].id,
        quantity=quantity,
        or_tiers=tuple(tier.id for tier in tiers[1:]),
        cheapest=len(tiers) > 1 and choice.cheapest,
        accessible=key in choice.needs_access,
        split=key in choice.split,
    )


def hold_id(event_id: EventId, page: UUID, wanted: tuple[HoldLine, ...], code: str | None) -> HoldId:
    """The same page sent twice with the same choice is one hold; with another choice or code it is another."""
    return HoldId(event_id, uuid5(page, repr(wanted if code is None else (wanted, code))))


def presales(event: Event, *, now: datetime) -> tuple[Promotion, ...]:
    """Promotions whose holders may buy before everybody may, just now."""
    good = (each for each in event.promotions if each.good_at(now))
    return tuple(each for each in good if each.presale_at is not None and each.presale_at <= now)


def any_section(event: Event, *, now: datetime) -> tuple[Tier, ...]:
    """The tiers that "any section" may become: what everybody can buy now, and nobody has to be entitled to.

    Of each reserved zone that is its ordinary tier: whoever did not ask for a concession does not get one because it is
    cheapest. Empty unless there is more than one.
    """
    zones = dict.fromkeys(key for tier in event.tiers if tier.kind is ZoneKind.RESERVED for key in tier.zones)
    ordinary = {tier.key: tier for tier in (tiers_of_zone(event.tiers, key)[0] for key in zones)}
    found = [tier for tier in ordinary.values() if not tier.accessible and _open_to_all(tier, now)]
    return tuple(sorted(found, key=lambda tier: tier.position)) if len(found) > 1 else ()


def _open_to_all(tier: Tier, now: datetime) -> bool:
    opened = (tier.opens_at is None or tier.opens_at <= now) and not tier.waits
    return not tier.locked and opened and (tier.closes_at is None or now < tier.closes_at)


def tiers_of_zone(tiers: Iterable[Tier], zone_key: str) -> tuple[Tier, ...]:
    """Which tiers sell seats of a zone, the first being the ordinary one."""
    found = (tier for tier in tiers if tier.kind is ZoneKind.RESERVED and zone_key in tier.zones)
    return tuple(sorted(found, key=lambda tier: (tier.locked, tier.position)))


def _numbers(form: MultiDict[str, str], prefix: str) -> dict[str, int]:
    found = {}
    for name, text in form.items():
        if name.startswith(prefix) and text.strip() not in {"", "0"}:
            digits = text.strip()
            readable = digits.isascii() and digits.isdigit() and len(digits) <= len(str(PER_ORDER_MAX))
            found[name.removeprefix(prefix)] = int(digits) if readable else PER_ORDER_MAX + 1
    return {key: number for key, number in found.items() if number}


def _ticked(form: MultiDict[str, str], prefix: str) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in form if name.startswith(prefix))


def _seats(form: MultiDict[str, str], event: Event, seat_map: SeatMap) -> tuple[ChosenSeat, ...]:
    found: dict[str, ChosenSeat] = {}
    for text in form.getlist(SEAT)[: SEATS_PER_HOLD_MAX + 1]:
        seat_id, _, tier_key = text.partition(SEAT_AND_TIER)
        if seat_id not in found:
            key = tier_key or _sold_as(form, event, seat_map, seat_id)
            found[seat_id] = ChosenSeat(seat_id=seat_id, tier_key=key)
    return tuple(found.values())


def _sold_as(form: MultiDict[str, str], event: Event, seat_map: SeatMap, seat_id: str) -> str:
    seat = seat_map.by_id.get(seat_id)
    if seat is None:
        return ""
    offered = [tier.key for tier in tiers_of_zone(event.tiers, seat.zone)]
    wanted = form.get(f"{SOLD_AS}{seat.zone}", "")
    return wanted if wanted in offered else next(iter(offered), "")
