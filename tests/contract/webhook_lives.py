"""Lives in which webhooks arrive in any order: each is a hint where to look, and says nothing that is believed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from stripe import WebhookSignature

from domain.holds import ActiveHold, BuyerFingerprint
from domain.orders import Buyer, Order
from tests.contract.lives import LIVES
from tests.contract.mortal_house import End, MortalHouse
from tests.contract.sandboxes import WEBHOOK_SECRET
from tests.fakes.sales import general

_END = {life.name: life.end for life in LIVES}
_visitors = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLife:
    """``begin`` goes up to where the webhooks come. One type of them is there twice."""

    name: str
    webhooks: tuple[str, ...]
    begin: Callable[[MortalHouse], Order]
    end: End


def delivered(house: MortalHouse, order: Order, type_: str) -> None:
    """A signed webhook of this type about the order's payment, with an id of its own."""
    session, intent = house.session(order), house.payment(order).intent_id
    about = {"object": "checkout.session", "id": session, "payment_intent": intent}
    if type_.startswith("payment_intent."):
        about = {"object": "payment_intent", "id": intent or "pi_unknown"}
    elif type_.startswith("refund."):
        with house.uow() as uow:
            named = [refund.provider_id for refund in uow.refunds.of_order(order.id)]
        about = {"object": "refund", "id": (named or [None])[0] or "re_unknown", "payment_intent": intent}
    metadata = {"order_id": str(order.id)}
    event = {"id": f"evt_{uuid4().hex}", "type": type_, "data": {"object": {**about, "metadata": metadata}}}
    payload = json.dumps(event)
    house.receive(payload.encode(), WebhookSignature.generate_signature_header(payload, WEBHOOK_SECRET))
    house.drain()


def _ordered(house: MortalHouse) -> Order:
    """By somebody new, so that no limit is met."""
    number = next(_visitors)
    who = BuyerFingerprint(device=f"device-{number}", address=f"address-{number}")
    hold = house.hold(general(house.sale, 2), buyer=who)
    assert isinstance(hold, ActiveHold)
    house.checkout(hold.id, Buyer(name="Ada", email=f"ada{number}@example.com", phone=None))
    return house.order_of(hold.id)


def _paid(house: MortalHouse) -> Order:
    order = _ordered(house)
    house.pay(order)
    return order


def _abandoned(house: MortalHouse) -> Order:
    """The sweeper has closed the page, and its process died before it could write that down."""
    order = _ordered(house)
    house.advance(seconds=house.sale.terms.payment_seconds)
    house.money.gateway.close_checkout(session_id=house.session(order))
    return order


def _being_refunded(house: MortalHouse) -> Order:
    order = _paid(house)
    house.settle(order.id)
    house.drain()
    house.refund(order.id)
    return order


WEBHOOK_LIVES = (
    WebhookLife(
        name="purchase",
        webhooks=(
            "checkout.session.completed", "checkout.session.completed", "payment_intent.amount_capturable_updated",
            "payment_intent.succeeded",
        ),
        begin=_paid,
        end=_END["purchase"],
    ),
    WebhookLife(
        name="abandoned",
        webhooks=(
            "checkout.session.expired", "checkout.session.expired", "payment_intent.payment_failed",
            "payment_intent.canceled",
        ),
        begin=_abandoned,
        end=_END["abandoned"],
    ),
    WebhookLife(
        name="refund",
        webhooks=("refund.created", "refund.created", "refund.updated", "payment_intent.succeeded"),
        begin=_being_refunded,
        end=_END["refund"],
    ),
)  # fmt: skip
