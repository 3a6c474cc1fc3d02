"""Answers that were given, so that a repeated request is answered and not repeated."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text, update

from adapters.postgres.tables import idempotency_keys
from adapters.postgres.transaction import Transaction
from domain.errors import InvariantBroken, Rejection, RejectionCode

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(seconds=60)
"""A first request that has not answered for so long has died: the same request may take its place."""

_PRUNE = text("""
    DELETE FROM idempotency_keys WHERE (scope, key) IN (
        SELECT scope, key FROM idempotency_keys
        WHERE begun_at <= :kept_since ORDER BY begun_at LIMIT :at_most FOR UPDATE SKIP LOCKED)
""")
_BEGIN = text("""
    INSERT INTO idempotency_keys AS known (scope, key, request_digest, begun_at)
    VALUES (:scope, :key, :request_digest, :now)
    ON CONFLICT (scope, key) DO UPDATE
    SET request_digest = excluded.request_digest, begun_at = excluded.begun_at, answer = NULL
    WHERE known.begun_at <= :kept_since
        OR known.answer IS NULL AND known.request_digest = excluded.request_digest
            AND known.begun_at <= :under_way_since
""")


class PostgresIdempotencyKeys:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def begin(
        self, *, scope: str, key: str, request_digest: str, now: datetime
    ) -> Mapping[str, object] | Rejection | None:
        row = {"scope": scope, "key": key, "request_digest": request_digest, "now": now}
        since = {"kept_since": now - KEPT, "under_way_since": now - UNDER_WAY}
        if self._transaction.changed(_BEGIN, {**row, **since}):
            return None
        same = (idempotency_keys.c.scope == scope) & (idempotency_keys.c.key == key)
        known = self._transaction.first(select(idempotency_keys).where(same))
        if known is None or known["request_digest"] != request_digest:
            return Rejection(
                code=RejectionCode.IDEMPOTENCY_MISMATCH, message="This key was already used for a different request."
            )
        if known["answer"] is None:
            return Rejection(
                code=RejectionCode.CHECKOUT_IN_PROGRESS,
                message="The first request with this key is still under way.",
            )
        answer: Mapping[str, object] = known["answer"]
        return answer

    def forget(self, *, scope: str, key: str) -> None:
        same = (idempotency_keys.c.scope == scope) & (idempotency_keys.c.key == key)
        self._transaction.run(delete(idempotency_keys).where(same & idempotency_keys.c.answer.is_(None)))

    def prune(self, *, now: datetime, at_most: int) -> int:
        return self._transaction.changed(_PRUNE, {"kept_since": now - KEPT, "at_most": at_most})

    def finish(self, *, scope: str, key: str, answer: Mapping[str, object]) -> None:
        same = (idempotency_keys.c.scope == scope) & (idempotency_keys.c.key == key)
        if not self._transaction.changed(update(idempotency_keys).where(same).values(answer=dict(answer))):
            raise InvariantBroken("an answer belongs to a key that was begun")
