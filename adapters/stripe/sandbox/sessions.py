"""Checkout sessions: what the merchant asks for, and how long the buyer has."""

from __future__ import annotations

from typing import Any

from adapters.stripe.sandbox import intents
from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.ledger import Ledger, random_text
from adapters.stripe.sandbox.params import AMOUNT_MAX, Params
from adapters.stripe.sandbox.ports import Document

EXPIRES_SECONDS_MIN = 30 * 60
EXPIRES_SECONDS_MAX = 24 * 3_600
LINE_ITEMS_MAX = 100
MINIMUM_CHARGE = 50
"""Minor units: what Stripe charges at least, in US dollars; taken for every currency here."""

CAPTURE_METHODS = ("automatic", "automatic_async", "manual")


def create(ledger: Ledger, params: Params) -> Document:
    """``POST /v1/checkout/sessions`` for one payment on the hosted page."""
    if params.choice("mode", ("payment",)) is None:
        raise params.absent("mode")
    if params.choice("ui_mode", ("hosted", "hosted_page")) is not None and "return_url" in params:
        raise params.wrong("return_url", "`return_url` is not supported for hosted pages.")
    success_url = params.url("success_url")
    if success_url is None:
        raise params.absent("success_url")
    now = ledger.now()
    session_id = f"cs_test_{random_text(58)}"
    line_items = _line_items(ledger, params)
    currency = line_items[0]["currency"]
    total = sum(item["amount_total"] for item in line_items)
    if not MINIMUM_CHARGE <= total <= AMOUNT_MAX:
        message = f"The Checkout Session's total amount must be between {MINIMUM_CHARGE} and {AMOUNT_MAX}."
        raise params.wrong(
            "line_items", message, code="amount_too_small" if total < MINIMUM_CHARGE else "amount_too_large"
        )
    customer = params.text("customer")
    if customer is not None:
        ledger.get("customer", customer, param="customer")
    session = _session(
        ledger,
        session_id,
        currency=currency,
        total=total,
        expires_at=_expiry(params, now=now),
        success_url=success_url,
        cancel_url=params.url("cancel_url"),
        client_reference_id=params.text("client_reference_id", longest=200),
        customer=customer,
        customer_email=params.email("customer_email"),
        metadata=params.metadata(),
        submit_type=params.choice("submit_type", ("auto", "book", "donate", "pay")),
        locale=params.text("locale"),
    )
    ledger.save(session)
    ledger.documents.put(
        "session_details",
        session_id,
        {"line_items": line_items, "payment_intent_data": _payment_intent_data(params)},
    )
    ledger.schedule.later(session["expires_at"] - now, "stripe.expire_session", {"session": session_id})
    return session


def expire(ledger: Ledger, params: Params, *, session_id: str) -> Document:
    """``POST /v1/checkout/sessions/{id}/expire``: only while it is open."""
    del params
    session = current(ledger, session_id)
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" `{session['status']}`."
        )
        raise StripeApiError(400, message, remembered=True)
    return close(ledger, session)


def update(ledger: Ledger, params: Params, *, session_id: str) -> Document:
    """``POST /v1/checkout/sessions/{id}``: metadata."""
    session = current(ledger, session_id)
    params.only(("metadata",))
    return ledger.change(session, metadata=params.metadata(session["metadata"]))


def current(ledger: Ledger, session_id: str) -> Document:
    """The session as of now: one whose time ran out is expired, even if the timetable is a moment behind."""
    session = ledger.get("checkout.session", session_id, param="session")
    if session["status"] == "open" and session["expires_at"] <= ledger.now():
        close(ledger, session)
    return session


def close(ledger: Ledger, session: Document) -> Document:
    """Expire an open session, with the payment that was begun in it."""
    ledger.change(session, status="expired", url=None)
    if session["payment_intent"] is not None:
        intents.void(ledger, ledger.get("payment_intent", session["payment_intent"]), reason="expired")
    ledger.emit("checkout.session.expired", session)
    return session


def paid_status(ledger: Ledger, session: Document) -> Document:
    """With the present ``payment_status``: authorised money is not paid until it is captured."""
    if session["status"] == "complete" and session["payment_intent"] is not None:
        intent = ledger.get("payment_intent", session["payment_intent"])
        session["payment_status"] = "paid" if intent["status"] == "succeeded" else "unpaid"
    return session


