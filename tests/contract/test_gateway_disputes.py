"""What every PaymentGateway promises when a bank takes money back, on the fake and on Stripe's adapter."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.disputes import DisputeFacts, DisputeKind, DisputeState
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.evidence import Evidence, EvidenceSection
from domain.money import Money
from domain.orders import OrderId
from domain.ports.payments import NoticeKind, ProviderRefund
from domain.refunds import OVERTAKEN_BY_DISPUTE, RefundState
from tests.contract.gateways import PROVIDERS, TOTAL, USD, captured, intent_of, provider_of
from tests.contract.payment_providers import Provider
from tests.contract.sandboxes import Sandbox, sandbox_running

EVIDENCE = Evidence(
    collected_at=datetime(2026, 11, 22, 12, tzinfo=UTC), buyer_name="Ada", buyer_email="ada@example.com",
    product="Two tickets", service_date="2027-01-01", activity=("Let in at 19:55.",), terms="No refunds.",
    sections=(EvidenceSection(title="What happened", lines=("Let in at 19:55.",)),),
)  # fmt: skip
PART = Money(4_500, USD)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandbox_running() as running:
        yield running


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    yield from provider_of(request)


@pytest.fixture
def intent_id(provider: Provider) -> str:
    """Of a payment whose money was taken."""
    return intent_of(captured(provider))


def give_back(provider: Provider, intent_id: str, amount: Money = PART, *, key: str = "r") -> ProviderRefund:
    return provider.gateway.refund(intent_id=intent_id, amount=amount, key=key, order_id=OrderId(uuid4()))


def submit(provider: Provider, dispute_id: str) -> DisputeFacts:
    return provider.gateway.submit_evidence(dispute_id=dispute_id, evidence=EVIDENCE, statement="She came.", key="e")


def accept(provider: Provider, dispute_id: str) -> DisputeFacts:
    return provider.gateway.accept_dispute(dispute_id=dispute_id, key="a")


def test_a_chargeback_says_what_the_bank_took(provider: Provider, intent_id: str) -> None:
    """All that was left, a fee on top, nothing to refund any more, and a day by which to answer."""
    give_back(provider, intent_id)
    facts = provider.gateway.find_dispute(dispute_id=provider.dispute(intent_id))
    assert (facts.kind, facts.state) == (DisputeKind.CHARGEBACK, DisputeState.NEEDS_RESPONSE)
    assert (facts.intent_id, facts.amount) == (intent_id, TOTAL - PART)
    assert facts.fee is not None
    assert facts.fee.amount > 0
    assert (facts.refundable, facts.submissions) == (False, 0)
    assert facts.due_at is not None
    assert facts.due_at > facts.opened_at


def test_an_inquiry_has_moved_nothing(provider: Provider, intent_id: str) -> None:
    """No fee, and giving the money back is possible."""
    facts = provider.gateway.find_dispute(dispute_id=provider.dispute(intent_id, inquiry=True))
    assert (facts.kind, facts.fee, facts.refundable) == (DisputeKind.INQUIRY, None, True)
    assert give_back(provider, intent_id).state is RefundState.SUCCEEDED


@pytest.mark.parametrize("won", [True, False])
def test_money_that_the_bank_has_is_not_given_back(provider: Provider, intent_id: str, *, won: bool) -> None:
    """Refused while it is disputed, and for ever when it is lost; a dispute that was won brings it back."""
    dispute_id = provider.dispute(intent_id)
    with pytest.raises(ProviderRefused) as refusal:
        give_back(provider, intent_id)
    assert refusal.value.code in OVERTAKEN_BY_DISPUTE

    provider.decide(dispute_id, won=won)

    assert provider.gateway.find_dispute(dispute_id=dispute_id).state is (
        DisputeState.WON if won else DisputeState.LOST
    )
    if won:
        assert give_back(provider, intent_id, TOTAL, key="later").state is RefundState.SUCCEEDED
    else:
        with pytest.raises(ProviderRefused):
            give_back(provider, intent_id, key="later")


def test_a_dispute_stops_what_is_on_its_way(provider: Provider) -> None:
    """A refund that the bank thinks about fails, for that reason, and what it was to give back is disputed too."""
    provider.next_refunds_are_pending()
    intent_id = intent_of(captured(provider))
    made = give_back(provider, intent_id)
    dispute_id = provider.dispute(intent_id)
    stopped = provider.gateway.find_refund(refund_id=made.id)
    assert stopped.state is RefundState.FAILED
    assert stopped.failure in OVERTAKEN_BY_DISPUTE
    assert provider.gateway.find_dispute(dispute_id=dispute_id).amount == TOTAL


def test_evidence_is_sent_once(provider: Provider, intent_id: str) -> None:
    """Again under the same key, also when the answer was lost, it is the same submission."""
    dispute_id = provider.dispute(intent_id)
    with provider.replies_lost("submit_evidence"), pytest.raises(ProviderUnavailable):
        submit(provider, dispute_id)
    for _ in range(2):
        facts = submit(provider, dispute_id)
        assert (facts.state, facts.submissions) == (DisputeState.UNDER_REVIEW, 1)
    assert provider.gateway.find_dispute(dispute_id=dispute_id) == facts


def test_giving_in_is_losing_and_is_said_once(provider: Provider, intent_id: str) -> None:
    """Again, also when the answer was lost and the key is forgotten: it is lost already, which is what was wanted."""
    dispute_id = provider.dispute(intent_id)
    with provider.replies_lost("accept_dispute"), pytest.raises(ProviderUnavailable):
        accept(provider, dispute_id)
    assert accept(provider, dispute_id).state is DisputeState.LOST
    provider.forget_keys()
    assert accept(provider, dispute_id).state is DisputeState.LOST


def test_a_dispute_that_has_ended_takes_no_answer(provider: Provider, intent_id: str) -> None:
    """Neither evidence nor giving in change what the bank has decided."""
    dispute_id = provider.dispute(intent_id)
    provider.decide(dispute_id, won=True)
    for answer in (submit, accept):
        with pytest.raises(ProviderRefused):
            answer(provider, dispute_id)
    assert provider.gateway.find_dispute(dispute_id=dispute_id).state is DisputeState.WON


def test_unknown_disputes_and_warnings_are_refused(provider: Provider) -> None:
    """Each by its name: there is nothing to wait for."""
    calls = (
        ("unknown_dispute", lambda: provider.gateway.find_dispute(dispute_id="dp_nobody")),
        ("unknown_dispute", lambda: submit(provider, "dp_nobody")),
        ("unknown_dispute", lambda: accept(provider, "dp_nobody")),
        ("unknown_warning", lambda: provider.gateway.find_warning(warning_id="issfr_nobody")),
    )
    for code, call in calls:
        with pytest.raises(ProviderRefused) as refusal:
            call()
        assert refusal.value.code == code


@pytest.mark.parametrize("settled_by", ["refund", "dispute"])
def test_a_warning_asks_for_something_until_it_is_settled(provider: Provider, intent_id: str, settled_by: str) -> None:
    """Money that went back, or was taken back, needs no deed any more."""
    warning_id = provider.warn(intent_id)
    facts = provider.gateway.find_warning(warning_id=warning_id)
    assert (facts.provider_id, facts.intent_id, facts.actionable) == (warning_id, intent_id, True)
    assert facts.fraud_type
    if settled_by == "refund":
        give_back(provider, intent_id, TOTAL)
    else:
        provider.dispute(intent_id)
    assert not provider.gateway.find_warning(warning_id=warning_id).actionable


def test_a_notice_about_a_dispute_names_it(provider: Provider, intent_id: str) -> None:
    """And its payment: which order that is, our own books say."""
    dispute_id = provider.dispute(intent_id)
    payload, signature = provider.dispute_notice(dispute_id)
    notice = provider.gateway.read_notice(payload=payload, signature=signature)
    assert (notice.kind, notice.dispute_id) == (NoticeKind.DISPUTE, dispute_id)
    assert notice.intent_id in {intent_id, None}


def test_the_log_tells_what_webhooks_would_have(provider: Provider) -> None:
    """Warnings, disputes and their ends, in the order in which they happened."""
    since = provider.now() - timedelta(hours=1)
    first, second = (intent_of(captured(provider)) for _ in range(2))
    warning_id, dispute_id = provider.warn(first), provider.dispute(second)
    provider.decide(dispute_id, won=False)
    told = [
        (notice.kind, notice.warning_id or notice.dispute_id) for notice in provider.gateway.after_sales(since=since)
    ]
    assert told[0] == (NoticeKind.FRAUD_WARNING, warning_id)
    assert set(told[1:]) == {(NoticeKind.DISPUTE, dispute_id)}
    assert len(told) >= 3
