"""Batches of refunds and their orders as rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres.transaction import Row
from domain.events import EventId
from domain.money import CurrencyCode, Money
from domain.orders import OrderId, OrderState
from domain.refund_batches import (
    BatchId,
    BatchOrder,
    BatchOrderState,
    BatchPurpose,
    BatchState,
    RefundBatch,
    Selection,
)
from domain.refund_policies import RefundReason
from domain.refunds import RefundId
from domain.tiers import TierId
from domain.venues import VenueId


def to_row(batch: RefundBatch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "purpose": batch.purpose.value,
        "reason": batch.reason.value,
        "selection": _selection_to_json(batch.selection),
        "note": batch.note,
        "tell_buyers": batch.tell_buyers,
        "requested_by": batch.requested_by,
        "requested_at": batch.requested_at,
        **changes(batch),
    }


def changes(batch: RefundBatch) -> dict[str, Any]:
    """What may differ from one save to the next."""
    return {
        "state": batch.state.value,
        "approval_because": batch.approval_because,
        "approved_by": batch.approved_by,
        "approved_at": batch.approved_at,
        "decision_note": batch.decision_note,
        "started_at": batch.started_at,
        "ended_at": batch.ended_at,
    }


def from_row(row: Row) -> RefundBatch:
    return RefundBatch(
        id=BatchId(row["id"]),
        purpose=BatchPurpose(row["purpose"]),
        reason=RefundReason(row["reason"]),
        selection=_selection_from_json(row["selection"]),
        note=row["note"],
        tell_buyers=row["tell_buyers"],
        state=BatchState(row["state"]),
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        approval_because=row["approval_because"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        decision_note=row["decision_note"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def order_changes(order: BatchOrder) -> dict[str, Any]:
    """What may differ from one save of a batch's order to the next."""
    return {
        "state": order.state.value,
        "expected_minor": order.expected.amount if order.expected else None,
        "why": order.why,
        "refund_id": order.refund_id,
        "attempts": order.attempts,
        "due_at": order.due_at,
        "told_at": order.told_at,
    }


def order_from_row(row: Row) -> BatchOrder:
    expected = row["expected_minor"]
    return BatchOrder(
        batch_id=BatchId(row["batch_id"]),
        order_id=OrderId(row["order_id"]),
        state=BatchOrderState(row["state"]),
        due_at=row["due_at"],
        expected=None if expected is None else Money(expected, CurrencyCode(row["currency"])),
        why=row["why"],
        refund_id=RefundId(row["refund_id"]) if row["refund_id"] else None,
        attempts=row["attempts"],
        told_at=row["told_at"],
    )


def _selection_to_json(selection: Selection) -> dict[str, Any]:
    moments = {name: getattr(selection, name) for name in _MOMENTS}
    return {
        "events": [str(event_id) for event_id in selection.event_ids],
        "venue": str(selection.venue_id) if selection.venue_id else None,
        "tiers": [str(tier_id) for tier_id in selection.tier_ids],
        "states": sorted(state.value for state in selection.states),
        "numbers": list(selection.numbers),
        **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
    }


def _selection_from_json(written: dict[str, Any]) -> Selection:
    venue = written["venue"]
    moments = {name: datetime.fromisoformat(written[name]) if written[name] else None for name in _MOMENTS}
    return Selection(
        event_ids=tuple(EventId(UUID(event_id)) for event_id in written["events"]),
        venue_id=VenueId(UUID(venue)) if venue else None,
        tier_ids=tuple(TierId(UUID(tier_id)) for tier_id in written["tiers"]),
        states=frozenset(OrderState(state) for state in written["states"]),
        numbers=tuple(written["numbers"]),
        **moments,
    )


_MOMENTS = ("starts_from", "starts_before", "placed_from", "placed_before")
