"""Our books against the provider's: on Postgres and Valkey, over the official SDK, against the sandbox.

Whatever stands at one side and not at the other is told in a sentence that names the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import stripe

from adapters.postgres.backoffice import PostgresBackoffice
from adapters.postgres.comparison import PostgresComparison
from adapters.stripe import provider_books as stripe_books
from adapters.stripe.provider_books import StripeBooks, connect_books
from application.commands.compare_with_provider import (
    PAGES_PER_ROUND,
    compare_daily,
    compare_with_provider,
    prune_entries,
)
from domain.errors import ProviderUnavailable
from domain.ledger import Account, JournalKind, balances
from domain.money import CurrencyCode, Money
from domain.orders import Order
from domain.provider_books import (
    ENTRIES_KEPT,
    GRACE,
    READING_LASTS_MAX,
    EntryKind,
    EntryPage,
    EntryState,
    ProviderEntry,
    Reading,
)
from tests.contract.purchase_houses import SandboxHouse, servers_at
from tests.contract.sandboxes import STRIPE_KEY, Sandbox, sandbox_running
from tests.fakes.sales import general, general_sale

NO_GRACE = timedelta(0)
A_WHILE_SECONDS = 3_600


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@dataclass
class Auditor:
    """Compares one house with the sandbox; ``asked`` are the pages it was asked for."""

    house: SandboxHouse
    books: StripeBooks
    database_url: str
    asked: list[tuple[EntryKind, str | None]] = field(default_factory=list)
    fails_at: int | None = None
    settles_in: CurrencyCode | None = None
    fee_minor: int = 0

    def entries(self, *, kind: EntryKind, since: datetime | None, after: str | None) -> EntryPage:
        if self.fails_at is not None and len(self.asked) >= self.fails_at:
            raise ProviderUnavailable("the line is cut")
        self.asked.append((kind, after))
        page = self.books.entries(kind=kind, since=since, after=after)
        if self.settles_in is None or kind is not EntryKind.DISPUTE:
            return page
        taken, fee = Money(8_642, self.settles_in), Money(self.fee_minor, self.settles_in)
        return replace(page, entries=tuple(replace(entry, withdrawn=taken, fee=fee) for entry in page.entries))

    @property
    def ports(self) -> dict[str, Any]:
        return {
            "unit_of_work": self.house.uow, "provider_books": self, "clock": self.house.clock, "ids": self.house.ids,
            "comparison": PostgresComparison(self.house.servers.engine),
        }  # fmt: skip

    def compare(self, *, since: datetime | None = None) -> Reading:
        """Everything, right now."""
        self.house.keep_up()
        self.house.advance(seconds=2)
        return compare_with_provider(since=since, grace=NO_GRACE, **self.ports)

    def pruned(self) -> int:
        return prune_entries(unit_of_work=self.house.uow, clock=self.house.clock)

    def differences(self) -> list[str]:
        return [told for result in self.compare().results for told in result.differences]

    def at_rest(self) -> list[str]:
        now = self.house.clock.now()
        results = PostgresComparison(self.house.servers.engine).at_rest(until=now)
        return [told for result in results for told in result.differences]

    def by_hand(self, *statements: str) -> None:
        """Damage that no constraint would let through."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())

    def stripe(self) -> stripe.StripeClient:
        """Somebody in the provider's dashboard."""
        return stripe.StripeClient(STRIPE_KEY, base_addresses={"api": self.house.sandbox.url})


@pytest.fixture
def auditor(database_url: str, redis_url: str, sandbox: Sandbox) -> Iterator[Auditor]:
    sandbox.control("POST", "reset")
    books = connect_books(api_key=STRIPE_KEY, api_base=sandbox.url, calls_per_second=1_000)
    with servers_at(database_url=database_url, redis_url=redis_url) as servers:
        house = SandboxHouse(sale=general_sale(capacity=50), servers=servers, sandbox=sandbox)
        yield Auditor(house=house, books=books, database_url=database_url)


@pytest.fixture
def order(auditor: Auditor) -> Order:
    """Two tickets of 49.50 each, paid for."""
    return auditor.house.buy(general(auditor.house.sale, 2))


def charge_of(auditor: Auditor, order: Order) -> Any:
    (found,) = auditor.stripe().v1.charges.list({"payment_intent": auditor.house.intent(order)}).data
    return found


