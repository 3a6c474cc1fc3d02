"""A second person says yes or no to a refund that nobody may decide alone."""

from dataclasses import dataclass
from datetime import datetime

from application import trail
from application.commands.request_refund import begin_refund, offer_for
from application.transactions import retrying
from domain.errors import Rejection, RejectionCode
from domain.orders import Order
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup
from domain.quotes import Quote
from domain.refund_requests import NOTE_LENGTH_MAX, RefundRequest, RefundRequestId
from domain.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideRefund:
    """``actor`` is the e-mail of whoever decides; a no needs a ``note``, which the buyer reads."""

    request_id: RefundRequestId
    approve: bool
    actor: str
    note: str = ""


def decide_refund(
    command: DecideRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, wakeup: Wakeup
) -> RefundRequest | Rejection:
    """A yes does exactly what was asked for, as of when it was asked; what is no longer there to give lapses.

    Raises NotFound.
    """
    if len(command.note) > NOTE_LENGTH_MAX or (not command.approve and not command.note.strip()):
        return Rejection(
            code=RejectionCode.INVALID_REQUEST,
            message=f"Say why, in at most {NOTE_LENGTH_MAX} characters: the buyer reads it.",
            details={"field": "note"},
        )
    answer = _decide(command, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return answer


@retrying
def _decide(
    command: DecideRefund, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> RefundRequest | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(uow.refund_requests.get(command.request_id).order_id, lock=True)
        request = uow.refund_requests.get(command.request_id, lock=True)
        if refusal := request.refuses(by=command.actor):
            return refusal
        note = command.note.strip() or None
        if not command.approve:
            decided = request.decline(by=command.actor, note=note or "", now=now)
        else:
            decided = _approve(order, request, command.actor, note, uow=uow, ids=ids, now=now)
        if isinstance(decided, Rejection):
            lapsed = request.lapse(because=decided.message, now=now)
            _store(lapsed, command.actor, uow=uow, ids=ids, now=now)
            uow.commit()
            return decided
        _store(decided, command.actor, uow=uow, ids=ids, now=now)
        uow.commit()
    return decided


def _approve(
    order: Order,
    request: RefundRequest,
    actor: str,
    note: str | None,
    *,
    uow: UnitOfWork,
    ids: Ids,
    now: datetime,
) -> RefundRequest | Rejection:
    tickets = tuple(each for each in uow.tickets.of_order(order.id, lock=True) if each.id in request.tickets)
    offer = _same_offer(order, request, tickets, uow=uow)
    if isinstance(offer, Rejection):
        return offer
    refund = begin_refund(
        order, tickets, offer, reason=request.reason, actor=actor, granted=request, uow=uow, ids=ids, now=now
    )
    if isinstance(refund, Rejection):
        return refund
    return request.approve(by=actor, refund_id=refund.id, note=note, now=now)


def _same_offer(
    order: Order, request: RefundRequest, tickets: tuple[Ticket, ...], *, uow: UnitOfWork
) -> Quote | Rejection:
    """What was asked for, as of then: a buyer does not lose by how long we take. Only facts may have changed since."""
    amount = None if request.tickets else request.amount
    offer = offer_for(order, tickets, amount, reason=request.reason, uow=uow, now=request.requested_at)
    if isinstance(offer, Rejection) or offer.total == request.amount:
        return offer
    return Rejection(code=RejectionCode.QUOTE_CHANGED, message="Other money went back for this order in the meantime.")


def _store(request: RefundRequest, actor: str, *, uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    uow.refund_requests.save(request)
    uow.audit.add(
        trail.entry(
            actor, f"refund.request_{request.state.value}", kind="order", subject=request.order_id, ids=ids, now=now,
            request=str(request.id), **trail.amount(request.amount), note=request.note,
        )
    )  # fmt: skip
