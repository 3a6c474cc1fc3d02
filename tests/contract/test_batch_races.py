"""A batch of refunds beside everybody else who wants the same tickets, on a real Postgres."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event

from application.commands.prepare_batch import PrepareBatch, prepare_batch, submit_batch
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.run_batches import ORDERS_PER_TRANSACTION, run_batches
from domain.errors import Rejection
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_batches import BatchId, BatchOrderState, BatchPurpose, BatchState, RefundBatch, Selection
from domain.refund_policies import RefundReason
from domain.tickets import Ticket, TicketState
from tests.contract.at_once import together
from tests.contract.stores import NOW, Wish, bought, opened, order_of, payment_of, postgres_store, tickets_of
from tests.fakes.sales import general_sale
from tests.fakes.world import FakeClock, FakeIds, FakeWakeup
from tests.unit.application.batches import ALONE

ORDERS = 24
CONNECTIONS = 8


@dataclass
class Stage:
    """Paid orders of one ticket each, and a batch of all of them that is about to run."""

    store: UnitOfWorkFactory
    orders: list[Order]
    step: dict[str, Any]

    def batch(self) -> RefundBatch:
        """Prepared, counted and let loose; nobody has worked on it yet."""
        return self.let_loose(self.previewed())

    def previewed(self) -> RefundBatch:
        command = PrepareBatch(
            batch_id=BatchId(uuid4()),
            purpose=BatchPurpose.EVENT_CANCELLED,
            reason=RefundReason.EVENT_CANCELLED,
            selection=Selection(event_ids=(self.orders[0].event_id,)),
            note="The roof leaks.",
            tell_buyers=False,
            actor="fin@house.example",
        )
        batch = prepare_batch(command, **self.step)
        assert isinstance(batch, RefundBatch), batch
        while self.state_of(batch) is BatchState.DRAFT:
            self.work()
        return batch

    def let_loose(self, batch: RefundBatch) -> RefundBatch:
        submitted = submit_batch(batch.id, actor="fin@house.example", rule=ALONE, **self.step)
        assert isinstance(submitted, RefundBatch), submitted
        return submitted

    def work(self) -> int:
        return run_batches(in_flight_max=10 * ORDERS, wakeup=FakeWakeup(), **self.step)

    def work_until_quiet(self) -> None:
        while self.work():
            pass

    def state_of(self, batch: RefundBatch) -> BatchState:
        with self.store() as uow:
            return uow.refund_batches.get(batch.id).state

    def tickets(self) -> list[Ticket]:
        with self.store() as uow:
            return [ticket for order in self.orders for ticket in uow.tickets.of_order(order.id)]

    def refunds(self, order: Order) -> int:
        with self.store() as uow:
            return len(uow.refunds.of_order(order.id))

    def rows(self, batch: RefundBatch) -> list[BatchOrderState]:
        with self.store() as uow:
            return [uow.refund_batches.order(batch.id, order.id).state for order in self.orders]


@pytest.fixture
def stage(database_url: str) -> Iterator[Stage]:
    with postgres_store(database_url, connections=CONNECTIONS) as store:
        sale = general_sale()
        opened(store, sale)
        orders = [
            bought(
                store,
                order_of(
                    sale,
                    Wish(tier="general", quantity=1),
                    who=f"buyer{place}",
                    placed_at=NOW + timedelta(seconds=place),
                ),
            )
            for place in range(ORDERS)
        ]
        with store() as uow:
            for order in orders:
                uow.payments.add(payment_of(order))
                uow.tickets.add(tickets_of(order))
            uow.commit()
        step = {"unit_of_work": store, "clock": FakeClock(), "ids": FakeIds()}
        yield Stage(store=store, orders=orders, step=step)


def test_two_workers_share_a_batch_without_meeting(stage: Stage) -> None:
    """Every order once, whoever takes it."""
    batch = stage.batch()

    together(stage.work_until_quiet, stage.work_until_quiet, stage.work_until_quiet)

    assert [stage.refunds(order) for order in stage.orders] == [1] * ORDERS
    assert set(stage.rows(batch)) == {BatchOrderState.REQUESTED}


def test_orders_are_locked_before_what_belongs_to_them(stage: Stage) -> None:
    """No batch waits for an order while it has places in hand that the order's holder may want: nobody deadlocks."""
    batch = stage.batch()
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        stage.work_until_quiet()
    finally:
        event.remove(Engine, "before_cursor_execute", note)

    assert set(stage.rows(batch)) == {BatchOrderState.REQUESTED}
    steps = [kind for statement in sent if (kind := _kind(statement))]
    turns = ["".join(turn) for began, turn in groupby(steps, key="b".__ne__) if began]
    assert len(turns) == ORDERS // ORDERS_PER_TRANSACTION
    for turn in turns:
        assert turn.count("o") == turn.count("p") == ORDERS_PER_TRANSACTION
        assert turn.rindex("o") < turn.index("p")


