"""Batches of refunds: prepared, approved, watched, paused, and told order by order."""

from datetime import timedelta

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from application.commands.prepare_batch import Decision, SteerBatch
from domain.accounts import Action
from domain.errors import Rejection
from domain.events import Event, EventId
from domain.money import Money
from domain.orders import PAID, OrderId
from domain.ports.batch_desk import BatchFile, BatchRow
from domain.refund_batches import NOTE_LENGTH_MAX, RATE_SECONDS, BatchId, BatchPurpose, BatchState, Outcome
from domain.refund_policies import RefundReason
from domain.venues import Venue
from entrypoints.admin import batch_forms, forms, spreadsheets, words
from entrypoints.admin.services import current
from entrypoints.admin.sessions import allowed, member

FIELDS = {
    "purpose": "What happened",
    "events": "Events",
    "venue": "Venue",
    "starts_from": "First day",
    "starts_until": "Last day",
    "starts_before": "Last day",
    "placed_from": "Placed from",
    "placed_before": "Placed before",
    "numbers": "Order numbers",
    "states": "State",
    "reason": "What comes back",
    "note": "Note",
}
COLUMNS = ("order", "event", "buyer", "email", "state", "why", "expected", "refunded", "currency", "completed_at",
           "attempts", "refund")  # fmt: skip
_DONE = {
    Decision.APPROVE: "Approved. The refunds begin now.",
    Decision.DECLINE: "Not approved. Nothing of it is refunded.",
    Decision.PAUSE: "Paused. What is on its way arrives; nothing more is asked for.",
    Decision.RESUME: "It goes on.",
    Decision.STOP: "Stopped for good. What is on its way arrives; the rest is not refunded.",
}


def add_to(blueprint: Blueprint) -> None:
    at = "/refund-batches"
    blueprint.add_url_rule(at, view_func=batches)
    blueprint.add_url_rule(f"{at}/new", view_func=new_batch)
    blueprint.add_url_rule(at, view_func=prepare_batch, methods=["POST"])
    blueprint.add_url_rule(f"{at}/<uuid:batch_id>", view_func=batch)
    blueprint.add_url_rule(f"{at}/<uuid:batch_id>/submit", view_func=submit_batch, methods=["POST"])
    blueprint.add_url_rule(f"{at}/<uuid:batch_id>/decision", view_func=steer_batch, methods=["POST"])
    blueprint.add_url_rule(f"{at}/<uuid:batch_id>/retry", view_func=retry_batch, methods=["POST"])
    blueprint.add_url_rule(f"{at}/<uuid:batch_id>/results.csv", view_func=batch_results)


@allowed(Action.VIEW)
def batches() -> str:
    now = current().clock().now()
    try:
        page = (
            current()
            .batch_desk()
            .batches(cursor=request.args.get("cursor"), since=now - timedelta(seconds=RATE_SECONDS))
        )
    except ValueError:
        abort(404)
    return render_template("admin/batches.html", page=page, failed=Outcome.FAILED, now=now)


@allowed(Action.REFUND)
def new_batch() -> str:
    """The empty form; ``?event=`` fills in what is known of an event."""
    ids = _wanted_events()
    if not ids:
        return _form({}, {})
    event, venue = _event_and_venue(ids[0])
    day = event.starts_at.astimezone(words.zone(venue.timezone)).date().isoformat()
    typed = {
        "purpose": request.args.get("purpose", BatchPurpose.EVENT_CANCELLED.value),
        "reason": request.args.get("reason", RefundReason.EVENT_CANCELLED.value),
        "events": event.slug,
        "tell": forms.YES,
    }
    if typed["purpose"] == BatchPurpose.VENUE_CLOSED.value:
        typed |= {"events": "", "venue": venue.slug, "starts_from": day, "starts_until": day}
    return _form(typed, {}, event=event, venue=venue)


@allowed(Action.REFUND)
def prepare_batch() -> Answer | tuple[str, int]:
    try:
        command = batch_forms.read()
    except forms.Mistyped as mistake:
        return _form(request.form.to_dict(), {mistake.field: str(mistake)}), 422
    answer = current().prepare_batch(command)
    if isinstance(answer, Rejection):
        field = str(answer.details.get("field", "events"))
        return _form(request.form.to_dict(), {field: answer.message}), 422
    return _to(answer.id)


@allowed(Action.VIEW)
def batch(batch_id: BatchId) -> str:
    now = current().clock().now()
    file = current().batch_desk().batch(batch_id, since=now - timedelta(seconds=RATE_SECONDS))
    outcome = _outcome()
    rows = current().batch_desk().rows(batch_id, outcome=outcome, from_position=_position())
    totals = _totals(file)
    return render_template(
        "admin/batch.html",
        file=file,
        batch=file.batch,
        progress=file.progress,
        rows=rows,
        outcome=outcome,
        outcomes=[one for one in Outcome if file.progress.of(one).orders],
        totals=totals,
        skipped=[why for why in file.whys if why.outcome is Outcome.SKIPPED],
        failed=[why for why in file.whys if why.outcome is Outcome.FAILED],
        frozen=[why for why in file.whys if why.outcome is Outcome.FROZEN],
        free=not any(total.amount for total in totals.values()),
        outcome_named=Outcome,
        is_own=file.batch.requested_by == member().email,
        note_length_max=NOTE_LENGTH_MAX,
        now=now,
    )


