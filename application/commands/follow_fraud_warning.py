"""Early fraud warnings: learned from the provider, then acted upon by rule or by a person."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from application import trail
from application.commands.request_refund import begin_refund, offer_for
from application.transactions import retrying
from domain.audit import SYSTEM
from domain.errors import Rejection
from domain.fraud_warnings import (
    FraudWarning,
    FraudWarningId,
    WarningFacts,
    WarningRule,
    WarningState,
    decided,
    refunds_by_itself,
)
from domain.orders import ENDED, PAID, Order, OrderId
from domain.payments import Payment
from domain.ports.payments import PaymentGateway
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refund_policies import RefundReason
from domain.tickets import Ticket, TicketState


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideWarning:
    """``refund``: everything that nobody has used goes back. Else the warning is dismissed, which ``note`` explains."""

    warning_id: FraudWarningId
    refund: bool
    actor: str
    note: str = ""


def follow_fraud_warning(
    provider_id: str,
    *,
    rule: WarningRule,
    settle: Callable[[OrderId], Order],
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> FraudWarning | None:
    """Ask the provider about a warning and apply it. None: it is about nobody's order here. Idempotent."""
    facts = gateway.find_warning(warning_id=provider_id)
    with unit_of_work() as uow:
        payment = uow.payments.of_intent(facts.intent_id) if facts.intent_id else None
        if payment is None:
            return None
        order = uow.orders.get(payment.order_id)
    if order.state not in PAID | ENDED:
        # The warning may overtake the payment's own webhook: first the sale, then the trouble with it.
        settle(order.id)
    warning = _apply(payment, facts, rule=rule, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return warning


def decide_warning(
    command: DecideWarning, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> FraudWarning | Rejection:
    """A person decides about a warning that waits. Raises NotFound."""
    answer = _decide(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _apply(
    payment: Payment,
    facts: WarningFacts,
    *,
    rule: WarningRule,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> FraudWarning:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(payment.order_id, lock=True)
        known = uow.fraud_warnings.of_provider(facts.provider_id)
        warning = known.report(facts, now=now) if known else _first_seen(order, payment, facts, uow, ids, now)
        uow.fraud_warnings.save(warning)
        tickets = uow.tickets.of_order(order.id, lock=True)
        if refunds_by_itself(rule, warning, order, tickets):
            answer = _refund(order, tickets, warning, actor=SYSTEM, note="", uow=uow, ids=ids, now=now)
            # What cannot be given back by itself (nothing is left, say) waits for a person.
            warning = warning if isinstance(answer, Rejection) else answer
        uow.commit()
    return warning


@retrying
def _decide(
    command: DecideWarning, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> FraudWarning | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(uow.fraud_warnings.get(command.warning_id).order_id, lock=True)
        warning = uow.fraud_warnings.get(command.warning_id)
        if warning.state is not WarningState.WAITING:
            return decided()
        if command.refund:
            tickets = uow.tickets.of_order(order.id, lock=True)
            answer = _refund(order, tickets, warning, actor=command.actor, note=command.note, uow=uow, ids=ids, now=now)
        else:
            answer = warning.dismiss(by=command.actor, now=now, note=command.note)
            if not isinstance(answer, Rejection):
                uow.fraud_warnings.save(answer)
                _tell(answer, "fraud_warning.dismissed", command.actor, uow, ids, now, note=command.note)
        if not isinstance(answer, Rejection):
            uow.commit()
    return answer


def _first_seen(
    order: Order, payment: Payment, facts: WarningFacts, uow: UnitOfWork, ids: Ids, now: datetime
) -> FraudWarning:
    """A warning that was not known. What cannot be acted upon any more has nothing to wait for."""
    warning = FraudWarning(
        id=FraudWarningId(ids.uuid()), order_id=order.id, payment_id=payment.id, facts=facts
    )  # fmt: skip
    if not facts.actionable:
        warning = replace(warning, state=WarningState.SETTLED, decided_at=now)
    uow.fraud_warnings.add(warning)
    _tell(warning, "fraud_warning.received", SYSTEM, uow, ids, now, reason=facts.fraud_type)
    return warning


def _refund(
    order: Order,
    tickets: tuple[Ticket, ...],
    warning: FraudWarning,
    *,
    actor: str,
    note: str,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> FraudWarning | Rejection:
    """Give back whatever nobody has used. The tickets are void at once."""
    unused = tuple(ticket for ticket in tickets if ticket.state is TicketState.VALID)
    terms = offer_for(order, unused, None, reason=RefundReason.FRAUD, uow=uow, now=now)
    if isinstance(terms, Rejection):
        return terms
    if not unused or not terms.total.amount:
        return decided()
    refund = begin_refund(order, unused, terms, reason=RefundReason.FRAUD, actor=actor, uow=uow, ids=ids, now=now)
    if isinstance(refund, Rejection):
        return refund
    refunded = warning.refunded(refund.id, by=actor, now=now, note=note)
    uow.fraud_warnings.save(refunded)
    _tell(refunded, "fraud_warning.refunded", actor, uow, ids, now, refund=str(refund.id), note=note)
    return refunded


def _tell(
    warning: FraudWarning, action: str, actor: str, uow: UnitOfWork, ids: Ids, now: datetime, **details: object
) -> None:
    uow.audit.add(
        trail.entry(
            actor, action, kind="order", subject=warning.order_id, ids=ids, now=now,
            warning=warning.facts.provider_id, **details,
        )
    )  # fmt: skip
