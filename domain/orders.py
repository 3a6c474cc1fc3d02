"""Orders: what a buyer agreed to pay for, and where it stands.

Two things move separately: ``state`` is what the buyer is told, ``stock`` is what Postgres does with the
places. Every transition returns a new order or a rejection; a terminal state never changes again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.events import EventId
from domain.holds import BuyerFingerprint, HoldId
from domain.money import Money, zero
from domain.prices import NO_TERMS, PriceTerms, tax_parts
from domain.promotions import promotion_pool
from domain.seat_maps import SeatIndex
from domain.taxes import TaxPart
from domain.tiers import TierId, UnitPrice

OrderId = NewType("OrderId", UUID)
OrderLineId = NewType("OrderLineId", UUID)
TicketId = NewType("TicketId", UUID)
"""Named here because an order may exchange tickets of another."""

BUYER_NAME_LENGTH_MAX = 120
EMAIL_LENGTH_MAX = 254

PROVIDER_SILENCE_SECONDS_MAX = 600
"""How long after its deadline an order keeps its places while the payment provider cannot say whether it was paid."""


class OrderState(StrEnum):
    """What a client sees."""

    AWAITING_PAYMENT = "awaiting_payment"
    IN_REVIEW = "in_review"
    CONFIRMED = "confirmed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PAYMENT_FAILED = "payment_failed"
    CHARGED_BACK = "charged_back"


ENDED = frozenset(
    {
        OrderState.REFUNDED,
        OrderState.EXPIRED,
        OrderState.CANCELLED,
        OrderState.PAYMENT_FAILED,
        OrderState.CHARGED_BACK,
    }
)
"""Terminal for the buyer's purposes; the ledger may still move (a dispute of a refunded order)."""

PAID = frozenset({OrderState.CONFIRMED, OrderState.PARTIALLY_REFUNDED})

_ENDED_PAID = frozenset({OrderState.REFUNDED, OrderState.CHARGED_BACK})


class StockState(StrEnum):
    """What Postgres does with an order's places."""

    CLAIMED = "claimed"
    RELEASING = "releasing"
    """The deadline passed; the provider is being asked who won. The places are still taken."""
    ALLOCATED = "allocated"
    RELEASED = "released"
    """Back on sale. While the order still waits for the provider's word, it may take places again."""


