"""Orders with prices of every kind, and the lives they may lead, for tests of the ledger."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st

from domain.bookings import (
    Withdrawal,
    dispute_lost,
    dispute_opened,
    dispute_won,
    money_captured,
    order_confirmed,
    provider_fee,
    refund_moved,
    refund_paid_by_hand,
    refund_requested,
)
from domain.events import EventId
from domain.holds import BuyerFingerprint, HoldId
from domain.ledger import Journal
from domain.money import CurrencyCode, Money, zero
from domain.orders import Buyer, Order, OrderId, OrderLine, OrderLineId, OrderState, StockState
from domain.payments import Payment, PaymentId, PaymentState
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundedTicket, RefundId, RefundState
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import TierId, UnitPrice

NOW = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
CURRENCIES = st.sampled_from([CurrencyCode("USD"), CurrencyCode("JPY"), CurrencyCode("KWD")])


@st.composite
def prices(draw: st.DrawFn, currency: CurrencyCode) -> UnitPrice:
    """Any price that the database would keep."""
    face = draw(st.integers(0, 50_000))
    discount = draw(st.integers(0, face))
    fee, absorbed = draw(st.integers(0, 2_000)), draw(st.integers(0, 2_000))
    added = draw(st.booleans())
    tax = draw(st.integers(0, 5_000 if added else face - discount + fee))
    made = [Money(amount, currency) for amount in (face, discount, fee, absorbed, tax)]
    return UnitPrice(
        face=made[0], discount=made[1], fee=made[2], absorbed_fee=made[3], tax=made[4], tax_added=added
    )  # fmt: skip


def order_with(*lines: tuple[UnitPrice, int]) -> Order:
    """A confirmed order of so many tickets at each of these prices."""
    event_id = EventId(uuid4())
    return Order(
        id=OrderId(uuid4()),
        number="K7Q2-MX4D",
        event_id=event_id,
        hold_id=HoldId(event_id, uuid4()),
        state=OrderState.CONFIRMED,
        stock=StockState.ALLOCATED,
        buyer=Buyer(name="Ada", email="ada@example.com", phone=None),
        fingerprint=BuyerFingerprint(device="d", address="a"),
        lines=tuple(
            OrderLine(
                id=OrderLineId(uuid4()),
                tier_id=TierId(uuid4()),
                tier_name=f"Tier {number}",
                quantity=quantity,
                unit=unit,
            )
            for number, (unit, quantity) in enumerate(lines)
        ),
        pools={"z:floor": sum(quantity for _, quantity in lines)},
        placed_at=NOW,
        deadline_at=NOW + timedelta(minutes=15),
        confirmed_at=NOW,
        refunded=zero(lines[0][0].face.currency),
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """One to three lines of one to four tickets, confirmed."""
    currency = draw(CURRENCIES)
    return order_with(*((draw(prices(currency)), draw(st.integers(1, 4))) for _ in range(draw(st.integers(1, 3)))))


def tickets_of(order: Order) -> tuple[Ticket, ...]:
    return tuple(
        Ticket(
            id=TicketId(uuid4()),
            order_id=order.id,
            line_id=line.id,
            event_id=order.event_id,
            tier_id=line.tier_id,
            tier_name=line.tier_name,
            price=line.unit,
            zone="Floor",
            place="General admission",
            seat=None,
            code=uuid4().hex,
            state=TicketState.VALID,
            issued_at=NOW,
        )
        for line in order.lines
        for _ in range(line.quantity)
    )


@dataclass(slots=True)
class Life:
    """What happened to one order, and what the ledger was told of it."""

    order: Order
    journals: list[Journal] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    by_hand: list[Refund] = field(default_factory=list)
    captured: int = 0
    withdrawn: int = 0
    charged_back: int = 0
    fees: int = 0
    tickets: tuple[Ticket, ...] = ()

    @property
    def left(self) -> int:
        """What may still be given back."""
        given = sum(one.amount.amount for one in self.refunds if one.state is not RefundState.FAILED)
        return self.captured - given - sum(one.amount.amount for one in self.by_hand)

    def money(self, amount: int) -> Money:
        return Money(amount, self.order.total.currency)

    def tell(self, journal: Journal | None) -> None:
        if journal is not None:
            self.journals.append(journal)

    def pay(self) -> None:
        self.tickets = tickets_of(self.order)
        if self.order.total.amount:
            payment = Payment(
                id=PaymentId(uuid4()),
                order_id=self.order.id,
                attempt=1,
                state=PaymentState.CAPTURED,
                amount=self.order.total,
                created_at=NOW,
                next_check_at=None,
            )
            self.captured = payment.amount.amount
            self.tell(money_captured(self.order, payment, at=NOW))
        self.tell(order_confirmed(self.order, at=NOW))

    def request(self, chosen: tuple[Ticket, ...], shares: tuple[int, ...]) -> None:
        """Give back so many percent of each part of these tickets."""
        parts = tuple(
            RefundedTicket(
                ticket_id=ticket.id,
                admission=ticket.price.admission.percent(share * 100),
                fee=ticket.price.fee.percent(share * 100),
                tax=ticket.price.added_tax.percent(share * 100),
            )
            for ticket, share in zip(chosen, shares, strict=True)
        )
        self._request(parts)

    def send_anew(self, failed: Refund) -> None:
        self._request(failed.parts, replaces=failed.id)

    def move(self, position: int, state: RefundState) -> None:
        before = self.refunds[position]
        after = before.report(state, provider_id="re_1", failure=None, now=NOW)
        self.refunds[position] = after
        self.tell(refund_moved(self.order, before, after, at=NOW))

    def settle_by_hand(self, failed: Refund) -> None:
        self.by_hand.append(failed)
        self.tell(refund_paid_by_hand(self.order, failed, at=NOW))

    def dispute(self, verdict: str, fee: int) -> None:
        amount = self.left
        name = f"dp_{uuid4().hex}"
        moved = Withdrawal(amount=self.money(amount), fee=self.money(fee))
        self.tell(dispute_opened(self.order, dispute_id=name, withdrawn=moved, at=NOW))
        self.fees += fee
        if verdict == "won":
            self.tell(dispute_won(self.order, dispute_id=name, reinstated=moved, at=NOW))
            self.fees -= fee
            return
        self.withdrawn += amount
        if verdict == "lost":
            self.charged_back += amount
            self.tell(dispute_lost(self.order, dispute_id=name, amount=self.money(amount), at=NOW))

    def learn_fee(self, fee: int) -> None:
        self.fees += fee
        self.tell(
            provider_fee(
                event_id=self.order.event_id, order_id=self.order.id, payment_id=PaymentId(uuid4()),
                entry_id=f"ch_{uuid4().hex}", fee=self.money(fee), at=NOW,
            )
        )  # fmt: skip

    def _request(self, parts: tuple[RefundedTicket, ...], *, replaces: RefundId | None = None) -> None:
        amount = sum((part.amount for part in parts), self.money(0))
        refund = Refund(
            id=RefundId(uuid4()),
            order_id=self.order.id,
            payment_id=PaymentId(uuid4()),
            amount=amount,
            reason=RefundReason.BUYERS_WISH,
            state=RefundState.REQUESTED,
            parts=parts,
            requested_at=NOW,
            replaces=replaces,
        )
        self.tell(refund_requested(self.order, refund, self.tickets, at=NOW))
        self.refunds.append(refund)


@st.composite
def lives(draw: Any) -> Life:
    """An order that is paid, some of it refunded with every ending a refund can have, and perhaps disputed."""
    life = Life(draw(orders()))
    life.pay()
    waiting = list(life.tickets)
    endings = (RefundState.REQUESTED, RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED)
    while waiting and draw(st.booleans()):
        count = draw(st.integers(1, len(waiting)))
        chosen, waiting = tuple(waiting[:count]), waiting[count:]
        life.request(chosen, tuple(draw(st.integers(0, 100)) for _ in chosen))
        _end(draw, life, endings)
    if life.left > 0 and draw(st.booleans()):
        life.dispute(draw(st.sampled_from(["open", "won", "lost"])), draw(st.integers(0, 2_000)))
    life.learn_fee(draw(st.integers(0, 500)))
    return life


def _end(draw: Any, life: Life, endings: tuple[RefundState, ...]) -> None:
    """Let the newest refund go somewhere, be sent anew when it failed, or be paid by hand."""
    for state in draw(st.lists(st.sampled_from(endings[1:]), max_size=3)):
        life.move(-1, state)
    last = life.refunds[-1]
    if last.state is not RefundState.FAILED or last.amount.amount == 0:
        return
    what = draw(st.sampled_from(["nothing", "anew", "by hand"]))
    if what == "anew":
        life.send_anew(last)
        life.move(-1, draw(st.sampled_from(endings[1:])))
    elif what == "by hand":
        life.settle_by_hand(last)


def told_again(life: Life) -> list[Journal]:
    """The same facts once more, as a repeated webhook or a retried transaction tells them."""
    return [replace(journal) for journal in life.journals]
