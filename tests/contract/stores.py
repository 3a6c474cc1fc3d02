"""A store of every kind the contract suite runs on, and the nouns that tests put into it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from domain.errors import Rejection
from domain.events import Event, EventState, Sale
from domain.holds import HoldId
from domain.money import Money, zero
from domain.orders import Buyer, Order, OrderId, OrderLine, OrderLineId, OrderState, StockState
from domain.payments import Payment, PaymentId, PaymentState
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.refund_policies import STANDARD_POLICY, RefundPolicy, RefundReason
from domain.refunds import Refund, RefundedTicket, RefundId, RefundState
from domain.seat_maps import SeatIndex
from domain.stock_blocks import BlockedStock, StockBlock, StockBlockId
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import zone_pool
from domain.venues import Venue
from tests.fakes.sales import buyer, price_of, tier_of
from tests.fakes.unit_of_work import FakeStore

MEMORY = "memory"
POSTGRES = "postgres"
STORES = (MEMORY, POSTGRES)
NOW = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


@contextmanager
def store_of(kind: str, request: pytest.FixtureRequest, *, connections: int = 3) -> Iterator[UnitOfWorkFactory]:
    """A new, empty store."""
    if kind == MEMORY:
        yield FakeStore()
        return
    with postgres_store(request.getfixturevalue("database_url"), connections=connections) as factory:
        yield factory


@contextmanager
def postgres_store(database_url: str, *, connections: int = 3) -> Iterator[UnitOfWorkFactory]:
    """Units of work on this database, with a pool of their own."""
    engine = create_engine(database_url, application_name="tests", pool_size=connections)
    seat_maps = SeatMapCache()
    try:
        yield lambda: PostgresUnitOfWork(engine, seat_maps=seat_maps)
    finally:
        engine.dispose()


def venue_of(sale: Sale, **changes: str) -> Venue:
    """The venue that the sale's seat map stands in."""
    made = Venue(
        id=sale.seat_map.venue_id,
        slug=f"house-{sale.seat_map.venue_id.hex[:8]}",
        name="Small House",
        address="1 Quay Street",
        city="Porto",
        country="PT",
        timezone="Europe/Lisbon",
        description="A small house by the river.",
        accessibility="Step-free from the street.",
        taxes=sale.prices.taxes,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def event_of(sale: Sale, **changes: object) -> Event:
    """The event that the sale is of."""
    made = Event(
        id=sale.event_id,
        slug=f"night-{sale.event_id.hex[:8]}",
        name="Small House Night",
        summary="An evening.",
        description="Songs by the river.",
        category="concert",
        artwork="<svg/>",
        venue_id=sale.seat_map.venue_id,
        seat_map_id=sale.seat_map.id,
        currency=sale.currency,
        doors_at=sale.starts_at - timedelta(hours=1),
        starts_at=sale.starts_at,
        ends_at=sale.starts_at + timedelta(hours=3),
        state=EventState.PUBLISHED,
        terms=sale.terms,
        tiers=sale.tiers,
        fee=sale.prices.fee,
        promotions=sale.promotions,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def opened(store: UnitOfWorkFactory, sale: Sale, *, policy: RefundPolicy = STANDARD_POLICY, **changes: object) -> Event:
    """Store the sale's venue, map and event, as published. Map codes are made unique, so stores take several."""
    event = event_of(sale, **changes)
    with store() as uow:
        uow.venues.add(venue_of(sale))
        uow.venues.add_map(replace(sale.seat_map, code=f"M{sale.seat_map.id.hex[:10]}"))
        uow.events.add(event, policy=policy)
        uow.commit()
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an order line asks for, in a test's words."""

    tier: str
    quantity: int = 0
    seats: tuple[SeatIndex, ...] = ()


def order_of(sale: Sale, *wishes: Wish, who: str = "ada", **changes: object) -> Order:
    """An order for these places, waiting for its payment until 15 minutes from NOW."""
    lines, pools = [], dict[str, int]()
    for wish in wishes:
        tier = tier_of(sale, wish.tier)
        quantity = wish.quantity or len(wish.seats)
        for pool in tier.pools:
            pools[pool] = pools.get(pool, 0) + quantity
        for seat in wish.seats:
            zone = zone_pool(sale.seat_map.seats[seat].zone)
            pools[zone] = pools.get(zone, 0) + 1
        lines.append(
            OrderLine(
                id=OrderLineId(uuid4()),
                tier_id=tier.id,
                tier_name=tier.name,
                quantity=quantity,
                unit=price_of(sale, tier.key),
                seats=wish.seats,
            )
        )
    made = Order(
        id=OrderId(uuid4()),
        number=uuid4().hex[:8].upper(),
        event_id=sale.event_id,
        hold_id=HoldId(sale.event_id, uuid4()),
        state=OrderState.AWAITING_PAYMENT,
        stock=StockState.CLAIMED,
        buyer=Buyer(name=who.title(), email=f"{who}@example.org", phone="+351210000000"),
        fingerprint=buyer(who),
        lines=tuple(lines),
        pools=pools,
        placed_at=NOW,
        deadline_at=NOW + timedelta(minutes=15),
        refunded=zero(sale.currency),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def placed(uow: UnitOfWork, order: Order) -> Order:
    """Store an order and claim its places, as placing one does. The caller commits."""
    uow.orders.add(order, policy=STANDARD_POLICY)
    uow.stock.claim(order)
    return order


def bought(store: UnitOfWorkFactory, order: Order) -> Order:
    """Place an order, allocate its places and confirm it, all committed."""
    with store() as uow:
        placed(uow, order)
        uow.stock.allocate(order)
        confirmed = said_yes(said_yes(order.allocate()).confirm(now=NOW))
        uow.orders.save(confirmed)
        uow.commit()
    return confirmed


def said_yes(answer: Order | Rejection) -> Order:
    """The order, or a failing test."""
    assert isinstance(answer, Order), answer
    return answer


def block_of(sale: Sale, stock: BlockedStock, **changes: object) -> StockBlock:
    """House seats for the mayor, unless ``changes`` say otherwise."""
    made = StockBlock(
        id=StockBlockId(uuid4()),
        event_id=sale.event_id,
        label="House seats",
        reason="For the mayor.",
        actor="ada@house.example",
        at=NOW,
        stock=stock,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def payment_of(order: Order, **changes: object) -> Payment:
    """A first attempt that was captured, unless ``changes`` say otherwise."""
    made = Payment(
        id=PaymentId(uuid4()),
        order_id=order.id,
        attempt=1,
        state=PaymentState.CAPTURED,
        amount=order.total,
        session_id=f"cs_{uuid4().hex}",
        intent_id=f"pi_{uuid4().hex}",
        created_at=NOW,
        next_check_at=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def tickets_of(order: Order) -> tuple[Ticket, ...]:
    """One valid ticket for each unit of the order."""
    return tuple(
        Ticket(
            id=TicketId(uuid4()),
            order_id=order.id,
            line_id=line.id,
            event_id=order.event_id,
            tier_id=line.tier_id,
            tier_name=line.tier_name,
            price=line.unit,
            zone="Somewhere",
            place="Here",
            seat=line.seats[unit] if line.seats else None,
            code=uuid4().hex[:24].upper(),
            state=TicketState.VALID,
            issued_at=NOW,
        )
        for line in order.lines
        for unit in range(line.quantity)
    )


def refund_of(payment: Payment, amount: Money, *tickets: Ticket, **changes: object) -> Refund:
    """A refund that was just requested."""
    made = Refund(
        id=RefundId(uuid4()),
        order_id=payment.order_id,
        payment_id=payment.id,
        amount=amount,
        reason=RefundReason.BUYERS_WISH,
        state=RefundState.REQUESTED,
        parts=tuple(
            RefundedTicket(ticket_id=ticket.id, admission=share, fee=zero(amount.currency), tax=zero(amount.currency))
            for ticket, share in zip(tickets, amount.split((1,) * len(tickets)) if tickets else (), strict=True)
        ),
        requested_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field
