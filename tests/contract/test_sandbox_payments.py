"""Stripe's sandbox through the official SDK: from a checkout session to captured, cancelled or expired money."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.contract.sandbox_harness import Sandbox, running_sandbox, wait_for


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def test_a_manual_capture_payment_travels_from_open_to_captured(sandbox: Sandbox) -> None:
    """The whole happy path: session, card, authorisation, capture, with the money's state right at every step."""
    session = sandbox.open_session(client_reference_id="ord_1", customer_email="ada@example.com")
    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.amount_total == 9000
    assert session.url == f"{sandbox.url}/c/pay/{session.id}"

    reply = sandbox.pay(session)
    assert reply.status == 303
    assert reply.headers["Location"] == f"https://shop.example/done?session={session.id}"

    intent = sandbox.intent_of(session)
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 9000, 0)
    assert intent.metadata is not None
    assert intent.metadata["order"] == "ord_1"
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"

    captured = sandbox.stripe.v1.payment_intents.capture(intent.id)
    assert (captured.status, captured.amount_capturable, captured.amount_received) == ("succeeded", 0, 9000)
    done = sandbox.stripe.v1.checkout.sessions.retrieve(session.id)
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)


def test_automatic_capture_takes_the_money_at_once(sandbox: Sandbox) -> None:
    """Without capture_method=manual the payment has succeeded when the buyer returns."""
    assert sandbox.authorised(payment_intent_data=None).status == "succeeded"


def test_an_authorisation_can_be_captured_in_part_once(sandbox: Sandbox) -> None:
    """amount_to_capture takes that much, releases the rest, and leaves nothing for a second capture."""
    intent = sandbox.authorised()
    captured = sandbox.stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 4500})
    assert (captured.amount_received, captured.amount_capturable) == (4500, 0)
    charge = sandbox.stripe.v1.charges.retrieve(str(captured.latest_charge))
    assert (charge.amount, charge.amount_captured, charge.captured) == (9000, 4500, True)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.payment_intents.capture(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_more_than_was_authorised_is_refused(sandbox: Sandbox) -> None:
    """A capture above the authorisation names the parameter and carries the intent."""
    intent = sandbox.authorised()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.payment_intents.capture(intent.id, {"amount_to_capture": 9001})
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount_to_capture")
    assert refused.value.error is not None
    assert refused.value.error.payment_intent is not None
    assert refused.value.error.payment_intent["id"] == intent.id


def test_fifty_captures_at_once_move_the_money_once(sandbox: Sandbox) -> None:
    """Of fifty threads that capture the same intent exactly one wins; the others learn its state."""
    intent = sandbox.authorised()

    def capture(_: int) -> str:
        try:
            return sandbox.stripe.v1.payment_intents.capture(intent.id).status
        except stripe.InvalidRequestError as error:
            return str(error.code)

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(capture, range(50)))
    assert outcomes.count("succeeded") == 1
    assert outcomes.count("payment_intent_unexpected_state") == 49
    booked = sandbox.stripe.v1.balance_transactions.list({"source": str(intent.latest_charge)})
    assert [movement.amount for movement in booked.data] == [9000]


def test_cancelling_an_authorisation_releases_it(sandbox: Sandbox) -> None:
    """A cancelled intent cannot be captured any more, and its charge shows the money as returned."""
    intent = sandbox.authorised()
    cancelled = sandbox.stripe.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    assert cancelled.amount_capturable == 0
    charge = sandbox.stripe.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.refunded, charge.captured) == (True, False)
    for attempt in (sandbox.stripe.v1.payment_intents.capture, sandbox.stripe.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt(intent.id)
        assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
        ("4000000000004954", "card_declined", "fraudulent"),
        ("4100000000000019", "card_declined", "fraudulent"),
        ("4000000000000010", "card_declined", "test_mode_live_card"),
    ],
)
def test_a_declined_card_leaves_the_session_open_for_another(
    sandbox: Sandbox, number: str, code: str, decline_code: str
) -> None:
    """The page comes back with 402 and the reason, the intent says why, and the next card pays the same session."""
    session = sandbox.open_session()
    reply = sandbox.pay(session, number)
    assert reply.status == 402
    intent = sandbox.intent_of(session)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert str(intent.last_payment_error.message) in reply.body.replace("&#39;", "'")
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == (code, decline_code)
    charge = sandbox.stripe.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)

    assert sandbox.pay(session).status == 303
    paid = sandbox.intent_of(session)
    assert (paid.id, paid.status, paid.last_payment_error) == (intent.id, "requires_capture", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("card_number", "4242424242424241"),
        ("card_number", ""),
        ("card_number", "not a number"),
        ("exp_month", "13"),
        ("exp_month", "0"),
        ("exp_year", "19"),
        ("exp_year", "2999"),
        ("exp_year", "x"),
        ("cvc", "12"),
        ("cvc", "1234"),
        ("email", "nobody"),
    ],
)
def test_a_malformed_card_form_never_reaches_a_bank(sandbox: Sandbox, field: str, value: str) -> None:
    """A wrong check digit, date, code or address is answered on the page: no intent is made, the field is marked."""
    session = sandbox.open_session()
    reply = sandbox.pay(session, **({"number": value} if field == "card_number" else {field: value}))
    assert reply.status == 402
    assert reply.body.count(' aria-invalid="true"') == 1
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).payment_intent is None


