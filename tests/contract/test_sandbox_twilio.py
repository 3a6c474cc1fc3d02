"""Twilio's sandbox through the official SDK: messages, callbacks, opt-outs, errors and the inbox page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.contract.sandbox_harness import TWILIO_SID, TWILIO_TOKEN, Received, Sandbox, running_sandbox, wait_for

SENDER = "+15005550006"
PERSON = "+15005550100"
FIELDS: dict[str, str] = json.loads((Path(__file__).parent / "sandbox_fields.json").read_text(encoding="utf-8"))[
    "twilio"
]["message"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def send(sandbox: Sandbox, **changes: Any) -> Any:
    return sandbox.twilio.messages.create(**({"to": PERSON, "from_": SENDER, "body": "Hello"} | changes))


def refusal(sandbox: Sandbox, **changes: Any) -> TwilioRestException:
    with pytest.raises(TwilioRestException) as refused:
        send(sandbox, **changes)
    return refused.value


def callbacks(sandbox: Sandbox) -> list[dict[str, str]]:
    return [form(one) for one in sandbox.receiver.received if one.path.startswith("/callback")]


def form(received: Received) -> dict[str, str]:
    return dict(parse_qsl(received.body.decode(), keep_blank_values=True))


def test_a_message_travels_to_delivered_and_says_so(sandbox: Sandbox) -> None:
    """queued, sending, sent, delivered: each told to the callback, with a signature the SDK's validator accepts."""
    callback = f"{sandbox.receiver.url}/callback?order=ord_1"
    message = send(sandbox, status_callback=callback)
    assert (message.status, message.direction, message.num_segments) == ("queued", "outbound-api", "1")
    wait_for(lambda: message.fetch().status == "delivered")
    sandbox.settled()
    assert {one["MessageStatus"] for one in callbacks(sandbox)} == {"sending", "sent", "delivered"}
    delivered = message.fetch()
    assert (delivered.price, delivered.price_unit, delivered.error_code) == ("-0.00790", "USD", None)
    assert delivered.date_sent is not None
    validator = RequestValidator(TWILIO_TOKEN)
    for received in sandbox.receiver.received:
        url, signature = sandbox.receiver.url + received.path, received.headers["X-Twilio-Signature"]
        assert validator.validate(url, form(received), signature)
        assert not validator.validate(url, form(received) | {"MessageStatus": "failed"}, signature)
        assert not validator.validate(url.replace("ord_1", "ord_2"), form(received), signature)


def test_a_message_carries_every_published_field(sandbox: Sandbox) -> None:
    """The fields of Twilio's own description, and no others."""
    sid = send(sandbox).sid
    reply = sandbox.http("GET", f"/2010-04-01/Accounts/{TWILIO_SID}/Messages/{sid}.json", headers=_basic())
    assert set(reply.json()) == set(FIELDS)


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        ("+15005553001", "failed", 30001),
        ("+15005553003", "undelivered", 30003),
        ("+15005553005", "undelivered", 30005),
        ("+15005553006", "undelivered", 30006),
        ("+15005553007", "undelivered", 30007),
        ("+15005553008", "undelivered", 30008),
    ],
)
def test_magic_numbers_fail_on_the_way(sandbox: Sandbox, number: str, status: str, code: int) -> None:
    """+1500555 and an error code: accepted, and then failed with that code in the message and its callback."""
    message = send(sandbox, to=number, status_callback=f"{sandbox.receiver.url}/callback")
    failed = wait_for(lambda: (found := message.fetch()).status == status and found)
    assert failed.error_code == code
    assert failed.error_message
    wait_for(lambda: callbacks(sandbox) and callbacks(sandbox)[-1].get("ErrorCode") == str(code))


