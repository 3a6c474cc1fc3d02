"""Refund policies: the rules that are worded for everybody are the rules that decide, to the last minor unit."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Rejection, RejectionCode
from domain.money import BASIS_POINTS, Money, charge_step, zero
from domain.quotes import Quote, quote, quote_money
from domain.refund_policies import (
    ASKED_FOR,
    STANDARD_POLICY,
    ReasonRule,
    RefundPolicy,
    RefundReason,
    RefundWindow,
    TierRule,
)
from domain.refund_policy_json import from_json, to_json
from domain.refunds import Refund, given_back
from domain.tiers import TierId, UnitPrice
from tests.unit.domain.selling import CURRENCIES, STARTS, TIER, USD, made, policies, priced, prices, sold

reasons = st.sampled_from(sorted((*ASKED_FOR, RefundReason.EXCHANGE)))
hours_left = st.integers(0, 6_000)


def offered(answer: Quote | Rejection) -> Quote:
    """The quote, or a failing test."""
    assert isinstance(answer, Quote), answer
    return answer


@given(policy=policies, prices=prices(), hours=hours_left, reason=reasons)
def test_what_comes_back_and_what_is_kept_are_what_was_paid(
    policy: RefundPolicy, prices: tuple[UnitPrice, ...], hours: int, reason: RefundReason
) -> None:
    """For every ticket, at every time, under every policy: part by part, and the steps shown lead to the amount."""
    order, tickets = sold(*prices)
    answer = offered(
        quote(
            order, tickets, policy=policy, reason=reason, starts_at=STARTS, now=STARTS - timedelta(hours=hours)
        )
    )  # fmt: skip
    for line, ticket in zip(answer.lines, tickets, strict=True):
        part, price = line.part, ticket.price
        assert line.amount + line.kept == price.total
        assert line.amount.amount % charge_step(line.amount.currency) == 0
        assert 0 <= part.admission.amount <= price.admission.amount
        assert 0 <= part.fee.amount <= price.fee.amount
        assert 0 <= part.tax.amount <= price.added_tax.amount
        assert sum((item.amount for item in line.items), zero(price.total.currency)) == line.amount
        assert line.why


@given(policy=policies, prices=prices(), hours=hours_left, data=st.data())
def test_refund_after_refund_never_gives_back_more_than_was_paid(
    policy: RefundPolicy, prices: tuple[UnitPrice, ...], hours: int, data: st.DataObject
) -> None:
    """Tickets given back one by one for different reasons, with money out of goodwill in between: kept stays kept."""
    order, tickets = sold(*prices)
    refunds: list[Refund] = []
    for ticket in tickets:
        paid_back = given_back(refunds, order.total.currency)
        if room := (order.total - paid_back).amount:
            step = charge_step(order.total.currency)
            extra = Money(step * data.draw(st.integers(0, room // step)), order.total.currency)
            if extra.amount:
                gift = offered(quote_money(order, extra, policy=policy, refunds=tuple(refunds)))
                refunds.append(made(order, gift, reason=RefundReason.GOODWILL))
        reason = data.draw(reasons)
        answer = offered(
            quote(
                order, (ticket,), policy=policy, reason=reason, starts_at=STARTS,
                now=STARTS - timedelta(hours=hours), refunds=tuple(refunds),
            )
        )  # fmt: skip
        refunds.append(made(order, answer, reason=reason))
        assert answer.lines[0].amount + answer.lines[0].kept == ticket.price.total
    assert given_back(refunds, order.total.currency) <= order.total
    at_wish = [refund for refund in refunds if refund.reason is RefundReason.BUYERS_WISH]
    if policy.order_minor_max is not None:
        assert given_back(at_wish, order.total.currency).amount <= policy.order_minor_max


@given(policy=policies, prices=prices(), reason=reasons, share=st.integers(0, BASIS_POINTS))
def test_all_tickets_together_leave_what_went_back_before(
    policy: RefundPolicy, prices: tuple[UnitPrice, ...], reason: RefundReason, share: int
) -> None:
    """After money out of goodwill the last tickets of one quote give back so much less."""
    order, tickets = sold(*prices)
    extra = order.total.percent(share)
    gift = Money(extra.amount - extra.amount % charge_step(extra.currency), extra.currency)
    before: tuple[Refund, ...] = ()
    if gift.amount:
        offer = offered(quote_money(order, gift, policy=policy))
        before = (made(order, offer, reason=RefundReason.GOODWILL),)
    now = STARTS - timedelta(days=400)
    rest = offered(
        quote(order, tickets, policy=policy, reason=reason, starts_at=STARTS, now=now, refunds=before)
    )  # fmt: skip
    assert rest.total + gift <= order.total
    if reason is RefundReason.EVENT_CANCELLED:
        assert rest.total + gift == order.total
    if reason is RefundReason.BUYERS_WISH and policy.order_minor_max is not None:
        assert rest.total.amount <= policy.order_minor_max


@given(policy=policies, prices=prices(), hours=hours_left, earlier=st.integers(1, 1_000), reason=reasons)
def test_waiting_never_pays(
    policy: RefundPolicy, prices: tuple[UnitPrice, ...], hours: int, earlier: int, reason: RefundReason
) -> None:
    """No ticket gives back more later than it gave back sooner."""
    order, tickets = sold(*prices)
    later, sooner = (
        offered(
            quote(order, tickets, policy=policy, reason=reason, starts_at=STARTS, now=STARTS - timedelta(hours=left))
        )
        for left in (hours, hours + earlier)
    )
    assert all(a.amount <= b.amount for a, b in zip(later.lines, sooner.lines, strict=True))


@given(policy=policies, prices=prices(), hours=hours_left)
def test_whoever_did_not_cause_it_is_not_worse_off(
    policy: RefundPolicy, prices: tuple[UnitPrice, ...], hours: int
) -> None:
    """A cancelled event gives back everything; a postponed one never less than the buyer's own wish would."""
    order, tickets = sold(*prices)
    now = STARTS - timedelta(hours=hours)
    wish, postponed, cancelled = (
        offered(quote(order, tickets, policy=policy, reason=reason, starts_at=STARTS, now=now))
        for reason in (RefundReason.BUYERS_WISH, RefundReason.POSTPONED, RefundReason.EVENT_CANCELLED)
    )
    assert cancelled.total == order.total
    assert not cancelled.needs_approval
    if policy.order_minor_max is None:
        assert postponed.total >= wish.total


