"""What people who run a house look at, by looking at everything in the in-memory store."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from domain.accounts import StaffMember
from domain.errors import NotFound
from domain.events import Event, EventId, EventState
from domain.fraud import RiskLevel
from domain.money import zero
from domain.orders import Order, OrderId, OrderState
from domain.payments import PaymentId, PaymentState
from domain.ports.backoffice import (
    DASHBOARD_EVENTS_MAX,
    PAGE_LIMIT,
    REPAIRED,
    Assessed,
    Dashboard,
    EffectRow,
    EffectsPage,
    EffectState,
    EventFigures,
    EventsFilter,
    EventsPage,
    EventStock,
    Health,
    OrderFile,
    OrderRow,
    OrdersFilter,
    OrdersPage,
    PoolFigures,
    Pulse,
    Repairs,
    ReviewRow,
    SearchField,
    StockFigures,
    TrailFilter,
    TrailPage,
    fields_of,
)
from domain.ports.messages import MessageId, MessageState
from domain.ports.outbox import Effect, OutboxRow
from domain.refunds import RefundId, RefundState
from domain.seat_maps import SeatIndex
from domain.tickets import TicketState
from domain.tiers import zone_pool
from tests.fakes.store_state import State
from tests.fakes.unit_of_work import FakeStore

Item = TypeVar("Item")

_UNSETTLED = {PaymentState.AUTHORISED, PaymentState.CAPTURE_REQUESTED, PaymentState.VOID_REQUESTED}
_UNDER_WAY = {RefundState.REQUESTED, RefundState.PENDING}


class FakeBackoffice:
    """Implements Backoffice over what a FakeStore has committed."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store

    @property
    def _state(self) -> State:
        return self._store.state

    def pulse(self) -> Pulse:
        open_entries = [entry for entry in self._state.outbox.values() if not entry.done]
        return Pulse(
            repairs=len(self._repaired_at()),
            effects_waiting=sum(not entry.parked for entry in open_entries),
            effects_parked=sum(entry.parked for entry in open_entries),
            books_differences=self._books_differences(),
        )

    def _books_differences(self) -> int | None:
        finished = [one for one in self._state.readings.values() if one.finished_at is not None]
        last = max(finished, key=lambda one: (one.began_at, one.id), default=None)
        return last.differences if last else None

    def dashboard(self, *, now: datetime, since: datetime) -> Dashboard:
        current = [e for e in self._state.events.values() if e.state is EventState.PUBLISHED and e.ends_at > now]
        shown = sorted(current, key=lambda event: (*_urgency(event, now), event.id))[:DASHBOARD_EVENTS_MAX]
        recent = [order for order in self._state.orders.values() if _confirmed_since(order, since)]
        currencies = sorted({order.total.currency for order in recent})
        return Dashboard(
            events=tuple(self._figures(event, since) for event in shown),
            health=self._health(now, since),
            recent_orders=len(recent),
            recent_gross=tuple(
                sum((order.total for order in recent if order.total.currency == currency), zero(currency))
                for currency in currencies
            ),
        )

    def events(self, *, wanted: EventsFilter, now: datetime, since: datetime) -> EventsPage:
        found = [
            self._figures(event, since)
            for event in self._state.events.values()
            if (event.ends_at <= now) is wanted.past
            and wanted.state in {None, event.state}
            and (wanted.text or "").lower() in self._words(event)
        ]
        items, after = page_of(found, lambda one: (one.starts_at, one.id), wanted.cursor, newest_first=wanted.past)
        return EventsPage(items=items, next_cursor=after)

    def event(self, event_id: EventId, *, since: datetime) -> EventStock:
        event = self._state.events.get(event_id)
        if event is None:
            raise NotFound("event")
        used = [t for t in self._state.tickets.values() if t.event_id == event_id and t.state is not TicketState.VOID]
        keys = {tier.id: tier.key for tier in event.tiers}
        return EventStock(
            figures=self._figures(event, since),
            pools=tuple(self._pool(event, key) for key in self._pools(event)),
            sold=dict(Counter(keys[ticket.tier_id] for ticket in used)),
            repairs=_repairs(self._repaired_at(event_id), since),
        )

    def orders(self, *, wanted: OrdersFilter) -> OrdersPage:
        found = [
            self._row(order)
            for order in self._state.orders.values()
            if (not wanted.states or order.state in wanted.states)
            and wanted.event_id in {None, order.event_id}
            and _matches(order, wanted.text)
        ]
        items, after = page_of(found, lambda one: (one.placed_at, one.id), wanted.cursor, newest_first=True)
        return OrdersPage(items=items, next_cursor=after)

    def order(self, order_id: OrderId) -> OrderFile:
        order = self._state.orders.get(order_id)
        if order is None:
            raise NotFound("order")
        event = self._state.events[order.event_id]
        venue = self._state.venues[event.venue_id]
        assessed = (row for row in self._state.assessments.values() if row.order_id == order_id)
        trail = (e for e in self._state.audit.values() if (e.subject_kind, e.subject_id) == ("order", str(order_id)))
        return OrderFile(
            order=order,
            event_name=event.name,
            event_slug=event.slug,
            event_state=event.state,
            event_starts_at=event.starts_at,
            venue_name=venue.name,
            timezone=venue.timezone,
            places={seat: self._place(event, seat) for seat in order.seats},
            payments=_of(order, self._state.payments.values(), lambda one: one.attempt),
            assessments=tuple(
                Assessed(at=row.at, assessment=row.assessment) for row in sorted(assessed, key=lambda row: row.at)
            ),
            tickets=_of(order, self._state.tickets.values(), lambda _: 0),
            refunds=_of(order, self._state.refunds.values(), lambda one: (one.requested_at, one.id)),
            messages=_of(order, self._state.messages.values(), lambda one: (one.created_at, one.id)),
            opted_out=order.buyer.phone in self._state.opted_out,
            trail=tuple(sorted(trail, key=lambda entry: (entry.at, entry.id))),
        )

    def reviews(self) -> tuple[ReviewRow, ...]:
        waiting = sorted(self._undecided(), key=lambda order: (order.placed_at, order.id))
        return tuple(self._review(order) for order in waiting[:PAGE_LIMIT])

    def effects(self, *, state: EffectState, cursor: str | None, effect: Effect | None = None) -> EffectsPage:
        entries = [entry for entry in self._state.outbox.values() if not entry.done]
        parked = [entry.row for entry in entries if entry.parked]
        waiting = [entry.row for entry in entries if not entry.parked]
        shown = parked if state is EffectState.PARKED else waiting
        rows = [row for row in shown if effect in {None, row.effect}]
        found = [
            EffectRow(row=row, order_id=self._about(row), cursor=cursor_of(row.created_at, row.id)) for row in rows
        ]
        items, after = page_of(found, lambda one: (one.row.created_at, one.row.id), cursor, newest_first=False)
        return EffectsPage(
            items=items,
            parked=len(parked),
            waiting=len(waiting),
            next_cursor=after,
            kinds=Counter(row.effect for row in shown),
        )

    def trail(self, *, wanted: TrailFilter) -> TrailPage:
        found = [
            entry
            for entry in self._state.audit.values()
            if wanted.actor in {None, entry.actor}
            and wanted.action in {None, entry.action, entry.action.partition(".")[0]}
            and wanted.subject in {None, entry.subject_id}
        ]
        items, after = page_of(found, lambda one: (one.at, one.id), wanted.cursor, newest_first=True)
        return TrailPage(items=items, next_cursor=after)

    def staff(self) -> tuple[StaffMember, ...]:
        return tuple(sorted(self._state.staff.values(), key=lambda member: (member.name, member.id)))

    def _health(self, now: datetime, since: datetime) -> Health:
        state = self._state
        waiting = [entry.row for entry in state.outbox.values() if not entry.done and not entry.parked]
        return Health(
            effects_waiting=len(waiting),
            effects_parked=sum(entry.parked for entry in state.outbox.values()),
            oldest_due_at=min((row.not_before for row in waiting if row.not_before <= now), default=None),
            reviews_waiting=len(self._undecided()),
            refunds_under_way=sum(refund.state in _UNDER_WAY for refund in state.refunds.values()),
            refunds_failed=sum(
                refund.state is RefundState.FAILED and refund.completed_at is not None and refund.completed_at >= since
                for refund in state.refunds.values()
            ),
            payments_unsettled=sum(payment.state in _UNSETTLED for payment in state.payments.values()),
            messages_failed=sum(
                message.state is MessageState.FAILED and message.created_at >= since
                for message in state.messages.values()
            ),
            repairs=_repairs(self._repaired_at(), since),
        )

    def _repaired_at(self, event_id: EventId | None = None) -> list[datetime]:
        return [
            entry.at
            for entry in self._state.audit.values()
            if entry.action == REPAIRED and (event_id is None or entry.subject_id == str(event_id))
        ]

    def _undecided(self) -> list[Order]:
        authorised = {p.order_id for p in self._state.payments.values() if p.state is PaymentState.AUTHORISED}
        return [o for o in self._state.orders.values() if o.state is OrderState.IN_REVIEW and o.id in authorised]

    def _figures(self, event: Event, since: datetime) -> EventFigures:
        venue = self._state.venues[event.venue_id]
        orders = [order for order in self._state.orders.values() if order.event_id == event.id and order.confirmed_at]
        recent = [order for order in orders if _confirmed_since(order, since)]
        nothing = zero(event.currency)
        stocks = [self._pool(event, key).stock for key in self._pools(event) if key.startswith("z:")]
        return EventFigures(
            id=event.id,
            slug=event.slug,
            name=event.name,
            venue_name=venue.name,
            city=venue.city,
            timezone=venue.timezone,
            state=event.state,
            starts_at=event.starts_at,
            sale_opens_at=event.terms.opens_at,
            sale_closes_at=event.terms.closes_at,
            stock=StockFigures(
                capacity=sum(stock.capacity for stock in stocks),
                claimed=sum(stock.claimed for stock in stocks),
                allocated=sum(stock.allocated for stock in stocks),
                blocked=sum(stock.blocked for stock in stocks),
            ),
            recent_orders=len(recent),
            recent_gross=sum((order.total for order in recent), nothing),
            gross=sum((order.total for order in orders), nothing),
            refunded=sum((order.refunded for order in orders), nothing),
            cursor=cursor_of(event.starts_at, event.id),
        )

    def _pools(self, event: Event) -> list[str]:
        keys = {pool for owner, pool in self._state.capacities if owner == event.id}
        zones = [zone_pool(zone.key) for zone in self._state.seat_maps[event.seat_map_id].zones]
        return [key for key in zones if key in keys] + sorted(key for key in keys if key.startswith("t:"))

    def _pool(self, event: Event, key: str) -> PoolFigures:
        claims = [c for c in self._state.claims.values() if (c.event_id, c.pool) == (event.id, key)]
        zones = {zone_pool(zone.key): zone.name for zone in self._state.seat_maps[event.seat_map_id].zones}
        tiers = {f"t:{tier.key}": tier.name for tier in event.tiers}
        return PoolFigures(
            key=key,
            name={**zones, **tiers}[key],
            stock=StockFigures(
                capacity=self._state.capacities[event.id, key],
                claimed=sum(claim.live for claim in claims if not claim.allocated and claim.block_id is None),
                allocated=sum(claim.live for claim in claims if claim.allocated),
                blocked=sum(claim.live for claim in claims if claim.block_id is not None),
            ),
        )

    def _row(self, order: Order) -> OrderRow:
        return OrderRow(
            id=order.id,
            number=order.number,
            state=order.state,
            event_id=order.event_id,
            event_name=self._state.events[order.event_id].name,
            buyer_name=order.buyer.name,
            buyer_email=order.buyer.email,
            buyer_phone=order.buyer.phone,
            units=order.units,
            total=order.total,
            refunded=order.refunded,
            placed_at=order.placed_at,
            cursor=cursor_of(order.placed_at, order.id),
        )

    def _review(self, order: Order) -> ReviewRow:
        payments = _of(order, self._state.payments.values(), lambda one: one.attempt)
        card = payments[-1].card if payments else None
        file = self.order(order.id)
        return ReviewRow(
            order=self._row(order),
            risk=payments[-1].risk if payments else RiskLevel.UNKNOWN,
            card=f"{card.brand} {card.last4}" if card else None,
            assessed=file.assessments[-1] if file.assessments else None,
            capture_before=payments[-1].capture_before if payments else None,
        )

    def _about(self, row: OutboxRow) -> OrderId | None:
        named = {name: UUID(str(value)) for name, value in row.payload.items() if name in _SUBJECTS and value}
        if "payment" in named:
            return self._state.payments[PaymentId(named["payment"])].order_id
        if "refund" in named:
            return self._state.refunds[RefundId(named["refund"])].order_id
        if named.get("message") in self._state.messages:
            return self._state.messages[MessageId(named["message"])].order_id
        return OrderId(named["order"]) if named.get("order") in self._state.orders else None

    def _place(self, event: Event, index: SeatIndex) -> str:
        seat_map = self._state.seat_maps[event.seat_map_id]
        seat = seat_map.seats[index]
        return f"{seat_map.zone(seat.zone).name}, {seat.label}"

    def _words(self, event: Event) -> str:
        venue = self._state.venues[event.venue_id]
        return f"{event.name} {venue.name} {venue.city}".lower()


