"""Orders and tickets in memory."""

from dataclasses import replace
from datetime import datetime

from domain.errors import NotFound, TransactionConflict
from domain.events import EventId
from domain.holds import HoldId
from domain.limits import counted_under
from domain.orders import ENDED, Order, OrderId, OrderState, StockState
from domain.refund_policies import RefundPolicy
from domain.tickets import Ticket, TicketId, TicketState
from tests.fakes.store_state import State, holds, unique
from tests.fakes.store_stock import void_tickets

_GOING = {StockState.RELEASING, StockState.RELEASED}


class FakeOrders:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, order: Order, *, policy: RefundPolicy) -> None:
        orders = self._state.orders
        holds(order.event_id in self._state.events, "an order needs its event")
        versions = [known for known in self._state.policies[order.event_id] if known == policy]
        holds(bool(versions), "an order is sold under a policy of its event")
        tiers = {tier.id for tier in self._state.events[order.event_id].tiers}
        holds(all(line.tier_id in tiers for line in order.lines), "an order line has a tier of its own event")
        unique(order.id not in orders, f"order {order.id}")
        if self.of_hold(order.hold_id) is not None:
            raise TransactionConflict("there is one already: one order per hold")
        unique(all(other.number != order.number for other in orders.values()), f"order number {order.number}")
        holds(order.exchanges is None or order.exchanges.order_id in orders, "an exchange has an older order")
        _check_stock(order)
        orders[order.id] = order
        self._state.order_policies[order.id] = versions[-1]

    def get(self, order_id: OrderId, *, lock: bool = False) -> Order:
        if order_id not in self._state.orders:
            raise NotFound("order")
        return self._state.orders[order_id]

    def of_hold(self, hold_id: HoldId, *, lock: bool = False) -> Order | None:
        return next((order for order in self._state.orders.values() if order.hold_id == hold_id), None)

    def save(self, order: Order) -> None:
        before = self.get(order.id)
        holds(before.state not in ENDED or order.state is before.state, f"an order that is {before.state} stays so")
        holds(order.refunded <= order.total, "no more is refunded than was paid")
        _check_stock(order)
        self._state.orders[order.id] = order

    def reseat(self, order: Order) -> None:
        live = any(claim.live for claim in self._state.claims_of(order.id).values())
        holds(not live, "the seats of a line change only while its order has no places")
        before = self.get(order.id)
        self._state.orders[order.id] = replace(before, lines=order.lines, pools=dict(order.pools))

    def call_off(self, event_id: EventId, *, now: datetime) -> int:
        waiting = [
            order
            for order in self._state.orders.values()
            if order.event_id == event_id and order.state is OrderState.AWAITING_PAYMENT and order.deadline_at > now
        ]
        for order in waiting:
            self._state.orders[order.id] = replace(order, deadline_at=now)
        return len(waiting)

    def policy(self, order_id: OrderId) -> RefundPolicy:
        self.get(order_id)
        return self._state.order_policies[order_id]

    def units_bought(self, *, event_id: EventId, keys: tuple[str, ...]) -> dict[str, int]:
        bought: dict[str, int] = {}
        for order in self._state.orders.values():
            if order.event_id == event_id and order.state not in ENDED:
                for key in set(keys) & set(counted_under(order.fingerprint)):
                    bought[key] = bought.get(key, 0) + order.units - void_tickets(self._state, order)
        return bought

    def exchanging(self, order_id: OrderId) -> tuple[Order, ...]:
        found = [o for o in self._state.orders.values() if o.exchanges and o.exchanges.order_id == order_id]
        return tuple(sorted(found, key=lambda each: (each.placed_at, each.id)))

    def due(self, *, now: datetime, at_most: int) -> tuple[OrderId, ...]:
        waiting = [
            order
            for order in self._state.orders.values()
            if order.state is OrderState.AWAITING_PAYMENT
            and (order.stock in _GOING or (order.stock is StockState.CLAIMED and order.deadline_at <= now))
        ]
        return tuple(order.id for order in sorted(waiting, key=lambda o: (o.deadline_at, o.id))[:at_most])


def _check_stock(order: Order) -> None:
    paid = {OrderState.IN_REVIEW, OrderState.CONFIRMED, OrderState.PARTIALLY_REFUNDED}
    given_up = {OrderState.EXPIRED, OrderState.CANCELLED, OrderState.PAYMENT_FAILED}
    holds(order.state not in paid or order.stock is StockState.ALLOCATED, "paid orders have their stock")
    holds(order.state not in given_up or order.stock is StockState.RELEASED, "unpaid ends give their stock back")


class FakeTickets:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, tickets: tuple[Ticket, ...]) -> None:
        for ticket in tickets:
            others = self._state.tickets.values()
            order = self._state.orders.get(ticket.order_id)
            holds(order is not None and ticket.line_id in {line.id for line in order.lines}, "a ticket has its line")
            unique(ticket.id not in self._state.tickets, f"ticket {ticket.id}")
            unique(all(other.code != ticket.code for other in others), "a ticket's code")
            unique(
                ticket.seat is None
                or all((o.event_id, o.seat, o.state) != (ticket.event_id, ticket.seat, ticket.state) for o in others),
                f"a valid ticket for seat {ticket.seat}",
            )
            self._state.tickets[ticket.id] = ticket

    def get(self, ticket_id: TicketId, *, lock: bool = False) -> Ticket:
        if ticket_id not in self._state.tickets:
            raise NotFound("ticket")
        return self._state.tickets[ticket_id]

    def of_order(self, order_id: OrderId, *, lock: bool = False) -> tuple[Ticket, ...]:
        return tuple(ticket for ticket in self._state.tickets.values() if ticket.order_id == order_id)

    def save(self, ticket: Ticket) -> None:
        before = self.get(ticket.id)
        ended = before.state in {TicketState.VOID, TicketState.CHECKED_IN}
        holds(not ended or ticket.state is before.state, f"a ticket that is {before.state} stays so")
        self._state.tickets[ticket.id] = ticket
