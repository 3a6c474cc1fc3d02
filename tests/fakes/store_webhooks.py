"""Webhooks to organisers in memory."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

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
from domain.ports.backoffice import PAGE_LIMIT
from tests.fakes.store_state import State, unique


class FakeWebhooks:
    def __init__(self, state: State) -> None:
        self._state = state

    def wanted(self, kind: HookKind) -> bool:
        return any(one.enabled and kind in one.kinds for one in self._state.hook_endpoints.values())

    def add_endpoint(self, endpoint: Endpoint) -> None:
        unique(endpoint.id not in self._state.hook_endpoints, f"endpoint {endpoint.id}")
        self._state.hook_endpoints[endpoint.id] = endpoint

    def get_endpoint(self, endpoint_id: EndpointId, *, lock: bool = False) -> Endpoint:
        del lock
        if endpoint_id not in self._state.hook_endpoints:
            raise NotFound("webhook")
        return self._state.hook_endpoints[endpoint_id]

    def save_endpoint(self, endpoint: Endpoint) -> None:
        self._state.hook_endpoints[endpoint.id] = endpoint

    def endpoints(self) -> tuple[EndpointFigures, ...]:
        in_order = sorted(self._state.hook_endpoints.values(), key=lambda one: (one.created_at, one.id))
        return tuple(self._figures(one) for one in in_order)

    def add_delivery(self, delivery: Delivery) -> bool:
        known = {(one.endpoint_id, one.message_id) for one in self._state.hook_deliveries.values()}
        if (delivery.endpoint_id, delivery.message_id) in known:
            return False
        self._state.hook_deliveries[delivery.id] = delivery
        return True

    def get_delivery(self, delivery_id: DeliveryId) -> SentDelivery:
        if delivery_id not in self._state.hook_deliveries:
            raise NotFound("delivery")
        tries = self._state.hook_tries.get(delivery_id, ())
        return SentDelivery(delivery=self._state.hook_deliveries[delivery_id], tries=tries)

    def send_again(self, delivery: Delivery) -> None:
        attempts = self._state.hook_deliveries[delivery.id].attempts
        self._state.hook_deliveries[delivery.id] = replace(delivery, attempts=attempts)
        self._state.hook_leases.pop(delivery.id, None)

    def lease(self, *, now: datetime, at_most: int, failing: bool) -> tuple[Delivery, ...]:
        until = now + timedelta(seconds=DELIVERY_LEASE_SECONDS)
        due: list[Delivery] = []
        for endpoint in self._state.hook_endpoints.values():
            resting = endpoint.quiet_until is not None and endpoint.quiet_until > now
            if endpoint.enabled and (endpoint.failures > 0) is failing and not resting:
                due += self._due(endpoint.id, now=now, each=1 if failing else IN_FLIGHT_PER_ENDPOINT)
        leased = []
        for delivery in sorted(due, key=lambda one: (one.next_try_at, one.id))[:at_most]:
            mine = replace(delivery, attempts=delivery.attempts + 1, next_try_at=until)
            self._state.hook_deliveries[mine.id] = mine
            self._state.hook_leases[mine.id] = until
            leased.append(mine)
        return tuple(leased)

    def report(self, delivery: Delivery, attempt: Attempt) -> bool:
        known = self._state.hook_deliveries.get(delivery.id)
        if known is None or known.attempts != delivery.attempts or known.state is not DeliveryState.WAITING:
            return False
        self._state.hook_deliveries[delivery.id] = delivery
        self._state.hook_leases.pop(delivery.id, None)
        kept = replace(attempt, retry_after_seconds=0)
        self._state.hook_tries[delivery.id] = (*self._state.hook_tries.get(delivery.id, ()), kept)
        return True

    def log(self, endpoint_id: EndpointId, *, state: DeliveryState | None, cursor: str | None) -> LogPage:
        found = [
            one
            for one in self._of(endpoint_id)
            if state in {None, one.state} and (cursor is None or (one.created_at, one.id) < _read(cursor))
        ]
        newest = sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)
        page = tuple(newest[:PAGE_LIMIT])
        return LogPage(items=page, next_cursor=_cursor(page[-1]) if len(newest) > PAGE_LIMIT else None)

    def prune(self, *, before: datetime, at_most: int) -> int:
        old = [key for key, one in self._state.hook_deliveries.items() if one.created_at < before][:at_most]
        for key in old:
            del self._state.hook_deliveries[key]
            self._state.hook_tries.pop(key, None)
        return len(old)

    def told_sold_out(self, event_id: EventId) -> bool:
        return self._state.hook_sales.get(event_id, False)

    def tell_sold_out(self, event_id: EventId, *, sold_out: bool, at: datetime) -> None:
        del at
        self._state.hook_sales[event_id] = sold_out

    def _of(self, endpoint_id: EndpointId) -> list[Delivery]:
        return [one for one in self._state.hook_deliveries.values() if one.endpoint_id == endpoint_id]

    def _due(self, endpoint_id: EndpointId, *, now: datetime, each: int) -> list[Delivery]:
        waiting = [one for one in self._of(endpoint_id) if one.state is DeliveryState.WAITING]
        in_flight = sum(self._state.hook_leases.get(one.id, now) > now for one in waiting)
        due = [one for one in waiting if one.next_try_at is not None and one.next_try_at <= now]
        return sorted(due, key=lambda one: (one.next_try_at, one.id))[:each] if in_flight < each else []

    def _figures(self, endpoint: Endpoint) -> EndpointFigures:
        own = self._of(endpoint.id)
        taken = [one.at for each in own for one in self._state.hook_tries.get(each.id, ()) if one.taken]
        return EndpointFigures(
            endpoint=endpoint,
            waiting=sum(one.state is DeliveryState.WAITING for one in own),
            failed=sum(one.state is DeliveryState.FAILED for one in own),
            delivered_at=max(taken, default=None),
        )


def _cursor(delivery: Delivery) -> str:
    return urlsafe_b64encode(f"{delivery.created_at.isoformat()} {delivery.id}".encode()).decode()


def _read(cursor: str) -> tuple[datetime, UUID]:
    at, name = urlsafe_b64decode(cursor.encode()).decode().split(" ")
    return datetime.fromisoformat(at), UUID(name)
