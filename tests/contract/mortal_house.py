"""A house whose process can die: after any commit and after any call to the payment provider, before anybody hears.

Dying *before* a step is the same as dying after the one before it, so every moment between two steps is covered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from inspect import currentframe
from pathlib import Path
from time import sleep
from traceback import walk_stack
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from stripe import RequestsClient, StripeClient

from adapters.postgres.books import PostgresBooks
from adapters.stripe.budget import Pacer, pace_of
from adapters.stripe.payment_gateway import StripeGateway
from application.commands.reconcile_sales import reconcile_sale
from application.commands.send_refund import PENDING_CHECK_SECONDS, check_refunds
from domain.events import EventId
from domain.orders import Order, OrderState, StockState
from domain.payments import PaymentState
from domain.ports.outbox import LEASE_SECONDS
from domain.ports.payments import PaymentGateway
from domain.ports.unit_of_work import UnitOfWork
from domain.refunds import RefundState
from domain.tickets import TicketState
from tests.contract.purchase_houses import SandboxHouse
from tests.contract.sandboxes import STRIPE_KEY, WEBHOOK_SECRET

R = TypeVar("R")

RESTART_ROUNDS = 2
RESTART_SECONDS = max(LEASE_SECONDS, PENDING_CHECK_SECONDS) + 1
PROVIDER_CALLS = frozenset({"open_checkout", "close_checkout", "look_up", "capture", "void", "refund", "find_refund"})


class Killed(BaseException):
    """The process is gone: nothing catches this, nothing is tidied up, transactions that were open roll back."""


@dataclass(slots=True)
class Mortality:
    """Counts the steps of a life, and ends it after the one that is ``doomed``, once.

    A step is called after who took it, and numbered from its second time: ``settle_payment._apply``, ``capture``,
    ``drain_outbox._account 2``.
    """

    doomed: str | None = None
    steps: list[str] = field(default_factory=list)
    died: bool = False
    _seen: Counter[str] = field(default_factory=Counter)

    def comes_after(self, step: str | None) -> None:
        """Whatever was done before does not count."""
        self.doomed = step
        self.steps.clear()
        self._seen.clear()

    def step(self, name: str, act: Callable[[], R]) -> R:
        answer = act()
        self._seen[name] += 1
        number = self._seen[name]
        called = name if number == 1 else f"{name} {number}"
        self.steps.append(called)
        if called == self.doomed and not self.died:
            self.died = True
            raise Killed(called)
        return answer


class MortalUnitOfWork:
    """A unit of work whose commit is a step."""

    def __init__(self, mortal: UnitOfWork, mortality: Mortality) -> None:
        self._mortal = mortal
        self._mortality = mortality

    def __enter__(self) -> Self:
        self._mortal.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._mortal.__exit__(kind, error, trace)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mortal, name)

    def commit(self) -> None:
        self._mortality.step(_committer(), self._mortal.commit)


class MortalGateway:
    """A provider every call to which is a step: it answers, and who asked may be gone."""

    def __init__(self, gateway: PaymentGateway, mortality: Mortality) -> None:
        self._gateway = gateway
        self._mortality = mortality

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._gateway, name)
        if name not in PROVIDER_CALLS:
            return method
        return lambda **asked: self._mortality.step(name, lambda: method(**asked))


def _committer() -> str:
    """The use case's function that is committing."""
    for frame, _ in walk_stack(currentframe()):
        file = Path(frame.f_code.co_filename)
        if file.parent.name == "commands":
            return f"{file.stem}.{frame.f_code.co_name}"
    return "the house itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a life ended, for its buyer, for the house and at the provider. Money is in minor units."""

    order: OrderState
    stock: StockState
    payments: tuple[PaymentState, ...]
    tickets: tuple[TicketState, ...] = ()
    refunds: tuple[RefundState, ...] = ()
    taken: int = 0
    returned: int = 0
    set_aside: int = 0
    open_pages: int = 0


