"""Disputes: learned from the provider, whoever hinted at them, and what follows for the order.

The provider is asked outside any transaction; what it says is then applied under the order's lock, so that webhooks
that come twice, late or in any order, the chore and the desk all arrive at the same end.
"""

from collections.abc import Callable
from datetime import datetime

from application import telling, trail
from application.commands.request_refund import void_tickets
from application.each import for_each
from application.mending import mend_after_dispute
from application.transactions import retrying
from domain import bookings
from domain.audit import SYSTEM
from domain.disputes import Dispute, DisputeFacts, DisputeId, DisputeKind, DisputeState, first_seen, frozen_because
from domain.errors import Rejection
from domain.evidence import Evidence, collect
from domain.money import zero
from domain.orders import ENDED, PAID, Order, OrderId
from domain.payments import Payment, standing
from domain.ports.payments import PaymentGateway
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.refunds import overtaken
from domain.tickets import TicketState

DISPUTES_PER_ROUND_MAX = 100

Settle = Callable[[OrderId], Order]


def follow_dispute(
    provider_id: str,
    *,
    restock_lost: bool,
    settle: Settle,
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> Dispute | None:
    """Ask the provider where a dispute stands and apply it. None: it is about nobody's order here. Idempotent.

    ``restock_lost``: whether the places of a lost order go back on sale while its event lies ahead.
    """
    facts = gateway.find_dispute(dispute_id=provider_id)
    with unit_of_work() as uow:
        payment = uow.payments.of_intent(facts.intent_id) if facts.intent_id else None
        if payment is None:
            return None
        order = uow.orders.get(payment.order_id)
    if order.state not in PAID | ENDED:
        # A dispute's webhook may overtake the payment's: first the sale, then the trouble with it.
        settle(order.id)
    dispute = apply_facts(facts, restock_lost=restock_lost, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return dispute


def check_disputes(*, follow: Callable[[str], object], unit_of_work: UnitOfWorkFactory, clock: Clock) -> int:
    """Ask about every open dispute that is due, webhook or not. Answers how many.

    Raises ExceptionGroup at the end for what failed otherwise than by an absent provider.
    """
    with unit_of_work() as uow:
        due = uow.disputes.to_check(now=clock.now(), at_most=DISPUTES_PER_ROUND_MAX)

    def check(dispute: Dispute) -> bool:
        follow(dispute.facts.provider_id)
        return True

    return for_each(due, check, what="disputes could not be checked")


@retrying
def apply_facts(
    facts: DisputeFacts, *, restock_lost: bool, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> Dispute | None:
    """Store what the provider said, and do what follows, in one transaction. None: it is about nobody's order."""
    now = clock.now()
    with unit_of_work() as uow:
        payment = uow.payments.of_intent(facts.intent_id) if facts.intent_id else None
        if payment is None:
            return None
        order = uow.orders.get(payment.order_id, lock=True)
        before = uow.disputes.of_provider(facts.provider_id)
        if before is None:
            after = first_seen(
                DisputeId(ids.uuid()),
                order_id=order.id,
                payment_id=payment.id,
                facts=facts,
                evidence=evidence_of(order, payment, uow=uow, now=now),
                now=now,
            )
            uow.disputes.add(after)
            telling.dispute_opened(
                order, dispute=facts.provider_id, amount=facts.amount, reason=facts.reason, due_by=facts.due_at,
                uow=uow, ids=ids, now=now,
            )  # fmt: skip
        else:
            after = before.report(facts, now=now)
            uow.disputes.save(after)
        if before is None or before.state is not after.state or before.facts.kind is not after.facts.kind:
            _tell(after, "dispute.opened" if before is None else f"dispute.{after.state.value}", uow, ids, now)
            order = _judged(order, after, restock_lost=restock_lost, uow=uow, ids=ids, now=now)
        _book(order, after, uow=uow, now=now)
        uow.commit()
    return after


def _judged(order: Order, dispute: Dispute, *, restock_lost: bool, uow: UnitOfWork, ids: Ids, now: datetime) -> Order:
    """What a dispute that has just moved means for its order."""
    paid = standing(uow.payments.of_order(order.id))
    # Money that bought nothing (the order was paid twice, say) may be disputed too: the tickets stand on other money.
    about_tickets = [each for each in uow.disputes.of_order(order.id) if paid and each.payment_id == paid.id]
    because = frozen_because(about_tickets)
    if because != order.frozen_because:
        order = order.freeze(because)
        uow.orders.save(order)
        verb = "frozen" if because else "unfrozen"
        uow.audit.add(
            trail.entry(SYSTEM, f"order.{verb}", kind="order", subject=order.id, ids=ids, now=now, because=because)
        )
    if dispute.state is DisputeState.LOST:
        if dispute not in about_tickets:
            return order
        return _charged_back(order, dispute, restock_lost=restock_lost, uow=uow, ids=ids, now=now)
    if dispute.ended:
        mend_after_dispute(order, dispute, uow=uow, ids=ids, now=now)
    return order


def _charged_back(
    order: Order, dispute: Dispute, *, restock_lost: bool, uow: UnitOfWork, ids: Ids, now: datetime
) -> Order:
    """The money is gone: so is the order, with every ticket that nobody has used."""
    ended = order.charge_back(now=now)
    if isinstance(ended, Rejection):
        return order  # It had ended before: refunded in full, or charged back by another dispute.
    uow.orders.save(ended)
    unused = tuple(t for t in uow.tickets.of_order(order.id, lock=True) if t.state is TicketState.VALID)
    ahead = uow.events.get(order.event_id).starts_at > now
    void_tickets(ended, unused, cause=dispute.id, restock=restock_lost and ahead, uow=uow, ids=ids, now=now)
    uow.audit.add(
        trail.entry(
            SYSTEM, "order.charged_back", kind="order", subject=order.id, ids=ids, now=now,
            dispute=dispute.facts.provider_id, tickets_void=len(unused), restocked=bool(restock_lost and ahead),
        )
    )  # fmt: skip
    return ended


def _book(order: Order, dispute: Dispute, *, uow: UnitOfWork, now: datetime) -> None:
    """What the dispute has moved, as far as the provider has told. Each movement is booked once, by its key."""
    facts = dispute.facts
    lost = facts.state is DisputeState.LOST
    if facts.kind is DisputeKind.INQUIRY or (facts.fee is None and not lost):
        return  # No money has moved, or not yet.
    name, nothing = facts.provider_id, zero(facts.amount.currency)
    withdrawn = bookings.Withdrawal(amount=facts.amount, fee=facts.fee or nothing)
    uow.ledger.post(bookings.dispute_opened(order, dispute_id=name, withdrawn=withdrawn, at=now))
    if lost:
        own = tuple(each for each in uow.refunds.of_order(order.id) if each.payment_id == dispute.payment_id)
        owed = overtaken(own, facts.amount.currency)
        uow.ledger.post(
            bookings.dispute_lost(order, dispute_id=name, amount=facts.amount, owed=min(owed, facts.amount), at=now)
        )
    elif dispute.ended:
        reinstated = bookings.Withdrawal(amount=facts.amount, fee=facts.fee_returned or nothing)
        uow.ledger.post(bookings.dispute_won(order, dispute_id=name, reinstated=reinstated, at=now))
    late = bookings.dispute_fees_told_later(
        order, dispute_id=name, fee=facts.fee or nothing, returned=facts.fee_returned or nothing,
        told=uow.ledger.of_order(order.id), at=now,
    )  # fmt: skip
    uow.ledger.post(*late)


def evidence_of(order: Order, payment: Payment, *, uow: UnitOfWork, now: datetime) -> Evidence:
    """Everything on file about an order, as it is now."""
    event = uow.events.get(order.event_id)
    return collect(
        order,
        event=event,
        venue=uow.venues.get(event.venue_id),
        payment=payment,
        tickets=uow.tickets.of_order(order.id),
        messages=uow.messages.of_order(order.id),
        assessments=uow.assessments.of_order(order.id),
        terms=uow.orders.policy(order.id).terms(event.currency, {tier.id: tier.name for tier in event.tiers}),
        now=now,
    )


def _tell(dispute: Dispute, action: str, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    facts = dispute.facts
    uow.audit.add(
        trail.entry(
            SYSTEM, action, kind="order", subject=dispute.order_id, ids=ids, now=now,
            dispute=facts.provider_id, kind_of=facts.kind.value, reason=facts.reason, **trail.amount(facts.amount),
        )
    )  # fmt: skip
