"""What Postgres refuses to anybody, whoever writes and however: hand-written SQL against the invariants.

These hold without a line of our Python: a tired person in ``psql`` cannot oversell a house either.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from domain.events import Sale
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.tiers import TierId
from tests.contract.stores import (
    NOW,
    Wish,
    bought,
    opened,
    order_of,
    payment_of,
    placed,
    postgres_store,
    refund_of,
    tickets_of,
)
from tests.fakes.sales import general_sale, reserved_sale, usd

Psql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def store(database_url: str) -> Iterator[UnitOfWorkFactory]:
    with postgres_store(database_url) as made:
        yield made


@pytest.fixture
def psql(database_url: str) -> Iterator[Psql]:
    """Executes one statement by hand, as the owner of the tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:

        def execute(statement: str, **values: object) -> list[tuple[object, ...]]:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

        yield execute


def place(store: UnitOfWorkFactory, order: Order) -> Order:
    with store() as uow:
        placed(uow, order)
        uow.commit()
    return order


def claim_by_hand(psql: Psql, order: Order, pool: str, *, quantity: int = 1, seat: int | None = None) -> None:
    """A claim for an order's first line that no use case asked for."""
    psql(
        """
        INSERT INTO claims (event_id, seat_map_id, pool, zone_key, seat, order_id, order_line_id, quantity, state)
        SELECT id, seat_map_id, %(pool)s, CASE WHEN %(seat)s::int IS NOT NULL THEN substr(%(pool)s, 3) END,
               %(seat)s, %(order)s, %(line)s, %(quantity)s, 'claimed'
        FROM events WHERE id = %(event)s
        """,
        pool=pool,
        seat=seat,
        order=order.id,
        line=order.lines[0].id,
        quantity=quantity,
        event=order.event_id,
    )


def keep_back(psql: Psql, columns: str, values: str) -> None:
    """A block of the only event there is, written by hand."""
    psql(
        "INSERT INTO stock_blocks (id, event_id, label, reason, actor, at) "
        "SELECT gen_random_uuid(), id, 'House', '', 'ada', now() FROM events"
    )
    psql(
        f"INSERT INTO claims (event_id, seat_map_id, block_id, state, {columns}) "
        f"SELECT events.id, seat_map_id, stock_blocks.id, 'blocked', {values} FROM events, stock_blocks"
    )


def unclaimed(store: UnitOfWorkFactory, sale: Sale, *wishes: Wish) -> Order:
    """An order that is stored without any claim."""
    order = order_of(sale, *wishes, who="hand")
    with store() as uow:
        uow.orders.add(order, policy=uow.events.policy(sale.event_id))
        uow.commit()
    return order


def test_nobody_claims_beyond_a_pool(store: UnitOfWorkFactory, psql: Psql) -> None:
    """I1: one unit more than the capacity is refused, and the counters tell it before and after."""
    sale = general_sale(capacity=5, vip_capacity=None)
    opened(store, sale)
    order = unclaimed(store, sale, Wish(tier="general", quantity=9))

    with pytest.raises(errors.CheckViolation, match="pools_never_oversold"):
        claim_by_hand(psql, order, "z:floor", quantity=6)
    claim_by_hand(psql, order, "z:floor", quantity=5)

    assert psql("SELECT claimed, allocated FROM pools") == [(5, 0)]


def test_nobody_claims_a_seat_twice(store: UnitOfWorkFactory, psql: Psql) -> None:
    """I1: at most one live claim a seat."""
    sale = reserved_sale()
    opened(store, sale)
    place(store, order_of(sale, Wish(tier="stalls", seats=(7,))))

    with pytest.raises(errors.UniqueViolation, match="claims_one_per_seat"):
        claim_by_hand(psql, unclaimed(store, sale, Wish(tier="stalls", seats=(7,))), "z:stalls", seat=7)


def test_nobody_claims_a_seat_of_another_house(store: UnitOfWorkFactory, psql: Psql) -> None:
    """A seat that is not in the event's own map, or not in that zone, does not exist."""
    sale = reserved_sale()
    opened(store, sale)
    order = unclaimed(store, sale, Wish(tier="stalls", seats=(7,)))

    with pytest.raises(errors.ForeignKeyViolation, match="claims_seat"):
        claim_by_hand(psql, order, "z:stalls", seat=9_999)
    with pytest.raises(errors.ForeignKeyViolation, match="claims_seat"):
        claim_by_hand(psql, order, "z:stalls", seat=40)  # in the balcony


