"""Which path of Stripe's API is answered by what, and which parameters it takes.

Parameter names come from the SDK's own typed parameters where it has them, so a misspelt one is refused as the real
API refuses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import stripe.params
import stripe.params.checkout
from werkzeug.routing import Map, Rule

from adapters.stripe.sandbox import (
    customers,
    disputes,
    intents,
    listing,
    refunds,
    reviews,
    sessions,
    webhook_endpoints,
)
from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document

Handler = Callable[..., Document]

EVENT_TYPES_MAX = 20
LIST_PARAMETERS = frozenset({"limit", "starting_after", "ending_before", "created"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler called with the ledger, the parameters and the ids in the path."""

    run: Handler
    parameters: frozenset[str]


@cache
def sdk_parameters(typed: Any) -> frozenset[str]:
    return frozenset(typed.__annotations__)


def _retrieve(kind: str, *, param: str = "id") -> Endpoint:
    def run(ledger: Ledger, params: Params, *, object_id: str) -> Document:
        del params
        return listing.present(ledger, ledger.get(kind, object_id, param=param))

    return Endpoint(run, frozenset())


def _list(kind: str, url: str) -> Endpoint:
    def run(ledger: Ledger, params: Params) -> Document:
        return listing.page(ledger, params, kind=kind, url=url)

    return Endpoint(run, LIST_PARAMETERS | set(listing.FILTERS[kind]))


def _retrieve_session(ledger: Ledger, params: Params, *, session_id: str) -> Document:
    del params
    return listing.present(ledger, sessions.current(ledger, session_id))


def _session_line_items(ledger: Ledger, params: Params, *, session_id: str) -> Document:
    ledger.get("checkout.session", session_id, param="session")
    limit = params.integer("limit", least=1, most=listing.PAGE_MAX)
    return listing.session_line_items(ledger, session_id, limit=limit or listing.PAGE_DEFAULT)


def _charge_refunds(ledger: Ledger, params: Params, *, charge_id: str) -> Document:
    ledger.get("charge", charge_id, param="charge")
    url = f"/v1/charges/{charge_id}/refunds"
    return listing.page(ledger, params, kind="refund", url=url, where={"charge": charge_id})


def _update_charge(ledger: Ledger, params: Params, *, charge_id: str) -> Document:
    charge = ledger.get("charge", charge_id, param="charge")
    if "description" in params:
        charge["description"] = params.text("description")
    verdict = params.nested("fraud_details").choice("user_report", ("fraudulent", "safe"))
    if verdict is not None:
        charge["fraud_details"] = {**charge["fraud_details"], "user_report": verdict}
    return ledger.change(charge, metadata=params.metadata(charge["metadata"]))


def _events(ledger: Ledger, params: Params) -> Document:
    """``type`` is one type, or the start of several with a ``*``; ``types`` names them all."""
    if "type" in params and "types" in params:
        raise params.wrong("types", "You may specify only one of these parameters: type, types.")
    types = params.texts("types")
    if len(types) > EVENT_TYPES_MAX:
        raise params.wrong("types", f"You may specify at most {EVENT_TYPES_MAX} types.")
    wanted = params.text("type")
    return listing.page(
        ledger, params, kind="event", url="/v1/events", any_of={"type": types or ([wanted] if wanted else [])}
    )


def _account(ledger: Ledger, params: Params) -> Document:
    del params
    return {
        "id": "acct_tesserasandbox",
        "object": "account",
        "business_profile": {"name": ledger.merchant_name, "url": None},
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "payouts_enabled": True,
        "type": "standard",
    }


