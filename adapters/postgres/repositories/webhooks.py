"""Webhooks to organisers: endpoints, and deliveries leased so that no endpoint keeps another waiting."""

from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from adapters.postgres.backoffice.paging import cursor as cursor_of
from adapters.postgres.backoffice.paging import cut, paged
from adapters.postgres.rows import webhooks as rows
from adapters.postgres.tables import webhook_attempts, webhook_deliveries, webhook_endpoints, webhook_sales
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.events import EventId
from domain.outgoing_webhooks import (
    DELIVERY_LEASE_SECONDS,
    IN_FLIGHT_PER_ENDPOINT,
    Attempt,
    Delivery,
    DeliveryId,
    DeliveryState,
    Endpoint,
    EndpointFigures,
    EndpointId,
    HookKind,
    LogPage,
    SentDelivery,
)

_LEASE = text("""
    WITH due AS (
        SELECT delivery.id, delivery.next_try_at FROM webhook_endpoints AS endpoint
        CROSS JOIN LATERAL (
            SELECT id, next_try_at FROM webhook_deliveries
            WHERE endpoint_id = endpoint.id AND state = 'waiting' AND next_try_at <= :now
            ORDER BY next_try_at, id LIMIT :each FOR UPDATE SKIP LOCKED
        ) AS delivery
        WHERE endpoint.enabled AND (endpoint.failures > 0) = :failing
            AND (endpoint.quiet_until IS NULL OR endpoint.quiet_until <= :now)
            AND :each > (SELECT count(*) FROM webhook_deliveries
                WHERE endpoint_id = endpoint.id AND state = 'waiting' AND leased_until > :now)
        ORDER BY delivery.next_try_at, delivery.id LIMIT :at_most
    )
    UPDATE webhook_deliveries AS delivery
    SET attempts = attempts + 1, next_try_at = :until, leased_until = :until
    FROM due WHERE delivery.id = due.id
    RETURNING delivery.*, due.next_try_at AS was_due
""")
_PRUNE = text("""
    DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE created_at < :before
        ORDER BY created_at LIMIT :at_most FOR UPDATE SKIP LOCKED)
""")
_TELL_ONE_AT_A_TIME = text("""
    INSERT INTO webhook_sales (event_id, sold_out, told_at) VALUES (:event_id, false, now())
    ON CONFLICT (event_id) DO NOTHING
""")
_WANTED = (
    select(webhook_endpoints.c.id)
    .where(webhook_endpoints.c.enabled, webhook_endpoints.c.kinds.contains(bindparam("kinds")))
    .limit(1)
)


