"""Idempotency keys: the same request again gets the same answer again, for a day."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass

from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.ports import Clock, Documents

KEY_CHARACTERS_MAX = 255
KEPT_SECONDS = 24 * 3_600
KIND = "idempotency"


@dataclass(frozen=True, slots=True)
class Replay:
    """The stored answer of the first request with this key."""

    status: int
    body: str
    request_id: str


class IdempotencyKeys:
    """Keys are per API key. What is in flight is known to the process only: a crash forgets it, as it should."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._lock = threading.Lock()
        self._in_flight: set[str] = set()

    def begin(self, key: str, *, method: str, path: str, body: str) -> Replay | None:
        """Reserve the key for this request, or answer from memory. Raises for a key in flight or reused."""
        if len(key) > KEY_CHARACTERS_MAX:
            message = f"Idempotency keys may have at most {KEY_CHARACTERS_MAX} characters."
            raise StripeApiError(400, message, type_="idempotency_error")
        with self._lock:
            if key in self._in_flight:
                raise StripeApiError(
                    409,
                    "There is currently another in-progress request using this Idempotent Key (that probably means"
                    f" you submitted twice, and the other request is still going through): {key}. Please try again"
                    " later.",
                    type_="idempotency_error",
                    code="idempotency_key_in_use",
                    headers={"Stripe-Should-Retry": "true"},
                )
            kept = self._documents.get(KIND, key)
            if kept is None or kept["created"] + KEPT_SECONDS <= self._clock.now():
                self._in_flight.add(key)
                return None
        if kept["fingerprint"] != _fingerprint(method, path, body):
            raise StripeApiError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
                f" Try using a key other than '{key}' if you meant to execute a different request.",
                type_="idempotency_error",
            )
        return Replay(status=kept["status"], body=kept["body"], request_id=kept["request_id"])

    def remember(
        self, key: str, *, method: str, path: str, body: str, status: int, answer: str, request_id: str
    ) -> None:
        """Keep the answer; called in the transaction that carries the request out."""
        self._documents.put(
            KIND,
            key,
            {
                "fingerprint": _fingerprint(method, path, body),
                "status": status,
                "body": answer,
                "request_id": request_id,
                "created": self._clock.now(),
            },
        )

    def end(self, key: str) -> None:
        with self._lock:
            self._in_flight.discard(key)


def _fingerprint(method: str, path: str, body: str) -> str:
    return hashlib.sha256(f"{method}\n{path}\n{body}".encode()).hexdigest()
