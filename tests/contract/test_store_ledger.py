"""The ledger in both stores, and what Postgres refuses to whoever writes into its tables by hand."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from adapters.postgres.books import PostgresBooks
from adapters.postgres.engine import create_engine
from adapters.postgres.migrations.versions.v0013_ledger import HISTORY
from domain import bookings
from domain.errors import InvariantBroken
from domain.events import Sale
from domain.ledger import Account, Journal, Posting
from domain.orders import Order, OrderId
from domain.payments import Payment
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundedTicket, RefundId, RefundState
from domain.tickets import Ticket
from domain.tiers import UnitPrice
from tests.contract.stores import (
    NOW,
    STORES,
    Wish,
    bought,
    opened,
    order_of,
    payment_of,
    postgres_store,
    store_of,
    tickets_of,
)
from tests.fakes.sales import general_sale, usd

PARTS = UnitPrice(
    face=usd(4_500), discount=usd(500), fee=usd(450), absorbed_fee=usd(100), tax=usd(301), tax_added=False
)
"""A ticket with something in every part."""


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def sold(store: UnitOfWorkFactory, *, quantity: int = 2, sale: Sale | None = None) -> Order:
    """A confirmed order of tickets priced PARTS, of which the ledger has not heard."""
    if sale is None:
        sale = general_sale()
        opened(store, sale)
    order = order_of(sale, Wish(tier="general", quantity=quantity))
    return bought(store, replace(order, lines=tuple(replace(line, unit=PARTS) for line in order.lines)))


def told(order: Order) -> Journal:
    journal = bookings.order_confirmed(order, at=NOW)
    assert journal is not None
    return journal


def test_journals_come_back_as_they_were_posted(store: UnitOfWorkFactory) -> None:
    """Every side of every journal, in the order they were written; another order has its own."""
    order, payment = sold(store), None
    payment = payment_of(order)
    with store() as uow:
        uow.payments.add(payment)
        posted = uow.ledger.post(bookings.money_captured(order, payment, at=NOW), told(order), None)
        uow.commit()

    with store() as uow:
        assert uow.ledger.of_order(order.id) == (bookings.money_captured(order, payment, at=NOW), told(order))
        assert uow.ledger.of_order(OrderId(uuid4())) == ()
    assert posted == 2


def test_a_fact_is_posted_once(store: UnitOfWorkFactory) -> None:
    """The same key again changes nothing, in the same transaction or a later one, whatever it says."""
    order = sold(store)
    with store() as uow:
        assert uow.ledger.post(told(order), told(order)) == 1
        uow.commit()
    with store() as uow:
        assert uow.ledger.post(replace(told(order), at=NOW.replace(year=2027))) == 0
        uow.commit()

    with store() as uow:
        assert uow.ledger.of_order(order.id) == (told(order),)


def test_what_is_not_committed_was_never_told(store: UnitOfWorkFactory) -> None:
    """A journal lives and dies with the fact it tells."""
    order = sold(store)
    with store() as uow:
        uow.ledger.post(told(order))

    with store() as uow:
        assert uow.ledger.of_order(order.id) == ()


def test_nothing_is_told_of_orders_that_are_not_there(store: UnitOfWorkFactory) -> None:
    """A journal names an order of its event, and a refund of that order."""
    order, other = sold(store), sold(store)
    with store() as uow, pytest.raises(InvariantBroken):
        uow.ledger.post(replace(told(order), order_id=OrderId(uuid4())))
    with store() as uow, pytest.raises(InvariantBroken):
        uow.ledger.post(replace(told(order), event_id=other.event_id))
    with store() as uow, pytest.raises(InvariantBroken):
        uow.ledger.post(replace(told(order), refund_id=RefundId(uuid4())))


# Hand-written SQL.

Psql = Callable[[str], None]


@pytest.fixture
def psql(database_url: str) -> Iterator[Psql]:
    """Executes statements by hand, as the owner of the tables, in one transaction."""
    with psycopg.connect(database_url) as connection:

        def execute(statements: str) -> None:
            with connection.transaction():
                connection.execute(statements.encode())

        yield execute


@pytest.fixture
def order(database_url: str) -> Iterator[Order]:
    """One order with its journal, in Postgres."""
    with postgres_store(database_url) as store:
        made = sold(store)
        with store() as uow:
            uow.ledger.post(told(made))
            uow.commit()
        yield made


BY_HAND = """
    WITH told AS (
        INSERT INTO journals (key, kind, event_id, order_id, at)
        SELECT 'by hand', 'order_confirmed', event_id, id, now() FROM orders RETURNING id
    )
    INSERT INTO postings (journal_id, position, account, detail, currency, amount_minor)
    SELECT told.id, side.* FROM told, (VALUES {sides}) AS side
