"""Settlements: what one event, or many, took in and whose it is, told from the ledger alone.

Nothing is worked out here that the ledger does not have: every figure is a sum of postings, so a report that adds up
is a ledger that adds up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from domain.events import EventId, EventState
from domain.ledger import OWNERS, Account, JournalKind, Owner
from domain.money import CurrencyCode, Money, zero


class Side(NamedTuple):
    """What postings are summed by."""

    kind: JournalKind
    account: Account
    detail: str


class Basis(StrEnum):
    """What the days of a report mean."""

    EVENTS = "events"
    """Everything of the events that take place in these days, whenever the money moved."""
    MONEY = "money"
    """Money that moved in these days, whenever the event is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxFigures:
    """One tax by its name; empty where a sale did not name it."""

    name: str
    collected: Money
    returned: Money

    @property
    def owed(self) -> Money:
        return self.collected - self.returned


@dataclass(frozen=True, slots=True, kw_only=True)
class TierFigures:
    """Tickets of one tier: issued, and given back since."""

    name: str
    sold: int
    refunded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Sums of postings in one currency. All amounts are told as people say them: what came in and went out, positive.

    The two sides of a settlement: *where the money is* (``at_provider``, ``at_banks``) is what is *whose*
    (``organiser``, ``house``, ``taxes_owed``, ``buyers``), to the unit.

    ``others`` is what the provider charged in currencies of its own choice, each told for itself: no rate that we know
    would make one sum of two currencies.
    """

    currency: CurrencyCode
    sums: Mapping[Side, int]
    others: tuple["Figures", ...] = ()

    @property
    def gross(self) -> Money:
        """Face values of tickets sold."""
        return -self._of(Account.FACE_VALUES)

    @property
    def discounts(self) -> Money:
        return self._of(Account.DISCOUNTS)

    @property
    def fees_passed_on(self) -> Money:
        return -self._of(Account.FEES_PASSED_ON)

    @property
    def fees_absorbed(self) -> Money:
        return -self._of(Account.FEES_ABSORBED)

    @property
    def taxes_included(self) -> Money:
        """Taxes inside prices, those of returned tickets taken off."""
        return self._of(Account.TAXES_INCLUDED)

    @property
    def admission_returned(self) -> Money:
        return self._of(Account.ADMISSION_RETURNED)

    @property
    def fees_returned(self) -> Money:
        return self._of(Account.FEES_RETURNED)

    @property
    def taxes_returned(self) -> Money:
        """Taxes that are owed no longer, because their tickets were given back."""
        return self._of(Account.TAXES, JournalKind.REFUND_REQUESTED)

    @property
    def chargebacks(self) -> Money:
        return self._of(Account.CHARGEBACKS)

    @property
    def disputed(self) -> Money:
        """What banks keep while they decide."""
        return self._of(Account.DISPUTES)

    @property
    def provider_fees(self) -> Money:
        return self._of(Account.PROVIDER_FEES)

    @property
    def dispute_fees(self) -> Money:
        return self._of(Account.DISPUTE_FEES)

    @property
    def refunds_pending(self) -> Money:
        return -self._of(Account.REFUNDS_PENDING)

    @property
    def refunds_owed(self) -> Money:
        return -self._of(Account.REFUNDS_OWED)

    @property
    def unsettled(self) -> Money:
        """Taken, and neither turned into tickets nor given back."""
        return -self._of(Account.BUYERS)

    @property
    def captured(self) -> Money:
        return self._of(Account.PROVIDER, JournalKind.MONEY_CAPTURED)

    @property
    def refunded(self) -> Money:
        """What the provider has paid back."""
        succeeded = self._of(Account.PROVIDER, JournalKind.REFUND_SUCCEEDED)
        return -(succeeded + self._of(Account.PROVIDER, JournalKind.REFUND_FAILED))

    @property
    def at_provider(self) -> Money:
        return self._of(Account.PROVIDER) + self._of(Account.PAID_BY_HAND)

    @property
    def organiser(self) -> Money:
        """Net to the organiser."""
        return self._owned_by(Owner.ORGANISER)

    @property
    def house(self) -> Money:
        """What the house keeps of its fees after what the provider took."""
        return self._owned_by(Owner.HOUSE)

    @property
    def taxes_owed(self) -> Money:
        return self._owned_by(Owner.STATE)

    @property
    def buyers(self) -> Money:
        """Refunds under way and owed, and money that has not become tickets."""
        return self._owned_by(Owner.BUYERS)

    @property
    def taxes(self) -> tuple[TaxFigures, ...]:
        """By name."""
        names = sorted({side.detail for side in self.sums if side.account is Account.TAXES})
        return tuple(
            TaxFigures(
                name=name,
                collected=-self._of(Account.TAXES, JournalKind.ORDER_CONFIRMED, detail=name),
                returned=self._of(Account.TAXES, JournalKind.REFUND_REQUESTED, detail=name),
            )
            for name in names
        )

    @property
    def is_empty(self) -> bool:
        return not any(self.sums.values()) and all(other.is_empty for other in self.others)

    @classmethod
    def of_sums(cls, currency: CurrencyCode, sums: Mapping[CurrencyCode, Mapping[Side, int]]) -> "Figures":
        """What was told in ``currency``, and beside it what was told in any other."""
        others = tuple(cls(currency=other, sums=sums[other]) for other in sorted(sums) if other != currency)
        return cls(currency=currency, sums=sums.get(currency, {}), others=others)

    def _of(self, account: Account, kind: JournalKind | None = None, *, detail: str | None = None) -> Money:
        """The balance of an account, a debit being positive."""
        amount = sum(
            minor
            for side, minor in self.sums.items()
            if side.account is account and kind in (None, side.kind) and detail in (None, side.detail)
        )
        return Money(amount, self.currency)

    def _owned_by(self, owner: Owner) -> Money:
        return sum((-self._of(each) for each in Account if OWNERS[each] is owner), zero(self.currency))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One event's money. ``tiers`` are in the order in which they are sold."""

    event_id: EventId
    slug: str
    name: str
    venue_name: str
    city: str
    timezone: str
    starts_at: datetime
    state: EventState
    figures: Figures
    tiers: tuple[TierFigures, ...]

    @property
    def sold(self) -> int:
        return sum(tier.sold for tier in self.tiers)

    @property
    def refunded(self) -> int:
        return sum(tier.refunded for tier in self.tiers)


def together(settlements: Iterable[Settlement]) -> tuple[Figures, ...]:
    """The figures of many events, one for each currency that they are sold in, by its code."""
    told: dict[CurrencyCode, dict[CurrencyCode, dict[Side, int]]] = {}
    for settlement in settlements:
        alike = told.setdefault(settlement.figures.currency, {})
        for figures in (settlement.figures, *settlement.figures.others):
            sums = alike.setdefault(figures.currency, {})
            for side, minor in figures.sums.items():
                sums[side] = sums.get(side, 0) + minor
    return tuple(Figures.of_sums(currency, told[currency]) for currency in sorted(told))
