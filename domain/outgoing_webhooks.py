"""Webhooks that tell organisers' own systems what happens, in the form of Standard Webhooks.

An **endpoint** is an address that a house named, with the kinds of facts that it wants to hear of. A **message** is one
fact; a **delivery** is that message on its way to one endpoint, tried until it is taken or too old. Headers and
signatures are those of https://www.standardwebhooks.com, so receivers check them with any of its libraries.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import digest
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.venues import VenueId

EndpointId = NewType("EndpointId", UUID)
DeliveryId = NewType("DeliveryId", UUID)

ENDPOINTS_MAX = 50
URL_LENGTH_MAX = 500
DESCRIPTION_LENGTH_MAX = 200
ANSWER_KEPT_CHARACTERS = 1_000
SECRET_PREFIX = "whsec_"  # noqa: S105  (what every secret of the standard begins with)

ROTATION_OVERLAP = timedelta(hours=24)
"""How long messages carry a signature of the secret before as well, so that a receiver may change over in its time."""

RETRY_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The pauses between tries, as the standard suggests them: from seconds to a day, three days in all."""
RETRY_SPREAD = 0.2
"""Pauses are up to so much longer, differently for each delivery."""
RETRY_AFTER_SECONDS_MAX = 86_400
SPREAD_STEPS = 1_024

FAILING_MAX = timedelta(days=5)
"""An endpoint that has taken nothing for so long is turned off."""
FAILURES_BEFORE_REST = 3
REST_SECONDS_FIRST = 30
REST_SECONDS_MAX = 1_800
REST_DOUBLINGS_MAX = 6
"""After some failures in a row an endpoint is asked rarely, by one delivery at a time, until it takes one."""

IN_FLIGHT_PER_ENDPOINT = 2
DELIVERY_LEASE_SECONDS = 30
"""Longer than one try can take (see SEND_SECONDS_MAX of the sender)."""
DELIVERIES_KEPT = timedelta(days=30)

_OK_FIRST, _OK_LAST, _GONE = 200, 299, 410


class HookKind(StrEnum):
    """What an organiser's system may want to hear of. The names are part of the contract with it."""

    ORDER_CONFIRMED = "order.confirmed"
    ORDER_CANCELLED = "order.cancelled"
    REFUND_REQUESTED = "refund.requested"
    REFUND_COMPLETED = "refund.completed"
    REFUND_FAILED = "refund.failed"
    DISPUTE_OPENED = "dispute.opened"
    EVENT_PUBLISHED = "event.published"
    EVENT_CANCELLED = "event.cancelled"
    EVENT_SOLD_OUT = "event.sold_out"
    EVENT_BACK_ON_SALE = "event.back_on_sale"
    TICKET_CHECKED_IN = "ticket.checked_in"
    TEST = "endpoint.test"
    """Sent by hand, whatever the endpoint wants."""


