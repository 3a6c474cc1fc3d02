"""A dispute moves forward only, whatever order its news arrives in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from domain.disputes import (
    ENDED,
    AnswerKind,
    Dispute,
    DisputeFacts,
    DisputeId,
    DisputeKind,
    DisputeState,
    first_seen,
    frozen_because,
)
from domain.errors import Rejection
from domain.evidence import Evidence
from domain.fraud import RiskLevel, Signals, Verdict, assess
from domain.money import CurrencyCode, Money
from domain.orders import OrderId
from domain.payments import PaymentId

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
USD = CurrencyCode("USD")
EVIDENCE = Evidence(
    collected_at=NOON, buyer_name="Ada", buyer_email="ada@example.com", product="A ticket", service_date="2027-01-01",
    activity=(), terms="", sections=(),
)  # fmt: skip
FACTS = DisputeFacts(
    provider_id="dp_1", intent_id="pi_1", kind=DisputeKind.CHARGEBACK, state=DisputeState.NEEDS_RESPONSE,
    reason="fraudulent", amount=Money(9_500, USD), fee=None, refundable=False, opened_at=NOON,
    due_at=NOON + timedelta(days=9),
)  # fmt: skip
ANY_FACTS = st.builds(
    lambda kind, state: replace(FACTS, kind=kind, state=state),
    st.sampled_from(DisputeKind),
    st.sampled_from(DisputeState),
)


def opened(facts: DisputeFacts = FACTS) -> Dispute:
    return first_seen(
        DisputeId(uuid4()), order_id=OrderId(uuid4()), payment_id=PaymentId(uuid4()), facts=facts, evidence=EVIDENCE,
        now=NOON,
    )  # fmt: skip


@given(st.lists(ANY_FACTS, min_size=1, max_size=8))
def test_news_in_any_order_never_moves_a_dispute_back(news: list[DisputeFacts]) -> None:
    """Its rank only rises, an end is an end, and an open one is watched while an ended one is not."""
    dispute = opened(news[0])
    for facts in news[1:]:
        after = dispute.report(facts, now=NOON)
        assert after.facts.rank >= dispute.facts.rank
        assert not dispute.ended or after == dispute
        dispute = after
        assert (dispute.next_check_at is None) is dispute.ended
        assert (dispute.closed_at is None) is not dispute.ended


@given(ANY_FACTS)
def test_only_an_open_chargeback_freezes(facts: DisputeFacts) -> None:
    """An inquiry has moved no money, and an end ends it."""
    dispute = opened(facts)
    freezes = facts.kind is DisputeKind.CHARGEBACK and facts.state not in ENDED
    assert dispute.freezes is freezes
    assert (frozen_because([dispute]) is not None) is freezes


@given(st.sampled_from(AnswerKind), st.sampled_from(AnswerKind))
def test_it_is_answered_once(first: AnswerKind, second: AnswerKind) -> None:
    """A second answer is refused, until the provider has refused the first; then it has a key of its own."""
    answered = opened().respond(first, by="ada", now=NOON)
    assert isinstance(answered, Dispute)
    assert isinstance(answered.respond(second, by="bob", now=NOON), Rejection)
    assert isinstance(answered.write("more", evidence=EVIDENCE), Rejection)
    again = answered.refused("closed").respond(second, by="bob", now=NOON)
    assert isinstance(again, Dispute)
    assert again.key != answered.key


def test_earlier_trouble_puts_an_order_before_a_person() -> None:
    """And says how much there was."""
    calm = Signals(
        risk=RiskLevel.NORMAL, review_opened=False, device_orders_last_hour=1, address_orders_last_hour=1,
        card_orders_last_day=1,
    )  # fmt: skip
    troubled = assess(replace(calm, troubled_orders=2))
    assert assess(calm).verdict is Verdict.APPROVE
    assert troubled.verdict is Verdict.REVIEW
    assert "2 earlier orders" in troubled.reasons[0].message
