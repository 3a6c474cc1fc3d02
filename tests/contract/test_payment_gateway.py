"""What every PaymentGateway promises until money is captured or let go, on the fake and on Stripe's adapter.

Stripe's adapter talks to the sandbox. Refunds and disputes have suites of their own: ``test_gateway_refunds`` and
``test_gateway_disputes``.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest

from domain.errors import ProviderRefused, ProviderUnavailable
from domain.fraud import RiskLevel
from domain.money import Money
from domain.orders import OrderId
from domain.ports.payments import (
    CheckoutItem,
    Closing,
    NoticeKind,
    ProviderStatus,
    SignatureInvalid,
)
from tests.contract.gateways import (
    PROVIDERS,
    TOTAL,
    USD,
    authorised,
    captured,
    checkout,
    intent_of,
    opened,
    provider_of,
)
from tests.contract.payment_providers import Provider
from tests.contract.sandboxes import Sandbox, sandbox_running


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    yield from provider_of(request)


def test_a_new_checkout_is_open_and_holds_no_money(provider: Provider) -> None:
    """Before the buyer acts there is a page to pay on, our order's name on it, and nothing authorised."""
    request = checkout(provider)

    page = provider.gateway.open_checkout(request=request)

    payment = provider.gateway.look_up(session_id=page.session_id)
    assert page.url.startswith("http")
    assert payment.session_open
    assert (payment.status, payment.amount) == (ProviderStatus.PENDING, Money(0, USD))
    assert payment.order_id == request.order_id
    assert payment.failure is None


def test_opening_twice_under_one_key_opens_one_page(provider: Provider) -> None:
    """A repeated request is answered with the first one's session."""
    request = checkout(provider)

    first = provider.gateway.open_checkout(request=request)
    second = provider.gateway.open_checkout(request=request)

    assert first == second


def test_a_key_is_good_for_one_request(provider: Provider) -> None:
    """The same key with another amount is refused, not quietly answered with the wrong page."""
    request = checkout(provider)
    provider.gateway.open_checkout(request=request)

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.open_checkout(request=replace(request, items=request.items[:1]))

    assert refusal.value.code == "key_reused"


def test_a_lost_reply_to_opening_is_found_again(provider: Provider) -> None:
    """Not hearing of a session that was opened leads, under the same key, to that very session."""
    request = checkout(provider)
    with provider.replies_lost("open_checkout"), pytest.raises(ProviderUnavailable):
        provider.gateway.open_checkout(request=request)

    page = provider.gateway.open_checkout(request=request)

    assert page == provider.gateway.open_checkout(request=request)
    assert provider.gateway.look_up(session_id=page.session_id).order_id == request.order_id


def test_less_than_can_be_charged_is_refused(provider: Provider) -> None:
    """An amount below the provider's least has a code of its own."""
    tiny = CheckoutItem(name="Sticker", description="", unit=Money(10, USD), quantity=1)

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.open_checkout(request=replace(checkout(provider), items=(tiny,)))

    assert refusal.value.code == "amount_too_small"


def test_paying_authorises_the_whole_amount(provider: Provider) -> None:
    """A paid session is over, its money waits to be captured, and the card is known by its fingerprint."""
    payment = authorised(provider)

    assert not payment.session_open
    assert (payment.status, payment.amount) == (ProviderStatus.AUTHORISED, TOTAL)
    assert (payment.risk, payment.review_opened) == (RiskLevel.NORMAL, False)
    assert payment.card is not None
    assert (payment.card.brand, payment.card.last4, payment.card.country) == ("visa", "4242", "US")
    assert payment.card.fingerprint
    assert payment.failure is None


def test_a_risky_payment_says_so(provider: Provider) -> None:
    """The provider's judgement and its open review are both told."""
    session_id = opened(provider)

    provider.pay_risky(session_id)

    payment = provider.gateway.look_up(session_id=session_id)
    assert payment.status is ProviderStatus.AUTHORISED
    assert (payment.risk, payment.review_opened) == (RiskLevel.ELEVATED, True)


