"""What we tell a buyer's bank: a statement with the evidence on file, or that we give in. Decided here, sent later.

The decision is written with its outbox row in one transaction; the provider is asked outside of any.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from application import effects, trail
from application.commands.follow_dispute import evidence_of
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.disputes import AnswerKind, Dispute, DisputeFacts, DisputeId
from domain.errors import ProviderRefused, Rejection
from domain.evidence import Evidence
from domain.ports.payments import PaymentGateway
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteStatement:
    """Keep what was written, and collect the evidence anew. Nothing is sent."""

    dispute_id: DisputeId
    statement: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDispute:
    """``statement`` goes with the evidence; it means nothing to a dispute that is accepted."""

    dispute_id: DisputeId
    kind: AnswerKind
    actor: str
    statement: str = ""


@retrying
def write_statement(
    command: WriteStatement, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Dispute | Rejection:
    """Raises NotFound."""
    now = clock.now()
    with unit_of_work() as uow:
        dispute = _locked(command.dispute_id, uow)
        written = dispute.write(command.statement, evidence=_collected(dispute, uow, now))
        if isinstance(written, Rejection):
            return written
        uow.disputes.save(written)
        _tell(written, "dispute.statement_kept", command.actor, uow, ids, now)
        uow.commit()
    return written


def answer_dispute(
    command: AnswerDispute, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> Dispute | Rejection:
    """Decide, once. The evidence that goes out is collected now. Raises NotFound."""
    answer = _decide(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _decide(command: AnswerDispute, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> Dispute | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        dispute = _locked(command.dispute_id, uow)
        if command.kind is AnswerKind.EVIDENCE:
            written = dispute.write(command.statement, evidence=_collected(dispute, uow, now))
            if isinstance(written, Rejection):
                return written
            dispute = written
        answered = dispute.respond(command.kind, by=command.actor, now=now)
        if isinstance(answered, Rejection):
            return answered
        uow.disputes.save(answered)
        uow.outbox.add(effects.answer_dispute(answered, ids=ids, now=now))
        verb = "evidence_sent" if command.kind is AnswerKind.EVIDENCE else "accepted"
        _tell(answered, f"dispute.{verb}", command.actor, uow, ids, now)
        uow.commit()
    return answered


def send_answer(
    dispute_id: DisputeId,
    *,
    apply: Callable[[DisputeFacts], object],
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
) -> None:
    """Tell the provider what was decided. Idempotent by the answer's key.

    Raises ProviderUnavailable when the outcome is unknown. A refusal is kept with the dispute, where somebody sees it
    and may answer anew.
    """
    with unit_of_work() as uow:
        dispute = uow.disputes.get(dispute_id)
    if dispute.answer is None or dispute.ended:
        return
    provider_id = dispute.facts.provider_id
    try:
        if dispute.answer.kind is AnswerKind.ACCEPTED:
            facts = gateway.accept_dispute(dispute_id=provider_id, key=dispute.key)
        else:
            facts = gateway.submit_evidence(
                dispute_id=provider_id, evidence=dispute.evidence, statement=dispute.statement, key=dispute.key
            )
    except ProviderRefused as refused:
        _refused(dispute, str(refused), unit_of_work=unit_of_work, clock=clock, ids=ids)
        facts = gateway.find_dispute(dispute_id=provider_id)
    apply(facts)


@retrying
def _refused(dispute: Dispute, why: str, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        current = _locked(dispute.id, uow)
        if current.answers != dispute.answers or current.ended:
            return
        uow.disputes.save(current.refused(why))
        _tell(current, "dispute.answer_refused", SYSTEM, uow, ids, now, why=why)
        uow.commit()


def _locked(dispute_id: DisputeId, uow: UnitOfWork) -> Dispute:
    uow.orders.get(uow.disputes.get(dispute_id).order_id, lock=True)
    return uow.disputes.get(dispute_id)


def _collected(dispute: Dispute, uow: UnitOfWork, now: datetime) -> Evidence:
    return evidence_of(uow.orders.get(dispute.order_id), uow.payments.get(dispute.payment_id), uow=uow, now=now)


def _tell(
    dispute: Dispute, action: str, actor: str, uow: UnitOfWork, ids: Ids, now: datetime, **details: object
) -> None:
    uow.audit.add(
        trail.entry(
            actor, action, kind="order", subject=dispute.order_id, ids=ids, now=now,
            dispute=dispute.facts.provider_id, **details,
        )
    )  # fmt: skip
