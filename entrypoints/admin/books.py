"""The books: settlements of events, and what the ledger was told of one order."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from domain.accounts import Action
from domain.events import EventId
from domain.ledger import OWNERS, Account, Owner, balances_by_currency
from domain.money import Money
from domain.orders import OrderId
from domain.ports.settlements import SETTLEMENTS_MAX, SettlementsFilter
from domain.settlements import Basis, Settlement, together
from domain.venues import VenueId
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed
from entrypoints.admin.settlement_lines import parts_of, tickets_of
from entrypoints.admin.spreadsheets import Cell, download

_HEADER = ("event", "starts_at", "venue", "city", "currency", "part", "line", "tickets", "amount", "amount_minor")


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/books", view_func=books)
    blueprint.add_url_rule("/books.csv", view_func=books_file)
    blueprint.add_url_rule("/events/<uuid:event_id>/settlement", view_func=settlement)
    blueprint.add_url_rule("/events/<uuid:event_id>/settlement.csv", view_func=settlement_file)
    blueprint.add_url_rule("/orders/<uuid:order_id>/ledger", view_func=order_ledger)


@allowed(Action.VIEW_BOOKS)
def books() -> str | tuple[str, int]:
    """Every event of which money is told, and what they come to together."""
    settlements = current().settlements()
    problems: dict[str, str] = {}
    try:
        wanted = _wanted()
    except forms.Mistyped as mistake:
        problems, wanted = {mistake.field: str(mistake)}, SettlementsFilter()
    found = () if problems else settlements.matching(wanted=wanted)
    with current().unit_of_work() as uow:
        compared, reading = uow.readings.latest(finished=True), uow.readings.latest(finished=False)
    page = render_template(
        "admin/books.html",
        settlements=found,
        wanted=wanted,
        totals=[(figures, parts_of(figures)) for figures in together(found)],
        venues=settlements.venues(),
        bases=list(Basis),
        problems=problems,
        cut=len(found) == SETTLEMENTS_MAX,
        compared=compared,
        reading=reading,
        now=current().clock().now(),
    )
    return (page, 422) if problems else page


@allowed(Action.VIEW_BOOKS)
def books_file() -> Response:
    try:
        wanted = _wanted()
    except forms.Mistyped:
        abort(404)
    return download("settlements", _HEADER, _rows(current().settlements().matching(wanted=wanted)))


@allowed(Action.VIEW_BOOKS)
def settlement(event_id: EventId) -> str:
    found = current().settlements().of_event(event_id)
    return render_template(
        "admin/settlement.html", settlement=found, parts_of_it=parts_of(found.figures), now=current().clock().now()
    )


@allowed(Action.VIEW_BOOKS)
def settlement_file(event_id: EventId) -> Response:
    found = current().settlements().of_event(event_id)
    return download(f"settlement-{found.slug}", _HEADER, _rows((found,)))


@allowed(Action.VIEW_BOOKS)
def order_ledger(order_id: OrderId) -> str:
    """Every journal of an order in words, and what is left on its accounts."""
    with current().unit_of_work() as uow:
        order = uow.orders.get(order_id)
        journals = uow.ledger.of_order(order_id)
    whose: dict[Owner, list[tuple[Account, Money]]] = {owner: [] for owner in Owner}
    for currency, sums in balances_by_currency(journals).items():
        for account, minor in sums.items():
            whose[OWNERS[account]].append((account, Money(minor, currency)))
    return render_template(
        "admin/order_ledger.html",
        order=order,
        journals=journals,
        whose=[(owner, accounts) for owner, accounts in whose.items() if accounts],
        owners=OWNERS,
    )


def _wanted() -> SettlementsFilter:
    """Days are whole days in UTC, the last one included."""
    begins, ends = _day("from"), _day("to")
    if begins and ends and ends < begins:
        raise forms.Mistyped("to", "The last day is before the first.")
    venues = forms.uuids(request.args, "venue") if request.args.get("venue") else ()
    basis = forms.one_of(request.args, "basis", Basis, required="Events or money.") if "basis" in request.args else None
    return SettlementsFilter(
        venue_id=VenueId(venues[0]) if venues else None,
        begins_at=begins,
        ends_at=ends + timedelta(days=1) if ends else None,
        basis=basis or Basis.EVENTS,
    )


def _day(name: str) -> datetime | None:
    value = request.args.get(name, "").strip()
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise forms.Mistyped(name, "A day, such as 2027-03-14.") from error
    if not 2000 <= day.year <= 2199:
        raise forms.Mistyped(name, "A day of this century or the next.")
    return datetime.combine(day, time(), UTC)


def _rows(settlements: Iterable[Settlement]) -> Iterator[tuple[Cell, ...]]:
    for one in settlements:
        starts_at = one.starts_at.astimezone(UTC).isoformat(timespec="minutes")
        event = (one.name, starts_at, one.venue_name, one.city)
        for line, count in tickets_of(one):
            yield (*event, str(one.figures.currency), "Tickets", line, count, "", "")
        for part in parts_of(one.figures):
            for told in part.lines:
                yield (*event, told.amount.currency, part.title, told.title, "", told.amount, told.amount.amount)
