"""Houses on real servers, for the stories of ``tests/unit/application/test_purchase.py``.

:class:`ServerHouse` stands on Postgres and Valkey, with the fake provider of money and messages.
:class:`SandboxHouse` has the real adapters of Stripe and Twilio as well, against a running sandbox.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from adapters.postgres.catalogue import PostgresCatalogue
from adapters.postgres.engine import create_engine
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.redis_locks.connections import connect
from adapters.redis_locks.inventory import ValkeyInventory
from adapters.redis_locks.velocity import ValkeyVelocity
from adapters.redis_locks.waiting_room import ValkeyWaitingRoom
from adapters.security.ids import SystemIds
from domain.money import Money
from domain.orders import Order
from domain.ports.world import Ids
from tests.contract.message_providers import SandboxCarrier
from tests.contract.payment_providers import SandboxProvider
from tests.contract.sandboxes import Sandbox
from tests.fakes.world import FakeClock
from tests.unit.application.house import ADA, House

CONNECTIONS_MAX = 8
CAPTURES = "requests?method=POST&path=/v1/payment_intents&limit=1000"
CARD_THAT_CLOSES = "4000000000005126"
SESSIONS = "sessions?limit=1000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the truth is, and where the speed is."""

    engine: Engine
    valkey: Any


@contextmanager
def servers_at(*, database_url: str, redis_url: str) -> Iterator[Servers]:
    """Connections to an empty, migrated Postgres and an empty Valkey."""
    with ExitStack() as after:
        engine = create_engine(database_url, application_name="tests", pool_size=CONNECTIONS_MAX)
        after.callback(engine.dispose)
        valkey = connect(redis_url)
        after.callback(valkey.close)
        yield Servers(engine=engine, valkey=valkey)


@dataclass(kw_only=True)
class ServerHouse(House):
    """Time begins now, because Valkey's own clock decides what lapses, and both are moved together."""

    servers: Servers
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime.now(UTC)))
    ids: Ids = field(default_factory=SystemIds)
    shift_ms: int = 0

    def furnish(self) -> None:
        seat_maps = SeatMapCache()
        self.uow = lambda: PostgresUnitOfWork(self.servers.engine, seat_maps=seat_maps)
        self.catalogue = PostgresCatalogue(self.servers.engine, seat_maps=seat_maps)
        self.set_clocks()

    def set_clocks(self) -> None:
        """Ports on Valkey believe what its clock says, and the shift."""
        self.inventory = ValkeyInventory(self.servers.valkey, shift_ms=self.shift_ms)
        self.velocity = ValkeyVelocity(self.servers.valkey, shift_ms=self.shift_ms)
        self.waiting_room = ValkeyWaitingRoom(self.servers.valkey, shift_ms=self.shift_ms)

    def advance(self, *, seconds: float) -> None:
        super().advance(seconds=seconds)
        self.shift_ms += round(seconds * 1_000)
        self.set_clocks()
        self.wire()

    def keep_up(self) -> None:
        """On a busy machine the servers' clocks run on by seconds while this house's stands still."""
        self.clock.set(max(self.clock.now(), datetime.now(UTC) + timedelta(milliseconds=self.shift_ms)))

    def lose_stock(self) -> None:
        self.servers.valkey.flushall()


@dataclass(kw_only=True)
class SandboxHouse(ServerHouse):
    """Buyers post the sandbox's forms; banks and networks are played by its control API."""

    sandbox: Sandbox

    def furnish(self) -> None:
        super().furnish()
        self.money = SandboxProvider(self.sandbox)
        self.messages = SandboxCarrier(self.sandbox)
        self.providers = (self.money.gateway, self.messages.sender)

    def advance(self, *, seconds: float) -> None:
        super().advance(seconds=seconds)
        self.sandbox.advance(seconds)

    def pay_page(self, session_id: str) -> None:
        self.money.pay(session_id)

    def pay_riskily(self, order: Order) -> None:
        self.money.pay_risky(self.session(order))

    def decline(self, order: Order) -> None:
        self.money.decline(self.session(order))

    @contextmanager
    def replies_lost(self, method: str) -> Iterator[None]:
        with self.money.replies_lost(method):
            yield

    @contextmanager
    def broken(self, method: str) -> Iterator[None]:
        with self.money.broken(method):
            yield

    def let_refunds_wait(self) -> None:
        self.money.next_refunds_are_pending()

    def let_refund_succeed(self, provider_id: str) -> None:
        self.money.settle_refund(provider_id)

    def let_refund_fail(self, provider_id: str) -> None:
        self.money.settle_refund(provider_id)

    def pay_with_card_that_closes(self, order: Order) -> None:
        self.money.pay_with(self.session(order), CARD_THAT_CLOSES)

    def dispute(self, order: Order, *, inquiry: bool = False) -> str:
        return self.money.dispute(self.intent(order), inquiry=inquiry)

    def decide_dispute(self, dispute_id: str, *, won: bool) -> None:
        self.money.decide(dispute_id, won=won)

    def warn(self, order: Order) -> str:
        return self.money.warn(self.intent(order))

    def dispute_notice(self, dispute_id: str) -> tuple[bytes, str]:
        return self.money.notice_about(dispute_id)

    def warning_notice(self, warning_id: str) -> tuple[bytes, str]:
        return self.money.notice_about(warning_id)

    def payment_notice(self, session_id: str) -> tuple[bytes, str]:
        return self.money.payment_notice(session_id)

    def refund_notice(self, provider_id: str) -> tuple[bytes, str]:
        return self.money.refund_notice(provider_id)

    def pages(self) -> int:
        return len(self.sandbox.control("GET", SESSIONS)["data"])

    def captures(self) -> int:
        seen = self.sandbox.control("GET", CAPTURES)["data"]
        return sum(request["path"].endswith("/capture") for request in seen)

    def given_back(self, order: Order) -> Money:
        refunds = self.sandbox.control("GET", "refunds?limit=1000")["data"]
        own = (refund["amount"] for refund in refunds if refund["payment_intent"] == self.intent(order))
        return Money(sum(own), order.total.currency)

    def texts(self, phone: str | None = ADA.phone) -> list[str]:
        return self.messages.bodies_sent_to(phone) if phone else []