_NONE: frozenset[str] = frozenset()
_METADATA = frozenset({"metadata"})
_P: Any = stripe.params
_CHECKOUT: Any = stripe.params.checkout

ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/v1/account"): Endpoint(_account, _NONE),
    ("POST", "/v1/checkout/sessions"): Endpoint(sessions.create, sdk_parameters(_CHECKOUT.SessionCreateParams)),
    ("GET", "/v1/checkout/sessions"): _list("checkout.session", "/v1/checkout/sessions"),
    ("GET", "/v1/checkout/sessions/<session_id>"): Endpoint(_retrieve_session, _NONE),
    ("POST", "/v1/checkout/sessions/<session_id>"): Endpoint(sessions.update, _METADATA),
    ("POST", "/v1/checkout/sessions/<session_id>/expire"): Endpoint(sessions.expire, _NONE),
    ("GET", "/v1/checkout/sessions/<session_id>/line_items"): Endpoint(_session_line_items, LIST_PARAMETERS),
    ("GET", "/v1/payment_intents"): _list("payment_intent", "/v1/payment_intents"),
    ("GET", "/v1/payment_intents/<object_id>"): _retrieve("payment_intent", param="intent"),
    ("POST", "/v1/payment_intents/<intent_id>"): Endpoint(intents.update, sdk_parameters(_P.PaymentIntentUpdateParams)),
    ("POST", "/v1/payment_intents/<intent_id>/capture"): Endpoint(
        intents.capture, sdk_parameters(_P.PaymentIntentCaptureParams)
    ),
    ("POST", "/v1/payment_intents/<intent_id>/cancel"): Endpoint(
        intents.cancel, sdk_parameters(_P.PaymentIntentCancelParams)
    ),
    ("GET", "/v1/charges"): _list("charge", "/v1/charges"),
    ("GET", "/v1/charges/<object_id>"): _retrieve("charge", param="charge"),
    ("POST", "/v1/charges/<charge_id>"): Endpoint(_update_charge, sdk_parameters(_P.ChargeUpdateParams)),
    ("GET", "/v1/charges/<charge_id>/refunds"): Endpoint(_charge_refunds, LIST_PARAMETERS),
    ("POST", "/v1/refunds"): Endpoint(refunds.create, sdk_parameters(_P.RefundCreateParams)),
    ("GET", "/v1/refunds"): _list("refund", "/v1/refunds"),
    ("GET", "/v1/refunds/<object_id>"): _retrieve("refund"),
    ("POST", "/v1/refunds/<refund_id>"): Endpoint(refunds.update, _METADATA),
    ("POST", "/v1/refunds/<refund_id>/cancel"): Endpoint(refunds.cancel, _NONE),
    ("GET", "/v1/disputes"): _list("dispute", "/v1/disputes"),
    ("GET", "/v1/disputes/<object_id>"): _retrieve("dispute", param="dispute"),
    ("POST", "/v1/disputes/<dispute_id>"): Endpoint(disputes.update, sdk_parameters(_P.DisputeUpdateParams)),
    ("POST", "/v1/disputes/<dispute_id>/close"): Endpoint(disputes.close, _NONE),
    ("GET", "/v1/reviews"): _list("review", "/v1/reviews"),
    ("GET", "/v1/reviews/<object_id>"): _retrieve("review", param="review"),
    ("POST", "/v1/reviews/<review_id>/approve"): Endpoint(reviews.approve, _NONE),
    ("GET", "/v1/radar/early_fraud_warnings"): _list("radar.early_fraud_warning", "/v1/radar/early_fraud_warnings"),
    ("GET", "/v1/radar/early_fraud_warnings/<object_id>"): _retrieve(
        "radar.early_fraud_warning", param="early_fraud_warning"
    ),
    ("GET", "/v1/balance_transactions"): _list("balance_transaction", "/v1/balance_transactions"),
    ("GET", "/v1/balance_transactions/<object_id>"): _retrieve("balance_transaction"),
    ("GET", "/v1/events"): Endpoint(_events, LIST_PARAMETERS | {"type", "types"}),
    ("GET", "/v1/events/<object_id>"): _retrieve("event"),
    ("GET", "/v1/payment_methods/<object_id>"): _retrieve("payment_method", param="payment_method"),
    ("GET", "/v1/webhook_endpoints"): _list("webhook_endpoint", "/v1/webhook_endpoints"),
    ("POST", "/v1/webhook_endpoints"): Endpoint(
        webhook_endpoints.create, sdk_parameters(_P.WebhookEndpointCreateParams)
    ),
    ("GET", "/v1/webhook_endpoints/<object_id>"): _retrieve("webhook_endpoint"),
    ("POST", "/v1/webhook_endpoints/<endpoint_id>"): Endpoint(
        webhook_endpoints.update, sdk_parameters(_P.WebhookEndpointUpdateParams)
    ),
    ("DELETE", "/v1/webhook_endpoints/<endpoint_id>"): Endpoint(webhook_endpoints.delete, _NONE),
    ("GET", "/v1/customers"): _list("customer", "/v1/customers"),
    ("POST", "/v1/customers"): Endpoint(customers.create, sdk_parameters(_P.CustomerCreateParams)),
    ("GET", "/v1/customers/<object_id>"): _retrieve("customer", param="customer"),
    ("POST", "/v1/customers/<customer_id>"): Endpoint(customers.update, sdk_parameters(_P.CustomerUpdateParams)),
    ("DELETE", "/v1/customers/<customer_id>"): Endpoint(customers.delete, _NONE),
}

URL_MAP = Map(
    [Rule(path, methods=[method], endpoint=(method, path)) for method, path in ENDPOINTS],
    strict_slashes=True,
)
