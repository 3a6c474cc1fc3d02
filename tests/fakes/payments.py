"""A payment provider in memory: stateful, honest, and able to lose replies. The contract suite runs on it too.

Buyers are played by :meth:`FakeGateway.pay`, :meth:`FakeGateway.decline` and :meth:`FakeGateway.expire`; trouble by
:meth:`FakeGateway.lose_next_reply` (it happened, and nobody heard) and :meth:`FakeGateway.fail_next` (it did not).
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import RLock
from uuid import UUID

from domain.disputes import ENDED as DISPUTES_ENDED
from domain.disputes import DisputeFacts, DisputeKind, DisputeState
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.evidence import Evidence
from domain.fraud import CardFacts, RiskLevel
from domain.fraud_warnings import WarningFacts
from domain.money import Money, zero
from domain.orders import OrderId
from domain.ports.payments import (
    CheckoutOpened,
    CheckoutRequest,
    Closing,
    Notice,
    NoticeKind,
    ProviderPayment,
    ProviderRefund,
    ProviderStatus,
    SignatureInvalid,
)
from domain.refunds import RefundState

CHARGE_MINOR_MIN = 50
DISPUTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIGNATURE_AGE_SECONDS_MAX = 300
VISA = CardFacts(fingerprint="fp_visa_4242", brand="visa", last4="4242", country="US", funding="credit")

_OPEN, _COMPLETE, _EXPIRED = "open", "complete", "expired"


@dataclass(slots=True, kw_only=True)
class _Intent:
    id: str
    total: Money
    status: ProviderStatus = ProviderStatus.PENDING
    amount: Money
    risk: RiskLevel = RiskLevel.UNKNOWN
    review_opened: bool = False
    card: CardFacts | None = None
    failure: str | None = None


@dataclass(slots=True, kw_only=True)
class _Session:
    id: str
    request: CheckoutRequest
    status: str = _OPEN
    intent: _Intent | None = None

    @property
    def total(self) -> Money:
        first, *others = (item.unit * item.quantity for item in self.request.items)
        return sum(others, first)


@dataclass(slots=True, kw_only=True)
class _Refund:
    id: str
    intent_id: str
    amount: Money
    key: str
    state: RefundState
    failure: str | None = None

    def told(self) -> ProviderRefund:
        return ProviderRefund(id=self.id, state=self.state, failure=self.failure)


@dataclass(slots=True)
class FakeGateway:
    """Implements PaymentGateway. ``calls`` lists every port method that was called, in order.

    ``refunds_start`` is the state in which new refunds are answered; :meth:`settle_refund` moves them on.
    """

    refunds_start: RefundState = RefundState.SUCCEEDED
    calls: list[str] = field(default_factory=list)
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _by_key: dict[str, str] = field(default_factory=dict)
    _refunds: dict[str, _Refund] = field(default_factory=dict)
    _disputes: dict[str, DisputeFacts] = field(default_factory=dict)
    _warnings: dict[str, WarningFacts] = field(default_factory=dict)
    _evidence: dict[str, str] = field(default_factory=dict)
    _log: list[tuple[bytes, str]] = field(default_factory=list)
    _failures: defaultdict[str, list[Exception]] = field(default_factory=lambda: defaultdict(list))
    _lost: list[str] = field(default_factory=list)
    _lock: RLock = field(default_factory=RLock)
    _counter: int = 0

    # The port.

    def open_checkout(self, *, request: CheckoutRequest) -> CheckoutOpened:
        with self._exchange("open_checkout"):
            if known := self._by_key.get(request.key):
                if self._sessions[known].request != request:
                    raise ProviderRefused("key_reused", "This key was used for another request.")
                return CheckoutOpened(session_id=known, url=_url(known))
            session = _Session(id=self._new_id("cs"), request=request)
            if session.total.amount < CHARGE_MINOR_MIN:
                raise ProviderRefused("amount_too_small", "The amount is smaller than what can be charged.")
            self._sessions[session.id] = session
            self._by_key[request.key] = session.id
            return CheckoutOpened(session_id=session.id, url=_url(session.id))

    def close_checkout(self, *, session_id: str) -> Closing:
        with self._exchange("close_checkout"):
            session = self._session(session_id)
            if session.status == _COMPLETE:
                return Closing.COMPLETED
            session.status = _EXPIRED
            return Closing.CLOSED

    def look_up(self, *, session_id: str) -> ProviderPayment:
        with self._exchange("look_up"):
            session = self._session(session_id)
            intent = session.intent or _Intent(id="", total=session.total, amount=zero(session.total.currency))
            return ProviderPayment(
                session_id=session.id,
                intent_id=intent.id or None,
                session_open=session.status == _OPEN,
                status=intent.status,
                amount=intent.amount,
                order_id=session.request.order_id,
                risk=intent.risk,
                review_opened=intent.review_opened,
                card=intent.card,
                failure=intent.failure,
            )

    def capture(self, *, intent_id: str, amount: Money, key: str) -> Money:
        del key
        with self._exchange("capture"):
            intent = self._intent(intent_id)
            if intent.status is ProviderStatus.CAPTURED:
                return intent.amount
            if intent.status is not ProviderStatus.AUTHORISED:
                raise ProviderRefused("not_capturable", "There is no authorised money to capture.")
            if amount.amount > intent.amount.amount:
                raise ProviderRefused("amount_too_large", "More than was authorised cannot be captured.")
            intent.status, intent.amount = ProviderStatus.CAPTURED, amount
            return amount

    def void(self, *, intent_id: str, key: str) -> None:
        del key
        with self._exchange("void"):
            intent = self._intent(intent_id)
            if intent.status is ProviderStatus.CAPTURED:
                raise ProviderRefused("already_captured", "Captured money is refunded, not let go.")
            if intent.status is ProviderStatus.PENDING:
                raise ProviderRefused("not_voidable", "Nothing is authorised yet: close the checkout instead.")
            intent.status, intent.review_opened = ProviderStatus.CANCELLED, False
            intent.amount = zero(intent.amount.currency)

    def refund(
        self, *, intent_id: str, amount: Money, key: str, order_id: OrderId, bulk: bool = False, fresh: bool = False
    ) -> ProviderRefund:
        del order_id, bulk, fresh
        with self._exchange("refund"):
            known = next((refund for refund in self._refunds.values() if refund.key == key), None)
            if known:
                return known.told()
            intent = self._intent(intent_id)
            if intent.status is not ProviderStatus.CAPTURED:
                raise ProviderRefused("not_refundable", "Nothing was captured.")
            if self._withdrawn(intent_id):
                raise ProviderRefused("charge_disputed", "The bank has taken the money back.")
            left = intent.amount - self.refunded(intent_id)
            if left.amount == 0:
                raise ProviderRefused("already_refunded", "All of it was given back already.")
            if amount.amount > left.amount:
                raise ProviderRefused("refund_too_large", "More than is left cannot be given back.")
            made = _Refund(id=self._new_id("re"), intent_id=intent_id, amount=amount, key=key, state=self.refunds_start)
            self._refunds[made.id] = made
            if amount == left:
                self._settle_warnings(intent_id)
            return made.told()

    def find_refund(self, *, refund_id: str) -> ProviderRefund:
        with self._exchange("find_refund"):
            if refund_id not in self._refunds:
                raise ProviderRefused("unknown_refund", "There is no such refund.")
            return self._refunds[refund_id].told()

    def find_dispute(self, *, dispute_id: str) -> DisputeFacts:
        with self._exchange("find_dispute"):
            return self._dispute(dispute_id)

    def submit_evidence(self, *, dispute_id: str, evidence: Evidence, statement: str, key: str) -> DisputeFacts:
        with self._exchange("submit_evidence"):
            facts = self._dispute(dispute_id)
            if facts.state in DISPUTES_ENDED:
                raise ProviderRefused("refused", "This dispute is already closed.")
            if key not in self._evidence:
                self._evidence[key] = evidence.text(statement)
                facts = replace(facts, state=DisputeState.UNDER_REVIEW, submissions=facts.submissions + 1)
                self._disputes[dispute_id] = facts
            return facts

    def accept_dispute(self, *, dispute_id: str, key: str) -> DisputeFacts:
        del key
        with self._exchange("accept_dispute"):
            facts = self._dispute(dispute_id)
            if facts.state in DISPUTES_ENDED and facts.state is not DisputeState.LOST:
                raise ProviderRefused("refused", "This dispute is already closed.")
            self.decide(dispute_id, DisputeState.LOST)
            return self._disputes[dispute_id]

    def find_warning(self, *, warning_id: str) -> WarningFacts:
        with self._exchange("find_warning"):
            if warning_id not in self._warnings:
                raise ProviderRefused("unknown_warning", "There is no such warning.")
            return self._warnings[warning_id]

    def after_sales(self, *, since: datetime) -> Iterator[Notice]:
        del since  # All that the log has: it is allowed to tell more than was asked for.
        with self._exchange("after_sales"):
            told = tuple(self._log)
        return (self.read_notice(payload=payload, signature=signature) for payload, signature in told)

    def read_notice(self, *, payload: bytes, signature: str) -> Notice:
        age, _, digest = signature.partition(":")
        if digest != _digest(payload) or int(age) > SIGNATURE_AGE_SECONDS_MAX:
            raise SignatureInvalid("the notice is not signed by the provider")
        said = json.loads(payload)
        return Notice(
            id=said["id"],
            kind=NoticeKind(said["kind"]),
            type=said["type"],
            order_id=OrderId(UUID(said["order_id"])) if said["order_id"] else None,
            session_id=said["session_id"],
            intent_id=said["intent_id"],
            refund_id=said["refund_id"],
            dispute_id=said["dispute_id"],
            warning_id=said["warning_id"],
        )

    # What buyers and banks do.

    def pay(
        self,
        session_id: str,
        *,
        risk: RiskLevel = RiskLevel.NORMAL,
        review_opened: bool = False,
        card: CardFacts = VISA,
        amount: Money | None = None,
    ) -> str:
        """The buyer pays: money is authorised and the session complete. Answers the intent's id.

        ``amount`` pretends that the provider authorised something else than was asked.
        """
        with self._lock:
            session = self._open_session(session_id)
            intent = self._attempt(session, risk=risk, card=card)
            intent.status, intent.amount, intent.failure = ProviderStatus.AUTHORISED, amount or session.total, None
            intent.review_opened = review_opened
            session.status = _COMPLETE
            return intent.id

    def decline(self, session_id: str, *, failure: str = "generic_decline", risk: RiskLevel = RiskLevel.NORMAL) -> str:
        """The buyer's card is declined: the session stays open for another. Answers the intent's id."""
        with self._lock:
            intent = self._attempt(self._open_session(session_id), risk=risk, card=VISA)
            intent.failure = failure
            return intent.id

    def expire(self, session_id: str) -> None:
        """The provider's own deadline passes."""
        with self._lock:
            self._open_session(session_id).status = _EXPIRED

    def lapse(self, intent_id: str) -> None:
        """The bank lets an authorisation go after days without a capture."""
        with self._lock:
            intent = self._intent(intent_id)
            assert intent.status is ProviderStatus.AUTHORISED, intent.status
            intent.status, intent.amount = ProviderStatus.CANCELLED, zero(intent.amount.currency)

    def settle_refund(self, refund_id: str, state: RefundState, *, failure: str | None = None) -> None:
        """The bank's answer to a refund: it succeeded, or (also later) it failed."""
        with self._lock:
            refund = self._refunds[refund_id]
            refund.state, refund.failure = state, failure
            if state is RefundState.FAILED:
                self._log.append(self.notice(NoticeKind.REFUND, refund_id=refund_id))

    def dispute(self, intent_id: str, *, inquiry: bool = False, reason: str = "fraudulent") -> str:
        """The buyer's bank takes back what is left of a payment, or asks about it. Answers the dispute's id."""
        with self._lock:
            intent = self._intent(intent_id)
            if not inquiry:
                self._stop_refunds(intent_id)
            made = DisputeFacts(
                provider_id=self._new_id("dp"),
                intent_id=intent_id,
                kind=DisputeKind.INQUIRY if inquiry else DisputeKind.CHARGEBACK,
                state=DisputeState.NEEDS_RESPONSE,
                reason=reason,
                amount=intent.amount - self.refunded(intent_id),
                fee=None if inquiry else Money(1_500, intent.total.currency),
                refundable=inquiry,
                opened_at=DISPUTED_AT,
                due_at=DISPUTED_AT + timedelta(days=9),
            )
            self._disputes[made.provider_id] = made
            self._settle_warnings(intent_id)
            self._log.append(self.notice(NoticeKind.DISPUTE, dispute_id=made.provider_id))
            return made.provider_id

    def escalate(self, dispute_id: str) -> None:
        """The bank is not content with an inquiry, and takes the money."""
        with self._lock:
            self._disputes[dispute_id] = replace(
                self._disputes[dispute_id],
                kind=DisputeKind.CHARGEBACK, state=DisputeState.NEEDS_RESPONSE, refundable=False,
            )  # fmt: skip

    def decide(self, dispute_id: str, state: DisputeState) -> None:
        """The bank has made up its mind."""
        with self._lock:
            self._disputes[dispute_id] = replace(self._disputes[dispute_id], state=state)
            self._log.append(self.notice(NoticeKind.DISPUTE, dispute_id=dispute_id))

    def warn(self, intent_id: str) -> str:
        """The card's bank suspects fraud. Answers the warning's id."""
        with self._lock:
            made = WarningFacts(
                provider_id=self._new_id("issfr"),
                intent_id=intent_id,
                fraud_type="unauthorized_use_of_card",
                actionable=self.refunded(intent_id) != self._intent(intent_id).amount,
                warned_at=DISPUTED_AT,
            )
            self._warnings[made.provider_id] = made
            self._log.append(self.notice(NoticeKind.FRAUD_WARNING, warning_id=made.provider_id))
            return made.provider_id

    def evidence(self) -> tuple[str, ...]:
        """Everything that was ever submitted."""
        with self._lock:
            return tuple(self._evidence.values())

    def notice(
        self,
        kind: NoticeKind,
        *,
        session_id: str | None = None,
        refund_id: str | None = None,
        dispute_id: str | None = None,
        warning_id: str | None = None,
        notice_id: str | None = None,
        age_seconds: int = 0,
    ) -> tuple[bytes, str]:
        """A signed webhook about one of these: payload and signature for ``read_notice``."""
        with self._lock:
            session = self._sessions[session_id] if session_id else None
            intent_id = session.intent.id if session and session.intent else None
            if refund_id:
                intent_id = self._refunds[refund_id].intent_id
                session = self._session_of(intent_id)
            body = {
                "id": notice_id or self._new_id("evt"),
                "kind": kind.value,
                "type": f"fake.{kind.value}",
                "order_id": str(session.request.order_id) if session else None,
                "session_id": session_id,
                "intent_id": intent_id,
                "refund_id": refund_id,
                "dispute_id": dispute_id,
                "warning_id": warning_id,
            }
        payload = json.dumps(body).encode()
        return payload, f"{age_seconds}:{_digest(payload)}"

    # Trouble.

    def lose_next_reply(self, method: str) -> None:
        """The next call of this port method happens, but its caller hears ProviderUnavailable."""
        with self._lock:
            self._lost.append(method)

    def fail_next(self, method: str, error: Exception) -> None:
        """The next call of this port method raises ``error`` and nothing happens. May be armed several times."""
        with self._lock:
            self._failures[method].append(error)

    # The provider's books.

    def session_of(self, order_id: OrderId) -> str:
        """The id of the newest session of this order. Raises LookupError."""
        with self._lock:
            found = [session.id for session in self._sessions.values() if session.request.order_id == order_id]
            if not found:
                raise LookupError(f"no session for order {order_id}")
            return found[-1]

    def sessions(self) -> tuple[CheckoutRequest, ...]:
        """Every request that became a session, oldest first."""
        with self._lock:
            return tuple(session.request for session in self._sessions.values())

    def is_open(self, session_id: str) -> bool:
        with self._lock:
            return self._sessions[session_id].status == _OPEN

    def status(self, intent_id: str) -> ProviderStatus:
        with self._lock:
            return self._intent(intent_id).status

    def captured(self, intent_id: str) -> Money:
        """Money taken and not counting refunds."""
        with self._lock:
            intent = self._intent(intent_id)
            taken = intent.status is ProviderStatus.CAPTURED
            return intent.amount if taken else zero(intent.total.currency)

    def refunded(self, intent_id: str) -> Money:
        """Money given back or on its way, failed refunds not counted."""
        with self._lock:
            given = (
                refund.amount
                for refund in self._refunds.values()
                if refund.intent_id == intent_id and refund.state is not RefundState.FAILED
            )
            return sum(given, zero(self._intent(intent_id).total.currency))

    # Inside.

    def _dispute(self, dispute_id: str) -> DisputeFacts:
        if dispute_id not in self._disputes:
            raise ProviderRefused("unknown_dispute", "There is no such dispute.")
        return self._disputes[dispute_id]

    def _withdrawn(self, intent_id: str) -> bool:
        """Whether a bank has the money of this payment."""
        return any(
            facts.intent_id == intent_id
            and facts.kind is DisputeKind.CHARGEBACK
            and facts.state not in {DisputeState.WON, DisputeState.WITHDRAWN}
            for facts in self._disputes.values()
        )

    def _stop_refunds(self, intent_id: str) -> None:
        for refund in self._refunds.values():
            if refund.intent_id == intent_id and refund.state is RefundState.PENDING:
                refund.state, refund.failure = RefundState.FAILED, "charge_for_pending_refund_disputed"

    def _settle_warnings(self, intent_id: str) -> None:
        for name, warning in self._warnings.items():
            if warning.intent_id == intent_id:
                self._warnings[name] = replace(warning, actionable=False)

    @contextmanager
    def _exchange(self, method: str) -> Iterator[None]:
        """One call: it may fail before it happens, or its reply may get lost after it happened."""
        with self._lock:
            self.calls.append(method)
            if self._failures[method]:
                raise self._failures[method].pop(0)
            yield
            if method in self._lost:
                self._lost.remove(method)
                raise ProviderUnavailable("the provider's reply got lost")

    def _attempt(self, session: _Session, *, risk: RiskLevel, card: CardFacts) -> _Intent:
        if session.intent is None:
            total = session.total
            session.intent = _Intent(id=self._new_id("pi"), total=total, amount=zero(total.currency))
        session.intent.risk, session.intent.card = risk, card
        return session.intent

    def _session(self, session_id: str) -> _Session:
        if session_id not in self._sessions:
            raise ProviderRefused("unknown_session", "There is no such checkout session.")
        return self._sessions[session_id]

    def _open_session(self, session_id: str) -> _Session:
        session = self._session(session_id)
        assert session.status == _OPEN, f"the session is {session.status}: nobody can pay there"
        return session

    def _session_of(self, intent_id: str) -> _Session:
        for session in self._sessions.values():
            if session.intent and session.intent.id == intent_id:
                return session
        raise ProviderRefused("unknown_intent", "There is no such payment.")

    def _intent(self, intent_id: str) -> _Intent:
        intent = self._session_of(intent_id).intent
        assert intent is not None
        return intent

    def _new_id(self, prefix: str) -> str:
        self._counter += 1
        return f"{prefix}_fake_{self._counter:06d}"


def _url(session_id: str) -> str:
    return f"https://checkout.invalid/c/pay/{session_id}"


def _digest(payload: bytes) -> str:
    return sha256(b"the provider's secret" + payload).hexdigest()
