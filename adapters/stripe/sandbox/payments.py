"""What pressing Pay does: from a well-formed card to an authorised payment, a decline, or a 3D Secure challenge."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.stripe.sandbox import charges, intents, reviews, sessions
from adapters.stripe.sandbox.cards import CardEntry, Decline, card_for
from adapters.stripe.sandbox.ledger import Ledger
from adapters.stripe.sandbox.ports import Document

_AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@dataclass(frozen=True, slots=True)
class Authorised:
    """The session is complete."""

    session: Document


@dataclass(frozen=True, slots=True)
class Declined:
    """The session stays open for another try; ``message`` is for the buyer."""

    message: str


@dataclass(frozen=True, slots=True)
class Challenged:
    """The bank wants to see the buyer first."""


Outcome = Authorised | Declined | Challenged


def pay(ledger: Ledger, session: Document, entry: CardEntry, *, email: str, name: str | None) -> Outcome:
    """Try a card on an open session."""
    intent = _intent_of(ledger, session)
    # Another card ends a challenge that the buyer walked away from.
    ledger.documents.delete("challenge", session["id"])
    ledger.change(intent, next_action=None)
    billing = charges.billing_details(email=email, name=name)
    method = charges.payment_method(ledger, entry, billing=billing)
    ledger.change(session, customer_details=sessions.customer_details(email=email, name=name))
    if entry.card.challenge:
        challenge_url = f"{ledger.sandbox_url}/c/challenge/{session['id']}"
        ledger.change(
            intent,
            status="requires_action",
            payment_method=method["id"],
            last_payment_error=None,
            next_action={
                "type": "redirect_to_url",
                "redirect_to_url": {"return_url": session["success_url"], "url": challenge_url},
            },
        )
        # The full number is kept for the few seconds of the challenge only: the object holds its last digits.
        ledger.documents.put(
            "challenge",
            session["id"],
            {"number": entry.card.number, "exp_month": entry.exp_month, "exp_year": entry.exp_year},
        )
        ledger.emit("payment_intent.requires_action", intent)
        return Challenged()
    return _ask_bank(ledger, session, intent, entry, method, authenticated=False)


def answer_challenge(ledger: Ledger, session: Document, *, approved: bool) -> Outcome | None:
    """The buyer came back from their bank; None when no challenge is waiting."""
    pending = ledger.documents.get("challenge", session["id"])
    if pending is None or session["payment_intent"] is None:
        return None
    ledger.documents.delete("challenge", session["id"])
    intent = ledger.get("payment_intent", session["payment_intent"])
    ledger.change(intent, next_action=None)
    method = ledger.get("payment_method", intent["payment_method"])
    if not approved:
        error = _error("payment_intent_authentication_failure", None, _AUTHENTICATION_FAILED, method, charge=None)
        return _refused(ledger, intent, error, "invalid_request_error")
    entry = CardEntry(card=card_for(pending["number"]), exp_month=pending["exp_month"], exp_year=pending["exp_year"])
    return _ask_bank(ledger, session, intent, entry, method, authenticated=True)


def _intent_of(ledger: Ledger, session: Document) -> Document:
    if session["payment_intent"] is not None:
        return ledger.get("payment_intent", session["payment_intent"])
    intent = intents.create_for_session(ledger, session, sessions.payment_intent_data(ledger, session["id"]))
    ledger.change(session, payment_intent=intent["id"])
    return intent


def _ask_bank(
    ledger: Ledger,
    session: Document,
    intent: Document,
    entry: CardEntry,
    method: Document,
    *,
    authenticated: bool,
) -> Outcome:
    decline = entry.card.decline
    charge = charges.charge(ledger, intent, entry, method, decline=decline, authenticated=authenticated)
    # What the card will do after its capture is decided by its number, which the charge does not carry.
    ledger.documents.put("card_of_charge", charge["id"], {"number": entry.card.number})
    ledger.change(intent, latest_charge=charge["id"])
    if decline is not None:
        ledger.emit("charge.failed", charge)
        return _refused(ledger, intent, _bank_error(decline, method, charge), "card_error")
    _authorise(ledger, session, intent, charge, method)
    if entry.card.risk_level == "elevated":
        reviews.open_for(ledger, ledger.get("charge", charge["id"]))
    return Authorised(ledger.get("checkout.session", session["id"]))


def _authorise(ledger: Ledger, session: Document, intent: Document, charge: Document, method: Document) -> None:
    ledger.change(
        intent,
        payment_method=method["id"],
        last_payment_error=None,
        status="requires_capture",
        amount_capturable=intent["amount"],
    )
    ledger.emit("charge.succeeded", charge)
    if intent["capture_method"] == "manual":
        ledger.emit("payment_intent.amount_capturable_updated", intent)
        ledger.schedule.later(charges.CARD_HOLD_SECONDS, "stripe.lapse_authorisation", {"payment_intent": intent["id"]})
    else:
        intents.settle(ledger, intent, amount=intent["amount"])
    ledger.change(session, status="complete", url=None)
    ledger.save(sessions.paid_status(ledger, session))
    ledger.emit("checkout.session.completed", session)


def _refused(ledger: Ledger, intent: Document, error: Document, type_: str) -> Declined:
    ledger.change(
        intent,
        status="requires_payment_method",
        payment_method=None,
        last_payment_error={**error, "type": type_},
    )
    ledger.emit("payment_intent.payment_failed", intent)
    return Declined(error["message"])


def _bank_error(decline: Decline, method: Document, charge: Document) -> Document:
    return _error(decline.code, decline.decline_code, decline.message, method, charge=charge["id"])


def _error(code: str, decline_code: str | None, message: str, method: Document, *, charge: str | None) -> Document:
    error = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "payment_method": method,
        "charge": charge,
        "decline_code": decline_code,
    }
    return {name: value for name, value in error.items() if value is not None}