_SUBJECTS = {"payment", "refund", "message", "order"}


def _urgency(event: Event, now: datetime) -> tuple[int, datetime]:
    if now < event.terms.opens_at:
        return 1, event.terms.opens_at
    return (0 if now < event.terms.closes_at else 2), event.starts_at


def _repairs(moments: list[datetime], since: datetime) -> Repairs:
    return Repairs(recent=sum(at >= since for at in moments), last_at=max(moments, default=None))


def _confirmed_since(order: Order, since: datetime) -> bool:
    return order.confirmed_at is not None and order.confirmed_at >= since


def _matches(order: Order, text: str | None) -> bool:
    if not text or not text.strip():
        return True
    tests: dict[SearchField, Callable[[str], bool]] = {
        SearchField.NUMBER: lambda wanted: order.number == wanted,
        SearchField.EMAIL: order.buyer.email.startswith,
        SearchField.PHONE: (order.buyer.phone or "").endswith,
        SearchField.NAME: lambda wanted: wanted in order.buyer.name.lower(),
    }
    return any(tests[name](wanted) for name, wanted in fields_of(text).items())


def _of(order: Order, items: Iterable[Item], key: Callable[[Item], object]) -> tuple[Item, ...]:
    own = [item for item in items if getattr(item, "order_id", None) == order.id]
    return tuple(sorted(own, key=key))  # type: ignore[arg-type]  # every key here compares


def page_of(
    found: list[Item],
    key: Callable[[Item], tuple[datetime, UUID]],
    cursor: str | None,
    *,
    newest_first: bool,
) -> tuple[tuple[Item, ...], str | None]:
    after = _read_cursor(cursor) if cursor else None
    ordered = sorted(found, key=key, reverse=newest_first)
    if after is not None:
        ordered = [one for one in ordered if (key(one) < after if newest_first else key(one) > after)]
    page = tuple(ordered[:PAGE_LIMIT])
    return page, cursor_of(*key(page[-1])) if len(ordered) > PAGE_LIMIT else None


def cursor_of(at: datetime, name: UUID) -> str:
    return urlsafe_b64encode(f"{at.isoformat()} {name}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    written, name = urlsafe_b64decode(cursor.encode()).decode().split(" ")
    at = datetime.fromisoformat(written)
    if at.tzinfo is None:
        raise ValueError("no cursor of ours has a local time")
    return at, UUID(name)