@dataclass(kw_only=True)
class MortalHouse(SandboxHouse):
    mortality: Mortality = field(default_factory=Mortality)
    provider_slow_seconds: float = 0.0

    def furnish(self) -> None:
        super().furnish()
        living = self.uow
        self.uow = lambda: cast("UnitOfWork", MortalUnitOfWork(living(), self.mortality))
        gateway, sender = self.providers
        self.providers = (cast("PaymentGateway", MortalGateway(gateway, self.mortality)), sender)

    def silence_provider(self) -> None:
        """Its API answers nobody. Its own pages still work."""
        self.sandbox.control("POST", "faults", {"target": "stripe", "kind": "503", "path": "/v1/*", "times": None})

    def provider_speaks(self) -> None:
        self.sandbox.control("DELETE", "faults")

    def lose_patience(self, *, read_seconds: float) -> None:
        """Wait for the provider's answers no longer than that. It needs twice as long, in real time, for a slow one."""
        self.provider_slow_seconds = 2 * read_seconds
        client = StripeClient(
            STRIPE_KEY, base_addresses={"api": self.sandbox.url}, max_network_retries=0,
            http_client=RequestsClient(timeout=(1.0, read_seconds)),
        )  # fmt: skip
        pacer = Pacer(pace=pace_of(per_second=1_000))
        gateway = StripeGateway(client=client, pacer=pacer, webhook_secret=WEBHOOK_SECRET)
        self.providers = (cast("PaymentGateway", MortalGateway(gateway, self.mortality)), self.providers[1])
        self.wire()

    def work(self) -> None:
        """What the pacemaker does by itself, once."""
        self.drain()
        self.check_payments()
        self.expire_due()
        check_refunds(**self.step)
        self.decide_reviews()
        self.drain()

    def restart(self) -> None:
        """A new process: leases of the old one lapse, and everything that happens by itself happens."""
        sleep(self.provider_slow_seconds)
        for _ in range(RESTART_ROUNDS):
            self.advance(seconds=RESTART_SECONDS)
            with suppress(Killed):  # One may die while it repairs what another one left: the next round is a third.
                self.work()

    def end(self, order: Order) -> End:
        with self.uow() as uow:
            order = uow.orders.get(order.id)
            payments = uow.payments.of_order(order.id)
            tickets = uow.tickets.of_order(order.id)
            refunds = uow.refunds.of_order(order.id)
        intents = [one for one in self._listed("payment_intents") if one["metadata"].get("order_id") == str(order.id)]
        ids = {one["id"] for one in intents}
        returned = [one for one in self._listed("refunds") if one["payment_intent"] in ids]
        pages = [one for one in self._listed("sessions") if one["metadata"].get("order_id") == str(order.id)]
        return End(
            order=order.state,
            stock=order.stock,
            payments=tuple(payment.state for payment in payments),
            tickets=tuple(ticket.state for ticket in tickets),
            refunds=tuple(refund.state for refund in refunds),
            taken=sum(one["amount_received"] for one in intents),
            returned=sum(one["amount"] for one in returned if one["status"] == "succeeded"),
            set_aside=sum(one["amount_capturable"] for one in intents),
            open_pages=sum(one["status"] == "open" for one in pages),
        )

    def wrongs(self, *other_events: EventId) -> list[str]:
        """What `tessera verify` would name, what the outbox could not bring about, and what was said twice."""
        books = [wrong for check in PostgresBooks(self.servers.engine).check() for wrong in check.differences]
        sales = [
            reconcile_sale(
                event_id, repair=False, catalogue=self.catalogue, inventory=self.inventory, unit_of_work=self.uow,
                clock=self.clock, ids=self.ids,
            )
            for event_id in (self.event_id, *other_events)
        ]  # fmt: skip
        stock = [str(difference) for reconciled in sales for difference in reconciled.differences]
        with self.uow() as uow:
            parked = [f"parked: {row.key}: {row.last_error}" for row in uow.outbox.parked(at_most=10)]
            waiting = uow.outbox.waiting()
        left = [f"{waiting} effects wait"] if waiting else []
        twice = [f"said {times} times: {text}" for text, times in Counter(self.texts()).items() if times > 1]
        return [*books, *stock, *parked, *left, *twice]

    def _listed(self, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sandbox.control("GET", f"{what}?limit=1000")["data"]
        return found
