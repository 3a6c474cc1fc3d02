"""The ledger: every movement of money, written twice, so that what is missing on one side shows on the other.

A *journal* tells one fact and is never changed; its *postings* add up to nothing in each currency. Positive amounts
are debits (what the house has, or somebody bears), negative ones credits (what the house owes, or somebody earns).
What is posted when is a matter of :mod:`domain.bookings`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.events import EventId
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.payments import PaymentId
from domain.refunds import RefundId

POSTINGS_MAX = 2_000
"""Postings of one journal: the largest order has a few hundred lines at most."""
KEY_LENGTH_MAX = 120


class Owner(StrEnum):
    """Whose money an account tells of."""

    PROVIDER = "provider"
    BUYERS = "buyers"
    BANKS = "banks"
    ORGANISER = "organiser"
    HOUSE = "house"
    STATE = "state"


class Account(StrEnum):
    """The chart of accounts. Every event has all of them, in its currency."""

    PROVIDER = "provider"
    """What the payment provider holds for us."""
    PAID_BY_HAND = "paid_by_hand"
    """What left by other ways than the provider, such as a bank transfer."""
    BUYERS = "buyers"
    """Money that was taken and has not become tickets: nothing, once an order is confirmed or its money went back."""
    REFUNDS_PENDING = "refunds_pending"
    """Refunds that were asked for, and of which the provider has not said yet that they arrived."""
    REFUNDS_OWED = "refunds_owed"
    """Refunds that failed: the tickets are void, the money is still here, and the buyer is owed it."""
    DISPUTES = "disputes"
    """What banks keep while they decide a dispute."""
    FACE_VALUES = "face_values"
    DISCOUNTS = "discounts"
    FEES_BORNE = "fees_borne"
    """Fees that the organiser pays out of the face value."""
    TAXES_INCLUDED = "taxes_included"
    """Taxes inside the prices, which come out of the organiser's share."""
    ADMISSION_RETURNED = "admission_returned"
    """What refunds gave back of the price of the place."""
    CHARGEBACKS = "chargebacks"
    """Disputes that were lost."""
    FEES_PASSED_ON = "fees_passed_on"
    FEES_ABSORBED = "fees_absorbed"
    FEES_RETURNED = "fees_returned"
    PROVIDER_FEES = "provider_fees"
    DISPUTE_FEES = "dispute_fees"
    TAXES = "taxes"
    """Taxes collected and not returned: owed to whoever levies them."""


OWNERS = {
    Account.PROVIDER: Owner.PROVIDER,
    Account.PAID_BY_HAND: Owner.PROVIDER,
    Account.BUYERS: Owner.BUYERS,
    Account.REFUNDS_PENDING: Owner.BUYERS,
    Account.REFUNDS_OWED: Owner.BUYERS,
    Account.DISPUTES: Owner.BANKS,
    Account.FACE_VALUES: Owner.ORGANISER,
    Account.DISCOUNTS: Owner.ORGANISER,
    Account.FEES_BORNE: Owner.ORGANISER,
    Account.TAXES_INCLUDED: Owner.ORGANISER,
    Account.ADMISSION_RETURNED: Owner.ORGANISER,
    Account.CHARGEBACKS: Owner.ORGANISER,
    Account.FEES_PASSED_ON: Owner.HOUSE,
    Account.FEES_ABSORBED: Owner.HOUSE,
    Account.FEES_RETURNED: Owner.HOUSE,
    Account.PROVIDER_FEES: Owner.HOUSE,
    Account.DISPUTE_FEES: Owner.HOUSE,
    Account.TAXES: Owner.STATE,
}


class JournalKind(StrEnum):
    """What happened."""

    MONEY_CAPTURED = "money_captured"
    ORDER_CONFIRMED = "order_confirmed"
    REFUND_REQUESTED = "refund_requested"
    REFUND_SUCCEEDED = "refund_succeeded"
    REFUND_FAILED = "refund_failed"
    REFUND_PAID_BY_HAND = "refund_paid_by_hand"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"
    PROVIDER_FEE = "provider_fee"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One side of a movement. ``detail`` divides an account further where a report wants it, such as a tax's name."""

    account: Account
    amount: Money
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One fact, posted once under its ``key``. ``dispute_id`` is the provider's."""

    key: str
    kind: JournalKind
    event_id: EventId
    order_id: OrderId
    at: datetime
    postings: tuple[Posting, ...]
    payment_id: PaymentId | None = None
    refund_id: RefundId | None = None
    dispute_id: str | None = None

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= KEY_LENGTH_MAX:
            raise ValueError(f"the key of a journal has 1 to {KEY_LENGTH_MAX} characters")
        if not 2 <= len(self.postings) <= POSTINGS_MAX:
            raise ValueError(f"journal {self.key} needs 2 to {POSTINGS_MAX} postings")
        if any(posting.amount.amount == 0 for posting in self.postings):
            raise ValueError(f"journal {self.key} has a posting of nothing")
        for currency in {posting.amount.currency for posting in self.postings}:
            if sum(posting.amount.amount for posting in self.postings if posting.amount.currency == currency):
                raise ValueError(f"journal {self.key} does not balance in {currency}")


def balances(journals: Iterable[Journal]) -> dict[Account, int]:
    """Sums in minor units by account, of journals in one currency; accounts without a balance are left out."""
    sums: dict[Account, int] = {}
    for journal in journals:
        for posting in journal.postings:
            sums[posting.account] = sums.get(posting.account, 0) + posting.amount.amount
    return {account: amount for account, amount in sums.items() if amount}


def balances_by_currency(journals: Iterable[Journal]) -> dict[CurrencyCode, dict[Account, int]]:
    """The same for journals in any currency, each for itself."""
    sums: dict[CurrencyCode, dict[Account, int]] = {}
    for journal in journals:
        for posting in journal.postings:
            own = sums.setdefault(posting.amount.currency, {})
            own[posting.account] = own.get(posting.account, 0) + posting.amount.amount
    return {currency: {account: minor for account, minor in own.items() if minor} for currency, own in sums.items()}