def test_american_express_wants_four_digits(sandbox: Sandbox) -> None:
    """The security code's length follows the brand."""
    session = sandbox.open_session()
    assert sandbox.pay(session, "378282246310005").status == 402
    assert sandbox.pay(session, "378282246310005", cvc="1234").status == 303


def test_the_same_card_is_recognised_again(sandbox: Sandbox) -> None:
    """A card's fingerprint is stable over payments and differs between cards."""

    def fingerprint(number: str) -> str:
        charge = sandbox.stripe.v1.charges.retrieve(str(sandbox.authorised(number).latest_charge))
        assert charge.payment_method_details is not None
        assert charge.payment_method_details.card is not None
        assert charge.payment_method_details.card.last4 == number[-4:]
        return str(charge.payment_method_details.card.fingerprint)

    first, again, other = (fingerprint(n) for n in ("4242424242424242", "4242424242424242", "5555555555554444"))
    assert first == again != other


def test_elevated_risk_is_authorised_and_reviewed(sandbox: Sandbox) -> None:
    """Radar's elevated card pays, carries its risk, and waits in a review that approving closes without capturing."""
    intent = sandbox.authorised("4000000000009235")
    assert intent.status == "requires_capture"
    charge = sandbox.stripe.v1.charges.retrieve(str(intent.latest_charge))
    assert charge.outcome is not None
    assert (charge.outcome.risk_level, charge.outcome.type) == ("elevated", "manual_review")
    review = sandbox.stripe.v1.reviews.retrieve(str(intent.review))
    assert (review.open, review.payment_intent) == (True, intent.id)

    approved = sandbox.stripe.v1.reviews.approve(review.id)
    assert (approved.open, approved.closed_reason) == (False, "approved")
    after = sandbox.stripe.v1.payment_intents.retrieve(intent.id)
    assert (after.status, after.review) == ("requires_capture", None)


def test_three_d_secure_asks_first(sandbox: Sandbox) -> None:
    """A challenge leads to the bank's page; refusing leaves the session open, approving authorises."""
    session = sandbox.open_session()
    reply = sandbox.pay(session, "4000002760003184")
    assert reply.status == 303
    challenge = reply.headers["Location"]
    assert challenge == f"{sandbox.url}/c/challenge/{session.id}"
    assert sandbox.intent_of(session).status == "requires_action"
    assert sandbox.http("GET", challenge).status == 200

    assert sandbox.post_form(challenge, {"answer": "fail"}).status == 402
    refused = sandbox.intent_of(session)
    assert refused.last_payment_error is not None
    assert refused.last_payment_error.code == "payment_intent_authentication_failure"

    sandbox.pay(session, "4000002760003184")
    assert sandbox.post_form(challenge, {"answer": "approve"}).status == 303
    assert sandbox.intent_of(session).status == "requires_capture"


def test_another_card_ends_a_challenge_that_was_left(sandbox: Sandbox) -> None:
    """Answering an abandoned challenge after another card was tried changes nothing."""
    session = sandbox.open_session()
    challenge = sandbox.pay(session, "4000002760003184").headers["Location"]
    sandbox.pay(session, "4000000000000002")
    assert sandbox.post_form(challenge, {"answer": "approve"}).status == 303
    assert sandbox.intent_of(session).status == "requires_payment_method"


