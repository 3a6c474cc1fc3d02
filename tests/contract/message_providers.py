"""Two message providers behind one face: the fake, and the real adapters on the real sandbox."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from twilio.request_validator import RequestValidator

from adapters.twilio import sms_sender
from adapters.twilio.callbacks import TwilioCallbacks
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.messages import DeliveryReport, MessageId, MessageState, SmsCallbacks, SmsSender
from tests.contract.sandboxes import ACCOUNT_SID, AUTH_TOKEN, Sandbox
from tests.fakes.messages import FakeSms

REPORTS_URL = "https://tickets.example/webhooks/twilio/status"
INBOUND_URL = "https://tickets.example/webhooks/twilio/inbound"


class Carrier(Protocol):
    """A sender and its callbacks, and what the network does."""

    sender: SmsSender
    callbacks: SmsCallbacks

    def bodies_sent_to(self, number: str) -> list[str]: ...

    def replies_lost(self) -> AbstractContextManager[None]:
        """Messages inside the block leave, and nobody hears."""
        ...

    def busy(self) -> AbstractContextManager[None]:
        """The first message inside the block is turned away unread."""
        ...

    def broken(self) -> AbstractContextManager[None]:
        """The first message inside the block fails inside the provider."""
        ...

    def report(
        self, sent: DeliveryReport, message_id: MessageId, state: MessageState, *, failure: str | None = None
    ) -> tuple[str, dict[str, str], str]:
        """A signed delivery report of a message that was sent: the address it comes to, its form, its signature."""
        ...

    def inbound(self, number: str, body: str) -> tuple[dict[str, str], str]:
        """A signed message from somebody for INBOUND_URL."""
        ...


class FakeCarrier:
    def __init__(self) -> None:
        self._fake = FakeSms()
        self.sender: SmsSender = self._fake
        self.callbacks: SmsCallbacks = self._fake

    def bodies_sent_to(self, number: str) -> list[str]:
        return [sent.body for sent in self._fake.sent if sent.to == number]

    @contextmanager
    def replies_lost(self) -> Iterator[None]:
        self._fake.lose_next_reply()
        yield

    @contextmanager
    def busy(self) -> Iterator[None]:
        self._fake.fail_next(ProviderRefused("rate_limited", "slow down"))
        yield

    @contextmanager
    def broken(self) -> Iterator[None]:
        self._fake.fail_next(ProviderUnavailable("internal error"))
        yield

    def report(
        self, sent: DeliveryReport, message_id: MessageId, state: MessageState, *, failure: str | None = None
    ) -> tuple[str, dict[str, str], str]:
        del message_id  # It remembers which it was.
        return REPORTS_URL, *self._fake.report(sent.provider_id, state, url=REPORTS_URL, failure=failure)

    def inbound(self, number: str, body: str) -> tuple[dict[str, str], str]:
        return self._fake.inbound(number, body, url=INBOUND_URL)


_STATUSES = {
    MessageState.QUEUED: "sending",
    MessageState.SENT: "sent",
    MessageState.DELIVERED: "delivered",
    MessageState.FAILED: "undelivered",
}


class SandboxCarrier:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.sender: SmsSender = sms_sender.connect(
            account_sid=ACCOUNT_SID,
            auth_token=AUTH_TOKEN,
            status_callback=REPORTS_URL,
            sender="+15005550006",
            api_base=sandbox.url,
        )
        self.callbacks: SmsCallbacks = TwilioCallbacks(auth_token=AUTH_TOKEN)

    def bodies_sent_to(self, number: str) -> list[str]:
        found = self.sandbox.control("GET", "messages?limit=1000")["data"]
        return [message["body"] for message in found if message["to"] == number]

    def replies_lost(self) -> AbstractContextManager[None]:
        return self.sandbox.fault(target="twilio", kind="lost_reply")

    def busy(self) -> AbstractContextManager[None]:
        return self.sandbox.fault(target="twilio", kind="429", times=1)

    def broken(self) -> AbstractContextManager[None]:
        return self.sandbox.fault(target="twilio", kind="500", times=1)

    def report(
        self, sent: DeliveryReport, message_id: MessageId, state: MessageState, *, failure: str | None = None
    ) -> tuple[str, dict[str, str], str]:
        url = f"{REPORTS_URL}?message={message_id}"
        form = {"AccountSid": ACCOUNT_SID, "MessageSid": sent.provider_id, "MessageStatus": _STATUSES[state]}
        if failure:
            form["ErrorCode"] = failure
        return url, form, self._signature(url, form)

    def inbound(self, number: str, body: str) -> tuple[dict[str, str], str]:
        form = {"AccountSid": ACCOUNT_SID, "MessageSid": f"SM{0:032x}", "From": number, "Body": body}
        return form, self._signature(INBOUND_URL, form)

    def _signature(self, url: str, form: dict[str, str]) -> str:
        return str(RequestValidator(AUTH_TOKEN).compute_signature(url, form))