def test_a_silent_carrier_never_confirms(sandbox: Sandbox) -> None:
    """+15005553099 stays at sent: the application must not wait for delivered."""
    message = send(sandbox, to="+15005553099")
    wait_for(lambda: message.fetch().status == "sent")
    wait_for(lambda: sandbox.control("GET", "state")["scheduled"] == 0)
    assert message.fetch().status == "sent"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "12"}, 21211),
        ({"to": "+15005550001"}, 21211),
        ({"to": "nobody"}, 21211),
        ({"to": ""}, 21604),
        ({"body": ""}, 21602),
        ({"body": "x" * 1601}, 21617),
        ({"to": "+15005550002"}, 21612),
        ({"to": "+15005550003"}, 21408),
        ({"to": "+15005550004"}, 21610),
        ({"to": "+15005550009"}, 21614),
        ({"from_": "+15005550001"}, 21212),
        ({"from_": "+15005550007"}, 21606),
        ({"from_": "+15005550008"}, 21611),
        ({"from_": ""}, 21603),
        ({"status_callback": "not a url"}, 21609),
        ({"validity_period": 36_001}, 30036),
    ],
)
def test_refusals_have_twilios_codes(sandbox: Sandbox, changes: dict[str, Any], code: int) -> None:
    """What can never be sent is refused at once, with 400, the code and a page about it."""
    error = refusal(sandbox, **changes)
    assert (error.status, error.code) == (400, code)
    assert sandbox.twilio.messages.list() == []


def test_wrong_credentials_and_foreign_accounts(sandbox: Sandbox) -> None:
    """20003 without the right token; another account's address is not found."""
    for token in ("wrong", ""):
        stranger = Client(TWILIO_SID, token or "x")
        stranger.api.base_url = sandbox.url
        with pytest.raises(TwilioRestException) as refused:
            stranger.messages.create(to=PERSON, from_=SENDER, body="Hello")
        assert (refused.value.status, refused.value.code) == (401, 20003)
    reply = sandbox.http("GET", f"/2010-04-01/Accounts/AC{'9' * 32}/Messages.json", headers=_basic())
    assert (reply.status, reply.json()["code"]) == (404, 20404)


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("x" * 160, "1"),
        ("x" * 161, "2"),
        ("x" * 306, "2"),
        ("x" * 307, "3"),
        ("€" * 80, "1"),
        ("€" * 81, "2"),
        ("ж" * 70, "1"),
        ("ж" * 71, "2"),
        ("🎫" * 35, "1"),
        ("🎫" * 36, "2"),
    ],
)
def test_segments_are_counted_as_they_are_billed(sandbox: Sandbox, body: str, segments: str) -> None:
    """GSM-7 with its extension, UCS-2 with its surrogates, single and joined."""
    assert send(sandbox, body=body).num_segments == segments


