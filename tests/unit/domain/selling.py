"""Orders as they were sold, and policies as organisers might word them, for tests of what comes back."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import strategies as st

from domain.events import EventId
from domain.holds import BuyerFingerprint, HoldId
from domain.money import BASIS_POINTS, CurrencyCode, Money, charge_step, zero
from domain.orders import Buyer, Order, OrderId, OrderLine, OrderLineId, OrderState, StockState
from domain.payments import PaymentId
from domain.quotes import Quote
from domain.refund_policies import (
    RULED_REASONS,
    ExchangeRule,
    ReasonRule,
    RefundPolicy,
    RefundReason,
    RefundWindow,
    TierRule,
)
from domain.refunds import Refund, RefundId, RefundState
from domain.tickets import Ticket, TicketId, TicketState
from domain.tiers import TierId, UnitPrice

USD = CurrencyCode("USD")
CURRENCIES = tuple(CurrencyCode(code) for code in ("JPY", "USD", "KWD"))
"""Without decimals, with two, with three."""
STARTS = datetime(2027, 6, 1, 19, 30, tzinfo=UTC)
TIER = TierId(uuid4())


def priced(*amounts: int, currency: CurrencyCode = USD, tax_added: bool = True) -> UnitPrice:
    """A price of face value, discount, fee and tax."""
    face, discount, fee, tax = (Money(amount, currency) for amount in amounts)
    return UnitPrice(
        face=face, discount=discount, fee=fee, absorbed_fee=zero(currency), tax=tax, tax_added=tax_added
    )  # fmt: skip


def sold(
    *prices: UnitPrice, tier_id: TierId = TIER, state: TicketState = TicketState.VALID
) -> tuple[Order, tuple[Ticket, ...]]:
    """A confirmed order with one ticket for each price, and its tickets."""
    event_id = EventId(uuid4())
    lines = tuple(
        OrderLine(id=OrderLineId(uuid4()), tier_id=tier_id, tier_name="General", quantity=1, unit=price)
        for price in prices
    )
    order = Order(
        id=OrderId(uuid4()),
        number="K7Q2-MX4D",
        event_id=event_id,
        hold_id=HoldId(event_id, uuid4()),
        state=OrderState.CONFIRMED,
        stock=StockState.ALLOCATED,
        buyer=Buyer(name="Ada", email="ada@example.com", phone=None),
        fingerprint=BuyerFingerprint(device="d", address="a"),
        lines=lines,
        pools={"z:floor": len(lines)},
        placed_at=STARTS - timedelta(days=90),
        deadline_at=STARTS - timedelta(days=90),
        refunded=zero(prices[0].total.currency),
    )
    tickets = tuple(
        Ticket(
            id=TicketId(uuid4()),
            order_id=order.id,
            line_id=line.id,
            event_id=event_id,
            tier_id=tier_id,
            tier_name="General",
            price=line.unit,
            zone="Floor",
            place="General admission",
            seat=None,
            code=f"CODE{number}",
            state=state,
            issued_at=order.placed_at,
        )
        for number, line in enumerate(lines)
    )
    return order, tickets


def made(order: Order, quote: Quote, *, reason: RefundReason) -> Refund:
    """The refund that does what was quoted."""
    return Refund(
        id=RefundId(uuid4()),
        order_id=order.id,
        payment_id=PaymentId(uuid4()),
        amount=quote.total,
        reason=reason,
        state=RefundState.PENDING,
        parts=quote.parts,
        requested_at=STARTS,
    )


@st.composite
def windows(draw: st.DrawFn) -> tuple[RefundWindow, ...]:
    """From the earliest and most generous to the last."""
    hours = sorted(draw(st.lists(st.integers(0, 5_000), unique=True, max_size=5)), reverse=True)
    points = sorted(
        draw(st.lists(st.integers(0, BASIS_POINTS), min_size=len(hours), max_size=len(hours))), reverse=True
    )
    return tuple(RefundWindow(hours_before=h, basis_points=p) for h, p in zip(hours, points, strict=True))


exchange_rules = st.builds(
    ExchangeRule,
    hours_before=st.integers(0, 6_000),
    basis_points=st.integers(1, BASIS_POINTS),
    fees_returned=st.booleans(),
    fee_minor=st.integers(0, 20_000),
    anywhere=st.booleans(),
)
"""Rules for moving to another date."""

bounds = st.one_of(st.none(), st.integers(0, 2_000_000))

policies = st.builds(
    RefundPolicy,
    windows=windows(),
    fees_returned=st.booleans(),
    tiers=st.lists(
        st.builds(TierRule, tier_id=st.just(TIER), windows=windows(), fees_returned=st.booleans()), max_size=1
    ).map(tuple),
    reasons=st.lists(
        st.builds(
            ReasonRule,
            reason=st.sampled_from(sorted(RULED_REASONS)),
            basis_points=st.integers(0, BASIS_POINTS),
            fees_returned=st.booleans(),
        ),
        max_size=2,
        unique_by=lambda rule: rule.reason,
    ).map(tuple),
    handling_minor=st.integers(0, 20_000),
    kept_minor_min=st.integers(0, 20_000),
    ticket_minor_max=bounds,
    order_minor_max=bounds,
    approval_minor_over=bounds,
    restock=st.booleans(),
    exchange=st.one_of(st.none(), exchange_rules),
)


@st.composite
def prices(draw: st.DrawFn) -> tuple[UnitPrice, ...]:
    """One to four tickets of one currency, some of them free."""
    currency = draw(st.sampled_from(CURRENCIES))
    found = []
    step = charge_step(currency)
    for _ in range(draw(st.integers(1, 4))):
        face = step * draw(st.integers(0, 1_000_000 // step))
        discount = step * draw(st.integers(0, face // step))
        fee, tax = step * draw(st.integers(0, 5_000)), step * draw(st.integers(0, 9_000))
        paid = face - discount + fee
        found.append(priced(face, discount, fee, tax if paid else 0, currency=currency, tax_added=draw(st.booleans())))
    return tuple(found)