_GOING = frozenset({StockState.RELEASING, StockState.RELEASED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who buys. ``email`` lower case; ``phone`` E.164 or None."""

    name: str
    email: str
    phone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """So many tickets of one tier, as priced when they were held, and by key the promotion they are bought under."""

    id: OrderLineId
    tier_id: TierId
    tier_name: str
    quantity: int
    unit: UnitPrice
    seats: tuple[SeatIndex, ...] = ()
    promotion: str | None = None

    @property
    def total(self) -> Money:
        return self.unit.total * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """These tickets of an older order are given back in the moment in which the newer one is confirmed."""

    order_id: OrderId
    tickets: tuple[TicketId, ...]

    def __post_init__(self) -> None:
        if not self.tickets or len(set(self.tickets)) != len(self.tickets):
            raise ValueError("an exchange names its tickets, each once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One purchase. ``number`` is what people say on the phone; ``pools`` are the units it takes of each pool.

    ``retaken_epoch``: its places had gone back on sale and were taken again, in this epoch of the sale.
    """

    id: OrderId
    number: str
    event_id: EventId
    hold_id: HoldId
    state: OrderState
    stock: StockState
    buyer: Buyer
    fingerprint: BuyerFingerprint
    lines: tuple[OrderLine, ...]
    pools: Mapping[str, int]
    placed_at: datetime
    deadline_at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    ended_because: str | None = None
    refunded: Money
    retaken_epoch: int | None = None
    price_terms: PriceTerms = NO_TERMS
    frozen_because: str | None = None
    """Why nothing is refunded and nobody is let in for now: a dispute that has not ended."""
    exchanges: Exchange | None = None

    @property
    def total(self) -> Money:
        return sum((line.total for line in self.lines[1:]), self.lines[0].total)

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def seats(self) -> tuple[SeatIndex, ...]:
        return tuple(seat for line in self.lines for seat in line.seats)

    @property
    def taxes(self) -> tuple[TaxPart, ...]:
        """Every tax by name, at the rates the tickets were sold under."""
        return tax_parts(((line.unit, line.quantity) for line in self.lines), self.price_terms.taxes)

    def uses_returned(self, line_ids: Iterable[OrderLineId]) -> dict[str, int]:
        """Units of promotions' pools that come back with one ticket each of these lines."""
        pools = {line.id: promotion_pool(line.promotion) for line in self.lines if line.promotion}
        return dict(Counter(pools[line_id] for line_id in line_ids if line_id in pools))

    @property
    def free_of_charge(self) -> bool:
        return self.total == zero(self.total.currency)

    def begin_release(self, *, now: datetime) -> "Order | Rejection":
        """The deadline passed: ask the provider who won. Asking again while releasing changes nothing."""
        if self.state is not OrderState.AWAITING_PAYMENT or now < self.deadline_at:
            return self._wrong("is not due")
        if self.stock is StockState.ALLOCATED:
            return self._wrong("has its places for good")
        if self.stock is not StockState.CLAIMED:
            return self
        return replace(self, stock=StockState.RELEASING)

    def let_places_go(self, *, now: datetime) -> "Order | Rejection":
        """The provider cannot say who won, for so long that others should have the places. The order waits on."""
        if self.state is not OrderState.AWAITING_PAYMENT or self.stock is not StockState.RELEASING:
            return self._wrong("is not being released")
        if now < self.deadline_at + timedelta(seconds=PROVIDER_SILENCE_SECONDS_MAX):
            return self._wrong("may still hear from the payment provider")
        return replace(self, stock=StockState.RELEASED)

    def retake(self, *, lines: tuple[OrderLine, ...], pools: Mapping[str, int], epoch: int) -> "Order | Rejection":
        """The buyer had paid in time after all: these places instead of those that went back on sale."""
        if self.state is not OrderState.AWAITING_PAYMENT or self.stock is not StockState.RELEASED:
            return self._wrong("has not given its places back")
        kept = [(line.id, line.tier_id, line.quantity, line.unit, len(line.seats)) for line in self.lines]
        if kept != [(line.id, line.tier_id, line.quantity, line.unit, len(line.seats)) for line in lines]:
            return self._wrong("keeps its tiers, numbers and prices")
        return replace(self, stock=StockState.CLAIMED, lines=lines, pools=dict(pools), retaken_epoch=epoch)

    def give_up(self, *, now: datetime) -> "Order | Rejection":
        """The buyer cancels before paying: the deadline is now. Once the places are allocated it is too late."""
        if self.state is not OrderState.AWAITING_PAYMENT or self.stock is StockState.ALLOCATED:
            return self._wrong("is no longer waiting for payment")
        if self.stock is StockState.RELEASED:
            return self
        return replace(self, deadline_at=min(self.deadline_at, now), stock=StockState.RELEASING)

    def expire(self, *, now: datetime) -> "Order | Rejection":
        """Nobody paid in time: the places go back on sale, if they have not gone already."""
        if self.state is not OrderState.AWAITING_PAYMENT or self.stock not in _GOING:
            return self._wrong("is not being released")
        return self._ended(OrderState.EXPIRED, StockState.RELEASED, now, "not paid in time")

    def allocate(self) -> "Order | Rejection":
        """The money is authorised: the places are this order's for good, whatever the review says later."""
        if self.state is not OrderState.AWAITING_PAYMENT or self.stock is StockState.RELEASED:
            return self._wrong("has given its places back")
        return replace(self, stock=StockState.ALLOCATED)

    def hold_for_review(self) -> "Order | Rejection":
        """A person must look at it. The places stay allocated."""
        if self.state is not OrderState.AWAITING_PAYMENT or self.stock is not StockState.ALLOCATED:
            return self._wrong("has no allocated places to review")
        return replace(self, state=OrderState.IN_REVIEW)

    def confirm(self, *, now: datetime) -> "Order | Rejection":
        """The money is captured (or the order is free of charge): tickets may be issued."""
        if self.state not in {OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW}:
            return self._wrong("is not waiting to be confirmed")
        if self.stock is not StockState.ALLOCATED:
            return self._wrong("has no allocated places")
        return replace(self, state=OrderState.CONFIRMED, confirmed_at=now)

    def fail(self, *, now: datetime, because: str) -> "Order | Rejection":
        """The payment cannot succeed any more; nothing was captured. The places go back."""
        if self.state not in {OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW}:
            return self._wrong("cannot fail any more")
        return self._ended(OrderState.PAYMENT_FAILED, StockState.RELEASED, now, because)

    def cancel(self, *, now: datetime, because: str) -> "Order | Rejection":
        """Somebody decided against it (fraud review, organiser) before any capture. The places go back."""
        if self.state not in {OrderState.AWAITING_PAYMENT, OrderState.IN_REVIEW}:
            return self._wrong("cannot be cancelled any more")
        return self._ended(OrderState.CANCELLED, StockState.RELEASED, now, because)

    def add_refund(self, amount: Money, *, tickets_left: int, now: datetime) -> "Order | Rejection":
        """A refund succeeded at the provider. With no ticket left whose money has not come back the order is over.

        Money may also arrive after the end: a refund that was sent anew, or one that a dispute overtook.
        """
        if self.state not in PAID | _ENDED_PAID:
            return self._wrong("has nothing to refund")
        refunded = self.refunded + amount
        if refunded > self.total:
            return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="More than was paid cannot be given back.")
        if self.state in _ENDED_PAID:
            return replace(self, refunded=refunded)
        if tickets_left:
            return replace(self, refunded=refunded, state=OrderState.PARTIALLY_REFUNDED)
        return replace(self, refunded=refunded, state=OrderState.REFUNDED, ended_at=now, ended_because="refunded")

    def take_back_refund(self, amount: Money) -> "Order":
        """A refund that had succeeded failed after all: so much less went back. An order that ended stays ended."""
        return replace(self, refunded=self.refunded - amount)

    def freeze(self, because: str | None) -> "Order":
        """Nothing is refunded and nobody let in for as long as ``because`` says why. None: it goes on as before."""
        return replace(self, frozen_because=because)

    def charge_back(self, *, now: datetime) -> "Order | Rejection":
        """A dispute was lost: the money is gone and so are the tickets."""
        if self.state not in PAID:
            return self._wrong("was not paid")
        return replace(self, state=OrderState.CHARGED_BACK, ended_at=now, ended_because="charged back")

    def _ended(self, state: OrderState, stock: StockState, now: datetime, because: str) -> "Order":
        return replace(self, state=state, stock=stock, ended_at=now, ended_because=because)

    def _wrong(self, why: str) -> Rejection:
        return Rejection(
            code=RejectionCode.WRONG_STATE,
            message=f"This order {why}.",
            details={"state": self.state.value, "stock": self.stock.value},
        )
