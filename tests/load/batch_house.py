"""Paid orders by the hundred on real servers, and worker processes that refund them: for tests and benchmarks."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from adapters.postgres.engine import Engine, create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.security.clock import SystemClock
from adapters.security.ids import SystemIds
from adapters.stripe import payment_gateway
from application.commands.prepare_batch import PrepareBatch, prepare_batch, submit_batch
from domain.events import Sale
from domain.orders import Order, OrderId
from domain.ports.payments import CheckoutItem, CheckoutRequest
from domain.ports.unit_of_work import UnitOfWork
from domain.refund_batches import ApprovalRule, BatchId, BatchPurpose, RefundBatch, Selection
from domain.refund_policies import RefundReason
from tests.contract.sandboxes import ACCOUNT_SID, AUTH_TOKEN, STRIPE_KEY, WEBHOOK_SECRET
from tests.contract.stores import Wish, bought, opened, order_of, payment_of, tickets_of
from tests.fakes.sales import general_sale

CARD = {"card_number": "4242424242424242", "exp_month": "12", "exp_year": "2049", "cvc": "123", "email": "a@b.example"}
TESSERA = (sys.executable, "-P", "-m", "entrypoints.cli")
STOP_SECONDS_MAX = 20
ALONE = ApprovalRule(orders_max=1_000_000, units_max=1_000_000_000)
_SECONDS_MAX = 30


def environment(*, database_url: str, redis_url: str, sandbox_url: str, data_dir: Path, **more: str) -> dict[str, str]:
    """What a process of this house is told."""
    return {
        "TESSERA_SECRET_KEY": "a secret of the tests, long enough for anybody",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_API_BASE": sandbox_url,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_API_BASE": sandbox_url,
        "TWILIO_FROM": "+15005550006",
        "DATA_DIR": str(data_dir),
        **more,
    }


@contextmanager
def process(name: str, environ: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A ``tessera`` process of its own, killed at the end if it still lives."""
    with log.open("ab") as output:
        started = subprocess.Popen([*TESSERA, name], env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait(STOP_SECONDS_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHouse:
    """One event on Postgres whose orders were paid at the sandbox."""

    engine: Engine
    seat_maps: SeatMapCache
    sandbox_url: str
    sale: Sale

    def unit_of_work(self) -> UnitOfWork:
        return PostgresUnitOfWork(self.engine, seat_maps=self.seat_maps)

    def paid(self, many: int, *, threads: int = 4) -> list[Order]:
        """So many orders of one ticket, each by a buyer of its own, with the money captured at the sandbox."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._pay, range(many)))

    def start(self) -> RefundBatch:
        """The event is called off, and somebody prepares the batch; it may go ahead once it is counted."""
        with self.unit_of_work() as uow:
            uow.events.save(uow.events.get(self.sale.event_id, lock=True).cancel())
            uow.commit()
        step: dict[str, Any] = {"unit_of_work": self.unit_of_work, "clock": SystemClock(), "ids": SystemIds()}
        command = PrepareBatch(
            batch_id=BatchId(uuid4()),
            purpose=BatchPurpose.EVENT_CANCELLED,
            reason=RefundReason.EVENT_CANCELLED,
            selection=Selection(event_ids=(self.sale.event_id,)),
            note="The roof leaks.",
            tell_buyers=True,
            actor="fin@house.example",
        )
        batch = prepare_batch(command, **step)
        assert isinstance(batch, RefundBatch), batch
        return batch

    def go_ahead(self, batch_id: BatchId) -> RefundBatch:
        answer = submit_batch(
            batch_id, actor="fin@house.example", rule=ALONE, unit_of_work=self.unit_of_work, clock=SystemClock(),
            ids=SystemIds(),
        )  # fmt: skip
        assert isinstance(answer, RefundBatch), answer
        return answer

    def batch(self, batch_id: BatchId) -> RefundBatch:
        with self.unit_of_work() as uow:
            return uow.refund_batches.get(batch_id)

    def count(self, sql: bytes) -> int:
        """A number out of Postgres."""
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(sql.decode()).scalar_one())

    def _pay(self, number: int) -> Order:
        gateway = payment_gateway.connect(
            api_key=STRIPE_KEY, webhook_secret=WEBHOOK_SECRET, api_base=self.sandbox_url, calls_per_second=1_000
        )
        placed_at = datetime.now(UTC) - timedelta(hours=1) + timedelta(milliseconds=number)
        order = order_of(
            self.sale, Wish(tier="general", quantity=1), who=f"buyer{number}", placed_at=placed_at,
            deadline_at=placed_at + timedelta(minutes=15),
        )  # fmt: skip
        line = order.lines[0]
        session = gateway.open_checkout(
            request=CheckoutRequest(
                key=f"{order.id}-1", order_id=OrderId(order.id), order_number=order.number,
                items=(CheckoutItem(name=line.tier_name, description="", unit=line.unit.total, quantity=1),),
                email=order.buyer.email, success_url="https://shop.invalid/", cancel_url="https://shop.invalid/",
                expires_at=datetime.now(UTC) + timedelta(hours=1),
            )
        )  # fmt: skip
        page = f"{self.sandbox_url}/c/pay/{session.session_id}"
        paid = requests.post(page, data=CARD, timeout=_SECONDS_MAX, allow_redirects=False)
        assert paid.status_code == 303, paid.text
        intent_id = gateway.look_up(session_id=session.session_id).intent_id
        assert intent_id is not None
        gateway.capture(intent_id=intent_id, amount=order.total, key=str(order.id))
        confirmed = bought(self.unit_of_work, order)
        with self.unit_of_work() as uow:
            uow.payments.add(payment_of(confirmed, intent_id=intent_id, session_id=session.session_id))
            uow.tickets.add(tickets_of(confirmed))
            uow.commit()
        return confirmed


@contextmanager
def batch_house(*, database_url: str, sandbox_url: str, capacity: int = 100) -> Iterator[BatchHouse]:
    """A house on an empty, migrated Postgres."""
    engine = create_engine(database_url, application_name="tests", pool_size=8)
    sale = general_sale(capacity=capacity, vip_capacity=None)
    house = BatchHouse(engine=engine, seat_maps=SeatMapCache(), sandbox_url=sandbox_url, sale=sale)
    opened(house.unit_of_work, sale)
    try:
        yield house
    finally:
        engine.dispose()
