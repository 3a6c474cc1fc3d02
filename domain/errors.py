"""How the core says no, and how it says that the world is missing or broken.

A broken business rule is an answer, so it is a returned :class:`Rejection`. A missing thing, a dead
service or a broken invariant is not an answer, so it is an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RejectionCode(StrEnum):
    """Stable words for every way a request can be refused; clients and pages branch on them."""

    ACCESS_CODE_REQUIRED = "access_code_required"
    ALREADY_REFUNDED = "already_refunded"
    AMOUNT_TOO_LARGE = "amount_too_large"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AWAITING_APPROVAL = "awaiting_approval"
    BLOCKED = "blocked"
    CHECKOUT_IN_PROGRESS = "checkout_in_progress"
    CODE_NOT_APPLICABLE = "code_not_applicable"
    CODE_REFUSED = "code_refused"
    CODE_USED_UP = "code_used_up"
    COOLING_DOWN = "cooling_down"
    EMAIL_TAKEN = "email_taken"
    EVENT_CANCELLED = "event_cancelled"
    EXCHANGE_UNDER_WAY = "exchange_under_way"
    EXTENSIONS_USED_UP = "extensions_used_up"
    FROZEN = "frozen"
    HOLD_LAPSED = "hold_lapsed"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    INVALID_BUYER = "invalid_buyer"
    INVALID_REQUEST = "invalid_request"
    LIMIT_REACHED = "limit_reached"
    NEEDS_SECOND_PERSON = "needs_second_person"
    NOT_ADMITTED = "not_admitted"
    NOT_EXCHANGEABLE = "not_exchangeable"
    NOT_ON_SALE = "not_on_sale"
    NOT_REFUNDABLE = "not_refundable"
    PAYMENT_REFUSED = "payment_refused"
    QUOTE_CHANGED = "quote_changed"
    SALE_ENDED = "sale_ended"
    SALE_NOT_STARTED = "sale_not_started"
    SEATS_RESERVED = "seats_reserved"
    SEATS_TAKEN = "seats_taken"
    SEAT_STRANDED = "seat_stranded"
    SOLD_OUT = "sold_out"
    TOO_MANY_CODES = "too_many_codes"
    TOO_MANY_HOLDS = "too_many_holds"
    UNKNOWN_SEAT = "unknown_seat"
    UNKNOWN_TICKET = "unknown_ticket"
    UNKNOWN_TIER = "unknown_tier"
    WRONG_STATE = "wrong_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A rule said no: ``code`` for programs, ``message`` for people, ``details`` for both (JSON values only)."""

    code: RejectionCode
    message: str
    details: Mapping[str, object] = field(default_factory=dict)


class TesseraError(Exception):
    """Root of everything that Tessera raises on purpose."""


class NotFound(TesseraError):
    """There is no such thing, or the caller may not know that there is."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")
        self.what = what


class Unavailable(TesseraError):
    """A service did not answer, or answered that it cannot now. Trying again later is right."""


class InventoryUnavailable(Unavailable):
    """Valkey cannot answer: holds fail closed."""


class StoreUnavailable(Unavailable):
    """Postgres cannot answer, or a bounded number of conflicting tries was used up."""


class TransactionConflict(StoreUnavailable):
    """A deadlock or serialization failure: nothing was written, and an immediate second try usually succeeds."""


class ProviderUnavailable(Unavailable):
    """The payment or message provider did not answer; whether it acted is *unknown*."""


class ProviderRefused(TesseraError):
    """The provider understood and said no. Trying the same again is pointless."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StockConflict(TesseraError):
    """Postgres refused a claim that Valkey believed in: the truth was elsewhere. Names the seats or pools."""

    def __init__(self, *, seats: tuple[int, ...] = (), pools: tuple[str, ...] = ()) -> None:
        super().__init__("the stock is already taken")
        self.seats = seats
        self.pools = pools


class InvariantBroken(TesseraError):
    """Something that must never be false was about to be. Stop and tell a person."""
