"""Balance transactions: what every movement of money does to the account's balance."""

from __future__ import annotations

from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.ports import Document

# Stripe's list price for cards in the United States, which its sample objects use as well.
FEE_BASIS_POINTS = 290
FEE_FIXED_MINOR = 30
DISPUTE_FEE_MINOR = 1_500
SETTLES_SECONDS = 2 * 86_400

CATEGORY_BY_TYPE = {
    "charge": "charge",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "adjustment": "dispute",
}


def processing_fee(amount: int) -> int:
    """The fee for charging ``amount``, both in minor units, rounded half up."""
    return (amount * FEE_BASIS_POINTS + 5_000) // 10_000 + FEE_FIXED_MINOR


def record(
    ledger: Ledger, *, type_: str, amount: int, fee: int, currency: str, source: str, description: str | None
) -> Document:
    """Book one movement. ``amount`` is signed; ``net`` is what the balance changes by."""
    now = ledger.now()
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees" if type_ == "charge" else "Dispute fee",
            "type": "stripe_fee",
        }
    ]
    return ledger.save(
        {
            "id": ledger.new_id("balance_transaction"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + SETTLES_SECONDS,
            "balance_type": "payments",
            "created": now,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": fees if fee else [],
            "net": amount - fee,
            "reporting_category": CATEGORY_BY_TYPE[type_],
            "source": source,
            "status": "pending",
            "type": type_,
        }
    )
