"""The stock of one event: what is sold, held and kept back; capacities, and house seats."""

from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from application.commands.block_stock import ReleaseBlock
from domain.accounts import Action
from domain.errors import NotFound, Rejection, RejectionCode, Unavailable
from domain.events import Event, EventId, EventState
from domain.ports.inventory import SEAT_ACCESSIBLE, SEAT_BLOCKED, SEAT_COMPANION, SEAT_HELD, SEATS_TO_BE_HAD
from domain.seat_maps import ZONE_CAPACITY_MAX, Seat, SeatMap, Zone, ZoneKind
from domain.stock_blocks import (
    LABEL_LENGTH_MAX,
    LABELS_USUAL,
    REASON_LENGTH_MAX,
    BlockedStock,
    StockBlock,
    StockBlockId,
)
from domain.tiers import tier_pool, zone_pool
from entrypoints.admin import forms, seat_words, stock_forms, words
from entrypoints.admin.live_stock import LiveStock, live_stock
from entrypoints.admin.services import RECENT, current
from entrypoints.admin.sessions import allowed, member

SEATS_LISTED_MAX = 3_000
"""A zone with more is not listed seat by seat: its seats are typed."""

_TRY_AGAIN = "The inventory does not answer at this moment. Press again soon: it goes on where it stopped, never twice."
_SEAT_STATES = {
    SEAT_HELD: "in a basket",
    SEAT_BLOCKED: "kept back",
    SEAT_ACCESSIBLE: "accessible",
    SEAT_COMPANION: "companion",
}
"""What a seat is called that is not simply free; anything else that is not free is sold."""
_FIELD_OF = {
    RejectionCode.SEATS_TAKEN: "seats",
    RejectionCode.UNKNOWN_SEAT: "seats",
    RejectionCode.SOLD_OUT: "quantity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The event with all that its stock is told by."""

    event: Event
    seat_map: SeatMap
    blocks: tuple[StockBlock, ...]
    resizable: tuple["Resizable", ...]
    live: LiveStock

    def zones(self) -> tuple[Zone, ...]:
        """Those that the event sells, in the order of the map."""
        sold = {key for tier in self.event.tiers for key in tier.zones}
        return tuple(zone for zone in self.seat_map.zones if zone.key in sold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizable:
    """A capacity that a person may change. ``lowest``: the least that takes nothing away from anybody, if known."""

    pool: str
    name: str
    what: str
    capacity: int | None
    lowest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatChoice:
    """One seat of a list to choose from. ``state`` is empty for one that is simply free."""

    seat: Seat
    state: str
    is_free: bool
    is_ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChoice:
    label: str
    seats: tuple[SeatChoice, ...]

    @property
    def free(self) -> int:
        return sum(choice.is_free for choice in self.seats)

    @property
    def ticked(self) -> int:
        return sum(choice.is_ticked for choice in self.seats)


def add_to(blueprint: Blueprint) -> None:
    page = "/events/<uuid:event_id>/stock"
    blueprint.add_url_rule(page, view_func=stock)
    blueprint.add_url_rule(f"{page}/capacity", view_func=change_capacity, methods=["POST"])
    blueprint.add_url_rule(f"{page}/keep", view_func=keep_back, methods=["GET", "POST"])
    blueprint.add_url_rule(f"{page}/blocks/<uuid:block_id>", view_func=give_back, methods=["GET", "POST"])


@allowed(Action.VIEW)
def stock(event_id: EventId) -> str:
    return _page(event_id)


@allowed(Action.EDIT_EVENTS)
def change_capacity(event_id: EventId) -> Response | str | tuple[str, int]:
    """A zone's places or a tier's own limit. Taking a limit away is asked once more: it may sell a lot."""
    event = _house(event_id).event
    pool = request.form.get("pool", "")
    try:
        wanted = stock_forms.capacity_change(event, pool)
    except forms.Mistyped as mistake:
        return _page(event_id, problems={pool: str(mistake)}), 422
    if wanted.asks_first and request.form.get("sure") != forms.YES:
        return render_template("admin/stock_unlimited.html", event=event, name=wanted.name, pool=pool)
    try:
        answer = current().change_capacity(wanted.command)
    except Unavailable:
        return _page(event_id, problems={pool: _TRY_AGAIN}), 503
    if isinstance(answer, Rejection):
        return _page(event_id, problems={pool: answer.message}), 422
    flash(wanted.done, "done")
    return redirect(url_for("admin.stock", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def keep_back(event_id: EventId) -> Response | str | tuple[str, int]:
    """Choose places of one zone and keep them out of sale. The form names its block, so sending it twice makes one."""
    house = _house(event_id)
    zone = _zone(house, request.values.get("zone"))
    if request.method == "GET":
        return _keep_page(house, zone, block_id=current().ids().uuid())
    try:
        command = stock_forms.block(event_id, zone, house.seat_map)
    except forms.Mistyped as mistake:
        return _keep_page(house, zone, block_id=stock_forms.block_id(), problems={mistake.field: str(mistake)}), 422
    try:
        answer = current().block_stock(command)
    except Unavailable:
        return _keep_page(house, zone, block_id=command.block_id, problems={"block": _TRY_AGAIN}), 503
    if isinstance(answer, Rejection):
        # An id that stands for another block can never be used by this one.
        is_used = answer.code is RejectionCode.IDEMPOTENCY_MISMATCH
        block_id = current().ids().uuid() if is_used else command.block_id
        said = "This form was sent already with other places. Look at the list, or send it again." if is_used else None
        problems = {_field(answer): said or answer.message}
        return _keep_page(_house(event_id), zone, block_id=block_id, problems=problems), 422
    flash(f"{words.places(answer.stock.units, are=True)} kept back: {answer.label}.", "done")
    return redirect(url_for("admin.stock", event_id=event_id), code=303)


@allowed(Action.EDIT_EVENTS)
def give_back(event_id: EventId, block_id: StockBlockId) -> Response | str | tuple[str, int]:
    """Ask what to give back, and say that it may be sold at once."""
    house = _house(event_id)
    block = next((block for block in house.blocks if block.id == block_id), None)
    if block is None:
        flash("Nothing is kept back by that any more.", "problem")
        return redirect(url_for("admin.stock", event_id=event_id), code=303)
    if request.method == "GET":
        return _give_page(house, block)
    try:
        part = stock_forms.part(block)
    except forms.Mistyped as mistake:
        return _give_page(house, block, problems={mistake.field: str(mistake)}), 422
    try:
        answer = current().release_block(ReleaseBlock(block_id=block.id, part=part, actor=member().email))
    except NotFound:
        flash("Nothing is kept back by that any more.", "problem")
    except Unavailable:
        flash("What was given back goes on sale as soon as the inventory answers. Look at the list again.", "problem")
    else:
        if isinstance(answer, Rejection):
            return _give_page(house, block, problems={_field(answer): answer.message}), 422
        flash(f"{words.places(answer.units, are=True)} given back, and on sale.", "done")
    return redirect(url_for("admin.stock", event_id=event_id), code=303)


def _field(rejection: Rejection) -> str:
    """Where a refusal is shown."""
    return str(rejection.details.get("field") or _FIELD_OF.get(rejection.code, "block"))


def _house(event_id: EventId) -> House:
    live = live_stock(event_id)
    with current().unit_of_work() as uow:
        event = uow.events.get(event_id)
        seat_map = uow.venues.get_map(event.seat_map_id)
        counts = uow.stock.pools(event_id)
        blocks = uow.stock.blocks(event_id)
        if not live.seats:
            live = LiveStock(answers=live.answers, free=live.free, seats=uow.stock.levels(event_id).seats)
    lowest = {pool: count.lowest(free=live.free.get(pool)) for pool, count in counts.items()}
    zones = [
        Resizable(pool=pool, name=zone.name, what="places", capacity=counts[pool].capacity, lowest=lowest[pool])
        for zone in seat_map.zones
        if zone.kind is ZoneKind.GENERAL_ADMISSION and (pool := zone_pool(zone.key)) in counts
    ]
    tiers = [
        Resizable(
            pool=(pool := tier_pool(tier.key)),
            name=tier.name,
            what="tickets",
            capacity=tier.capacity,
            lowest=lowest.get(pool) if tier.capacity is not None else None,
        )
        for tier in sorted(event.tiers, key=lambda tier: tier.position)
    ]
    return House(event=event, seat_map=seat_map, blocks=blocks, resizable=(*zones, *tiers), live=live)


def _zone(house: House, key: str | None) -> Zone:
    zone = next((zone for zone in house.zones() if zone.key == key), None)
    if zone is None or house.event.state is EventState.CANCELLED:
        abort(404)
    return zone


def _page(event_id: EventId, *, problems: dict[str, str] | None = None) -> str:
    now = current().clock().now()
    figures = current().backoffice().event(event_id, since=now - RECENT)
    house = _house(event_id)
    # A tier that lost its limit keeps its pool, which then limits nothing.
    unlimited = {tier_pool(tier.key) for tier in house.event.tiers if tier.capacity is None}
    return render_template(
        "admin/stock.html",
        house=house,
        event=house.event,
        stock=figures,
        whole=house.live.of_all_zones(figures.figures.stock),
        pools=[(pool, house.live.of_pool(pool.key, pool.stock)) for pool in figures.pools if pool.key not in unlimited],
        blocks=[(block, _stock_in_words(block.stock, house.seat_map)) for block in house.blocks],
        problems=problems or {},
        typed=request.form,
        now=now,
    )


def _keep_page(house: House, zone: Zone, *, block_id: UUID, problems: dict[str, str] | None = None) -> str:
    is_seated = zone.kind is ZoneKind.RESERVED
    ticked = set(request.form.getlist("seat"))
    rows = seat_words.rows_of(house.seat_map, zone.key) if is_seated else ()
    return render_template(
        "admin/stock_keep.html",
        event=house.event,
        zone=zone,
        is_seated=is_seated,
        free=house.live.free.get(zone_pool(zone.key)),
        example=rows[0] if rows else None,
        rows=_choices(rows, house.live.seats, ticked) if zone.capacity <= SEATS_LISTED_MAX else (),
        block_id=block_id,
        labels=LABELS_USUAL,
        label_length_max=LABEL_LENGTH_MAX,
        reason_length_max=REASON_LENGTH_MAX,
        quantity_max=ZONE_CAPACITY_MAX,
        problems=problems or {},
        typed=request.form,
    )


def _give_page(house: House, block: StockBlock, *, problems: dict[str, str] | None = None) -> str:
    ticked, kept = set(request.form.getlist("seat")), set(block.stock.seats)
    zones = dict.fromkeys(house.seat_map.seats[index].zone for index in block.stock.seats)
    rows = [
        (house.seat_map.zone(key).name, row, seats)
        for key in zones
        for row in seat_words.rows_of(house.seat_map, key)
        if (seats := [seat for seat in row.seats if seat.index in kept])
    ]
    return render_template(
        "admin/stock_give_back.html",
        event=house.event,
        block=block,
        lines=_stock_in_words(block.stock, house.seat_map),
        rows=rows,
        ticked=ticked,
        problems=problems or {},
        typed=request.form,
        now=current().clock().now(),
    )


def _choices(rows: tuple[seat_words.PrintedRow, ...], seats: str, ticked: set[str]) -> tuple[RowChoice, ...]:
    return tuple(
        RowChoice(
            label=row.label,
            seats=tuple(
                SeatChoice(
                    seat=seat,
                    state=_seat_state(seats[seat.index]),
                    is_free=seats[seat.index] in SEATS_TO_BE_HAD,
                    is_ticked=str(seat.index) in ticked,
                )
                for seat in row.seats
            ),
        )
        for row in rows
    )


def _seat_state(letter: str) -> str:
    return _SEAT_STATES.get(letter, "" if letter in SEATS_TO_BE_HAD else "sold")


def _stock_in_words(kept: BlockedStock, seat_map: SeatMap) -> tuple[str, ...]:
    if kept.zone is not None:
        return (f"{seat_map.zone(kept.zone).name}: {words.places(kept.quantity)}",)
    return seat_words.in_words(kept.seats, seat_map)