def test_after_a_decline_the_buyer_may_try_again(provider: Provider) -> None:
    """A declined card leaves the session open, names the bank's reason, and another card pays it."""
    session_id = opened(provider)

    provider.decline(session_id)

    declined = provider.gateway.look_up(session_id=session_id)
    assert declined.session_open
    assert (declined.status, declined.amount) == (ProviderStatus.PENDING, Money(0, USD))
    assert declined.failure == "insufficient_funds"
    provider.pay(session_id)
    paid = provider.gateway.look_up(session_id=session_id)
    assert (paid.status, paid.failure, paid.intent_id) == (ProviderStatus.AUTHORISED, None, declined.intent_id)


def test_closing_stops_the_payment(provider: Provider) -> None:
    """Closed in time, nobody has paid and nobody can; closing again says the same."""
    session_id = opened(provider)

    assert provider.gateway.close_checkout(session_id=session_id) is Closing.CLOSED

    assert provider.gateway.close_checkout(session_id=session_id) is Closing.CLOSED
    payment = provider.gateway.look_up(session_id=session_id)
    assert (payment.session_open, payment.status) == (False, ProviderStatus.PENDING)


def test_closing_after_a_decline_leaves_nothing_pending(provider: Provider) -> None:
    """A session in which a card was declined closes like any other."""
    session_id = opened(provider)
    provider.decline(session_id)

    assert provider.gateway.close_checkout(session_id=session_id) is Closing.CLOSED

    payment = provider.gateway.look_up(session_id=session_id)
    assert (payment.session_open, payment.status) == (False, ProviderStatus.PENDING)


def test_closing_too_late_says_who_won(provider: Provider) -> None:
    """When the buyer was faster the answer is COMPLETED, and the money is still there."""
    session_id = opened(provider)
    provider.pay(session_id)

    assert provider.gateway.close_checkout(session_id=session_id) is Closing.COMPLETED

    assert provider.gateway.look_up(session_id=session_id).status is ProviderStatus.AUTHORISED


def test_closing_what_ran_out_by_itself(provider: Provider) -> None:
    """A session past the provider's own deadline is closed already."""
    session_id = opened(provider)
    provider.expire(session_id)

    assert provider.gateway.close_checkout(session_id=session_id) is Closing.CLOSED

    assert not provider.gateway.look_up(session_id=session_id).session_open


def test_closing_with_a_lost_reply_is_closed(provider: Provider) -> None:
    """The second try finds out what the first did."""
    session_id = opened(provider)
    with provider.replies_lost("close_checkout"), pytest.raises(ProviderUnavailable):
        provider.gateway.close_checkout(session_id=session_id)

    assert provider.gateway.close_checkout(session_id=session_id) is Closing.CLOSED


def test_an_unknown_session_is_refused(provider: Provider) -> None:
    """Looking up or closing what never existed is final, not a reason to try again."""
    for call in (provider.gateway.look_up, provider.gateway.close_checkout):
        with pytest.raises(ProviderRefused) as refusal:
            call(session_id="cs_test_nobody")
        assert refusal.value.code == "unknown_session"


def test_capture_takes_the_money_once(provider: Provider) -> None:
    """Captured again, under the same key or after it is forgotten, it stays captured once."""
    payment = authorised(provider)

    provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")
    provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")
    provider.forget_keys()
    provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")

    now = provider.gateway.look_up(session_id=payment.session_id)
    assert (now.status, now.amount) == (ProviderStatus.CAPTURED, TOTAL)


@pytest.mark.parametrize("trouble", ["replies_lost", "busy", "broken"])
def test_capture_survives_trouble(provider: Provider, trouble: str) -> None:
    """Whatever happened to the first try, the outcome is unknown, and the second one ends captured."""
    payment = authorised(provider)
    with getattr(provider, trouble)("capture"), pytest.raises(ProviderUnavailable):
        provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")

    provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")

    assert provider.gateway.look_up(session_id=payment.session_id).status is ProviderStatus.CAPTURED


def test_capturing_from_many_sides_captures_once(provider: Provider) -> None:
    """Webhook, return page and poller may all get there at the same moment."""
    payment = authorised(provider)

    def capture(caller: int) -> None:
        try:
            provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")
        except ProviderUnavailable:
            # The same key was in use in that moment: what a caller repeats later.
            assert caller >= 0

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(capture, range(8)))

    now = provider.gateway.look_up(session_id=payment.session_id)
    assert (now.status, now.amount) == (ProviderStatus.CAPTURED, TOTAL)


