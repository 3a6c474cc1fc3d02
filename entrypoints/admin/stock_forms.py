"""The forms on the pages about stock, read back: a capacity, a block, and what of a block to give back."""

from dataclasses import dataclass
from uuid import UUID

from flask import abort, request

from application.commands.block_stock import BlockStock
from application.commands.change_capacity import ChangeTierLimit, ChangeZoneCapacity
from domain.events import Event, EventId
from domain.seat_maps import ZONE_CAPACITY_MAX, SeatIndex, SeatMap, Zone, ZoneKind
from domain.stock_blocks import LABEL_LENGTH_MAX, REASON_LENGTH_MAX, BlockedStock, StockBlock, StockBlockId
from domain.tiers import tier_pool, zone_pool
from entrypoints.admin import forms, seat_words, words
from entrypoints.admin.sessions import member


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityChange:
    """A change of a capacity, the name of what it changes, and what to say when it is done."""

    command: ChangeZoneCapacity | ChangeTierLimit
    name: str
    done: str
    asks_first: bool


def capacity_change(event: Event, pool: str) -> CapacityChange:
    """What the form asks of this pool; an empty field takes a tier's limit away. Raises Mistyped."""
    tier = next((tier for tier in event.tiers if tier_pool(tier.key) == pool), None)
    zone = next((key for each in event.tiers for key in each.zones if zone_pool(key) == pool), None)
    actor = member().email
    if tier is not None and not request.form.get("capacity", "").strip():
        return CapacityChange(
            command=ChangeTierLimit(event_id=event.id, tier_id=tier.id, limit=None, actor=actor),
            name=tier.name,
            done=f"{tier.name} has no limit of its own any more.",
            asks_first=tier.capacity is not None,
        )
    units = forms.whole(request.form, "capacity", least=0, most=ZONE_CAPACITY_MAX)
    if tier is not None:
        return CapacityChange(
            command=ChangeTierLimit(event_id=event.id, tier_id=tier.id, limit=units, actor=actor),
            name=tier.name,
            done=f"At most {units:,} tickets of {tier.name} are sold.",
            asks_first=False,
        )
    if zone is None:
        abort(404)
    return CapacityChange(
        command=ChangeZoneCapacity(event_id=event.id, zone=zone, capacity=units, actor=actor),
        name=zone,
        done=f"The capacity is {units:,} now.",
        asks_first=False,
    )


def block(event_id: EventId, zone: Zone, seat_map: SeatMap) -> BlockStock:
    """The block that the form describes. Raises Mistyped."""
    form = request.form
    label = forms.text(form, "label", at_most=LABEL_LENGTH_MAX, required="Say what the places are kept for.")
    reason = forms.text(form, "reason", at_most=REASON_LENGTH_MAX)
    if zone.kind is ZoneKind.GENERAL_ADMISSION:
        wanted = BlockedStock(zone=zone.key, quantity=forms.whole(form, "quantity", least=1, most=ZONE_CAPACITY_MAX))
    else:
        typed = forms.text(form, "seats", at_most=seat_words.TYPED_LENGTH_MAX)
        seats = seat_words.read(typed, seat_words.rows_of(seat_map, zone.key)) | _ticked()
        if not seats:
            raise forms.Mistyped("seats", "Type seats or tick them.")
        wanted = BlockedStock(seats=tuple(sorted(seats)))
    return BlockStock(
        block_id=block_id(), event_id=event_id, label=label, reason=reason, stock=wanted, actor=member().email
    )


def part(block: StockBlock) -> BlockedStock | None:
    """What of the block to give back: None for all of it. Raises Mistyped."""
    which, ticked = request.form.get("which"), _ticked()
    if request.form.get("kept") != str(block.stock.units):
        raise forms.Mistyped("which", f"It keeps {words.places(block.stock.units)} by now. Please choose again.")
    if which == "all":
        if ticked:
            raise forms.Mistyped("which", "You ticked single seats, and yet everything. Choose one of the two.")
        return None
    if which != "part":
        raise forms.Mistyped("which", "Everything, or a part?")
    if block.stock.zone is not None:
        quantity = forms.whole(request.form, "quantity", least=1, most=block.stock.quantity)
        return BlockedStock(zone=block.stock.zone, quantity=quantity)
    if not ticked:
        raise forms.Mistyped("seats", "Tick the seats to give back.")
    return BlockedStock(seats=tuple(sorted(ticked)))


def _ticked() -> frozenset[SeatIndex]:
    values = request.form.getlist("seat")
    if not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        raise forms.Mistyped("seats", "Something here is not a seat.")
    return frozenset(map(int, values))


def block_id() -> StockBlockId:
    try:
        return StockBlockId(UUID(request.form.get("block", "")))
    except ValueError:
        abort(400)
