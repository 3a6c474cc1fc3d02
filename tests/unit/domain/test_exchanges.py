"""What may be exchanged for what, and what it gives back: by one rule, as of one moment."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejection, RejectionCode
from domain.events import Event, EventId, EventState, SaleTerms
from domain.exchanges import quote_exchange, rival, target_refusal
from domain.money import CurrencyCode, Money, zero
from domain.orders import Exchange, OrderState
from domain.quotes import Quote
from domain.refund_policies import STANDARD_POLICY, ExchangeRule, RefundPolicy, RefundReason
from domain.refund_policy_json import from_json, to_json
from domain.seat_maps import SeatMapId
from domain.tickets import TicketId, TicketState
from domain.tiers import UnitPrice
from domain.venues import VenueId
from tests.unit.domain.selling import STARTS, USD, exchange_rules, priced, prices, sold

RULE = ExchangeRule(hours_before=48, fee_minor=250)
POLICY = replace(STANDARD_POLICY, exchange=RULE)
NOW = STARTS - timedelta(days=10)
FIRST = Event(
    id=EventId(uuid4()), slug="first", name="Hamlet", summary="", description="", category="theatre", artwork="",
    venue_id=VenueId(uuid4()), seat_map_id=SeatMapId(uuid4()), currency=USD, doors_at=STARTS, starts_at=STARTS,
    ends_at=STARTS, state=EventState.PUBLISHED, terms=SaleTerms(opens_at=STARTS - timedelta(days=90), closes_at=STARTS),
    tiers=(),
)  # fmt: skip
SECOND = replace(
    FIRST, id=EventId(uuid4()), slug="second", name="HAMLET", starts_at=STARTS + timedelta(days=1)
)  # fmt: skip


@given(rule=exchange_rules, prices=prices(), hours=st.integers(0, 7_000))
def test_what_comes_back_and_what_is_kept_are_what_was_paid(
    rule: ExchangeRule, prices: tuple[UnitPrice, ...], hours: int
) -> None:
    """In time: the rule's share less its fee, never below nothing, and no other bound. Later: nothing is exchanged."""
    order, tickets = sold(*prices)
    policy = replace(STANDARD_POLICY, exchange=rule, handling_minor=999, ticket_minor_max=1, approval_minor_over=0)
    event = replace(FIRST, currency=order.total.currency)
    answer = quote_exchange(
        order, tickets, event=event, policy=policy, refunds=(), now=STARTS - timedelta(hours=hours)
    )  # fmt: skip
    if hours < rule.hours_before:
        assert isinstance(answer, Rejection)
        assert answer.code is RejectionCode.NOT_EXCHANGEABLE
        return
    if isinstance(answer, Rejection):
        assert all(_after_fee(ticket.price, rule) < 10 for ticket in tickets)
        return
    assert not answer.needs_approval
    for line, ticket in zip(answer.lines, tickets, strict=True):
        assert line.amount + line.kept == ticket.price.total
        assert sum((item.amount for item in line.items), zero(order.total.currency)) == line.amount
        assert line.amount.amount <= max(0, _after_fee(ticket.price, rule))
        assert line.until == rule.ends_at(STARTS) or not ticket.price.total.amount


def _after_fee(price: UnitPrice, rule: ExchangeRule) -> int:
    """No more than this can come back; roundings are a few minor units."""
    return price.total.percent(rule.basis_points).amount + 3 - rule.fee_minor


@given(rule=exchange_rules)
def test_a_rule_survives_being_stored(rule: ExchangeRule) -> None:
    """To JSON and back; a policy without a rule is stored as it was before there were any."""
    policy = replace(STANDARD_POLICY, exchange=rule)
    assert from_json(to_json(policy)) == policy
    assert "exchange" not in to_json(STANDARD_POLICY)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        {"hours_before": 1, "basis_points": 0, "fees_returned": True, "fee_minor": 0, "anywhere": False},
        {"hours_before": -1, "basis_points": 1, "fees_returned": True, "fee_minor": 0, "anywhere": False},
        {"hours_before": 1, "basis_points": 1, "fees_returned": 1, "fee_minor": 0, "anywhere": False},
        {"hours_before": 1, "basis_points": 1, "fees_returned": True, "fee_minor": -1, "anywhere": False},
        {"hours_before": 1, "basis_points": 1, "fees_returned": True, "fee_minor": 0, "anywhere": False, "more": 1},
    ],
)
def test_a_broken_rule_is_refused(broken: object) -> None:
    """Reading is strict: what is wrong in any way is no rule."""
    with pytest.raises(ValueError, match=r"."):
        from_json({**to_json(STANDARD_POLICY), "exchange": broken})


