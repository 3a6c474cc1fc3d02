"""The form that prepares a batch of refunds, read back."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import abort, request

from application.commands.prepare_batch import PrepareBatch
from domain.events import EventId
from domain.orders import PAID, OrderState
from domain.refund_batches import (
    EVENTS_PER_BATCH_MAX,
    NOTE_LENGTH_MAX,
    NUMBERS_PER_BATCH_MAX,
    BatchId,
    BatchPurpose,
    Selection,
)
from domain.refund_policies import RefundReason
from domain.tiers import TierId
from domain.venues import Venue
from entrypoints.admin import forms
from entrypoints.admin.services import current
from entrypoints.admin.sessions import member

TYPED_LENGTH_MAX = 20 * NUMBERS_PER_BATCH_MAX
REASONS = (RefundReason.EVENT_CANCELLED, RefundReason.POSTPONED, RefundReason.GOODWILL, RefundReason.BUYERS_WISH)
"""Why many orders may be refunded at once; the rest is about single ones."""
STATES = frozenset(OrderState(state) for state in PAID)

_NUMBER = re.compile(r"[2-9A-HJKMNP-TV-Z]{8}")
_BETWEEN = re.compile(r"[,;\t]")


def read() -> PrepareBatch:
    """The batch that the form describes. Raises Mistyped."""
    form = request.form
    purpose = forms.one_of(form, "purpose", BatchPurpose, required="Say what happened.")
    reason = forms.one_of(form, "reason", RefundReason, required="Choose what the buyers are entitled to.")
    if reason not in REASONS:
        raise forms.Mistyped("reason", "Choose what the buyers are entitled to.")
    note = forms.text(form, "note", at_most=NOTE_LENGTH_MAX, required="Tell your colleagues what happened.")
    return PrepareBatch(
        batch_id=batch_id(),
        purpose=purpose,
        reason=reason,
        selection=_selection(purpose),
        note=note,
        tell_buyers=forms.switch(form, "tell"),
        actor=member().email,
    )


def batch_id() -> BatchId:
    try:
        return BatchId(UUID(request.form.get("batch", "")))
    except ValueError:
        abort(400)


def _selection(purpose: BatchPurpose) -> Selection:
    form = request.form
    venue = _venue(form, required=purpose is BatchPurpose.VENUE_CLOSED)
    timezone = venue.timezone if venue else "UTC"
    events = _events(form)
    if purpose in {BatchPurpose.EVENT_CANCELLED, BatchPurpose.EVENT_POSTPONED} and not events:
        raise forms.Mistyped("events", "Name the event by its short name.")
    numbers = _numbers(form)
    until = _day(form, "starts_until", timezone)
    return Selection(
        event_ids=events,
        venue_id=venue.id if venue else None,
        starts_from=_day(form, "starts_from", timezone),
        starts_before=until + timedelta(days=1) if until else None,
        tier_ids=tuple(TierId(name) for name in forms.uuids(form, "tier")),
        placed_from=_moment(form, "placed_from"),
        placed_before=_moment(form, "placed_before"),
        states=forms.several(form, "state", of=STATES) or PAID,
        numbers=numbers,
    )


def _events(form: forms.Form) -> tuple[EventId, ...]:
    """By their short names, one a line."""
    slugs = list(dict.fromkeys(form.get("events", "").replace(",", " ").split()))
    if len(slugs) > EVENTS_PER_BATCH_MAX:
        raise forms.Mistyped("events", f"At most {EVENTS_PER_BATCH_MAX} events in one batch.")
    found = []
    with current().unit_of_work() as uow:
        for slug in slugs:
            event = uow.events.find(slug=slug) if "\x00" not in slug else None
            if event is None:
                raise forms.Mistyped("events", f"There is no event “{slug[:80]}”. Its short name is in its address.")
            found.append(event.id)
    return tuple(found)


def _venue(form: forms.Form, *, required: bool) -> Venue | None:
    slug = forms.text(form, "venue", at_most=200, required="Name the venue." if required else None)
    if not slug:
        return None
    with current().unit_of_work() as uow:
        venue = uow.venues.find(slug=slug)
    if venue is None:
        raise forms.Mistyped("venue", f"There is no venue “{slug[:80]}”.")
    return venue


def _numbers(form: forms.Form) -> tuple[str, ...]:
    """Typed, pasted or uploaded, each once."""
    typed = forms.text(form, "numbers", at_most=TYPED_LENGTH_MAX).splitlines()
    return tuple(dict.fromkeys((*_column(typed), *_column(_uploaded()))))


def _column(lines: list[str]) -> Iterator[str]:
    """The first cell of every line that is not empty; the heading of a table is passed over."""
    for place, line in enumerate(lines, start=1):
        cell = _BETWEEN.split(line.strip(), maxsplit=1)[0].strip().strip('"')
        plain = cell.upper().replace("-", "")
        if _NUMBER.fullmatch(plain):
            yield f"{plain[:4]}-{plain[4:]}"
        elif cell and (place > 1 or len(lines) == 1 or any(letter.isdigit() for letter in cell)):
            raise forms.Mistyped("numbers", f"Line {place}: “{cell[:40]}” is not an order number.")


def _uploaded() -> list[str]:
    file = request.files.get("file")
    if file is None or not file.filename:
        return []
    try:
        text = file.stream.read(TYPED_LENGTH_MAX + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise forms.Mistyped("numbers", "The file is not text. Save the list as CSV and choose it again.") from error
    if len(text) > TYPED_LENGTH_MAX or "\x00" in text:
        raise forms.Mistyped("numbers", f"At most {NUMBERS_PER_BATCH_MAX:,} order numbers in one batch.")
    return text.splitlines()


def _day(form: forms.Form, name: str, timezone: str) -> datetime | None:
    """The first moment of a day, on the venue's clock."""
    typed = form.get(name, "").strip()
    if not typed:
        return None
    try:
        day = date.fromisoformat(typed)
    except ValueError as error:
        raise forms.Mistyped(name, "A date, such as 2027-03-14.") from error
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def _moment(form: forms.Form, name: str) -> datetime | None:
    return forms.moment(form, name, timezone="UTC") if form.get(name, "").strip() else None