class PostgresWebhooks:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._known: dict[HookKind, bool] = {}

    def wanted(self, kind: HookKind) -> bool:
        # Whoever begins to listen meanwhile hears of what is committed after that: asking once is asking in time.
        if kind not in self._known:
            self._known[kind] = self._transaction.first(_WANTED, {"kinds": [kind.value]}) is not None
        return self._known[kind]

    def add_endpoint(self, endpoint: Endpoint) -> None:
        self._transaction.run(insert(webhook_endpoints), rows.endpoint_to_row(endpoint))

    def get_endpoint(self, endpoint_id: EndpointId, *, lock: bool = False) -> Endpoint:
        found = select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)
        row = self._transaction.first(found.with_for_update() if lock else found)
        if row is None:
            raise NotFound("webhook")
        return rows.endpoint_from_row(row)

    def save_endpoint(self, endpoint: Endpoint) -> None:
        same = webhook_endpoints.c.id == endpoint.id
        self._transaction.run(update(webhook_endpoints).where(same).values(rows.endpoint_to_row(endpoint)))

    def endpoints(self) -> tuple[EndpointFigures, ...]:
        of_endpoint = webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id

        def counted(state: DeliveryState) -> ScalarSelect[int]:
            matching = of_endpoint & (webhook_deliveries.c.state == state.value)
            return select(func.count()).select_from(webhook_deliveries).where(matching).scalar_subquery()

        delivered_at = (
            select(func.max(webhook_attempts.c.at))
            .join(webhook_deliveries, webhook_deliveries.c.id == webhook_attempts.c.delivery_id)
            .where(of_endpoint, webhook_attempts.c.status.between(200, 299))
            .scalar_subquery()
        )
        found = select(
            webhook_endpoints,
            counted(DeliveryState.WAITING).label("waiting"),
            counted(DeliveryState.FAILED).label("failed"),
            delivered_at.label("delivered_at"),
        )
        in_order = found.order_by(webhook_endpoints.c.created_at, webhook_endpoints.c.id)
        return tuple(
            EndpointFigures(
                endpoint=rows.endpoint_from_row(row),
                waiting=row["waiting"],
                failed=row["failed"],
                delivered_at=row["delivered_at"],
            )
            for row in self._transaction.rows(in_order)
        )

    def add_delivery(self, delivery: Delivery) -> bool:
        row = rows.delivery_to_row(delivery)
        once = insert(webhook_deliveries).values(row).on_conflict_do_nothing(constraint="webhook_deliveries_once")
        return self._transaction.first(once.returning(webhook_deliveries.c.id)) is not None

    def get_delivery(self, delivery_id: DeliveryId) -> SentDelivery:
        row = self._transaction.first(select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id))
        if row is None:
            raise NotFound("delivery")
        tries = select(webhook_attempts).where(webhook_attempts.c.delivery_id == delivery_id)
        found = self._transaction.rows(tries.order_by(webhook_attempts.c.number))
        return SentDelivery(delivery=rows.delivery_from_row(row), tries=tuple(map(rows.attempt_from_row, found)))

    def send_again(self, delivery: Delivery) -> None:
        same = webhook_deliveries.c.id == delivery.id
        self._transaction.run(update(webhook_deliveries).where(same).values(rows.delivery_changes(delivery)))

    def lease(self, *, now: datetime, at_most: int, failing: bool) -> tuple[Delivery, ...]:
        parameters = {
            "now": now,
            "until": now + timedelta(seconds=DELIVERY_LEASE_SECONDS),
            "at_most": at_most,
            "failing": failing,
            "each": 1 if failing else IN_FLIGHT_PER_ENDPOINT,
        }
        leased = self._transaction.rows(_LEASE, parameters)
        in_order = sorted(leased, key=lambda row: (row["was_due"], row["id"]))
        return tuple(rows.delivery_from_row(row) for row in in_order)

    def report(self, delivery: Delivery, attempt: Attempt) -> bool:
        mine = (webhook_deliveries.c.id == delivery.id) & (webhook_deliveries.c.attempts == delivery.attempts)
        waiting = webhook_deliveries.c.state == DeliveryState.WAITING.value
        changes = update(webhook_deliveries).where(mine & waiting).values(rows.delivery_changes(delivery))
        if self._transaction.changed(changes) == 0:
            return False
        self._transaction.run(insert(webhook_attempts), rows.attempt_to_row(delivery, attempt))
        return True

    def log(self, endpoint_id: EndpointId, *, state: DeliveryState | None, cursor: str | None) -> LogPage:
        wanted = select(webhook_deliveries).where(webhook_deliveries.c.endpoint_id == endpoint_id)
        if state is not None:
            wanted = wanted.where(webhook_deliveries.c.state == state.value)
        page = paged(
            wanted,
            at=webhook_deliveries.c.created_at,
            name=webhook_deliveries.c.id,
            after=cursor,
            newest_first=True,
        )
        found = [rows.delivery_from_row(row) for row in self._transaction.rows(page)]
        items, after = cut(found, [cursor_of(one.created_at, one.id) for one in found])
        return LogPage(items=items, next_cursor=after)

    def prune(self, *, before: datetime, at_most: int) -> int:
        return self._transaction.changed(_PRUNE, {"before": before, "at_most": at_most})

    def told_sold_out(self, event_id: EventId) -> bool:
        self._transaction.run(_TELL_ONE_AT_A_TIME, {"event_id": event_id})
        told = select(webhook_sales.c.sold_out).where(webhook_sales.c.event_id == event_id).with_for_update()
        row = self._transaction.first(told)
        return bool(row and row["sold_out"])

    def tell_sold_out(self, event_id: EventId, *, sold_out: bool, at: datetime) -> None:
        same = webhook_sales.c.event_id == event_id
        self._transaction.run(update(webhook_sales).where(same).values(sold_out=sold_out, told_at=at))