def _kind(statement: str) -> str:
    """``b`` for the batch that is worked on, ``o`` for a lock on an order, ``p`` for one on a payment."""
    words = " ".join(statement.split())
    if "FROM refund_batches WHERE" in words and words.endswith("FOR SHARE"):
        return "b"
    if not words.endswith("FOR NO KEY UPDATE"):
        return ""
    return "o" if "FROM orders WHERE" in words else "p" if "FROM payments WHERE" in words else ""


def test_two_batches_of_the_same_orders(stage: Stage) -> None:
    """Each order is in the one or in the other, and skipped in the one that came second."""
    first, second = stage.previewed(), stage.previewed()
    stage.let_loose(first)
    stage.let_loose(second)

    together(stage.work_until_quiet, stage.work_until_quiet)

    assert [stage.refunds(order) for order in stage.orders] == [1] * ORDERS
    pairs = list(zip(stage.rows(first), stage.rows(second), strict=True))
    assert {frozenset(pair) for pair in pairs} == {frozenset({BatchOrderState.REQUESTED, BatchOrderState.SKIPPED})}


def test_buyers_who_ask_at_the_same_moment(stage: Stage) -> None:
    """One refund of every ticket; whoever came second hears that there is nothing left."""
    batch = stage.batch()

    def ask() -> list[object]:
        return [
            request_refund(
                RequestRefund(order_id=order.id, tickets=None, reason=RefundReason.EVENT_CANCELLED, actor="buyer"),
                wakeup=FakeWakeup(), **stage.step,
            )
            for order in reversed(stage.orders)
        ]  # fmt: skip

    _, answers = together(stage.work_until_quiet, ask)
    stage.work_until_quiet()

    assert isinstance(answers, list)
    refused = sum(isinstance(answer, Rejection) for answer in answers)
    assert [stage.refunds(order) for order in stage.orders] == [1] * ORDERS
    assert stage.rows(batch).count(BatchOrderState.REQUESTED) == refused
    assert stage.rows(batch).count(BatchOrderState.SKIPPED) == ORDERS - refused


def test_guests_who_are_let_in_at_the_same_moment(stage: Stage) -> None:
    """A ticket is used or refunded, never both."""
    batch = stage.batch()

    def let_in() -> int:
        entered = 0
        for order in reversed(stage.orders):
            with stage.store() as uow:
                (ticket,) = uow.tickets.of_order(order.id, lock=True)
                used = ticket.check_in(now=NOW)
                if isinstance(used, Ticket):
                    uow.tickets.save(used)
                    uow.commit()
                    entered += 1
        return entered

    _, entered = together(stage.work_until_quiet, let_in)
    stage.work_until_quiet()

    states = [ticket.state for ticket in stage.tickets()]
    assert states.count(TicketState.CHECKED_IN) == entered
    assert states.count(TicketState.VOID) == ORDERS - states.count(TicketState.CHECKED_IN)
    assert [stage.refunds(order) for order in stage.orders] == [state is TicketState.VOID for state in states]
    assert stage.rows(batch).count(BatchOrderState.SKIPPED) == entered
