"""One message over a real socket, to receivers that behave and to those that do not."""

import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.webhooks.address_guard import AddressGuard
from adapters.webhooks.sender import ANSWER_BYTES_MAX, WebhookSender
from domain.outgoing_webhooks import ANSWER_KEPT_CHARACTERS, headers
from entrypoints.launcher.process import free_port
from tests.contract.hook_receiver import Receiver, receiving

HEADERS = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
SECONDS_MAX = 0.4


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def sender() -> WebhookSender:
    return WebhookSender(guard=AddressGuard(allowed=("127.0.0.0/8",)), seconds_max=SECONDS_MAX)


def test_a_message_arrives_as_it_was_written(sender: WebhookSender, receiver: Receiver) -> None:
    """Path, headers and every byte of the body."""
    answer = sender.send(url=f"{receiver.url}?house=1", headers=HEADERS, body='{"name":"Größe"}')

    assert (answer.status, answer.error) == (204, None)
    (seen,) = receiver.received
    assert seen.path == "/hooks?house=1"
    assert seen.body == '{"name":"Größe"}'.encode()
    assert HEADERS.items() <= seen.headers.items()
    assert seen.headers["content-type"] == "application/json"
    assert receiver.url.split("/")[2] == seen.headers["host"]


@pytest.mark.parametrize("status", [400, 410, 500, 503])
def test_what_a_receiver_says_is_told(sender: WebhookSender, receiver: Receiver, status: int) -> None:
    """Status, the beginning of its text, and how long it asked to be left alone."""
    receiver.manner = str(status)

    answer = sender.send(url=receiver.url, headers=HEADERS, body="{}")

    assert (answer.status, answer.body, answer.error) == (status, "thank you", None)
    assert answer.retry_after_seconds == (600 if status == 503 else 0)


def test_redirects_are_not_followed(sender: WebhookSender, receiver: Receiver) -> None:
    """Or every check of the address would be worth nothing."""
    receiver.manner = "redirect"

    answer = sender.send(url=receiver.url, headers=HEADERS, body="{}")

    assert answer.status == 302
    assert "not followed" in (answer.error or "")
    assert len(receiver.received) == 1


@pytest.mark.parametrize("manner", ["silent", "trickle"])
def test_patience_has_an_end(sender: WebhookSender, receiver: Receiver, manner: str) -> None:
    """Silence and a byte now and then both end when the time is over, headers or body."""
    receiver.manner = manner
    began = time.monotonic()

    answer = sender.send(url=receiver.url, headers=HEADERS, body="{}")

    assert (answer.status, "No answer within" in (answer.error or "")) == (None, True)
    assert time.monotonic() - began < 10 * SECONDS_MAX


def test_an_endless_answer_is_not_read(sender: WebhookSender, receiver: Receiver) -> None:
    """Five megabytes: some are read, fewer are kept, and the message counts as taken."""
    receiver.manner = "huge"

    answer = sender.send(url=receiver.url, headers=HEADERS, body="{}")

    assert answer.status == 200
    assert len(answer.body) == ANSWER_KEPT_CHARACTERS < ANSWER_BYTES_MAX


def test_nobody_there_is_no_crash(sender: WebhookSender) -> None:
    """A closed port, and a port that does not speak TLS."""
    closed = sender.send(url=f"http://127.0.0.1:{free_port()}/", headers=HEADERS, body="{}")

    assert (closed.status, "Nothing listens there." in (closed.error or "")) == (None, True)


def test_a_plain_receiver_is_no_secure_one(sender: WebhookSender, receiver: Receiver) -> None:
    """TLS that does not come about is an error in words."""
    answer = sender.send(url=receiver.url.replace("http:", "https:"), headers=HEADERS, body="{}")

    assert answer.status is None
    assert answer.error


def test_without_the_allowance_nobody_is_called(receiver: Receiver) -> None:
    """The guard of production, and a receiver on this machine: refused before any connection is made."""
    sender = WebhookSender(guard=AddressGuard())

    answer = sender.send(url=receiver.url.replace("http:", "https:"), headers=HEADERS, body="{}")

    assert answer.status is None
    assert "private or special network" in (answer.error or "")
    assert receiver.received == []
    assert sender.refuses("https://127.0.0.1/")
    assert sender.refuses("https://tickets.example.org/hooks") is None


def test_a_receiver_verifies_what_it_gets(sender: WebhookSender, receiver: Receiver) -> None:
    """With either secret while both sign; not with a third one, another body, another time or another id."""
    ours, before, other = (f"whsec_{b64encode(name * 8).decode()}" for name in (b"ours", b"then", b"else"))
    body = '{"type":"order.confirmed"}'
    signed = headers(webhook_id="msg_1", at=datetime.now(UTC), body=body, secrets=(ours, before))

    sender.send(url=receiver.url, headers=signed, body=body)

    (seen,) = receiver.received
    assert receiver.verified(seen, ours, now=time.time())
    assert receiver.verified(seen, before, now=time.time())
    assert not receiver.verified(seen, other, now=time.time())
    assert not receiver.verified(replace(seen, body=b"{}"), ours, now=time.time())
    assert not receiver.verified(seen, ours, now=time.time() + 3_600)
    renamed = replace(seen, headers={**seen.headers, "webhook-id": "msg_2"})
    assert not receiver.verified(renamed, ours, now=time.time())
