"""What every PaymentGateway promises of money that goes back, on the fake and on Stripe's adapter."""

import time
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest

from domain.errors import ProviderRefused, ProviderUnavailable
from domain.money import Money
from domain.orders import OrderId
from domain.pacing import COOL_FIRST_US, SECOND_US
from domain.ports.payments import (
    NoticeKind,
)
from domain.refunds import RefundState
from tests.contract.gateways import (
    PROVIDERS,
    TOTAL,
    USD,
    authorised,
    captured,
    intent_of,
    provider_of,
)
from tests.contract.payment_providers import Provider, SandboxProvider
from tests.contract.sandboxes import Sandbox, sandbox_running


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    yield from provider_of(request)


def test_refunds_are_one_per_key_for_ever(provider: Provider) -> None:
    """The same key gives the same refund, today and when the provider has long forgotten the key."""
    payment = captured(provider)
    order_id = payment.order_id
    assert order_id is not None
    part = Money(4_500, USD)

    first = provider.gateway.refund(intent_id=intent_of(payment), amount=part, key="r-1", order_id=order_id)
    again = provider.gateway.refund(intent_id=intent_of(payment), amount=part, key="r-1", order_id=order_id)
    provider.forget_keys()
    later = provider.gateway.refund(intent_id=intent_of(payment), amount=part, key="r-1", order_id=order_id)
    other = provider.gateway.refund(intent_id=intent_of(payment), amount=part, key="r-2", order_id=order_id)

    assert first.state is RefundState.SUCCEEDED
    assert first.id == again.id == later.id
    assert other.id != first.id
    assert provider.gateway.find_refund(refund_id=first.id) == first


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("trouble", ["replies_lost", "busy", "broken"])
def test_refund_survives_trouble(provider: Provider, trouble: str, fresh: bool) -> None:
    """Whatever happened to the first try, the buyer gets the money once."""
    payment = captured(provider)
    order_id = OrderId(uuid4())
    with getattr(provider, trouble)("refund"), pytest.raises(ProviderUnavailable):
        provider.gateway.refund(
            intent_id=intent_of(payment), amount=TOTAL, key="r", order_id=order_id, bulk=True, fresh=fresh
        )

    made = provider.gateway.refund(
        intent_id=intent_of(payment), amount=TOTAL, key="r", order_id=order_id, bulk=True, fresh=fresh
    )

    assert made.state is RefundState.SUCCEEDED
    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.refund(intent_id=intent_of(payment), amount=TOTAL, key="other", order_id=order_id)
    assert refusal.value.code == "already_refunded"


def test_no_more_than_was_captured_goes_back(provider: Provider) -> None:
    """Neither in one refund nor in the sum of them."""
    payment = captured(provider)
    order_id = OrderId(uuid4())
    provider.gateway.refund(intent_id=intent_of(payment), amount=Money(20_000, USD), key="r-1", order_id=order_id)

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.refund(intent_id=intent_of(payment), amount=Money(1_001, USD), key="r-2", order_id=order_id)

    assert refusal.value.code == "refund_too_large"


def test_only_captured_money_is_refunded(provider: Provider) -> None:
    """Authorised money is voided, not refunded."""
    payment = authorised(provider)

    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.refund(intent_id=intent_of(payment), amount=TOTAL, key="r", order_id=OrderId(uuid4()))

    assert refusal.value.code == "not_refundable"


def test_a_refund_may_take_its_time(provider: Provider) -> None:
    """Pending until the bank has answered; then found as succeeded."""
    provider.next_refunds_are_pending()
    payment = captured(provider)

    made = provider.gateway.refund(intent_id=intent_of(payment), amount=TOTAL, key="r", order_id=OrderId(uuid4()))

    assert made.state is RefundState.PENDING
    provider.settle_refund(made.id)
    assert provider.gateway.find_refund(refund_id=made.id).state is RefundState.SUCCEEDED


def test_an_unknown_refund_is_refused(provider: Provider) -> None:
    """There is nothing to wait for."""
    with pytest.raises(ProviderRefused) as refusal:
        provider.gateway.find_refund(refund_id="re_nobody")

    assert refusal.value.code == "unknown_refund"


def test_a_notice_about_a_refund_names_it(provider: Provider) -> None:
    """Order, payment and refund are all there."""
    payment = captured(provider)
    order_id = payment.order_id
    assert order_id is not None
    made = provider.gateway.refund(intent_id=intent_of(payment), amount=TOTAL, key="r", order_id=order_id)
    payload, signature = provider.refund_notice(made.id)

    notice = provider.gateway.read_notice(payload=payload, signature=signature)

    assert (notice.kind, notice.refund_id) == (NoticeKind.REFUND, made.id)
    assert (notice.order_id, notice.intent_id) == (order_id, payment.intent_id)


def test_a_young_refund_is_one_call(sandbox: Sandbox) -> None:
    """Stripe remembers its key, so its list is not searched; a refund from yesterday is searched for first."""
    sandbox.control("POST", "reset")
    provider = SandboxProvider(sandbox)
    payment = captured(provider)

    def calls(*, key: str, fresh: bool) -> int:
        before = int(sandbox.control("GET", "state")["requests"])
        provider.gateway.refund(
            intent_id=intent_of(payment), amount=Money(1_000, USD), key=key, order_id=OrderId(uuid4()), fresh=fresh
        )
        return int(sandbox.control("GET", "state")["requests"]) - before

    assert calls(key="young", fresh=True) == 1
    assert calls(key="old", fresh=False) == 2


def test_a_429_rests_the_endpoint_for_all_callers(sandbox: Sandbox) -> None:
    """One caller is refused; the next one, whoever it is, waits for the cool-down instead of being refused too."""
    sandbox.control("POST", "reset")
    provider = SandboxProvider(sandbox)
    payment = captured(provider)
    began = time.monotonic()
    with sandbox.fault(target="stripe", kind="429", method="POST", path="/v1/refunds", times=1):
        for key in ("first", "second"):
            with suppress(ProviderUnavailable):
                provider.gateway.refund(
                    intent_id=intent_of(payment),
                    amount=Money(1_000, USD),
                    key=key,
                    order_id=OrderId(uuid4()),
                    fresh=True,
                )

    assert time.monotonic() - began >= COOL_FIRST_US / SECOND_US