@given(policy=policies)
def test_a_policy_survives_being_written_down(policy: RefundPolicy) -> None:
    """What is read back is what was stored, and it words the same terms."""
    again = from_json(to_json(policy), version=7)
    assert again == policy
    assert again.version == 7
    assert again.terms(USD, {}) == policy.terms(USD, {})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"windows": [[24, 5_000], [48, 10_000]]}, "earliest first"),
        ({"windows": [[48, 5_000], [24, 6_000]]}, "waiting must not pay"),
        ({"windows": [[24, 10_001]]}, "0 to 100 percent"),
        ({"windows": [[-1, 10_000]]}, "before the start"),
        ({"windows": [[24]]}, "a pair"),
        ({"windows": [["24", 1]]}, "whole number"),
        ({"windows": None}, "is a list"),
        ({"windows": [[hour, 1] for hour in range(20, 0, -1)]}, "at most 10 windows"),
        ({"fees_returned": "yes"}, "true or false"),
        ({"handling_minor": -1}, "minor units"),
        ({"handling_minor": 1.5}, "whole number"),
        ({"handling_minor": True}, "whole number"),
        ({"order_minor_max": 10**9}, "minor units"),
        ({"tiers": [{"tier": "vip", "windows": [], "fees_returned": False}]}, "by id"),
        ({"tiers": [{"tier": str(TIER), "windows": [], "fees_returned": False}] * 2}, "one rule a tier"),
        ({"reasons": [{"reason": "fraud", "basis_points": 0, "fees_returned": False}]}, "fraud"),
        ({"reasons": ["postponed"]}, "is an object"),
        ({"language": 2}, "language 1"),
        ({"cashback": True}, "cashback"),
    ],
)
def test_a_document_that_is_no_policy_says_why(change: dict[str, object], said: str) -> None:
    """Whatever is stored was read by these rules first."""
    with pytest.raises(ValueError, match=said):
        from_json({**to_json(STANDARD_POLICY), **change})


VIP = TierId(uuid4())
WORDY = RefundPolicy(
    windows=(RefundWindow(hours_before=720, basis_points=10_000), RefundWindow(hours_before=168, basis_points=5_000)),
    tiers=(TierRule(tier_id=VIP, windows=(RefundWindow(hours_before=24, basis_points=10_000),), fees_returned=True),),
    reasons=(ReasonRule(reason=RefundReason.POSTPONED, basis_points=8_000, fees_returned=False),),
    handling_minor=250,
    kept_minor_min=500,
    ticket_minor_max=9_000,
    order_minor_max=20_000,
    approval_minor_over=15_000,
)


