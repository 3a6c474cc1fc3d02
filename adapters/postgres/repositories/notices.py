"""Webhooks that were seen."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from adapters.postgres.tables import webhook_notices
from adapters.postgres.transaction import Transaction


class PostgresNotices:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def first_time(self, *, provider: str, notice_id: str, type_: str, at: datetime) -> bool:
        row = {"provider": provider, "notice_id": notice_id, "type": type_, "received_at": at}
        once = insert(webhook_notices).values(row).on_conflict_do_nothing()
        return self._transaction.first(once.returning(webhook_notices.c.notice_id)) is not None