def test_a_messaging_service_picks_the_sender(sandbox: Sandbox) -> None:
    """Accepted without a sender and without a count; both are known once it is on its way."""
    service = "MG" + "a" * 32
    message = sandbox.twilio.messages.create(to=PERSON, messaging_service_sid=service, body="Hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    sent = wait_for(lambda: (found := message.fetch()).status == "delivered" and found)
    assert (sent.from_, sent.num_segments, sent.messaging_service_sid) == (SENDER, "1", service)


def test_messages_are_listed_page_by_page(sandbox: Sandbox) -> None:
    """Newest first, filtered, and complete over the SDK's paging."""
    sids = [send(sandbox, body=str(number)).sid for number in range(7)]
    send(sandbox, to="+15005550101")
    assert [one.sid for one in sandbox.twilio.messages.list(to=PERSON, page_size=3)] == sids[::-1]
    assert len(sandbox.twilio.messages.list(limit=2)) == 2
    assert len(list(sandbox.twilio.messages.stream(page_size=2))) == 8
    assert sandbox.twilio.messages.list(from_="+15005559999") == []


def test_messages_are_redacted_and_deleted_once_they_are_done(sandbox: Sandbox) -> None:
    """Not before their last status."""
    message = send(sandbox)
    with pytest.raises(TwilioRestException):
        sandbox.twilio.messages(message.sid).delete()
    wait_for(lambda: message.fetch().status == "delivered")
    assert sandbox.twilio.messages(message.sid).update(body="").body == ""
    assert sandbox.twilio.messages(message.sid).delete() is True
    with pytest.raises(TwilioRestException) as gone:
        message.fetch()
    assert (gone.value.status, gone.value.code) == (404, 20404)


@pytest.mark.parametrize(
    "word", ["STOP", "stop", " StopAll ", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]
)
def test_stop_words_opt_out_until_start(sandbox: Sandbox, word: str) -> None:
    """A stop word typed in the inbox blocks that sender (21610), is told to the application, and START lifts it."""
    send(sandbox)
    reply = sandbox.post_form(f"{sandbox.url}/inbox/reply", {"number": PERSON, "body": word})
    assert (reply.status, reply.headers["Location"]) == (303, "/inbox?number=%2B15005550100")
    assert refusal(sandbox).code == 21610
    assert send(sandbox, to="+15005550101").status == "queued"
    inbound = wait_for(lambda: [one for one in sandbox.receiver.received if one.path == "/webhooks/twilio/inbound"])[0]
    told = form(inbound)
    assert (told["From"], told["To"], told["Body"], told["OptOutType"]) == (PERSON, SENDER, word.strip(), "STOP")
    url = f"{sandbox.receiver.url}/webhooks/twilio/inbound"
    assert RequestValidator(TWILIO_TOKEN).validate(url, told, inbound.headers["X-Twilio-Signature"])
    assert "Opted out" in sandbox.http("GET", "/inbox").body

    sandbox.post_form(f"{sandbox.url}/inbox/reply", {"number": PERSON, "body": "START"})
    assert send(sandbox).status == "queued"


def test_faults_strike_twilio_too(sandbox: Sandbox) -> None:
    """429 was never processed, a lost reply was: the message exists although the caller saw an error."""
    sandbox.control("POST", "faults", target="twilio", method="POST", kind="429")
    limited = refusal(sandbox)
    assert (limited.status, limited.code) == (429, 20429)
    assert sandbox.twilio.messages.list() == []
    sandbox.control("POST", "faults", target="twilio", method="POST", kind="503")
    assert refusal(sandbox).status == 503
    sandbox.control("POST", "faults", target="twilio", method="POST", kind="lost_reply")
    with pytest.raises(OSError, match="without response"):
        send(sandbox)
    assert len(sandbox.twilio.messages.list()) == 1
    sandbox.control("POST", "faults", target="twilio_callbacks", type="sent", kind="drop")
    sandbox.control("POST", "faults", target="twilio_callbacks", type="delivered", kind="duplicate")
    send(sandbox, status_callback=f"{sandbox.receiver.url}/callback")
    wait_for(lambda: len(callbacks(sandbox)) == 3)
    statuses = sorted(one["MessageStatus"] for one in callbacks(sandbox))
    assert statuses == ["delivered", "delivered", "sending"]


def test_the_inbox_shows_messages_safely(sandbox: Sandbox) -> None:
    """Grouped by phone, links clickable, everything else escaped, no styles or scripts but its own."""
    empty = sandbox.http("GET", "/inbox")
    assert "No messages yet" in empty.body
    send(sandbox, body="Your ticket: https://shop.example/t/1?a=1&b=2. <img src=x>")
    page = sandbox.http("GET", "/inbox?number=%2B15005550100")
    assert '<a href="https://shop.example/t/1?a=1&amp;b=2" target="_blank"' in page.body
    assert "<img" not in page.body
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    same = sandbox.http(
        "GET", "/inbox?number=%2B15005550199", headers={"If-None-Match": sandbox.http("GET", "/inbox").headers["ETag"]}
    )
    assert same.status == 200
    assert sandbox.http("POST", "/inbox/reply", body=b"number=x&body=y").status == 400


def test_tests_can_read_the_messages_of_a_number(sandbox: Sandbox) -> None:
    """/_sandbox/messages?to= answers what a test wants to know, newest first."""
    send(sandbox, body="first")
    send(sandbox, body="second")
    send(sandbox, to="+15005550101", body="other")
    found = sandbox.control("GET", "messages?to=%2B15005550100")["data"]
    assert [message["body"] for message in found] == ["second", "first"]


def _basic() -> dict[str, str]:
    from base64 import b64encode

    return {"Authorization": "Basic " + b64encode(f"{TWILIO_SID}:{TWILIO_TOKEN}".encode()).decode()}