def line_items(ledger: Ledger, session_id: str) -> list[Document]:
    details = ledger.documents.get("session_details", session_id)
    return [] if details is None else list(details["line_items"])


def payment_intent_data(ledger: Ledger, session_id: str) -> Document:
    details = ledger.documents.get("session_details", session_id)
    return {} if details is None else dict(details["payment_intent_data"])


def _expiry(params: Params, *, now: int) -> int:
    expires_at = params.integer("expires_at", most=2**40)
    if expires_at is None:
        return now + EXPIRES_SECONDS_MAX
    if expires_at < now + EXPIRES_SECONDS_MIN:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise params.wrong("expires_at", message)
    if expires_at > now + EXPIRES_SECONDS_MAX:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise params.wrong("expires_at", message)
    return expires_at


def _payment_intent_data(params: Params) -> Document:
    data = params.nested("payment_intent_data")
    return {
        "capture_method": data.choice("capture_method", CAPTURE_METHODS),
        "description": data.text("description", longest=1_000),
        "metadata": data.metadata(),
        "receipt_email": data.email("receipt_email"),
        "statement_descriptor": data.text("statement_descriptor", longest=22),
        "statement_descriptor_suffix": data.text("statement_descriptor_suffix", longest=22),
        "transfer_group": data.text("transfer_group"),
    }


def _line_items(ledger: Ledger, params: Params) -> list[Document]:
    items = [_line_item(ledger, item) for item in params.items("line_items")]
    if not items:
        raise params.absent("line_items")
    if len(items) > LINE_ITEMS_MAX:
        raise params.wrong("line_items", f"There may be at most {LINE_ITEMS_MAX} line items.")
    if len({item["currency"] for item in items}) > 1:
        raise params.wrong("line_items", "All line items must use the same currency.")
    return items


def _line_item(ledger: Ledger, params: Params) -> Document:
    quantity = params.integer("quantity", least=1, most=999_999)
    if quantity is None:
        raise params.absent("quantity")
    if "price" in params:
        raise params.wrong("price", f"No such price: '{params.text('price')}'", code="resource_missing")
    price = params.nested("price_data")
    if not price.raw():
        raise params.absent("price_data")
    currency = price.required_text("currency").lower()
    if len(currency) != 3 or not currency.isalpha():
        raise price.wrong("currency", f"Invalid currency: {currency}")
    unit_amount = price.integer("unit_amount", least=0)
    if unit_amount is None:
        raise price.absent("unit_amount")
    product = price.nested("product_data")
    if not product.raw() and "product" not in price:
        raise price.absent("product_data")
    name = product.text("name") if product.raw() else price.text("product")
    if name is None:
        raise product.absent("name")
    return {
        "id": f"li_{random_text(24)}",
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": unit_amount * quantity,
        "amount_tax": 0,
        "amount_total": unit_amount * quantity,
        "currency": currency,
        "description": name,
        "metadata": params.metadata(),
        "price": _price(ledger, product, currency=currency, unit_amount=unit_amount),
        "quantity": quantity,
        "_shown": {"name": name, "note": product.text("description")},
    }


def _price(ledger: Ledger, product: Params, *, currency: str, unit_amount: int) -> Document:
    return {
        "id": f"price_{random_text(24)}",
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": ledger.now(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": product.text("id") or f"prod_{random_text(14)}",
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def _session(ledger: Ledger, session_id: str, *, currency: str, total: int, **given: Any) -> Document:
    email = given["customer_email"]
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "branding_settings": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": ledger.now(),
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_account": None,
        "customer_creation": "if_required",
        "customer_details": customer_details(email=email, name=None) if email else None,
        "discounts": [],
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "managed_payments": {"enabled": False},
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "subscription": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{ledger.sandbox_url}/c/pay/{session_id}",
        "wallet_options": None,
        **given,
    }


def customer_details(*, email: str | None, name: str | None) -> Document:
    return {
        "address": {
            "city": None,
            "country": None,
            "line1": None,
            "line2": None,
            "postal_code": None,
            "state": None,
        },
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
