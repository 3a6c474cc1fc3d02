"""The account's books: where objects are kept, ids made, events written and later happenings planned."""

from __future__ import annotations

import itertools
import secrets
import string
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.stripe.sandbox.errors import missing
from adapters.stripe.sandbox.ports import Clock, Deliveries, Document, Documents, Schedule

API_VERSION = "2026-10-28.endive"
# A load test makes hundreds of thousands of events; what is older than these nobody asks for.
EVENTS_MAX = 20_000
IDEMPOTENCY_KEYS_MAX = 50_000
TRIM_EVERY = 1_000
_ALPHABET = string.ascii_letters + string.digits

KIND_BY_PREFIX = {
    "cs": "checkout.session",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "dp": "dispute",
    "prv": "review",
    "issfr": "radar.early_fraud_warning",
    "txn": "balance_transaction",
    "we": "webhook_endpoint",
    "evt": "event",
    "cus": "customer",
    "pm": "payment_method",
}
PREFIX_BY_KIND = {kind: prefix for prefix, kind in KIND_BY_PREFIX.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """How long after their cause the pretended consequences come, in seconds."""

    refund_settles: float
    dispute_opens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything that a request or a scheduled action may touch.

    ``request_id`` and ``idempotency_key`` are those of the API call that causes what happens, and end up in its
    events; both are None for what a buyer, the network or the clock causes.
    """

    documents: Documents
    clock: Clock
    schedule: Schedule
    deliveries: Deliveries
    tempo: Tempo
    merchant_name: str
    sandbox_url: str
    tally: Iterator[int] = field(default_factory=itertools.count)
    request_id: str | None = None
    idempotency_key: str | None = None

    def on_behalf_of(self, *, request_id: str, idempotency_key: str | None) -> Ledger:
        return replace(self, request_id=request_id, idempotency_key=idempotency_key)

    def now(self) -> int:
        return int(self.clock.now())

    def new_id(self, kind: str, *, length: int = 24) -> str:
        return f"{PREFIX_BY_KIND[kind]}_{random_text(length)}"

    def get(self, kind: str, object_id: str, *, param: str = "id") -> Document:
        """The object, or Stripe's 404."""
        found = self.documents.get(kind, object_id)
        if found is None:
            raise missing(kind, object_id, param=param)
        return found

    def save(self, document: Document) -> Document:
        self.documents.put(document["object"], document["id"], document)
        return document

    def select(self, kind: str, **where: Any) -> list[Document]:
        """All objects of a kind whose fields equal what is given, newest first."""
        return self.documents.select(kind, where=where, limit=1_000)

    def change(self, document: Document, **fields: Any) -> Document:
        """Set fields and save, in place."""
        document.update(fields)
        return self.save(document)

    def emit(self, type_: str, document: Document, *, previous: Document | None = None) -> None:
        """Write an event about the object as it is now, and queue it for every endpoint that listens."""
        endpoints = [
            endpoint
            for endpoint in self.select("webhook_endpoint", status="enabled")
            if "*" in endpoint["enabled_events"] or type_ in endpoint["enabled_events"]
        ]
        data: Document = {"object": document}
        if previous is not None:
            data["previous_attributes"] = previous
        event: Document = {
            "id": self.new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": self.request_id, "idempotency_key": self.idempotency_key},
            "type": type_,
        }
        self.save(event)
        if next(self.tally) % TRIM_EVERY == 0:
            self.documents.trim("event", keep=EVENTS_MAX)
            self.documents.trim("idempotency", keep=IDEMPOTENCY_KEYS_MAX)
        for endpoint in endpoints:
            self.deliveries.send(
                vendor="stripe",
                type_=type_,
                url=endpoint["url"],
                about={"event": event["id"], "endpoint": endpoint["id"], "object": document["id"]},
            )


def random_text(length: int) -> str:
    """Letters and digits nobody can guess. Taken from one draw: an id is made for every object and event."""
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in secrets.token_bytes(length))