def test_nobody_takes_reserved_places_without_naming_seats(store: UnitOfWorkFactory, psql: Psql) -> None:
    """A reserved zone is sold seat by seat, so that no seat is left without a place."""
    sale = reserved_sale()
    opened(store, sale)

    with pytest.raises(errors.CheckViolation, match="reserved zone"):
        claim_by_hand(psql, unclaimed(store, sale, Wish(tier="stalls", seats=(7,))), "z:stalls", quantity=3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE pools SET allocated = 0",
        "UPDATE pools SET claimed = claimed + 1",
        "UPDATE pools SET allocated = allocated - 1",
        "UPDATE pools SET blocked = 1",
        "UPDATE pools SET capacity = 1 WHERE key = 'z:floor'",
        "UPDATE pools SET capacity = 500001 WHERE key = 'z:floor'",
        "UPDATE pools SET capacity = 21 WHERE key = 't:vip'",
        "UPDATE tiers SET capacity = 19 WHERE key = 'vip'",
        "UPDATE tiers SET capacity = 5 WHERE key = 'general'",
        "UPDATE pools SET key = 't:other' WHERE key = 't:vip'",
        "UPDATE pools SET kind = 'tier', zone_key = NULL WHERE key = 'z:floor'",
        "DELETE FROM pools WHERE key = 't:unsold'",
        "DELETE FROM pools",
        (
            "INSERT INTO pools (event_id, key, seat_map_id, kind, capacity, claimed) "
            "SELECT event_id, 't:new', seat_map_id, 'tier', 10, 5 FROM pools LIMIT 1"
        ),
        (
            "INSERT INTO pools (event_id, key, seat_map_id, kind, zone_key, capacity) "
            "SELECT event_id, 'z:again', seat_map_id, kind, zone_key, capacity FROM pools WHERE key = 'z:floor'"
        ),
        (
            "INSERT INTO pools SELECT * FROM pools WHERE key = 'z:floor' "
            "ON CONFLICT (event_id, key) DO UPDATE SET claimed = 0, allocated = 0"
        ),
        (
            "MERGE INTO pools USING (VALUES (1)) AS one (n) ON key = 'z:floor' "
            "WHEN MATCHED THEN UPDATE SET allocated = allocated - 1"
        ),
        "DELETE FROM claims",
        "DELETE FROM claims WHERE state = 'released'",
        "TRUNCATE claims CASCADE",
        "TRUNCATE pools, orders CASCADE",
        "TRUNCATE tiers CASCADE",
        "TRUNCATE seat_maps CASCADE",
        "TRUNCATE stock_blocks CASCADE",
        "UPDATE claims SET event_id = gen_random_uuid()",
        "UPDATE claims SET order_id = NULL, order_line_id = NULL",
        "UPDATE claims SET block_id = (SELECT id FROM stock_blocks LIMIT 1)",
        "UPDATE claims SET quantity = 101 WHERE pool = 'z:floor'",
        "UPDATE claims SET returned = quantity",
        "UPDATE claims SET returned = -1",
        "UPDATE claims SET state = 'allocated' WHERE state = 'blocked'",
        "UPDATE claims SET state = 'blocked', returned = 0 WHERE state = 'released'",
        (
            "INSERT INTO claims (event_id, seat_map_id, pool, quantity, state) "
            "SELECT event_id, seat_map_id, 'z:floor', 1, 'blocked' FROM pools LIMIT 1"
        ),
        (
            "INSERT INTO claims (event_id, seat_map_id, pool, order_id, order_line_id, quantity, state) "
            "SELECT event_id, seat_map_id, pool, order_id, order_line_id, -3, 'claimed' FROM claims "
            "WHERE state = 'released'"
        ),
        (
            "INSERT INTO claims (event_id, seat_map_id, pool, order_id, order_line_id, block_id, quantity, state) "
            "SELECT event_id, seat_map_id, pool, order_id, order_line_id, (SELECT id FROM stock_blocks LIMIT 1), 1, "
            "'claimed' FROM claims WHERE state = 'released'"
        ),
        (
            "INSERT INTO claims (event_id, seat_map_id, pool, block_id, quantity, state) "
            "SELECT event_id, seat_map_id, pool, block_id, 96, 'blocked' FROM claims WHERE state = 'blocked'"
        ),
        "UPDATE stock_blocks SET label = 'Press'",
        "DELETE FROM stock_blocks",
        "UPDATE claims SET quantity = 1",
        "UPDATE claims SET pool = 't:vip'",
        "UPDATE claims SET returned = 1 WHERE state = 'released'",
        "UPDATE claims SET state = 'claimed', returned = 0 WHERE state = 'released'",
        "UPDATE claims SET state = 'released'",
        "UPDATE claims SET state = 'claimed' WHERE state = 'allocated'",
        "UPDATE claims SET state = 'blocked' WHERE state = 'allocated'",
    ],
)
def test_counters_and_claims_are_not_rewritten(store: UnitOfWorkFactory, psql: Psql, statement: str) -> None:
    """I2 and I6: counters follow the claims, claims move forward only, and both stay as they were."""
    sale = general_sale()
    unsold = replace(sale.tiers[1], id=TierId(uuid4()), key="unsold")
    opened(store, sale, tiers=(*sale.tiers, unsold))
    bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    keep_back(psql, "pool, quantity", "'z:floor', 2")
    gone = place(store, order_of(sale, Wish(tier="general", quantity=2), who="bob"))
    with store() as uow:
        uow.stock.release(gone)
        uow.commit()
    before = psql("SELECT * FROM pools ORDER BY key"), psql("SELECT * FROM claims ORDER BY id")

    with pytest.raises(errors.IntegrityError):
        psql(statement)

    assert (psql("SELECT * FROM pools ORDER BY key"), psql("SELECT * FROM claims ORDER BY id")) == before


