"""Webhooks that were seen."""

from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from adapters.postgres.tables import provider_logs, webhook_notices
from adapters.postgres.transaction import Transaction

_PRUNE = text("""
    DELETE FROM webhook_notices WHERE (provider, notice_id) IN (
        SELECT provider, notice_id FROM webhook_notices WHERE received_at < :before
        ORDER BY received_at LIMIT :at_most FOR UPDATE SKIP LOCKED)
""")


class PostgresNotices:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def first_time(self, *, provider: str, notice_id: str, type_: str, at: datetime) -> bool:
        row = {"provider": provider, "notice_id": notice_id, "type": type_, "received_at": at}
        once = insert(webhook_notices).values(row).on_conflict_do_nothing()
        return self._transaction.first(once.returning(webhook_notices.c.notice_id)) is not None

    def prune(self, *, before: datetime, at_most: int) -> int:
        return self._transaction.changed(_PRUNE, {"before": before, "at_most": at_most})

    def read_until(self, *, provider: str) -> datetime | None:
        row = self._transaction.first(select(provider_logs).where(provider_logs.c.provider == provider))
        return row["read_until"] if row else None

    def have_read(self, *, provider: str, until: datetime) -> None:
        new = insert(provider_logs).values(provider=provider, read_until=until)
        later = func.greatest(provider_logs.c.read_until, new.excluded.read_until)
        self._transaction.run(new.on_conflict_do_update(index_elements=["provider"], set_={"read_until": later}))