def test_an_honest_house_agrees_with_its_provider(auditor: Auditor, order: Order) -> None:
    """Sold, partly refunded, one refund on its way, one abandoned: nothing differs, and all of it was compared."""
    house = auditor.house
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()
    house.let_refunds_wait()
    slow = house.buy(general(house.sale, 1))
    house.refund(slow.id, house.tickets(slow.id)[0].id)
    house.place_order(general(house.sale, 1))
    house.drain()

    reading = auditor.compare()

    assert [told for result in reading.results for told in result.differences] == []
    assert reading.entries == 4
    assert sum(result.compared for result in reading.results) >= 8
    assert auditor.at_rest() == []


def test_the_providers_fees_are_learnt_once(auditor: Auditor, order: Order) -> None:
    """What it kept for the charge is in the ledger, however often it is read: then what it holds is what it says."""
    for _ in range(2):
        auditor.compare()

    with auditor.house.uow() as uow:
        journals = uow.ledger.of_order(order.id)
    told = sum(one.net for one in auditor.stripe().v1.balance_transactions.list().auto_paging_iter())
    assert [one.kind for one in journals].count(JournalKind.PROVIDER_FEE) == 1
    assert balances(journals)[Account.PROVIDER] == told


def test_a_charge_that_we_do_not_know(auditor: Auditor, order: Order) -> None:
    """An order and its payment that were lost here are told by the number that the charge carries."""
    charge = charge_of(auditor, order).id
    auditor.by_hand("DELETE FROM payments", "DELETE FROM journals", "DELETE FROM postings")

    (told,) = auditor.differences()

    assert told == f"charge {charge} took 99.00 USD for order {order.number}, which knows no such payment"


def test_a_capture_that_the_provider_does_not_know(auditor: Auditor, order: Order) -> None:
    """What we believe to have is not there: a reset sandbox, another account, or worse."""
    auditor.house.sandbox.control("POST", "reset")

    (told,) = auditor.differences()

    assert told.startswith(f"order {order.number}: we say that 99.00 USD were captured (pi_")


def test_amounts_that_differ(auditor: Auditor, order: Order) -> None:
    """Both are told."""
    auditor.by_hand("UPDATE payments SET amount_minor = 9800, taken_minor = 9800")

    told = auditor.differences()

    assert told[0].startswith(f"order {order.number}: the provider captured 99.00 USD (ch_")
    assert told[0].endswith("our payment is captured with 98.00 USD")


def test_a_refund_that_somebody_made_in_the_dashboard(auditor: Auditor, order: Order) -> None:
    """Money that went back without us is told with its amount."""
    auditor.stripe().v1.refunds.create({"payment_intent": auditor.house.intent(order), "amount": 1_234})

    (told,) = auditor.differences()

    assert told.startswith(f"order {order.number}: the provider gave back 12.34 USD (re_")


def test_a_refund_that_the_provider_does_not_have(auditor: Auditor, order: Order) -> None:
    """Or has in another state."""
    house = auditor.house
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()
    auditor.by_hand("UPDATE refunds SET provider_id = 're_nowhere'")

    told = auditor.differences()

    assert (
        f"order {order.number}: our refund of 45.00 USD is succeeded (re_nowhere), the provider does not know it"
        in told
    )


def test_a_dispute_that_the_ledger_does_not_have(auditor: Auditor, order: Order) -> None:
    """Its money and its fee are told."""
    dispute = auditor.house.sandbox.control("POST", f"charges/{charge_of(auditor, order).id}/dispute", {})

    (told,) = auditor.differences()

    assert told == (
        f"order {order.number}: dispute {dispute['id']} (open) took 114.00 USD with its fee, the ledger says 0.00 USD"
    )


@pytest.mark.parametrize(("fee_minor", "told"), [(0, 0), (1_400, 1)])
def test_a_dispute_that_settles_in_another_currency(auditor: Auditor, order: Order, fee_minor: int, told: int) -> None:
    """What was taken at that day's rate is not held against what was disputed; a fee that is not booked is told."""
    house = auditor.house
    dispute_id = house.dispute(order)
    house.follow_dispute(dispute_id)
    auditor.settles_in, auditor.fee_minor = CurrencyCode("EUR"), fee_minor

    sentence = f"dispute {dispute_id} (open) took 14.00 EUR as its fee, the ledger says 0.00 EUR"
    assert auditor.differences() == [f"order {order.number}: {sentence}"] * told