def test_the_rule_is_worded_for_who_has_not_bought_yet() -> None:
    """Until when, for what, what comes back, what is kept."""
    terms = POLICY.terms(USD, {})
    assert "exchange tickets for another date of the same event until 2 days before the start" in terms
    assert "$2.50 of each ticket is kept in an exchange." in terms
    assert "exchange" not in STANDARD_POLICY.terms(USD, {})


@pytest.mark.parametrize(
    ("target", "rule", "fits"),
    [
        (SECOND, RULE, True),
        (FIRST, RULE, False),
        (replace(SECOND, name="Macbeth"), RULE, False),
        (replace(SECOND, venue_id=VenueId(uuid4())), RULE, False),
        (replace(SECOND, name="Macbeth", venue_id=VenueId(uuid4())), replace(RULE, anywhere=True), True),
        (replace(SECOND, currency=CurrencyCode("EUR")), replace(RULE, anywhere=True), False),
        (replace(SECOND, state=EventState.CANCELLED), RULE, False),
        (replace(SECOND, starts_at=NOW), RULE, False),
        (SECOND, None, False),
    ],
)
def test_what_counts_as_another_date(target: Event, rule: ExchangeRule | None, *, fits: bool) -> None:
    """Another event of one name in one venue, or any in the same currency where the rule says so."""
    policy = replace(STANDARD_POLICY, exchange=rule)
    assert (target_refusal(FIRST, target, policy=policy, now=NOW) is None) is fits


def quoted(
    policy: RefundPolicy = POLICY, event: Event = FIRST, ticket: TicketState = TicketState.VALID, **changes: object
) -> Quote | Rejection:
    order, tickets = sold(priced(5_000, 0, 500, 0), state=ticket)
    return quote_exchange(replace(order, **changes), tickets, event=event, policy=policy, refunds=(), now=NOW)  # type: ignore[arg-type]  # any field


def test_what_stands_against_an_exchange() -> None:
    """Used or void tickets, a dispute, a cancelled event, and a fee that eats the price."""
    fine = quoted()
    assert isinstance(fine, Quote)
    assert fine.total == Money(5_250, USD)
    codes = [
        answer.code if isinstance(answer, Rejection) else None
        for answer in (
            quoted(ticket=TicketState.CHECKED_IN),
            quoted(ticket=TicketState.VOID),
            quoted(frozen_because="A dispute."),
            quoted(event=replace(FIRST, state=EventState.CANCELLED)),
            quoted(policy=replace(POLICY, exchange=replace(RULE, fee_minor=6_000))),
        )
    ]
    assert codes == [
        RejectionCode.NOT_REFUNDABLE,
        RejectionCode.ALREADY_REFUNDED,
        RejectionCode.FROZEN,
        RejectionCode.NOT_EXCHANGEABLE,
        RejectionCode.NOT_EXCHANGEABLE,
    ]


def test_a_rival_is_under_way_and_wants_the_same_ticket() -> None:
    """Orders that ended, and those for other tickets, stand in nobody's way."""
    order, (ticket,) = sold(priced(5_000, 0, 0, 0))
    wanted = Exchange(order_id=order.id, tickets=(ticket.id,))
    newer, _ = sold(priced(5_000, 0, 0, 0))
    waiting = replace(newer, exchanges=wanted, state=OrderState.AWAITING_PAYMENT)
    assert rival((waiting,), wanted) == waiting
    assert rival((replace(waiting, state=OrderState.EXPIRED),), wanted) is None
    assert rival((waiting,), replace(wanted, tickets=(TicketId(uuid4()),))) is None
    with pytest.raises(ValueError, match="each once"):
        Exchange(order_id=order.id, tickets=(ticket.id, ticket.id))


def test_nobody_asks_for_half_an_exchange() -> None:
    """Without a rule the reason gives nothing back: it belongs to a new order, not to a desk."""
    order, tickets = sold(priced(5_000, 0, 0, 0))
    share = STANDARD_POLICY.share_of(tickets[0].tier_id, reason=RefundReason.EXCHANGE, starts_at=STARTS, now=NOW)
    assert share.basis_points == 0
    assert order.exchanges is None
