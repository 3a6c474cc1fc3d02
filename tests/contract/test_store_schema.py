"""The schema itself: migrations run by code, and what the code believes of the tables is what they are."""

from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

import psycopg
import pytest
from sqlalchemy import MetaData, create_engine, inspect

from adapters.postgres import faults, migrate
from adapters.postgres.engine import create_engine as create_our_engine
from adapters.postgres.engine import vendor_url
from adapters.postgres.tables import metadata
from domain.accounts import Role
from domain.errors import StoreUnavailable
from domain.events import EventState
from domain.fraud import Verdict
from domain.ledger import Account, JournalKind
from domain.order_links import LinkChannel
from domain.orders import OrderState, StockState
from domain.payments import PaymentState
from domain.ports.messages import MessageState
from domain.provider_books import EntryKind, EntryState
from domain.refund_policies import RefundReason
from domain.refund_requests import RequestState
from domain.refunds import RefundState
from domain.seat_maps import ZoneKind
from domain.tickets import TicketState

NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
VERSIONS = "alembic_version"


def test_migrations_run_from_nothing_and_again(empty_database_url: str) -> None:
    """An empty database has no revision, a migrated one the newest; running them again changes nothing."""
    assert migrate.current(empty_database_url) is None

    migrate.upgrade(empty_database_url)
    migrate.upgrade(empty_database_url)

    assert migrate.current(empty_database_url) == migrate.head()


def test_processes_that_start_together_migrate_once(empty_database_url: str) -> None:
    """Web, stream and worker all upgrade at their start: one works, the others wait and find it done."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate.upgrade, [empty_database_url] * 4))

    assert migrate.current(empty_database_url) == migrate.head()


def test_a_database_that_is_away_is_named_so() -> None:
    """StoreUnavailable, for whoever decides whether to wait."""
    with pytest.raises(StoreUnavailable):
        migrate.upgrade(NOWHERE)
    with pytest.raises(StoreUnavailable):
        migrate.current(NOWHERE)


def test_the_tables_are_what_the_code_believes(database_url: str) -> None:
    """Same tables, same columns, same types, same nullability, same generated and primary key columns."""
    engine = create_engine(vendor_url(database_url))
    postgres, real = engine.dialect, MetaData()
    real.reflect(engine)
    engine.dispose()

    def shape(tables: MetaData) -> dict[str, dict[str, tuple[str, bool | None, bool, bool]]]:
        return {
            table.name: {
                column.name: (
                    column.type.compile(postgres),
                    column.nullable,
                    column.computed is not None,
                    column.primary_key,
                )
                for column in table.columns
            }
            for table in tables.tables.values()
            if table.name != VERSIONS
        }

    assert shape(metadata) == shape(real)


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("zones_kind_known", ZoneKind),
        ("tiers_kind_known", ZoneKind),
        ("events_state_known", EventState),
        ("orders_state_known", OrderState),
        ("orders_stock_known", StockState),
        ("payments_state_known", PaymentState),
        ("tickets_state_known", TicketState),
        ("refunds_state_known", RefundState),
        ("refund_requests_reason_known", RefundReason),
        ("refund_requests_state_known", RequestState),
        ("order_links_channel_known", LinkChannel),
        ("refunds_reason_known", RefundReason),
        ("assessments_verdict_known", Verdict),
        ("messages_state_known", MessageState),
        ("staff_role_known", Role),
        ("journals_kind_known", JournalKind),
        ("postings_account_known", Account),
        ("provider_entries_kind_known", EntryKind),
        ("provider_entries_state_known", EntryState),
    ],
)
def test_the_database_knows_the_domains_words(database_url: str, constraint: str, words: type[StrEnum]) -> None:
    """A new state in the domain needs a migration, and this test says so."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [constraint]
        ).fetchone()

    assert row is not None
    assert set(row[0].split("'")[1::2]) == {word.value for word in words}


def test_constraints_that_mean_gone_stock_exist(database_url: str) -> None:
    """Errors are told apart by these names."""
    engine = create_engine(vendor_url(database_url))
    looked_at = inspect(engine)
    indexes = {index["name"] for index in looked_at.get_indexes("claims")}
    checks = {check["name"] for check in looked_at.get_check_constraints("pools")}
    engine.dispose()

    assert indexes >= faults.SEAT_CONSTRAINTS
    assert checks >= faults.POOL_CONSTRAINTS


def test_every_wait_of_a_connection_ends(database_url: str) -> None:
    """Time limits are set on the session, so that no statement, lock or forgotten transaction waits for ever."""
    engine = create_our_engine(database_url, application_name="limits", statement_seconds=7, lock_seconds=3)
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "TimeZone",
                "transaction_isolation",
                "application_name",
            )
        }
    engine.dispose()

    assert settings == {
        "statement_timeout": "7s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "15s",
        "TimeZone": "UTC",
        "transaction_isolation": "read committed",
        "application_name": "limits",
    }
