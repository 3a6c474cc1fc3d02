"""Customers, as much of them as a checkout session can refer to."""

from __future__ import annotations

from adapters.stripe.sandbox.ledger import Ledger, random_text
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document


def create(ledger: Ledger, params: Params) -> Document:
    return ledger.save(
        {
            "id": ledger.new_id("customer", length=14),
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": ledger.now(),
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": params.text("description"),
            "discount": None,
            "email": params.text("email", longest=512),
            "invoice_prefix": random_text(8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": params.metadata(),
            "name": params.text("name", longest=256),
            "next_invoice_sequence": 1,
            "phone": params.text("phone", longest=20),
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
    )


def update(ledger: Ledger, params: Params, *, customer_id: str) -> Document:
    customer = ledger.get("customer", customer_id, param="customer")
    for name in ("description", "email", "name", "phone"):
        if name in params:
            customer[name] = params.text(name)
    return ledger.change(customer, metadata=params.metadata(customer["metadata"]))


def delete(ledger: Ledger, params: Params, *, customer_id: str) -> Document:
    del params
    ledger.get("customer", customer_id, param="customer")
    ledger.documents.delete("customer", customer_id)
    return {"id": customer_id, "object": "customer", "deleted": True}