def test_the_terms_say_every_rule() -> None:
    """For people who have not bought yet, in sentences."""
    assert WORDY.terms(USD, {VIP: "VIP"}) == (
        "You get back 100% of the ticket price until 30 days before the start, 50% of the ticket price until 7 days "
        "before the start, and nothing later. Fees are kept. For VIP: You get back 100% of the ticket price until "
        "24 hours before the start, and nothing later. Fees come back in the same share. $2.50 of each ticket is "
        "kept for handling. At least $5.00 of each ticket is kept. No ticket gives back more than $90.00. No "
        "order gives back more than $200.00. If the event is cancelled you get back everything, fees included. If "
        "it is postponed and you cannot come, you get back 80%, without the fees."
    )


def test_a_quote_tells_step_by_step_how_it_comes_about() -> None:
    """What, how much and why: the share, what goes with it, what is kept, and until when."""
    order, (ticket,) = sold(priced(20_000, 0, 1_000, 2_100))
    now = STARTS - timedelta(days=10)
    (line,) = offered(
        quote(order, (ticket,), policy=WORDY, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=now)
    ).lines
    assert [(item.what, item.amount.amount) for item in line.items] == [
        ("Ticket", 10_000),
        ("Tax", 1_000),
        ("Handling", -250),
        ("Most per ticket", -1_750),
    ]
    assert line.amount == Money(9_000, USD)
    assert line.until == STARTS - timedelta(days=7)
    assert line.why.startswith("50% is returned until 7 days before the start. The fee is kept.")


def test_a_tier_may_have_rules_of_its_own() -> None:
    """They stand in for everybody's, fees too."""
    order, tickets = sold(priced(5_000, 0, 1_000, 0), tier_id=VIP)
    policy = replace(WORDY, handling_minor=0, kept_minor_min=0)
    now = STARTS - timedelta(days=2)
    answer = offered(quote(order, tickets, policy=policy, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=now))
    assert answer.total == order.total


@pytest.mark.parametrize(
    ("reason", "amount", "needed"),
    [
        (RefundReason.BUYERS_WISH, 15_001, True),
        (RefundReason.BUYERS_WISH, 15_000, False),
        (RefundReason.GOODWILL, 15_001, True),
        (RefundReason.EVENT_CANCELLED, 15_001, False),
        (RefundReason.FRAUD, 15_001, False),
    ],
)
def test_more_than_the_policy_trusts_one_person_with_waits(reason: RefundReason, amount: int, needed: bool) -> None:
    """What a cancelled event or a fraud owes is nobody's to weigh."""
    assert WORDY.needs_approval(Money(amount, USD), reason=reason) is needed


def test_the_digest_names_the_offer() -> None:
    """The same offer has the same name, whenever it is asked for; another amount or version has another."""
    order, tickets = sold(priced(10_000, 0, 500, 0), priced(8_000, 0, 500, 0))

    def asked(days: int, policy: RefundPolicy = STANDARD_POLICY) -> str:
        now = STARTS - timedelta(days=days)
        wish = RefundReason.BUYERS_WISH
        return offered(quote(order, tickets, policy=policy, reason=wish, starts_at=STARTS, now=now)).digest

    assert asked(40) == asked(35)
    assert asked(40) != asked(10)
    assert asked(40) != asked(40, replace(STANDARD_POLICY, version=2))


def test_free_tickets_are_given_back_until_the_event_begins() -> None:
    """No money moves, and nobody gives back an evening they have had."""
    order, tickets = sold(priced(0, 0, 0, 0))

    def asked(now_hours: int) -> Quote | Rejection:
        return quote(
            order, tickets, policy=RefundPolicy(windows=()), reason=RefundReason.BUYERS_WISH, starts_at=STARTS,
            now=STARTS + timedelta(hours=now_hours),
        )  # fmt: skip

    assert offered(asked(-1)).total == zero(USD)
    late = asked(1)
    assert isinstance(late, Rejection)
    assert late.code is RejectionCode.NOT_REFUNDABLE


@pytest.mark.parametrize("amount", [Money(0, USD), Money(-1, USD), Money(10_501, USD), Money(1, CURRENCIES[0])])
def test_goodwill_gives_something_and_not_more_than_was_paid(amount: Money) -> None:
    """In the order's own currency."""
    order, _ = sold(priced(10_000, 0, 500, 0))
    assert isinstance(quote_money(order, amount, policy=STANDARD_POLICY), Rejection)


def test_percentages_are_whole_basis_points() -> None:
    """Half of half a percent is said as it is."""
    order, tickets = sold(priced(10_000, 0, 0, 0))
    policy = RefundPolicy(windows=(RefundWindow(hours_before=0, basis_points=BASIS_POINTS // 8),))
    answer = offered(
        quote(order, tickets, policy=policy, reason=RefundReason.BUYERS_WISH, starts_at=STARTS, now=STARTS)
    )
    assert answer.lines[0].why == "12.5% is returned until the start."
    assert answer.total == Money(1_250, USD)
