"""Short messages, and who does not want any."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_once

from adapters.postgres.rows import records as rows
from adapters.postgres.statements import WANTED, Lockable, lockable, saving
from adapters.postgres.tables import messages, opt_outs
from adapters.postgres.transaction import Transaction
from domain.errors import NotFound
from domain.orders import OrderId
from domain.ports.messages import Message, MessageId

_ONE = lockable(select(messages).where(messages.c.id == WANTED))
_OF_PROVIDER = lockable(select(messages).where(messages.c.provider_id == WANTED))
_OPTED_OUT = select(opt_outs).where(opt_outs.c.phone == WANTED)
_ADD, _SAVE = insert(messages), saving(messages)


class PostgresMessages:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, message: Message) -> None:
        self._transaction.run(_ADD, rows.message_to_row(message))

    def get(self, message_id: MessageId, *, lock: bool = False) -> Message:
        message = self._find(_ONE, message_id, lock=lock)
        if message is None:
            raise NotFound("message")
        return message

    def of_provider(self, provider_id: str, *, lock: bool = False) -> Message | None:
        return self._find(_OF_PROVIDER, provider_id, lock=lock)

    def of_order(self, order_id: OrderId) -> tuple[Message, ...]:
        own = select(messages).where(messages.c.order_id == order_id).order_by(messages.c.created_at, messages.c.id)
        return tuple(map(rows.message_from_row, self._transaction.rows(own)))

    def save(self, message: Message) -> None:
        if not self._transaction.changed(_SAVE, {"wanted": message.id, **rows.message_changes(message)}):
            raise NotFound("message")

    def opted_out(self, phone: str) -> bool:
        return self._transaction.first(_OPTED_OUT, {"wanted": phone}) is not None

    def opt_out(self, phone: str, *, at: datetime) -> None:
        self._transaction.run(insert_once(opt_outs).on_conflict_do_nothing(), {"phone": phone, "at": at})

    def opt_in(self, phone: str) -> None:
        self._transaction.run(delete(opt_outs).where(opt_outs.c.phone == phone))

    def _find(self, which: Lockable, wanted: object, *, lock: bool) -> Message | None:
        row = self._transaction.first(which.with_lock(lock), {"wanted": wanted})
        return rows.message_from_row(row) if row else None
