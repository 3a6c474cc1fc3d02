"""Disputes: the buyer's bank takes the money back, or asks about it, and wants to hear our side.

Where a dispute stands is the provider's to say (``DisputeFacts``, always retrieved and never taken from a webhook).
What follows for an order is ours: a chargeback freezes it, and losing one ends it. An inquiry freezes nothing, because
no money has moved, and giving it back is the best answer there is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.evidence import Evidence
from domain.money import Money
from domain.orders import OrderId
from domain.payments import PaymentId

DisputeId = NewType("DisputeId", UUID)

STATEMENT_LENGTH_MAX = 5_000
"""Characters of what a person writes to the bank."""
CHECK_SECONDS = 3_600
"""How often an open dispute is asked about, webhook or not."""
FROZEN_WORDS = "The card's bank disputes the payment."


class DisputeKind(StrEnum):
    INQUIRY = "inquiry"
    """The bank asks. No money has moved yet, and the payment can still be refunded."""
    CHARGEBACK = "chargeback"
    """The bank has taken the money back. Whoever is right gets it in the end."""


class DisputeState(StrEnum):
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    """Our evidence is with the bank."""
    WON = "won"
    LOST = "lost"
    WITHDRAWN = "withdrawn"
    """Nothing came of it: an inquiry that ended, or a chargeback that was stopped before it began."""


ENDED = frozenset({DisputeState.WON, DisputeState.LOST, DisputeState.WITHDRAWN})

_KINDS = tuple(DisputeKind)
_STATES = (DisputeState.NEEDS_RESPONSE, DisputeState.UNDER_REVIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeFacts:
    """A dispute as the provider has it now. ``fee`` is what the bank charges us for it, None before the
    money has moved; ``fee_returned`` is what came back of it, None before any did.

    ``reason`` is the provider's own word; ``due_at`` is when evidence must have arrived.
    """

    provider_id: str
    intent_id: str | None
    kind: DisputeKind
    state: DisputeState
    reason: str
    amount: Money
    fee: Money | None
    fee_returned: Money | None = None
    refundable: bool
    opened_at: datetime
    due_at: datetime | None
    submissions: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """How far it has come. An inquiry may become a chargeback, which then waits for a response of its own."""
        if self.state in ENDED:
            return len(_KINDS), 0
        return _KINDS.index(self.kind), _STATES.index(self.state)

    def with_fees_of(self, later: "DisputeFacts") -> "DisputeFacts":
        """The same, with the fees that were not known when this was told. What was known stays: it is booked."""
        if later.state is not self.state:
            return self
        fee = later.fee if self.fee is None else self.fee
        returned = later.fee_returned if self.fee_returned is None else self.fee_returned
        return replace(self, fee=fee, fee_returned=returned)


class AnswerKind(StrEnum):
    EVIDENCE = "evidence"
    ACCEPTED = "accepted"
    """We give in: the buyer keeps the money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody decided to tell the bank. ``number`` counts answers, so that a new one has a key of its own."""

    kind: AnswerKind
    by: str
    at: datetime
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """One dispute about one payment. ``statement`` is ours to edit until it was sent.

    ``answer_failure`` is why the provider did not take the last answer; then there may be another.
    """

    id: DisputeId
    order_id: OrderId
    payment_id: PaymentId
    facts: DisputeFacts
    evidence: Evidence
    statement: str = ""
    answer: Answer | None = None
    answers: int = 0
    answer_failure: str | None = None
    next_check_at: datetime | None
    closed_at: datetime | None = None

    @property
    def state(self) -> DisputeState:
        return self.facts.state

    @property
    def ended(self) -> bool:
        return self.facts.state in ENDED

    @property
    def freezes(self) -> bool:
        """Whether tickets and refunds of its order wait for its end."""
        return self.facts.kind is DisputeKind.CHARGEBACK and not self.ended

    @property
    def answerable(self) -> bool:
        """Whether the bank still waits to hear from us, and nobody has answered."""
        return self.facts.state is DisputeState.NEEDS_RESPONSE and self.answer is None

    @property
    def key(self) -> str:
        """Idempotency key of the current answer at the provider."""
        return f"dispute-{self.id}-{self.answers}"

    def report(self, facts: DisputeFacts, *, now: datetime) -> "Dispute":
        """What the provider says now. Answers may arrive in any order, so it only moves forward; an end is an end.

        Only what the bank charges, or returns of that, may be told after the end.
        """
        if self.ended:
            return replace(self, facts=self.facts.with_fees_of(facts))
        if facts.rank < self.facts.rank:
            return self
        ended = facts.state in ENDED
        escalated = self.facts.kind is DisputeKind.INQUIRY and facts.kind is DisputeKind.CHARGEBACK and not ended
        return replace(
            self,
            facts=facts,
            # What was said to an inquiry does not answer the chargeback that follows it.
            answer=None if escalated else self.answer,
            next_check_at=_next_check_at(facts, now),
            closed_at=now if ended else None,
        )

    def write(self, statement: str, *, evidence: Evidence) -> "Dispute | Rejection":
        """Keep what somebody wrote, with the evidence as it is now."""
        if not self.answerable:
            return self._settled()
        return replace(self, statement=statement, evidence=evidence)

    def respond(self, kind: AnswerKind, *, by: str, now: datetime) -> "Dispute | Rejection":
        """Decide what to tell the bank, once. The outbox sends it."""
        if not self.answerable:
            return self._settled()
        if kind is AnswerKind.EVIDENCE and self.facts.due_at is not None and now >= self.facts.due_at:
            return Rejection(
                code=RejectionCode.WRONG_STATE,
                message="The time to send evidence is over. The bank decides without it.",
                details={"due_at": self.facts.due_at.isoformat()},
            )
        number = self.answers + 1
        answer = Answer(kind=kind, by=by, at=now, number=number)
        return replace(self, answer=answer, answers=number, answer_failure=None)

    def refused(self, why: str) -> "Dispute":
        """The provider did not take the answer: somebody may try again."""
        return replace(self, answer=None, answer_failure=why)

    def _settled(self) -> Rejection:
        return Rejection(
            code=RejectionCode.WRONG_STATE,
            message="This dispute has been answered or has ended.",
            details={"state": self.state.value},
        )


def first_seen(
    dispute_id: DisputeId,
    *,
    order_id: OrderId,
    payment_id: PaymentId,
    facts: DisputeFacts,
    evidence: Evidence,
    now: datetime,
) -> Dispute:
    """A dispute that was not known before. It may have ended before anybody heard of it."""
    return Dispute(
        id=dispute_id,
        order_id=order_id,
        payment_id=payment_id,
        facts=facts,
        evidence=evidence,
        next_check_at=_next_check_at(facts, now),
        closed_at=now if facts.state in ENDED else None,
    )


def _next_check_at(facts: DisputeFacts, now: datetime) -> datetime | None:
    return None if facts.state in ENDED else now + timedelta(seconds=CHECK_SECONDS)


def frozen_because(disputes: Iterable[Dispute]) -> str | None:
    """Why the order of these disputes is frozen, or None when none of them freezes it."""
    return FROZEN_WORDS if any(dispute.freezes for dispute in disputes) else None