CHOOSABLE = tuple(kind for kind in HookKind if kind is not HookKind.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address of one receiver. ``venue_id``: only what happens at this venue; None: at all of them.

    Secrets are not kept: each is made from the house's own key, the endpoint and ``secret_version``. Until
    ``previous_until`` the version before signs as well. ``failing_since`` and ``failures`` tell of the tries since the
    last one that was taken.
    """

    id: EndpointId
    url: str
    kinds: frozenset[HookKind]
    created_at: datetime
    description: str = ""
    venue_id: VenueId | None = None
    enabled: bool = True
    disabled_because: str | None = None
    secret_version: int = 1
    previous_until: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    quiet_until: datetime | None = None

    def wants(self, kind: HookKind, venue_id: VenueId | None) -> bool:
        return self.enabled and kind in self.kinds and self.venue_id in {None, venue_id}

    def signing_versions(self, *, now: datetime) -> tuple[int, ...]:
        """Which secrets sign now, the newest first."""
        if self.previous_until is not None and now < self.previous_until:
            return self.secret_version, self.secret_version - 1
        return (self.secret_version,)

    def rotate(self, *, now: datetime) -> "Endpoint | Rejection":
        """A new secret; the one before signs along for a while. Never three at once."""
        if self.previous_until is not None and now < self.previous_until:
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message="The secret was changed within the last day. Change over to it before making another.",
            )
        return replace(self, secret_version=self.secret_version + 1, previous_until=now + ROTATION_OVERLAP)

    def enable(self) -> "Endpoint":
        """Begin anew, as if nothing had failed."""
        return replace(self, enabled=True, disabled_because=None, failing_since=None, failures=0, quiet_until=None)

    def disable(self, because: str) -> "Endpoint":
        return replace(self, enabled=False, disabled_because=because)

    def wake(self) -> "Endpoint":
        """Somebody looks whether it works again: its rest is over, and the next message is tried at once."""
        return replace(self, quiet_until=None)

    def moved(self, url: str) -> "Endpoint":
        """To another address, which has not failed yet."""
        if url == self.url:
            return self
        return replace(self, url=url, failing_since=None, failures=0, quiet_until=None)

    def rests(self, *, now: datetime) -> bool:
        """Whether nothing is tried for a while, because so much failed."""
        return self.enabled and self.quiet_until is not None and now < self.quiet_until

    def took_one(self) -> "Endpoint":
        return replace(self, failing_since=None, failures=0, quiet_until=None)

    def failed(self, *, status: int | None, now: datetime) -> "Endpoint":
        """One try was not taken: let it rest after some, and turn it off after days or when it says that it is gone."""
        failures, since = self.failures + 1, self.failing_since or now
        step = failures - FAILURES_BEFORE_REST
        rest = min(REST_SECONDS_FIRST * 2 ** min(step, REST_DOUBLINGS_MAX), REST_SECONDS_MAX) if step >= 0 else 0
        after = replace(self, failures=failures, failing_since=since, quiet_until=now + timedelta(seconds=rest))
        if status == _GONE:
            return after.disable("The receiver answered 410 Gone: it does not want to be told any more.")
        if now - since >= FAILING_MAX:
            return after.disable(f"Nothing was taken for {FAILING_MAX.days} days.")
        return after


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try and what came of it. ``status`` is None when there was no answer; ``error`` then says why."""

    number: int
    at: datetime
    milliseconds: int
    status: int | None = None
    answer: str = ""
    error: str | None = None
    retry_after_seconds: int = 0

    @property
    def taken(self) -> bool:
        return self.status is not None and _OK_FIRST <= self.status <= _OK_LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message on its way to one endpoint. ``body`` is sent byte for byte the same at every try."""

    id: DeliveryId
    endpoint_id: EndpointId
    message_id: UUID
    kind: HookKind
    body: str
    created_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    tries_before: int = 0
    """Attempts made before a person had it sent again."""
    next_try_at: datetime | None = None

    @property
    def webhook_id(self) -> str:
        """What the receiver sees as ``webhook-id``: the same at every try, so that it can tell a repetition."""
        return f"msg_{self.message_id.hex}"

    def tried(self, attempt: Attempt) -> "Delivery":
        """What follows from a try: it was taken, it is tried again, or it was tried often enough."""
        if attempt.taken:
            return replace(self, state=DeliveryState.DELIVERED, next_try_at=None)
        tries = self.attempts - self.tries_before
        if attempt.status == _GONE or tries > len(RETRY_SECONDS):
            return replace(self, state=DeliveryState.FAILED, next_try_at=None)
        pause = RETRY_SECONDS[tries - 1]
        spread = (self.id.int + self.attempts) % SPREAD_STEPS / SPREAD_STEPS
        asked = min(attempt.retry_after_seconds, RETRY_AFTER_SECONDS_MAX)
        seconds = max(pause * (1 + RETRY_SPREAD * spread), asked)
        return replace(self, next_try_at=attempt.at + timedelta(seconds=seconds))

    def again(self, *, now: datetime) -> "Delivery":
        """A person wants it to be sent once more, whatever came of it: all tries are ahead of it again."""
        return replace(self, state=DeliveryState.WAITING, tries_before=self.attempts, next_try_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a receiver said, or why nothing was heard of it. ``body`` is cut."""

    milliseconds: int
    status: int | None = None
    body: str = ""
    error: str | None = None
    retry_after_seconds: int = 0


def headers(*, webhook_id: str, at: datetime, body: str, secrets: tuple[str, ...]) -> Mapping[str, str]:
    """The standard's three headers: a signature for each secret, with blanks in between."""
    timestamp = str(int(at.timestamp()))
    signed = f"{webhook_id}.{timestamp}.{body}".encode()
    signatures = (b64encode(digest(_key(secret), signed, sha256)).decode() for secret in secrets)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: str) -> bytes:
    return b64decode(secret.removeprefix(SECRET_PREFIX))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Deliveries to one endpoint, the newest first."""

    items: tuple[Delivery, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFigures:
    """How an endpoint fares. ``waiting`` and ``failed`` count its deliveries."""

    endpoint: Endpoint
    waiting: int = 0
    failed: int = 0
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDelivery:
    """A delivery with every try."""

    delivery: Delivery
    tries: tuple[Attempt, ...] = field(default_factory=tuple)
