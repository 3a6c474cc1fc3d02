"""Messages to organisers: spread over the endpoints that want them, sent, and followed until they were taken."""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from application import telling, trail
from application.access import Access
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.events import EventId, EventState
from domain.outgoing_webhooks import (
    ANSWER_KEPT_CHARACTERS,
    DELIVERIES_KEPT,
    Attempt,
    Delivery,
    DeliveryId,
    Endpoint,
    HookKind,
    headers,
)
from domain.ports.catalogue import Catalogue
from domain.ports.outgoing_webhooks import HookSender
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup

DELIVERIES_PER_PRUNING_MAX = 1_000
STOCK_KINDS = (HookKind.EVENT_SOLD_OUT, HookKind.EVENT_BACK_ON_SALE)


def spread_message(
    kind: HookKind,
    *,
    message_id: UUID,
    event_id: EventId,
    body: Mapping[str, object],
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> int:
    """Make a delivery for each endpoint that wants this message. Idempotent by the message. Answers how many."""
    now = clock.now()
    with unit_of_work() as uow:
        venue_id = uow.events.get(event_id).venue_id
        wanting = [one.endpoint for one in uow.webhooks.endpoints() if one.endpoint.wants(kind, venue_id)]
        made = sum(
            uow.webhooks.add_delivery(delivery_of(kind, endpoint, message_id=message_id, body=body, ids=ids, now=now))
            for endpoint in wanting
        )
        uow.commit()
    return made


def delivery_of(
    kind: HookKind, endpoint: Endpoint, *, message_id: UUID, body: Mapping[str, object], ids: Ids, now: datetime
) -> Delivery:
    """The message as it will be sent, byte for byte, at every try."""
    return Delivery(
        id=DeliveryId(ids.uuid()),
        endpoint_id=endpoint.id,
        message_id=message_id,
        kind=kind,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        created_at=now,
        next_try_at=now,
    )


def deliver_webhooks(
    *,
    failing: bool,
    at_most: int,
    unit_of_work: UnitOfWorkFactory,
    sender: HookSender,
    access: Access,
    clock: Clock,
    ids: Ids,
) -> int:
    """Try due deliveries, either to endpoints that fare well or to those that fail. Answers how many were due."""
    with unit_of_work() as uow:
        due = uow.webhooks.lease(now=clock.now(), at_most=at_most, failing=failing)
        endpoints = {one.endpoint_id: uow.webhooks.get_endpoint(one.endpoint_id) for one in due}
        uow.commit()
    for delivery in due:
        attempt = _try(delivery, endpoints[delivery.endpoint_id], sender=sender, access=access, clock=clock)
        _report(delivery, attempt, unit_of_work=unit_of_work, clock=clock, ids=ids)
    return len(due)


def watch_stock(
    *, catalogue: Catalogue, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> int:
    """Tell when the last place of a running sale is gone, and when one is back. Answers how many sales changed.

    A place counts as gone when it is sold or somebody is paying for it; what merely lies in a basket does not.
    """
    with unit_of_work() as uow:
        if not any(map(uow.webhooks.wanted, STOCK_KINDS)):
            return 0
    changed = sum(
        _tell_stock(event_id, unit_of_work=unit_of_work, clock=clock, ids=ids) for event_id in catalogue.running()
    )
    if changed:
        wakeup.outbox_filled()
    return changed


def prune_webhooks(*, unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Forget deliveries of long ago. Answers how many."""
    with unit_of_work() as uow:
        pruned = uow.webhooks.prune(before=clock.now() - DELIVERIES_KEPT, at_most=DELIVERIES_PER_PRUNING_MAX)
        uow.commit()
    return pruned


def _try(delivery: Delivery, endpoint: Endpoint, *, sender: HookSender, access: Access, clock: Clock) -> Attempt:
    at = clock.now()
    secrets = tuple(access.webhook_secret(endpoint.id, version) for version in endpoint.signing_versions(now=at))
    signed = headers(webhook_id=delivery.webhook_id, at=at, body=delivery.body, secrets=secrets)
    answer = sender.send(url=endpoint.url, headers=signed, body=delivery.body)
    return Attempt(
        number=delivery.attempts,
        at=at,
        milliseconds=answer.milliseconds,
        status=answer.status,
        answer=answer.body[:ANSWER_KEPT_CHARACTERS],
        error=answer.error,
        retry_after_seconds=answer.retry_after_seconds,
    )


@retrying
def _report(delivery: Delivery, attempt: Attempt, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        before = uow.webhooks.get_endpoint(delivery.endpoint_id, lock=True)
        if not uow.webhooks.report(delivery.tried(attempt), attempt):
            return
        after = before.took_one() if attempt.taken else before.failed(status=attempt.status, now=now)
        if after != before:
            uow.webhooks.save_endpoint(after)
        if before.enabled and not after.enabled:
            _note_disabled(after, uow=uow, ids=ids, now=now)
        uow.commit()


def _note_disabled(endpoint: Endpoint, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    uow.audit.add(
        trail.entry(
            SYSTEM, "webhook.disabled", kind="webhook", subject=endpoint.id, ids=ids, now=now,
            url=endpoint.url, reason=endpoint.disabled_because,
        )
    )  # fmt: skip


@retrying
def _tell_stock(event_id: EventId, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> bool:
    now = clock.now()
    with unit_of_work() as uow:
        event = uow.events.get(event_id)
        zones = [counts for key, counts in uow.stock.pools(event_id).items() if key.startswith("z:")]
        sold_out = bool(zones) and all(counts.untaken <= 0 for counts in zones)
        if event.state is not EventState.PUBLISHED or uow.webhooks.told_sold_out(event_id) == sold_out:
            return False
        uow.webhooks.tell_sold_out(event_id, sold_out=sold_out, at=now)
        kind = HookKind.EVENT_SOLD_OUT if sold_out else HookKind.EVENT_BACK_ON_SALE
        telling.event_happened(kind, event, uow=uow, ids=ids, now=now)
        uow.commit()
    return True
