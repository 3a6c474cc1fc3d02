"""Stripe's errors in our two words: *unknown, ask again* and *no*.

Whatever leaves the outcome open is ProviderUnavailable: no answer, an unreadable answer, 5xx, a lock or a key in use
(409), a rate limit (429). So is a refused API key: it says nothing about the payment, and the same call is right once
an operator has repaired the configuration.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe

from domain.errors import ProviderRefused, ProviderUnavailable

_HTTP_CONFLICT = 409
_HTTP_SERVER_ERROR = 500

_STABLE_CODES = {
    "amount_too_large": "amount_too_large",
    "amount_too_small": "amount_too_small",
    "charge_already_refunded": "already_refunded",
    "charge_disputed": "charge_disputed",
    "payment_intent_unexpected_state": "wrong_state",
    "resource_missing": "unknown",
}


@contextmanager
def translated() -> Iterator[None]:
    """Raise ProviderUnavailable or ProviderRefused for whatever the SDK raises inside."""
    try:
        yield
    except stripe.StripeError as error:
        if leaves_outcome_open(error):
            raise ProviderUnavailable(f"Stripe did not answer the question: {error}") from error
        raise ProviderRefused(_code(error), error.user_message or str(error)) from error


def leaves_outcome_open(error: stripe.StripeError) -> bool:
    """Whether asking again, perhaps after a repair, may be answered differently."""
    if isinstance(
        error,
        stripe.APIConnectionError
        | stripe.RateLimitError
        | stripe.APIError
        | stripe.AuthenticationError
        | stripe.PermissionError,
    ):
        return True
    status = error.http_status or 0
    return status == _HTTP_CONFLICT or status >= _HTTP_SERVER_ERROR


def is_stored_failure(error: stripe.StripeError) -> bool:
    """A server error that the idempotency key will repeat for a day, whatever became of the request."""
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return (error.http_status or 0) >= _HTTP_SERVER_ERROR and headers.get("idempotent-replayed") == "true"


def _code(error: stripe.StripeError) -> str:
    if isinstance(error, stripe.IdempotencyError):
        return "key_reused"
    return _STABLE_CODES.get(error.code or "", "refused")