def test_paying_twice_is_paying_once(sandbox: Sandbox) -> None:
    """A double click, or the Back key, is sent on to the merchant; there is one charge."""
    session = sandbox.open_session()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: sandbox.pay(session), range(8)))
    assert {reply.status for reply in replies} == {303}
    intent = sandbox.intent_of(session)
    assert len(sandbox.stripe.v1.charges.list({"payment_intent": intent.id}).data) == 1
    assert sandbox.http("GET", f"/c/pay/{session.id}").status == 200


def test_only_an_open_session_can_be_expired(sandbox: Sandbox) -> None:
    """Expiring closes the page (410) and any intent begun in it; a complete or expired session refuses with 400."""
    session = sandbox.open_session()
    sandbox.pay(session, "4000000000000002")
    expired = sandbox.stripe.v1.checkout.sessions.expire(session.id)
    assert (expired.status, expired.url) == ("expired", None)
    assert sandbox.stripe.v1.payment_intents.retrieve(str(expired.payment_intent)).status == "canceled"
    page = sandbox.http("GET", f"/c/pay/{session.id}")
    assert page.status == 410
    assert "expired" in page.body
    assert sandbox.pay(session).status == 410

    complete = sandbox.open_session()
    sandbox.pay(complete)
    for closed in (session, complete):
        with pytest.raises(stripe.InvalidRequestError, match=r'status in \["open"\]'):
            sandbox.stripe.v1.checkout.sessions.expire(closed.id)


def test_expiry_and_payment_race_to_one_end(sandbox: Sandbox) -> None:
    """When expiring and paying meet, either the buyer has paid or the session has expired, never both or neither."""
    for _ in range(10):
        session = sandbox.open_session()

        def expire(session: Any = session) -> str:
            try:
                return str(sandbox.stripe.v1.checkout.sessions.expire(session.id).status)
            except stripe.InvalidRequestError:
                return "refused"

        with ThreadPoolExecutor(2) as pool:
            paying, expiring = pool.submit(sandbox.pay, session), pool.submit(expire)
        assert (paying.result().status, expiring.result()) in {(303, "refused"), (410, "expired")}


def test_a_payment_of_checkout_is_cancelled_through_its_session(sandbox: Sandbox) -> None:
    """Before authorisation the intent belongs to Checkout: cancelling it directly is refused."""
    session = sandbox.open_session()
    sandbox.pay(session, "4000000000000002")
    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session"):
        sandbox.stripe.v1.payment_intents.cancel(sandbox.intent_of(session).id)


@pytest.mark.parametrize("seconds", [1_700, 86_500])
def test_expiry_must_be_between_half_an_hour_and_a_day(sandbox: Sandbox, seconds: int) -> None:
    """Stripe's own bounds on expires_at hold."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.open_session(expires_at=int(time.time()) + seconds)
    assert refused.value.param == "expires_at"


def test_a_session_expires_by_itself() -> None:
    """When the clock passes expires_at the session is expired, and its webhook says so without anybody asking."""
    with running_sandbox() as sandbox:
        session = sandbox.open_session(expires_at=int(time.time()) + 2_100)
        sandbox.control("POST", "clock", advance_seconds=2_101)
        wait_for(lambda: "checkout.session.expired" in sandbox.receiver.types())
        assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).status == "expired"


def test_an_authorisation_that_nobody_captures_lapses() -> None:
    """After the bank's seven days the intent cancels itself, by the reason 'automatic'."""
    with running_sandbox() as sandbox:
        intent = sandbox.authorised()
        sandbox.control("POST", "clock", advance_seconds=7 * 86_400 + 1)
        lapsed = sandbox.stripe.v1.payment_intents.retrieve(intent.id)
        assert (lapsed.status, lapsed.cancellation_reason) == ("canceled", "automatic")


def test_the_hosted_page_is_an_ordinary_safe_form(sandbox: Sandbox) -> None:
    """Labels for every field, escaped texts, a strict policy, and no word to the outside."""
    session = sandbox.open_session(
        line_items=[
            {
                "quantity": 1,
                "price_data": {
                    "currency": "eur",
                    "unit_amount": 1250,
                    "product_data": {"name": "<script>alert(1)</script>"},
                },
            }
        ]
    )
    page = sandbox.http("GET", str(session.url))
    assert page.status == 200
    assert "<script" not in page.body
    assert "€12.50" in page.body
    for name in ("card_number", "exp_month", "exp_year", "cvc", "email", "name"):
        assert f'<label for="{name}"' in page.body
        assert f'name="{name}"' in page.body
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://shop.example" in policy
    assert "unsafe" not in policy
    assert sandbox.http("GET", "/c/pay/cs_test_nothing").status == 404