def test_counters_follow_whatever_is_done_to_claims(store: UnitOfWorkFactory, psql: Psql) -> None:
    """I2: also when a person moves claims of many orders in one statement."""
    sale = reserved_sale(balcony_capacity=9)
    opened(store, sale)
    place(store, order_of(sale, Wish(tier="stalls", seats=(1, 2)), Wish(tier="balcony", seats=(30,))))
    place(store, order_of(sale, Wish(tier="stalls", seats=(3,)), who="bob"))

    psql("UPDATE claims SET state = 'allocated'")
    psql("UPDATE claims SET state = 'released', returned = quantity WHERE seat = 3")

    counted = psql("SELECT key, claimed, allocated FROM pools ORDER BY key")
    assert counted == [("t:balcony", 0, 1), ("z:balcony", 0, 1), ("z:stalls", 0, 2)]


def test_house_seats_are_kept_back_from_everybody(store: UnitOfWorkFactory, psql: Psql) -> None:
    """A block's claim has no order: no order can take the seat, and the availability shows it."""
    sale = reserved_sale()
    opened(store, sale)
    keep_back(psql, "pool, zone_key, seat, quantity", "'z:stalls', 'stalls', 7, 1")

    with store() as uow:
        levels = uow.stock.levels(sale.event_id)
    assert (levels.seats[7], levels.free["z:stalls"]) == ("b", 29)
    with pytest.raises(errors.UniqueViolation):
        claim_by_hand(psql, unclaimed(store, sale, Wish(tier="stalls", seats=(7,))), "z:stalls", seat=7)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments SET refunded_minor = 1",
        "UPDATE payments SET refund_pending_minor = 0",
        "UPDATE payments SET captured_minor = 999999",
        "UPDATE payments SET amount_minor = 999999",
        "UPDATE payments SET state = 'open'",
        "DELETE FROM payments",
        "UPDATE refunds SET amount_minor = 1",
        "DELETE FROM refunds",
        "TRUNCATE payments CASCADE",
        "UPDATE refunds SET payment_id = gen_random_uuid()",
        (
            "INSERT INTO refunds (id, order_id, payment_id, currency, amount_minor, reason, state, requested_at) "
            "SELECT gen_random_uuid(), order_id, id, currency, 4951, 'goodwill', 'succeeded', now() FROM payments"
        ),
        (
            "INSERT INTO refunds (id, order_id, payment_id, currency, amount_minor, reason, state, requested_at) "
            "SELECT gen_random_uuid(), order_id, id, 'EUR', 1, 'goodwill', 'succeeded', now() FROM payments"
        ),
    ],
)
def test_more_than_was_captured_is_never_given_back(store: UnitOfWorkFactory, psql: Psql, statement: str) -> None:
    """I5: neither the counters, nor the amounts, nor another refund can be made to say so."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=2)))
    payment = payment_of(order)
    with store() as uow:
        uow.payments.add(payment)
        uow.refunds.add(refund_of(payment, usd(4_950)))
        uow.commit()
    before = psql("SELECT * FROM payments"), psql("SELECT * FROM refunds")

    with pytest.raises((errors.IntegrityError, errors.GeneratedAlways)):
        psql(statement)

    assert (psql("SELECT * FROM payments"), psql("SELECT * FROM refunds")) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET state = 'confirmed', stock = 'allocated' WHERE state = 'expired'",
        "UPDATE orders SET state = 'expired' WHERE state = 'confirmed'",
        "UPDATE orders SET total_minor = 1",
        "UPDATE orders SET hold_nonce = gen_random_uuid()",
        "DELETE FROM orders",
        "UPDATE order_lines SET face_minor = 0",
        "DELETE FROM order_lines",
        "UPDATE tickets SET state = 'valid' WHERE state = 'void'",
        "UPDATE tickets SET code = 'X'",
        "DELETE FROM tickets",
        "UPDATE seats SET zone_key = 'balcony'",
        "DELETE FROM seats",
        "UPDATE zones SET capacity = 500000",
        "UPDATE pools SET capacity = 29 WHERE key = 'z:stalls'",
        "UPDATE pools SET capacity = 31 WHERE key = 'z:stalls'",
        (
            "INSERT INTO seats SELECT seat_map_id, 46, zone_key, 'SH-twice', row_label, number, x, y, features "
            "FROM seats WHERE index = 7"
        ),
        (
            "INSERT INTO zones SELECT seat_map_id, 'annex', 9, 'Annex', kind, capacity, outline, row_firsts, "
            "row_counts FROM zones WHERE key = 'stalls'"
        ),
        "TRUNCATE tickets CASCADE",
        "TRUNCATE seats CASCADE",
        "UPDATE tickets SET seat = 9",
        "UPDATE seat_maps SET width = 1",
        "UPDATE refund_policies SET rules = '{}'",
        "UPDATE sales SET epoch = epoch - 1",
        "UPDATE sales SET version = version - 1",
        "UPDATE audit_entries SET actor = 'nobody'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE tiers SET key = 'other' WHERE key = 'stalls'",
        "UPDATE events SET currency = 'EUR'",
        (
            "UPDATE orders SET exchanged_order_id = (SELECT id FROM orders WHERE state = 'expired'), "
            "exchanged_tickets = ARRAY[gen_random_uuid()] WHERE state = 'confirmed'"
        ),
    ],
)
def test_history_is_not_rewritten(store: UnitOfWorkFactory, psql: Psql, statement: str) -> None:
    """I6, the audit trail, immutable maps, and what was agreed when an order was placed."""
    sale = reserved_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="stalls", seats=(7, 8))))
    gone = place(store, order_of(sale, Wish(tier="stalls", seats=(9,)), who="bob"))
    first, _ = tickets_of(order)
    with store() as uow:
        uow.stock.release(gone)
        uow.commit()
    psql("UPDATE orders SET stock = 'released', state = 'expired' WHERE id = %(id)s", id=gone.id)
    with store() as uow:
        uow.tickets.add((first,))
        uow.commit()
    psql("UPDATE tickets SET state = 'void'")
    psql(
        "INSERT INTO audit_entries VALUES (%(id)s, %(at)s, 'ada', 'order.placed', 'order', '1', '{}')",
        id=uuid4(),
        at=NOW,
    )

    with pytest.raises(errors.IntegrityError):
        psql(statement)


def test_seats_of_a_line_change_only_while_nobody_keeps_them(store: UnitOfWorkFactory, psql: Psql) -> None:
    """A line whose places went back on sale may take others, as many; one with live claims keeps its own."""
    sale = reserved_sale()
    opened(store, sale)
    order = place(store, order_of(sale, Wish(tier="stalls", seats=(7, 8))))
    reseat = "UPDATE order_lines SET seats = ARRAY[1, 2]"

    with pytest.raises(errors.CheckViolation, match="while its order has no places") as refused:
        psql(reseat)
    assert refused.value.diag.constraint_name == "order_lines_reseated"
    with store() as uow:
        uow.stock.release(order)
        uow.commit()
    psql(reseat)

    with pytest.raises(errors.CheckViolation, match="never changes"):
        psql("UPDATE order_lines SET seats = ARRAY[1, 2, 3]")
    assert psql("SELECT seats FROM order_lines") == [([1, 2],)]


def test_a_temporary_table_does_not_lead_the_counting_astray(store: UnitOfWorkFactory, psql: Psql) -> None:
    """A table of the same name in somebody's session would otherwise be counted in place of the real one."""
    sale = general_sale(capacity=5, vip_capacity=None)
    opened(store, sale)
    order = unclaimed(store, sale, Wish(tier="general", quantity=9))

    psql("CREATE TEMPORARY TABLE pools AS TABLE pools")
    claim_by_hand(psql, order, "z:floor", quantity=5)

    assert psql("SELECT claimed FROM public.pools") == [(5,)]


