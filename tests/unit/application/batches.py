"""Batches of refunds in a house: what people press and what workers do, in a test's words."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import uuid4

from application.commands.prepare_batch import (
    Decision,
    PrepareBatch,
    SteerBatch,
    prepare_batch,
    retry_batch,
    steer_batch,
    submit_batch,
)
from application.commands.run_batches import run_batches
from application.commands.tell_buyers import tell_buyers
from domain.errors import Rejection
from domain.orders import Order, OrderId
from domain.refund_batches import ApprovalRule, BatchId, BatchOrder, BatchPurpose, BatchState, RefundBatch, Selection
from domain.refund_policies import RefundReason
from domain.refunds import Refund
from tests.unit.application.house import House

FINANCE, BOSS = "fin@house.example", "boss@house.example"
ALONE = ApprovalRule(orders_max=1_000, units_max=1_000_000)
"""One person may do anything."""


@dataclass
class Batches:
    """``house`` is where it happens."""

    house: House

    def __post_init__(self) -> None:
        house = self.house
        self.step: dict[str, Any] = {"unit_of_work": house.uow, "clock": house.clock, "ids": house.ids}
        self.run = partial(run_batches, wakeup=house.wakeup, **self.step)
        self.tell = partial(tell_buyers, access=house.access, wakeup=house.wakeup, **self.step)

    def prepare(self, selection: Selection | None = None, **changes: Any) -> RefundBatch | Rejection:
        """The event is cancelled, unless ``changes`` say otherwise."""
        command = PrepareBatch(
            batch_id=BatchId(uuid4()),
            purpose=BatchPurpose.EVENT_CANCELLED,
            reason=RefundReason.EVENT_CANCELLED,
            selection=selection or Selection(event_ids=(self.house.event_id,)),
            note="The roof leaks.",
            tell_buyers=True,
            actor=FINANCE,
        )
        return prepare_batch(replace(command, **changes), **self.step)

    def previewed(self, selection: Selection | None = None, **changes: Any) -> RefundBatch:
        """Prepared, and every order asked."""
        prepared = self.prepare(selection, **changes)
        assert isinstance(prepared, RefundBatch), prepared
        while self.batch(prepared.id).state is BatchState.DRAFT:
            self.run()
        return self.batch(prepared.id)

    def running(self, selection: Selection | None = None, **changes: Any) -> RefundBatch:
        """Previewed and under way."""
        submitted = self.submit(self.previewed(selection, **changes).id)
        assert isinstance(submitted, RefundBatch), submitted
        return submitted

    def submit(self, batch_id: BatchId, rule: ApprovalRule = ALONE) -> RefundBatch | Rejection:
        return submit_batch(batch_id, actor=FINANCE, rule=rule, **self.step)

    def steer(self, batch_id: BatchId, decision: Decision, *, actor: str = BOSS) -> RefundBatch | Rejection:
        command = SteerBatch(batch_id=batch_id, decision=decision, actor=actor, note="because")
        return steer_batch(command, **self.step)

    def retry(self, batch_id: BatchId, order_id: OrderId | None = None) -> int | Rejection:
        return retry_batch(batch_id, order_id=order_id, actor=FINANCE, **self.step)

    def complete(self, batch_id: BatchId) -> RefundBatch:
        """Workers do what there is to do until it is over."""
        for _ in range(1_000):
            self.run()
            self.house.drain()
            self.tell()
            self.house.drain()
            if self.batch(batch_id).state is BatchState.FINISHED:
                return self.batch(batch_id)
        raise AssertionError("the batch does not end")

    def batch(self, batch_id: BatchId) -> RefundBatch:
        with self.house.uow() as uow:
            return uow.refund_batches.get(batch_id)

    def row(self, batch: RefundBatch, order: Order) -> BatchOrder:
        with self.house.uow() as uow:
            return uow.refund_batches.order(batch.id, order.id)

    def refunds(self, order: Order) -> tuple[Refund, ...]:
        with self.house.uow() as uow:
            return uow.refunds.of_order(order.id)