@allowed(Action.REFUND)
def submit_batch(batch_id: BatchId) -> Answer:
    answer = current().submit_batch(batch_id, actor=member().email)
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    elif answer.state is BatchState.AWAITING_APPROVAL:
        flash(f"{answer.approval_because} Ask a colleague to approve it here.", "done")
    else:
        flash("The refunds begin now.", "done")
    return _to(batch_id)


@allowed(Action.REFUND)
def steer_batch(batch_id: BatchId) -> Answer:
    try:
        decision = forms.one_of(request.form, "decision", Decision, required="Choose what to do with the batch.")
        note = forms.text(request.form, "note", at_most=NOTE_LENGTH_MAX)
    except forms.Mistyped as mistake:
        flash(str(mistake), "problem")
        return _to(batch_id)
    answer = current().steer_batch(SteerBatch(batch_id=batch_id, decision=decision, actor=member().email, note=note))
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(_DONE[decision], "done")
    return _to(batch_id)


@allowed(Action.REFUND)
def retry_batch(batch_id: BatchId) -> Answer:
    """All that failed, or the one order that was chosen."""
    try:
        orders = forms.uuids(request.form, "order")
    except forms.Mistyped:
        abort(400)
    order_id = OrderId(orders[0]) if orders else None
    answer = current().retry_batch(batch_id, order_id=order_id, actor=member().email)
    if isinstance(answer, Rejection):
        flash(answer.message, "problem")
    else:
        flash(f"{'1 order is' if answer == 1 else f'{answer:,} orders are'} tried again.", "done")
    return _to(batch_id)


@allowed(Action.VIEW)
def batch_results(batch_id: BatchId) -> Response:
    """Every order of the batch, as it stands now: written while it is read, however long it is."""
    desk = current().batch_desk()
    desk.batch(batch_id, since=current().clock().now())  # A batch that is not there is said before the file begins.
    return spreadsheets.download(f"refund-batch-{batch_id}", COLUMNS, map(_cells, desk.all_rows(batch_id)))


def _cells(row: BatchRow) -> tuple[spreadsheets.Cell, ...]:
    return (
        row.number,
        row.event_name,
        row.buyer_name,
        row.buyer_email,
        row.outcome.value,
        words.batch_why(row.why),
        row.expected or "",
        row.refunded or "",
        _currency(row),
        row.at.isoformat(timespec="seconds") if row.at else "",
        row.attempts,
        str(row.refund_id or ""),
    )


def _currency(row: BatchRow) -> str:
    amount = row.refunded or row.expected
    return amount.currency if amount else ""


def _totals(file: BatchFile) -> dict[str, Money]:
    """What the preview adds up to, a currency each."""
    totals: dict[str, Money] = {}
    for tally in file.tiers:
        currency = tally.amount.currency
        totals[currency] = totals[currency] + tally.amount if currency in totals else tally.amount
    return totals


def _form(
    typed: dict[str, str], problems: dict[str, str], *, event: Event | None = None, venue: Venue | None = None
) -> str:
    if event is None and (ids := _wanted_events()):
        event, venue = _event_and_venue(ids[0])
    return render_template(
        "admin/batch_new.html",
        typed=typed,
        ticked=set(request.form.getlist("tier")),
        states=set(request.form.getlist("state")) or {state.value for state in PAID},
        problems=problems,
        fields=FIELDS,
        event=event,
        venue=venue,
        batch_id=request.form.get("batch") or current().ids().uuid(),
        purposes=list(BatchPurpose),
        reasons=batch_forms.REASONS,
        paid=sorted(PAID),
        note_length_max=NOTE_LENGTH_MAX,
    )


def _wanted_events() -> tuple[EventId, ...]:
    try:
        return tuple(EventId(name) for name in forms.uuids(request.args, "event"))
    except forms.Mistyped:
        abort(404)


def _event_and_venue(event_id: EventId) -> tuple[Event, Venue]:
    with current().unit_of_work() as uow:
        event = uow.events.get(event_id)
        return event, uow.venues.get(event.venue_id)


def _outcome() -> Outcome | None:
    written = request.args.get("outcome")
    try:
        return Outcome(written) if written else None
    except ValueError:
        abort(404)


def _position() -> int:
    written = request.args.get("from", "0")
    if not (written.isascii() and written.isdigit() and len(written) < 10):
        abort(404)
    return int(written)


def _to(batch_id: BatchId) -> Answer:
    return redirect(url_for("admin.batch", batch_id=batch_id), code=303)
