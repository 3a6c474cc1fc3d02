"""Radar's reviews: payments that a person ought to look at."""

from __future__ import annotations

from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document


def open_for(ledger: Ledger, charge: Document, *, reason: str = "rule") -> Document:
    """Place a payment in the review queue; an open review is found again instead of doubled."""
    if charge["review"] is not None:
        return ledger.get("review", charge["review"])
    review = ledger.save(
        {
            "id": ledger.new_id("review"),
            "object": "review",
            "billing_zip": None,
            "charge": charge["id"],
            "closed_reason": None,
            "created": ledger.now(),
            "ip_address": "127.0.0.1",
            "ip_address_location": None,
            "livemode": False,
            "open": True,
            "opened_reason": reason,
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "session": None,
        }
    )
    _mark(ledger, charge, review["id"])
    ledger.emit("review.opened", review)
    return review


def approve(ledger: Ledger, params: Params, *, review_id: str) -> Document:
    """``POST /v1/reviews/{id}/approve``. Approving captures nothing."""
    del params
    review = ledger.get("review", review_id, param="review")
    if not review["open"]:
        raise StripeApiError(400, "This review is already closed.", param="review", remembered=True)
    return _close(ledger, review, reason="approved")


def close_for(ledger: Ledger, charge: Document, *, reason: str) -> None:
    """A refund, dispute or cancellation settles an open review by itself. ``charge`` is changed in place."""
    if charge["review"] is not None:
        _close(ledger, ledger.get("review", charge["review"]), reason=reason)
        charge["review"] = None


def _close(ledger: Ledger, review: Document, *, reason: str) -> Document:
    ledger.change(review, open=False, closed_reason=reason, reason=reason)
    _mark(ledger, ledger.get("charge", review["charge"]), None)
    ledger.emit("review.closed", review)
    return review


def _mark(ledger: Ledger, charge: Document, review_id: str | None) -> None:
    ledger.change(charge, review=review_id)
    ledger.change(ledger.get("payment_intent", charge["payment_intent"]), review=review_id)
