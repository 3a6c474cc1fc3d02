"""An event's page, and the reservation of tickets from it."""

from dataclasses import replace
from http import HTTPStatus
from uuid import UUID, uuid4

from flask import Response, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from application.commands.place_hold import PlaceHold
from domain.errors import InventoryUnavailable, Rejection, RejectionCode
from domain.holds import ActiveHold, HoldLine
from domain.ports.catalogue import EventView
from domain.seat_maps import SeatMap
from entrypoints.http import identity
from entrypoints.http.storefront import choices, exchanging, keys, refusals
from entrypoints.http.storefront.choices import Choice
from entrypoints.http.storefront.house import house
from entrypoints.http.storefront.presenters import event_page as present
from entrypoints.http.storefront.presenters import seat_lists, structured_data, ticket_types
from entrypoints.http.storefront.presenters.stock import Stock
from entrypoints.http.storefront.refusals import Notice


def event(event: str) -> Response:
    """``GET /events/<slug>``: also while choosing, with everything chosen so far in the address."""
    view = house().listings().event(event=event)
    if event != view.event.slug:
        return make_response(redirect(url_for(".event", event=view.event.slug), HTTPStatus.MOVED_PERMANENTLY))
    choice = choices.read(request.args, view.event, view.seat_map)
    response = make_response(_page(view, choice, opened=_opened(request.args), notice=None))
    # Its form names this very copy: two visitors with the same copy and the same wish would share one reservation.
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def hold(event: str) -> Response:
    """``POST /events/<slug>/hold``: a form, with or without scripts. Scripts ask for JSON and stay on the page."""
    view = house().listings().event(event=event)
    choice = choices.read(request.form, view.event, view.seat_map)
    outcome = _hold(view, choice)
    if isinstance(outcome, Rejection):
        return _refused(view, choice, outcome)
    target = url_for(".reservation", hold=str(outcome.id))
    response = jsonify(location=target) if _scripted() else make_response(redirect(target, HTTPStatus.SEE_OTHER))
    keys.remember_hold(response, outcome.id, slug=view.event.slug)
    return response


def _hold(view: EventView, choice: Choice) -> ActiveHold | Rejection:
    wanted = choices.lines(choice, view.event, view.seat_map, now=house().clock().now())
    if isinstance(wanted, Rejection):
        return wanted
    outcome = _place(view, wanted, choice.code, page=_page_id(request.form))
    if isinstance(outcome, Rejection) and outcome.code is RejectionCode.HOLD_LAPSED:
        # The same choice was held from this very page before and given up or lapsed: this is a new wish.
        return _place(view, wanted, choice.code, page=uuid4())
    return outcome


def _place(view: EventView, wanted: tuple[HoldLine, ...], code: str | None, *, page: UUID) -> ActiveHold | Rejection:
    return house().place_hold(
        PlaceHold(
            hold_id=choices.hold_id(view.event.id, page, wanted, code),
            event=view.event.slug,
            lines=wanted,
            buyer=identity.buyer(),
            code=code,
        )
    )


def _refused(view: EventView, choice: Choice, rejection: Rejection) -> Response:
    notice = _notice(rejection, view)
    if _scripted():
        response = jsonify(
            code=notice.code, title=notice.title, text=notice.text, seats=notice.seats, alone=notice.alone
        )
    else:
        kept = tuple(seat for seat in choice.seats if seat.seat_id not in notice.seats)
        opened = _zone_of(notice.alone, view.seat_map) or _opened(request.form)
        response = make_response(_page(view, replace(choice, seats=kept), opened=opened, notice=notice))
    response.status_code = HTTPStatus.CONFLICT
    return response


def _notice(rejection: Rejection, view: EventView) -> Notice:
    return refusals.notice(rejection, view.seat_map, timezone=view.venue.timezone, now=house().clock().now())


def _page(view: EventView, choice: Choice, *, opened: str, notice: Notice | None) -> str:
    now = house().clock().now()
    timezone = view.venue.timezone
    stock = _stock(view)
    rows = ticket_types.tier_rows(view, stock, choice, now=now)
    alone = frozenset(notice.alone if notice else ())
    sections = seat_lists.sections(view.event, view.seat_map, stock, choice, rows, opened=opened, alone=alone)
    facts = present.facts(view)
    return render_template(
        "storefront/event.html",
        facts=facts,
        status=present.status(view.event, stock, now=now),
        sale=present.sale_times(view.event, timezone),
        rows=rows,
        anywhere=ticket_types.any_section_row(view, stock, choice, now=now),
        sections=sections,
        on_request=seat_lists.on_request(view.event, view.seat_map),
        runs=seat_lists.runs(view.event, view.seat_map),
        picked=seat_lists.picked(choice, view.seat_map, rows),
        choice=choice,
        takes_codes=present.takes_codes(view.event, now=now),
        taxes=ticket_types.taxes(view.prices),
        opened=opened,
        notice=notice,
        page_id=str(uuid4()),
        earlier_hold=_earlier_hold(view),
        exchange=exchanging.standing(exchanging.begun(view.event.id)),
        structured=structured_data.of_event(view, facts, stock, now=now, public_url=house().settings().public_url),
    )


def _stock(view: EventView) -> Stock | None:
    """None when nobody can say what is free now: the page still shows everything else."""
    try:
        found = house().availability(view.event.slug)
    except InventoryUnavailable:
        return None
    names = {tier.id: tier.key for tier in found.sale.tiers}
    return Stock(
        zones=found.zones,
        tiers={names[tier_id]: free for tier_id, free in found.tiers.items()},
        seats=found.snapshot.seats,
    )


def _zone_of(seats: tuple[str, ...], seat_map: SeatMap) -> str:
    """The section of the first of these seats, so that a page can show what is said of it."""
    return seat_map.by_id[seats[0]].zone if seats else ""


def _earlier_hold(view: EventView) -> str | None:
    """The address of what this visitor still holds for the event."""
    hold_id = keys.hold_of_event(view.event.id)
    if hold_id is None:
        return None
    try:
        alive = isinstance(house().inventory().find(hold_id=hold_id), ActiveHold)
    except InventoryUnavailable:
        return None
    return url_for(".reservation", hold=str(hold_id)) if alive else None


def _opened(values: MultiDict[str, str]) -> str:
    """The section whose seats are shown: the one just asked for, else the one that was open."""
    return values.get("section") or values.get("opened", "")


def _page_id(form: MultiDict[str, str]) -> UUID:
    try:
        return UUID(form.get("page", ""))
    except ValueError:
        return uuid4()


def _scripted() -> bool:
    return request.accept_mimetypes.best == "application/json"