def test_an_authorisation_that_nobody_ended(auditor: Auditor) -> None:
    """L2: money that is kept aside for an order that has expired without us noticing."""
    house = auditor.house
    order = house.place_order(general(house.sale, 1))
    house.pay(order)
    auditor.by_hand(
        "UPDATE payments SET state = 'expired', intent_id = NULL",
        "UPDATE orders SET state = 'expired', stock = 'released', ended_at = placed_at",
    )

    (told,) = auditor.differences()

    assert told.endswith(f"order {order.number} is expired")
    assert "keeps 49.50 USD aside since" in told


def test_money_that_became_neither_tickets_nor_a_refund(auditor: Auditor, order: Order) -> None:
    """L3, from our own books alone."""
    auditor.by_hand("DELETE FROM postings USING journals WHERE journals.id = journal_id AND kind = 'order_confirmed'")
    auditor.house.advance(seconds=A_WHILE_SECONDS)

    assert auditor.at_rest() == [f"order {order.number}: 99.00 USD of its buyer are still here (buyers)"]


def test_effects_that_wait_for_a_person(auditor: Auditor, order: Order) -> None:
    """L4: a parked effect is told with why; one that is young may wait."""
    house = auditor.house
    house.place_order(general(house.sale, 1))
    auditor.by_hand(
        "UPDATE outbox SET done_at = NULL, parked_at = now(), last_error = 'no such number' WHERE effect = 'send_sms'"
    )

    (told,) = auditor.at_rest()

    assert told.startswith("send_sms (send_sms:")
    assert told.endswith("is parked: no such number")


def test_a_window_leaves_out_what_is_older(auditor: Auditor, order: Order) -> None:
    """``--since``: yesterday's difference is not told by a comparison of today."""
    auditor.stripe().v1.refunds.create({"payment_intent": auditor.house.intent(order), "amount": 100})
    auditor.house.advance(seconds=3 * 86_400)

    reading = auditor.compare(since=auditor.house.clock.now() - timedelta(days=1))

    assert (reading.entries, reading.differences) == (0, 0)


