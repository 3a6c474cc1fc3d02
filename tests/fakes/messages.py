"""A message provider in memory. The same telephone numbers misbehave as with Twilio's own test credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import RLock
from uuid import UUID

from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.messages import (
    BODY_LENGTH_MAX,
    DeliveryReport,
    InboundMessage,
    MessageId,
    MessageState,
)
from domain.ports.payments import SignatureInvalid

INVALID_NUMBER = "+15005550001"
UNREACHABLE_REGION_NUMBER = "+15005550003"
OPTED_OUT_NUMBER = "+15005550004"
NOT_MOBILE_NUMBER = "+15005550009"

_REFUSALS = {
    INVALID_NUMBER: "invalid_number",
    UNREACHABLE_REGION_NUMBER: "refused",
    OPTED_OUT_NUMBER: "opted_out",
    NOT_MOBILE_NUMBER: "not_mobile",
}
_STOP_WORDS = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START_WORDS = frozenset({"START", "UNSTOP", "YES"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that the provider accepted, whether or not its sender heard so."""

    provider_id: str
    message_id: MessageId
    to: str
    body: str


@dataclass(slots=True)
class FakeSms:
    """Implements SmsSender and SmsCallbacks. ``sent`` is what left for telephones, oldest first."""

    sent: list[Sent] = field(default_factory=list)
    _failures: list[Exception] = field(default_factory=list)
    _replies_to_lose: int = 0
    _counter: int = 0
    _lock: RLock = field(default_factory=RLock)

    def send(self, *, to: str, body: str, message_id: MessageId) -> DeliveryReport:
        with self._lock:
            if self._failures:
                raise self._failures.pop(0)
            if code := _REFUSALS.get(to):
                raise ProviderRefused(code, f"The provider does not send to {to}.")
            if len(body) > BODY_LENGTH_MAX:
                raise ProviderRefused("too_long", f"A message has at most {BODY_LENGTH_MAX} characters.")
            made = Sent(provider_id=self._new_id(), message_id=message_id, to=to, body=body)
            self.sent.append(made)
            if self._replies_to_lose:
                self._replies_to_lose -= 1
                raise ProviderUnavailable("the provider's reply got lost")
            return DeliveryReport(provider_id=made.provider_id, state=MessageState.QUEUED, failure=None)

    def read_report(self, *, url: str, form: dict[str, str], signature: str) -> DeliveryReport:
        _check(url, form, signature)
        return DeliveryReport(
            provider_id=form["id"],
            state=MessageState(form["state"]),
            failure=form.get("failure") or None,
            message_id=MessageId(UUID(form["message"])) if "message" in form else None,
        )

    def read_inbound(self, *, url: str, form: dict[str, str], signature: str) -> InboundMessage:
        _check(url, form, signature)
        word = form["body"].strip().upper()
        return InboundMessage(
            provider_id=form["id"],
            sender=form["sender"],
            body=form["body"],
            opt_out=word in _STOP_WORDS,
            opt_in=word in _START_WORDS,
        )

    def fail_next(self, error: Exception) -> None:
        """The next send raises ``error`` and nothing leaves."""
        with self._lock:
            self._failures.append(error)

    def lose_next_reply(self) -> None:
        """The next message leaves, but its sender hears ProviderUnavailable."""
        with self._lock:
            self._replies_to_lose += 1

    def report(
        self, provider_id: str, state: MessageState, *, url: str, failure: str | None = None
    ) -> tuple[dict[str, str], str]:
        """A signed delivery report: form and signature for ``read_report``."""
        form = {"id": provider_id, "state": state.value, "failure": failure or ""}
        with self._lock:
            sent = next((sent for sent in self.sent if sent.provider_id == provider_id), None)
        if sent is not None:
            form["message"] = str(sent.message_id)
        return form, _signature(url, form)

    def inbound(self, sender: str, body: str, *, url: str) -> tuple[dict[str, str], str]:
        """Somebody writes to us: form and signature for ``read_inbound``."""
        with self._lock:
            form = {"id": self._new_id(), "sender": sender, "body": body}
        return form, _signature(url, form)

    def _new_id(self) -> str:
        self._counter += 1
        return f"SM{self._counter:032x}"


def _signature(url: str, form: Mapping[str, str]) -> str:
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return sha256(b"the provider's secret" + text.encode()).hexdigest()


def _check(url: str, form: Mapping[str, str], signature: str) -> None:
    if signature != _signature(url, form):
        raise SignatureInvalid("the call is not signed by the provider")
