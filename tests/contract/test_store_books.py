"""The books on Postgres: quiet while everything adds up, and loud about each thing that does not.

What they look for cannot be written with the constraints in place, so the damage is done as a superuser who has
switched the triggers off, or by hand where no constraint reaches.
"""

from collections.abc import Iterator

import psycopg
import pytest

from adapters.postgres.books import PostgresBooks
from adapters.postgres.engine import create_engine
from domain import bookings
from domain.stock_blocks import BlockedStock
from tests.contract.stores import (
    NOW,
    Wish,
    block_of,
    bought,
    opened,
    order_of,
    payment_of,
    placed,
    postgres_store,
    refund_of,
    tickets_of,
)
from tests.fakes.sales import reserved_sale, usd

WITHOUT_UNIQUE_SEATS = "DROP INDEX claims_one_per_seat"
SELL_A_SEAT_AGAIN = """
    INSERT INTO claims (event_id, seat_map_id, pool, zone_key, seat, order_id, order_line_id, quantity, state)
    SELECT event_id, seat_map_id, pool, zone_key, seat, order_id, order_line_id, quantity, state
    FROM claims WHERE seat = 7
"""
WITHOUT_POOL_CHECK = "ALTER TABLE pools DROP CONSTRAINT pools_never_oversold"
WITHOUT_REFUND_CHECK = "ALTER TABLE payments DROP CONSTRAINT payments_refunds_within_captured"


@pytest.fixture
def books(database_url: str) -> Iterator[PostgresBooks]:
    """Books of a small sale: two seats bought, paid and partly refunded, one order waiting, a seat kept back."""
    sale = reserved_sale(balcony_capacity=9)
    with postgres_store(database_url) as store:
        opened(store, sale)
        order = bought(store, order_of(sale, Wish(tier="stalls", seats=(7, 8))))
        payment = payment_of(order)
        with store() as uow:
            uow.tickets.add(tickets_of(order))
            uow.payments.add(payment)
            refund = refund_of(payment, usd(100))
            uow.refunds.add(refund)
            uow.ledger.post(
                bookings.money_captured(order, payment, at=NOW),
                bookings.order_confirmed(order, at=NOW),
                bookings.refund_requested(order, refund, (), at=NOW),
            )
            placed(uow, order_of(sale, Wish(tier="balcony", seats=(30,)), who="bob"))
            uow.stock.block(block_of(sale, BlockedStock(seats=(20,))))
            uow.commit()
    engine = create_engine(database_url, application_name="books", pool_size=1)
    yield PostgresBooks(engine)
    engine.dispose()


def test_books_that_add_up_say_so(books: PostgresBooks) -> None:
    """Every check compared something where there was something, and found nothing wrong."""
    results = books.check()

    assert all(result.differences == () for result in results)
    assert sum(result.compared for result in results) > len(results)


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        (
            "I1 claims and allocations within capacity",
            (WITHOUT_POOL_CHECK, "UPDATE pools SET capacity = 1 WHERE key = 'z:stalls'"),
        ),
        (
            "I1 at most one claim a seat",
            (
                WITHOUT_UNIQUE_SEATS,
                SELL_A_SEAT_AGAIN,
            ),
        ),
        (
            "I1 limits of tiers are counted by their pools",
            ("UPDATE pools SET capacity = 7 WHERE key = 't:balcony'",),
        ),
        (
            "I1 tickets that are good or were used have their places",
            ("UPDATE claims SET state = 'released', returned = quantity WHERE seat = 8",),
        ),
        (
            "I1 tickets that are good or were used have their places",
            (
                "UPDATE tickets SET state = 'checked_in', used_at = now()",
                "UPDATE claims SET state = 'released', returned = quantity WHERE seat = 8",
            ),
        ),
        (
            "Stock that is kept back belongs to a block",
            ("UPDATE claims SET block_id = gen_random_uuid() WHERE seat = 20",),
        ),
        ("I2 pool counters equal the sums of their claims", ("UPDATE pools SET blocked = 2 WHERE key = 'z:stalls'",)),
        ("I2 pool counters equal the sums of their claims", ("UPDATE pools SET allocated = 3 WHERE key = 'z:stalls'",)),
        ("I2 payment counters equal the sums of their refunds", ("UPDATE payments SET refunded_minor = 1",)),
        (
            "I3 captured only what is allocated",
            (
                "UPDATE payments SET state = 'capture_requested', refund_pending_minor = 0",
                "UPDATE claims SET state = 'claimed' WHERE block_id IS NULL",
            ),
        ),
        ("I4 valid tickets are paid for and not refunded", ("UPDATE orders SET state = 'refunded'",)),
        (
            "I5 refunded and pending within what was captured",
            (WITHOUT_REFUND_CHECK, "UPDATE refunds SET amount_minor = 99999999"),
        ),
        ("I7 an order's total equals the sum of its lines", ("UPDATE orders SET total_minor = total_minor + 1",)),
        (
            "I7 every journal of the ledger balances",
            ("UPDATE postings SET amount_minor = 5 WHERE account = 'taxes' OR position = 0",),
        ),
        ("I7 every journal of the ledger balances", ("DELETE FROM postings",)),
        (
            "I7 the ledger has what payments, refunds and orders say",
            ("DELETE FROM journals WHERE kind = 'refund_requested'",),
        ),
        (
            "I7 the ledger has what payments, refunds and orders say",
            ("UPDATE postings SET amount_minor = amount_minor * 2 WHERE account IN ('provider', 'buyers')",),
        ),
        ("Confirmed orders have a ticket for every place", ("DELETE FROM tickets WHERE seat = 8",)),
        (
            "Exchanged tickets are void where the new ones are there",
            (
                (
                    "UPDATE orders SET exchanged_order_id = (SELECT id FROM orders WHERE state = 'confirmed'), "
                    "exchanged_tickets = ARRAY(SELECT id FROM tickets), confirmed_at = now() "
                    "WHERE state = 'awaiting_payment'"
                ),
            ),
        ),
        (
            "Orders that ended unpaid hold no stock",
            ("UPDATE orders SET state = 'expired', stock = 'released' WHERE state = 'awaiting_payment'",),
        ),
    ],
)
def test_damage_is_found_and_named(
    books: PostgresBooks, database_url: str, check: str, damage: tuple[str, ...]
) -> None:
    """One sentence for each thing that is wrong, under the invariant that it breaks."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in damage:
            connection.execute(statement.encode())

    found = {result.name: result.differences for result in books.check()}

    assert len(found[check]) >= 1
    assert all(isinstance(difference, str) and difference for difference in found[check])