"""


@pytest.mark.parametrize(
    ("sides", "refusal"),
    [
        ("(0, 'buyers', '', 'USD', 10), (1, 'taxes', '', 'USD', -9)", "adds up to nothing"),
        ("(0, 'buyers', '', 'USD', 10), (1, 'taxes', '', 'EUR', -10)", "adds up to nothing"),
        ("(0, 'buyers', '', 'USD', 10)", "two sides"),
        ("(0, 'buyers', '', 'USD', 10), (1, 'taxes', '', 'USD', 0)", "postings_of_something"),
        ("(0, 'pockets', '', 'USD', 10), (1, 'taxes', '', 'USD', -10)", "postings_account_known"),
    ],
)
def test_nobody_writes_a_journal_that_does_not_balance(order: Order, psql: Psql, sides: str, refusal: str) -> None:
    """Whatever is not two sides that cancel out, in accounts of the chart, is refused when it is committed."""
    with pytest.raises(errors.CheckViolation, match=refusal):
        psql(BY_HAND.format(sides=sides))

    psql(BY_HAND.format(sides="(0, 'buyers', '', 'USD', 10), (1, 'taxes', '', 'USD', -10)"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journals SET at = now()",
        "UPDATE postings SET amount_minor = -amount_minor",
        "DELETE FROM postings",
        "DELETE FROM journals",
        "TRUNCATE postings",
        "TRUNCATE journals CASCADE",
        "TRUNCATE orders CASCADE",
        # A pair of sides that cancel out, added to a journal of yesterday.
        (
            "INSERT INTO postings SELECT id, 90, 'provider', '', 'USD', 5 FROM journals; "
            "INSERT INTO postings SELECT id, 91, 'taxes', '', 'USD', -5 FROM journals"
        ),
        # A journal without sides.
        (
            "INSERT INTO journals (key, kind, event_id, order_id, at) "
            "SELECT 'empty', 'order_confirmed', event_id, id, now() FROM orders"
        ),
        # A journal that pretends to be of another transaction, so that it could be written later.
        (
            "INSERT INTO journals (key, kind, event_id, order_id, at, written_by) "
            "SELECT 'later', 'order_confirmed', event_id, id, now(), 1 FROM orders"
        ),
        # Letting the check happen early, and writing afterwards.
        BY_HAND.format(sides="(0, 'buyers', '', 'USD', 10), (1, 'taxes', '', 'USD', -10)")
        + "; SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; "
        "INSERT INTO postings SELECT id, 9, 'taxes', '', 'USD', 5 FROM journals WHERE key = 'by hand'",
        # Tables of the same names, in which everything balances.
        "CREATE TEMPORARY TABLE postings (journal_id bigint, currency text, amount_minor bigint) ON COMMIT DROP; "
        "INSERT INTO pg_temp.postings SELECT id, 'USD', side "
        "FROM generate_series(1, 99) AS id, (VALUES (1), (-1)) AS sides (side); "
        + BY_HAND.replace("postings", "public.postings").format(sides="(0, 'buyers', '', 'USD', 10)"),
    ],
)
def test_nobody_rewrites_the_ledger(order: Order, psql: Psql, statement: str) -> None:
    """What was committed is final: nothing is changed, removed, or added to it."""
    with pytest.raises(errors.CheckViolation):
        psql(statement)


# History.


HISTORIES = ((0, None), (33, RefundState.REQUESTED), (100, RefundState.SUCCEEDED), (50, RefundState.FAILED))


def given_back(order: Order, payment: Payment, ticket: Ticket, share: int, state: RefundState) -> Refund:
    """So many percent of a ticket's price and fee."""
    part = RefundedTicket(
        ticket_id=ticket.id,
        admission=ticket.price.admission.percent(share * 100),
        fee=ticket.price.fee.percent(share * 100),
        tax=ticket.price.added_tax.percent(share * 100),
    )
    return Refund(
        id=RefundId(uuid4()),
        order_id=order.id,
        payment_id=payment.id,
        amount=part.amount,
        reason=RefundReason.BUYERS_WISH,
        state=state,
        parts=(part,),
        requested_at=NOW,
        completed_at=None if state is RefundState.REQUESTED else NOW,
    )


def test_a_house_that_is_upgraded_has_whole_books(database_url: str) -> None:
    """What happened before there was a ledger is written into it as it would have been told at the time."""
    sale = general_sale(capacity=50)
    expected: dict[OrderId, dict[str, frozenset[Posting]]] = {}
    with postgres_store(database_url) as store:
        opened(store, sale)
        for share, state in HISTORIES:
            order = sold(store, sale=sale)
            payment, tickets = payment_of(order), tickets_of(order)
            journals = [bookings.money_captured(order, payment, at=NOW), told(order)]
            with store() as uow:
                uow.tickets.add(tickets)
                uow.payments.add(payment)
                if state is not None:
                    refund = given_back(order, payment, tickets[0], share, state)
                    asked = replace(refund, state=RefundState.REQUESTED)
                    uow.refunds.add(refund)
                    journals += [
                        made
                        for made in (
                            bookings.refund_requested(order, asked, tickets, at=NOW),
                            bookings.refund_moved(order, asked, refund, at=NOW),
                        )
                        if made is not None
                    ]
                uow.commit()
            expected[order.id] = {journal.key: frozenset(journal.postings) for journal in journals}

        with psycopg.connect(database_url) as connection:
            connection.execute(HISTORY.encode())

        with store() as uow:
            found = {
                order_id: {journal.key: frozenset(journal.postings) for journal in uow.ledger.of_order(order_id)}
                for order_id in expected
            }
    engine = create_engine(database_url, application_name="books", pool_size=1)
    different = [result for result in PostgresBooks(engine).check() if result.differences]
    engine.dispose()
    assert found == expected
    assert [result.name for result in different if result.name.startswith("I7")] == []
    assert Account.TAXES_INCLUDED in {
        posting.account for journals_ in found.values() for sides in journals_.values() for posting in sides
    }