def test_a_comparison_that_was_interrupted_goes_on(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five charges in pages of two: the line is cut after the second page, and the next try asks for the third."""
    monkeypatch.setattr(stripe_books, "ENTRIES_PER_PAGE", 2)
    for _ in range(5):
        auditor.house.buy(general(auditor.house.sale, 1))
    auditor.fails_at = 2
    with pytest.raises(ProviderUnavailable):
        auditor.compare()
    auditor.fails_at = None

    reading = auditor.compare()

    assert [kind for kind, _ in auditor.asked].count(EntryKind.CHARGE) == 3
    assert reading.entries == 5
    assert reading.differences == 0


def test_what_was_forgotten_is_read_again(auditor: Auditor, order: Order) -> None:
    """The copy of a quiet month is pruned; a comparison of everything misses nothing and tells no fee twice."""
    auditor.compare()
    entries_kept_seconds = ENTRIES_KEPT.total_seconds()
    auditor.house.advance(seconds=entries_kept_seconds - A_WHILE_SECONDS)
    assert auditor.pruned() == 0
    auditor.house.advance(seconds=2 * A_WHILE_SECONDS)
    assert auditor.pruned() == 1

    reading = auditor.compare()

    assert (reading.entries, reading.differences) == (1, 0)
    with auditor.house.uow() as uow:
        told = [journal.kind for journal in uow.ledger.of_order(order.id)]
    assert told.count(JournalKind.PROVIDER_FEE) == 1


def test_a_reading_that_was_left_alone_for_long_begins_anew(auditor: Auditor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it was read and forgotten since: going on would miss charges that are there."""
    monkeypatch.setattr(stripe_books, "ENTRIES_PER_PAGE", 1)
    house = auditor.house
    for _ in range(2):
        house.buy(general(house.sale, 1))
    house.advance(seconds=A_WHILE_SECONDS)
    auditor.fails_at = 1
    with pytest.raises(ProviderUnavailable):
        compare_daily(**auditor.ports)
    auditor.fails_at = None
    house.advance(seconds=ENTRIES_KEPT.total_seconds() + 1)
    assert auditor.pruned() == 1

    assert compare_daily(**auditor.ports) == 4

    with house.uow() as uow:
        last = uow.readings.latest(finished=True)
    assert last is not None
    assert (last.entries, last.differences) == (2, 0)
    assert ENTRIES_KEPT > READING_LASTS_MAX


def test_every_day_the_last_weeks_are_compared(auditor: Auditor, order: Order) -> None:
    """A few pages a round, once a day, by one worker at a time; what differs is in the audit trail."""
    house = auditor.house
    auditor.stripe().v1.refunds.create({"payment_intent": house.intent(order), "amount": 100})
    house.advance(seconds=A_WHILE_SECONDS)

    rounds = [compare_daily(**auditor.ports) for _ in range(3)]
    house.advance(seconds=86_400)
    again = compare_daily(**auditor.ports)

    with house.uow() as uow:
        last = uow.readings.latest(finished=True)
    assert rounds == [3, 0, 0]
    assert again == 3
    assert max(*rounds, again) <= PAGES_PER_ROUND
    assert last is not None
    assert last.differences == 1
    assert PostgresBackoffice(house.servers.engine).pulse().books_differences == 1
    with psycopg.connect(auditor.database_url) as connection:
        noted = connection.execute(
            "SELECT details->>'total' FROM audit_entries WHERE action = 'books.differ'"
        ).fetchall()
    assert noted == [("1",), ("1",)]


def test_what_is_young_is_not_compared_by_itself(auditor: Auditor, order: Order) -> None:
    """The daily comparison leaves alone what may be under way."""
    auditor.stripe().v1.refunds.create({"payment_intent": auditor.house.intent(order), "amount": 100})

    compare_daily(**auditor.ports)

    with auditor.house.uow() as uow:
        last = uow.readings.latest()
    assert last is not None
    assert (last.finished_at is not None, last.differences) == (True, 0)
    assert GRACE > NO_GRACE


def test_a_turn_is_one_workers(auditor: Auditor) -> None:
    """While one reads, another does nothing; afterwards it may."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    reading = Reading(id=UUID(int=1), actor="system", since=None, began_at=now)  # type: ignore[arg-type]  # any id
    uow_of = auditor.house.uow
    with uow_of() as uow:
        uow.readings.add(reading)
        first = uow.readings.take_turn(reading.id, now=now, until=now + timedelta(minutes=1))
        second = uow.readings.take_turn(reading.id, now=now, until=now + timedelta(minutes=1))
        late = uow.readings.take_turn(reading.id, now=now + timedelta(minutes=1), until=now + timedelta(minutes=2))
        uow.commit()

    assert (first, second, late) == (True, False, True)


def test_entries_are_what_the_provider_says_now(auditor: Auditor, order: Order) -> None:
    """Every kind and state, with amounts and fees; the newest first."""
    house, reader = auditor.house, auditor.books
    house.refund(order.id, house.tickets(order.id)[0].id)
    house.drain()
    waiting = house.place_order(general(house.sale, 1))
    house.pay_riskily(waiting)
    gone = house.place_order(general(house.sale, 1))
    house.pay(gone)
    auditor.stripe().v1.payment_intents.cancel(house.seen(gone).intent_id or "")

    def read(kind: EntryKind) -> tuple[ProviderEntry, ...]:
        return reader.entries(kind=kind, since=None, after=None).entries

    charges = {entry.order_id: entry for entry in read(EntryKind.CHARGE)}
    assert [charges[one.id].state for one in (order, waiting, gone)] == [
        EntryState.CAPTURED,
        EntryState.AUTHORISED,
        EntryState.RELEASED,
    ]
    assert charges[order.id].amount == Money(9_900, order.total.currency)
    assert charges[order.id].fee == Money(317, order.total.currency)
    assert charges[order.id].order_number == order.number
    (refund,) = read(EntryKind.REFUND)
    assert (refund.state, refund.amount.amount, refund.order_id) == (EntryState.SUCCEEDED, 4_500, order.id)
    house.sandbox.control("POST", f"charges/{charge_of(auditor, order).id}/dispute", {})
    (dispute,) = read(EntryKind.DISPUTE)
    assert (dispute.state, dispute.withdrawn.amount, dispute.fee.amount) == (EntryState.OPEN, 5_400, 1_500)
