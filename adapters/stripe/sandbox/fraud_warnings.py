"""Radar's early fraud warnings: the card's issuer suspects fraud, and a dispute may follow."""

from __future__ import annotations

from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.ports import Document

KIND = "radar.early_fraud_warning"
FRAUD_TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)


def warn(ledger: Ledger, charge: Document, *, fraud_type: str = "unauthorized_use_of_card") -> Document:
    """Actionable as long as the charge is neither refunded in full nor disputed."""
    warning = ledger.save(
        {
            "id": ledger.new_id(KIND),
            "object": KIND,
            "actionable": not (charge["refunded"] or charge["disputed"]),
            "charge": charge["id"],
            "created": ledger.now(),
            "fraud_type": fraud_type,
            "livemode": False,
            "payment_intent": charge["payment_intent"],
        }
    )
    ledger.emit("radar.early_fraud_warning.created", warning)
    return warning


def no_longer_actionable(ledger: Ledger, charge: Document) -> None:
    """Refunding or disputing a charge settles its warnings."""
    for warning in ledger.select(KIND, charge=charge["id"]):
        if warning["actionable"]:
            ledger.change(warning, actionable=False)
            ledger.emit("radar.early_fraud_warning.updated", warning, previous={"actionable": True})