def test_what_was_let_go_cannot_be_captured(provider: Provider) -> None:
    """After a void a capture is refused for good."""
    payment = authorised(provider)
    provider.gateway.void(intent_id=intent_of(payment), key="v")

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key="k")

    assert refusal.value.code == "not_capturable"


def test_no_more_than_was_authorised_is_captured(provider: Provider) -> None:
    """Asking for a cent more is refused, and the money still waits."""
    payment = authorised(provider)

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL + Money(1, USD), key="k")

    assert refusal.value.code == "amount_too_large"
    assert provider.gateway.look_up(session_id=payment.session_id).status is ProviderStatus.AUTHORISED


def test_void_lets_the_money_go_once(provider: Provider) -> None:
    """Voided again, also after a lost reply, it stays voided and nothing is authorised."""
    payment = authorised(provider)
    with provider.replies_lost("void"), pytest.raises(ProviderUnavailable):
        provider.gateway.void(intent_id=intent_of(payment), key="v")

    provider.gateway.void(intent_id=intent_of(payment), key="v")
    provider.gateway.void(intent_id=intent_of(payment), key="another")

    now = provider.gateway.look_up(session_id=payment.session_id)
    assert (now.status, now.amount) == (ProviderStatus.CANCELLED, Money(0, USD))


def test_captured_money_is_not_voided(provider: Provider) -> None:
    """It would have to be refunded, and the refusal says so."""
    payment = captured(provider)

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.void(intent_id=intent_of(payment), key="v")

    assert refusal.value.code == "already_captured"


def test_unknown_payments_are_refused(provider: Provider) -> None:
    """Neither capture, void nor refund pretends to have found something."""
    intent_id = "pi_nobody"
    calls = (
        lambda: provider.gateway.capture(intent_id=intent_id, amount=TOTAL, key="k"),
        lambda: provider.gateway.void(intent_id=intent_id, key="k"),
        lambda: provider.gateway.refund(intent_id=intent_id, amount=TOTAL, key="k", order_id=OrderId(uuid4())),
    )
    for call in calls:
        with pytest.raises(ProviderRefused) as refusal:
            call()
        assert refusal.value.code == "unknown_intent"


def test_a_signed_notice_says_where_to_look(provider: Provider) -> None:
    """A notice about a payment names its order, session and payment; the same notice has the same id."""
    request = checkout(provider)
    session_id = provider.gateway.open_checkout(request=request).session_id
    provider.pay(session_id)
    payload, signature = provider.payment_notice(session_id)

    notice = provider.gateway.read_notice(payload=payload, signature=signature)

    assert notice == provider.gateway.read_notice(payload=payload, signature=signature)
    assert (notice.kind, notice.order_id, notice.session_id) == (NoticeKind.PAYMENT, request.order_id, session_id)
    assert notice.intent_id == provider.gateway.look_up(session_id=session_id).intent_id


def test_unsigned_altered_and_old_notices_are_refused(provider: Provider) -> None:
    """What the provider did not sign, or signed more than five minutes ago, is not read at all."""
    session_id = authorised(provider).session_id
    payload, signature = provider.payment_notice(session_id)
    forgeries = (
        (payload, ""),
        (payload, "t=1,v1=deadbeef"),
        (payload, "t=1,v1=ünsigned"),
        (payload.replace(session_id.encode(), b"cs_other"), signature),
        (b"\xff\xfe", signature),
        provider.payment_notice(session_id, age_seconds=301),
    )
    for body, claimed in forgeries:
        with pytest.raises(SignatureInvalid):
            provider.gateway.read_notice(payload=body, signature=claimed)


def test_reading_works_through_short_trouble(provider: Provider) -> None:
    """A provider that cannot answer now is unavailable, and nothing else."""
    payment = authorised(provider)
    with provider.replies_lost("look_up"), pytest.raises(ProviderUnavailable):
        provider.gateway.look_up(session_id=payment.session_id)

    assert provider.gateway.look_up(session_id=payment.session_id) == payment
