"""What banks say, and what ties an order to others."""

from domain.ports.aftersales import Bond

DISPUTE_REASONS = {
    "credit_not_processed": "A promised refund did not arrive",
    "duplicate": "Charged twice",
    "fraudulent": "The card's owner says it was not them",
    "general": "No particular reason",
    "product_not_received": "Tickets not received",
    "product_unacceptable": "Not what was promised",
    "subscription_canceled": "Cancelled before",
    "unrecognized": "The card's owner does not recognise the charge",
}
FRAUD_TYPES = {
    "card_never_received": "The card never reached its owner",
    "fraudulent_card_application": "The card was applied for by a fraudster",
    "made_with_counterfeit_card": "Paid with a forged card",
    "made_with_lost_card": "Paid with a lost card",
    "made_with_stolen_card": "Paid with a stolen card",
    "misc": "Fraud of another kind",
    "unauthorized_use_of_card": "The card was used without its owner's leave",
}
BONDS = {Bond.EMAIL: "e-mail", Bond.PHONE: "telephone", Bond.CARD: "card", Bond.DEVICE: "device"}


def dispute_reason(reason: str) -> str:
    """A bank's reason in words; one that is new is shown as it is written."""
    return DISPUTE_REASONS.get(reason, reason.replace("_", " "))


def fraud_type(name: str) -> str:
    """What the card's bank suspects."""
    return FRAUD_TYPES.get(name, name.replace("_", " "))


def bonds(of: frozenset[Bond]) -> str:
    """``e-mail, card``: what an order has in common with another."""
    return ", ".join(name for bond, name in BONDS.items() if bond in of)