ORDINARY = """
    CREATE ROLE {role};
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
    REVOKE UPDATE ON pools FROM {role};
    GRANT UPDATE (capacity) ON pools TO {role};
    SET ROLE {role};
"""
COUNT_FROM_A_TRIGGER = """
    CREATE TEMPORARY TABLE bait (n integer);
    CREATE FUNCTION pg_temp.cheat() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN UPDATE public.pools SET allocated = 0; RETURN NULL; END $$;
    CREATE TRIGGER cheat AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION pg_temp.cheat();
    INSERT INTO bait VALUES (1);
"""


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE claims DISABLE TRIGGER ALL",
        "ALTER TABLE pools DISABLE TRIGGER pools_counted_by_claims",
        "ALTER TABLE pools DROP CONSTRAINT pools_never_oversold",
        "DROP INDEX claims_one_per_seat",
        "DROP TRIGGER claims_counted ON claims",
        "SET session_replication_role = replica",
        "TRUNCATE claims",
        "ALTER FUNCTION count_new_claims() SECURITY INVOKER",
        "CREATE TABLE more_claims () INHERITS (claims)",
        "CREATE RULE quiet AS ON INSERT TO claims DO INSTEAD NOTHING",
        COUNT_FROM_A_TRIGGER,
    ],
)
def test_an_ordinary_role_cannot_switch_the_rules_off(store: UnitOfWorkFactory, psql: Psql, statement: str) -> None:
    """Who runs the application need not own its tables: with rights on rows alone it sells, and breaks no rule.

    The owner's rules count on the owner's behalf, so that nobody else needs the right to write a counter.
    """
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="vip", quantity=3)))
    role = f"till_{uuid4().hex}"
    psql(ORDINARY.format(role=role))
    try:
        with pytest.raises(errors.InsufficientPrivilege):
            psql(statement)
        claim_by_hand(psql, unclaimed(store, sale, Wish(tier="general", quantity=1)), "z:floor", quantity=1)

        assert psql("SELECT claimed, allocated FROM pools WHERE key = 'z:floor'") == [(1, order.units)]
    finally:
        psql("RESET ROLE")
        psql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_renamed_venue_is_found_by_its_new_name(store: UnitOfWorkFactory, psql: Psql) -> None:
    """What the search index copies from the venue follows the venue."""
    opened(store, general_sale())

    psql("UPDATE venues SET name = 'Grand Palais', city = 'Paris'")

    found = psql("SELECT count(*) FROM events WHERE search @@ to_tsquery('simple', 'grand & paris')")
    assert found == [(1,)]
