"""Stripe's errors: one exception, and the shapes in which the API words it."""

from __future__ import annotations

from typing import Any


class StripeApiError(Exception):
    """Answered as ``{"error": {...}}`` with ``status``.

    ``remembered`` says whether an idempotency key replays it: Stripe keeps what happened once a request was carried
    out, and forgets what it refused at the door.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        remembered: bool = False,
        headers: dict[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type_
        self.code = code
        self.param = param
        self.remembered = remembered
        self.headers = headers or {}
        self.details = details

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.type}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error.update({name: value for name, value in self.details.items() if value is not None})
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def missing(kind: str, object_id: str, *, param: str = "id") -> StripeApiError:
    """Nothing has this id: 404 where it names the resource in the path."""
    return StripeApiError(404, f"No such {kind}: '{object_id}'", code="resource_missing", param=param)


def unexpected_state(message: str, *, payment_intent: dict[str, Any]) -> StripeApiError:
    """A PaymentIntent cannot do this in its present status."""
    return StripeApiError(
        400,
        message,
        code="payment_intent_unexpected_state",
        remembered=True,
        payment_intent=payment_intent,
    )
