"""Webhooks to organisers as rows."""

from typing import Any

from adapters.postgres.transaction import Row
from domain.outgoing_webhooks import (
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointId,
    HookKind,
)
from domain.venues import VenueId


def endpoint_to_row(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "kinds": sorted(kind.value for kind in endpoint.kinds),
        "venue_id": endpoint.venue_id,
        "enabled": endpoint.enabled,
        "disabled_because": endpoint.disabled_because,
        "secret_version": endpoint.secret_version,
        "previous_until": endpoint.previous_until,
        "failing_since": endpoint.failing_since,
        "failures": endpoint.failures,
        "quiet_until": endpoint.quiet_until,
        "created_at": endpoint.created_at,
    }


def endpoint_from_row(row: Row) -> Endpoint:
    return Endpoint(
        id=EndpointId(row["id"]),
        url=row["url"],
        description=row["description"],
        kinds=frozenset(map(HookKind, row["kinds"])),
        venue_id=VenueId(row["venue_id"]) if row["venue_id"] else None,
        enabled=row["enabled"],
        disabled_because=row["disabled_because"],
        secret_version=row["secret_version"],
        previous_until=row["previous_until"],
        failing_since=row["failing_since"],
        failures=row["failures"],
        quiet_until=row["quiet_until"],
        created_at=row["created_at"],
    )


def delivery_to_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "endpoint_id": delivery.endpoint_id,
        "message_id": delivery.message_id,
        "kind": delivery.kind.value,
        "body": delivery.body,
        "created_at": delivery.created_at,
        "attempts": delivery.attempts,
        **delivery_changes(delivery),
    }


def delivery_changes(delivery: Delivery) -> dict[str, Any]:
    return {
        "state": delivery.state.value,
        "tries_before": delivery.tries_before,
        "next_try_at": delivery.next_try_at,
        "leased_until": None,
    }


def delivery_from_row(row: Row) -> Delivery:
    return Delivery(
        id=DeliveryId(row["id"]),
        endpoint_id=EndpointId(row["endpoint_id"]),
        message_id=row["message_id"],
        kind=HookKind(row["kind"]),
        body=row["body"],
        created_at=row["created_at"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        tries_before=row["tries_before"],
        next_try_at=row["next_try_at"],
    )


def attempt_to_row(delivery: Delivery, attempt: Attempt) -> dict[str, Any]:
    return {
        "delivery_id": delivery.id,
        "number": attempt.number,
        "at": attempt.at,
        "milliseconds": attempt.milliseconds,
        "status": attempt.status,
        "answer": attempt.answer,
        "error": attempt.error,
    }


def attempt_from_row(row: Row) -> Attempt:
    return Attempt(
        number=row["number"],
        at=row["at"],
        milliseconds=row["milliseconds"],
        status=row["status"],
        answer=row["answer"],
        error=row["error"],
    )
