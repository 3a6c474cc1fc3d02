"""What every SmsSender and SmsCallbacks promises, on the fake and on Twilio's adapters against the sandbox."""

from collections.abc import Iterator
from typing import cast
from uuid import uuid4

import pytest

from adapters.twilio import sms_sender
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.messages import BODY_LENGTH_MAX, DeliveryReport, MessageId, MessageState
from domain.ports.payments import SignatureInvalid
from tests.contract.message_providers import INBOUND_URL, REPORTS_URL, Carrier, FakeCarrier, SandboxCarrier
from tests.contract.sandboxes import ACCOUNT_SID, AUTH_TOKEN, Sandbox, sandbox_running
from tests.fakes.messages import (
    INVALID_NUMBER,
    NOT_MOBILE_NUMBER,
    OPTED_OUT_NUMBER,
    UNREACHABLE_REGION_NUMBER,
)

PHONE = "+14155550123"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@pytest.fixture(params=["fake", "twilio"])
def carrier(request: pytest.FixtureRequest) -> Iterator[Carrier]:
    if request.param == "fake":
        yield FakeCarrier()
        return
    running = cast("Sandbox", request.getfixturevalue("sandbox"))
    running.control("POST", "reset")
    yield SandboxCarrier(running)


def send(
    carrier: Carrier, *, to: str = PHONE, body: str = "Your tickets: K7Q2-MX4D", message_id: MessageId | None = None
) -> DeliveryReport:
    return carrier.sender.send(to=to, body=body, message_id=message_id or MessageId(uuid4()))


def test_a_message_is_accepted_under_a_name(carrier: Carrier) -> None:
    """The provider takes it, names it and has not failed yet."""
    first, second = send(carrier, body="one"), send(carrier, body="two")

    assert (first.state, first.failure) == (MessageState.QUEUED, None)
    assert first.provider_id != second.provider_id
    assert sorted(carrier.bodies_sent_to(PHONE)) == ["one", "two"]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (INVALID_NUMBER, "invalid_number"),
        (NOT_MOBILE_NUMBER, "not_mobile"),
        (OPTED_OUT_NUMBER, "opted_out"),
        (UNREACHABLE_REGION_NUMBER, "refused"),
    ],
)
def test_numbers_that_cannot_be_written_to(carrier: Carrier, number: str, code: str) -> None:
    """Each reason has its own code, and nothing was sent."""
    with pytest.raises(ProviderRefused) as refusal:
        send(carrier, to=number)

    assert refusal.value.code == code
    assert carrier.bodies_sent_to(number) == []


def test_a_body_that_is_too_long(carrier: Carrier) -> None:
    """One character more than a message holds is refused as that; the longest one is sent."""
    send(carrier, body="x" * BODY_LENGTH_MAX)

    with pytest.raises(ProviderRefused) as refusal:
        send(carrier, body="x" * (BODY_LENGTH_MAX + 1))

    assert refusal.value.code == "too_long"


def test_a_lost_reply_is_unknown_and_not_repeated(carrier: Carrier) -> None:
    """The sender hears that nobody knows, and exactly one message left."""
    with carrier.replies_lost(), pytest.raises(ProviderUnavailable):
        send(carrier, body="once")

    assert carrier.bodies_sent_to(PHONE) == ["once"]


def test_a_rate_limit_was_certainly_not_sent(carrier: Carrier) -> None:
    """Turned away unread: it may be tried again, and then arrives once."""
    with carrier.busy(), pytest.raises(ProviderRefused) as refusal:
        send(carrier, body="later")

    assert refusal.value.code == "rate_limited"
    send(carrier, body="later")
    assert carrier.bodies_sent_to(PHONE) == ["later"]


def test_a_broken_provider_is_unknown(carrier: Carrier) -> None:
    """A server error says nothing about the message."""
    with carrier.broken(), pytest.raises(ProviderUnavailable):
        send(carrier)


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (MessageState.QUEUED, None),
        (MessageState.SENT, None),
        (MessageState.DELIVERED, None),
        (MessageState.FAILED, "30003"),
    ],
)
def test_a_signed_report_is_read(carrier: Carrier, state: MessageState, failure: str | None) -> None:
    """State, failure and both names of the message come out as they went in."""
    message_id = MessageId(uuid4())
    sent = send(carrier, message_id=message_id)
    url, form, signature = carrier.report(sent, message_id, state, failure=failure)

    report = carrier.callbacks.read_report(url=url, form=form, signature=signature)

    assert report == DeliveryReport(provider_id=sent.provider_id, state=state, failure=failure, message_id=message_id)


def test_the_address_of_reports_carries_our_own_name(sandbox: Sandbox) -> None:
    """Twilio's own name of a message is known only when its answer arrived; a report may be faster."""
    sandbox.control("POST", "reset")
    carrier, message_id = SandboxCarrier(sandbox), MessageId(uuid4())
    send(carrier, message_id=message_id)
    sandbox.advance(3_600)

    (call,) = sandbox.control("GET", "deliveries")["data"]

    assert call["url"] == f"{REPORTS_URL}?message={message_id}"


def test_forged_calls_are_refused(carrier: Carrier) -> None:
    """Another field, another address or no signature: none is read."""
    message_id = MessageId(uuid4())
    genuine, form, signature = carrier.report(send(carrier, message_id=message_id), message_id, MessageState.SENT)
    forgeries = (
        (genuine, form, ""),
        (genuine, form, "nonsense"),
        (genuine, {**form, "added": "1"}, signature),
        (f"{genuine}&more=1", form, signature),
        (INBOUND_URL, form, signature),
    )
    for url, fields, claimed in forgeries:
        with pytest.raises(SignatureInvalid):
            carrier.callbacks.read_report(url=url, form=fields, signature=claimed)
    inbound, inbound_signature = carrier.inbound(PHONE, "hello")
    with pytest.raises(SignatureInvalid):
        carrier.callbacks.read_inbound(url=REPORTS_URL, form=inbound, signature=inbound_signature)


@pytest.mark.parametrize(
    ("body", "opt_out", "opt_in"),
    [
        ("STOP", True, False),
        (" stop ", True, False),
        ("Unsubscribe", True, False),
        ("start", False, True),
        ("please stop it", False, False),
        ("When do doors open?", False, False),
        ("", False, False),
    ],
)
def test_people_write_back(carrier: Carrier, body: str, opt_out: bool, opt_in: bool) -> None:
    """Who wrote what, and whether it is one of the words that must be obeyed."""
    form, signature = carrier.inbound(PHONE, body)

    message = carrier.callbacks.read_inbound(url=INBOUND_URL, form=form, signature=signature)

    assert (message.sender, message.body) == (PHONE, body)
    assert (message.opt_out, message.opt_in) == (opt_out, opt_in)


def test_who_cannot_be_reached_was_sent_nothing() -> None:
    """No connection at all is the one failure after which a message may be sent again (Twilio's adapter)."""
    sender = sms_sender.connect(
        account_sid=ACCOUNT_SID,
        auth_token=AUTH_TOKEN,
        status_callback=REPORTS_URL,
        sender="+15005550006",
        api_base="http://127.0.0.1:1",
    )

    with pytest.raises(ProviderRefused) as refusal:
        sender.send(to=PHONE, body="hello", message_id=MessageId(uuid4()))

    assert refusal.value.code == "rate_limited"
