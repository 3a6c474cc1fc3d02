"""Payment gateways of both kinds, and how far a payment has come on them: what every suite about them begins with."""

from collections.abc import Iterator
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest

from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.payments import PROVIDER_EXPIRY_SECONDS
from domain.ports.payments import CheckoutItem, CheckoutRequest, ProviderPayment
from tests.contract.payment_providers import FakeProvider, Provider, SandboxProvider
from tests.contract.sandboxes import Sandbox

PROVIDERS = ("fake", "stripe")
USD = CurrencyCode("USD")
TOTAL = Money(2 * 4_500 + 12_000, USD)


def provider_of(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """The one that ``request.param`` names. Stripe's talks to the test's own fixture ``sandbox``."""
    if request.param == "fake":
        yield FakeProvider()
        return
    running = cast("Sandbox", request.getfixturevalue("sandbox"))
    running.control("POST", "reset")
    yield SandboxProvider(running)


def checkout(provider: Provider) -> CheckoutRequest:
    """An order of two tiers, 210.00 dollars."""
    return CheckoutRequest(
        key=f"{uuid4()}-1",
        order_id=OrderId(uuid4()),
        order_number="K7Q2-MX4D",
        items=(
            CheckoutItem(name="Standard", description="Row C, seats 14 and 15", unit=Money(4_500, USD), quantity=2),
            CheckoutItem(name="VIP", description="", unit=Money(12_000, USD), quantity=1),
        ),
        email="ada@example.com",
        success_url="https://tickets.example/orders/1?token=secret&returned=1",
        cancel_url="https://tickets.example/orders/1",
        expires_at=provider.now() + timedelta(seconds=PROVIDER_EXPIRY_SECONDS),
    )


def opened(provider: Provider) -> str:
    """The id of a session that nobody has paid yet."""
    return provider.gateway.open_checkout(request=checkout(provider)).session_id


def authorised(provider: Provider) -> ProviderPayment:
    """A payment whose money waits to be captured."""
    session_id = opened(provider)
    provider.pay(session_id)
    return provider.gateway.look_up(session_id=session_id)


def intent_of(payment: ProviderPayment) -> str:
    assert payment.intent_id is not None
    return payment.intent_id


def captured(provider: Provider) -> ProviderPayment:
    payment = authorised(provider)
    provider.gateway.capture(intent_id=intent_of(payment), amount=TOTAL, key=f"capture-{payment.intent_id}")
    return payment
