"""What happens when nobody pays in time, or the buyer gives up: the provider says who won, then stock returns."""

from collections.abc import Callable

from application import trail
from application.each import for_each
from application.ending import end_unpaid, page_closed, release_places
from application.transactions import retrying
from domain.audit import BUYER, SYSTEM
from domain.errors import ProviderRefused, ProviderUnavailable, Rejection
from domain.orders import Order, OrderId
from domain.payments import TERMINAL
from domain.ports.payments import UNKNOWN_SESSION, Closing, PaymentGateway
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup

ORDERS_PER_SWEEP_MAX = 200


def expire_order(
    order_id: OrderId,
    *,
    settle: Callable[[OrderId], Order],
    unit_of_work: UnitOfWorkFactory,
    gateway: PaymentGateway,
    clock: Clock,
    ids: Ids,
    wakeup: Wakeup,
) -> Order | Rejection:
    """End an order whose deadline has passed, unless its buyer paid in that very moment. Idempotent.

    Raises ProviderUnavailable when the provider cannot say who won: the next sweep asks again. The stock stays taken
    for as long as the provider may be expected to answer (PROVIDER_SILENCE_SECONDS_MAX), and then goes back on sale;
    the order waits on, and takes places again if it was paid. Nobody is asked about a page that we never heard of: its
    address was never told to the buyer.
    """
    order = _begin(order_id, unit_of_work=unit_of_work, clock=clock)
    if isinstance(order, Rejection):
        return order
    with unit_of_work() as uow:
        payment = uow.payments.latest(order_id)
    session_id, known = None, True
    if payment is not None and payment.state not in TERMINAL and payment.session_id is not None:
        session_id = payment.session_id
        try:
            closing = _closed(session_id, gateway)
        except ProviderUnavailable:
            _let_places_go(order_id, unit_of_work=unit_of_work, clock=clock, ids=ids)
            wakeup.outbox_filled()
            raise
        if closing is Closing.COMPLETED:
            return settle(order_id)
        known = closing is not None
    ended = _end(order_id, closed=session_id, known=known, unit_of_work=unit_of_work, clock=clock, ids=ids)
    wakeup.outbox_filled()
    return ended


def cancel_order(
    order_id: OrderId,
    *,
    expire: Callable[[OrderId], Order | Rejection],
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> Order | Rejection:
    """The buyer gives up before paying: the deadline is now. Whoever paid meanwhile keeps the order."""
    given_up = _give_up(order_id, unit_of_work=unit_of_work, clock=clock, ids=ids)
    return given_up if isinstance(given_up, Rejection) else expire(order_id)


def expire_due_orders(
    *, expire: Callable[[OrderId], Order | Rejection], unit_of_work: UnitOfWorkFactory, clock: Clock
) -> int:
    """End every order whose time is over. Answers how many were looked at.

    While the provider cannot say who won, an order waits for it, and the next sweep asks again. Raises
    ExceptionGroup at the end for what failed otherwise.
    """
    with unit_of_work() as uow:
        due = uow.orders.due(now=clock.now(), at_most=ORDERS_PER_SWEEP_MAX)
    return for_each(due, expire, what="orders could not be ended")


@retrying
def _give_up(order_id: OrderId, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> Order | Rejection:
    now = clock.now()
    with unit_of_work() as uow:
        given_up = uow.orders.get(order_id, lock=True).give_up(now=now)
        if isinstance(given_up, Rejection):
            return given_up
        uow.orders.save(given_up)
        uow.audit.add(trail.entry(BUYER, "order.given_up", kind="order", subject=order_id, ids=ids, now=now))
        uow.commit()
    return given_up


def _closed(session_id: str, gateway: PaymentGateway) -> Closing | None:
    """None where the provider knows no such page (another account, a reset sandbox): as far as it says, nobody pays."""
    try:
        return gateway.close_checkout(session_id=session_id)
    except ProviderRefused as refused:
        if refused.code != UNKNOWN_SESSION:
            raise
        return None


@retrying
def _let_places_go(order_id: OrderId, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(order_id, lock=True).let_places_go(now=now)
        if isinstance(order, Rejection):
            return
        uow.orders.save(order)
        release_places(order, uow=uow, ids=ids, now=now)
        uow.audit.add(trail.entry(SYSTEM, "order.places_let_go", kind="order", subject=order_id, ids=ids, now=now))
        uow.commit()


@retrying
def _begin(order_id: OrderId, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> Order | Rejection:
    with unit_of_work() as uow:
        releasing = uow.orders.get(order_id, lock=True).begin_release(now=clock.now())
        if isinstance(releasing, Rejection):
            return releasing
        uow.orders.save(releasing)
        uow.commit()
    return releasing


@retrying
def _end(
    order_id: OrderId,
    *,
    closed: str | None,
    known: bool,
    unit_of_work: UnitOfWorkFactory,
    clock: Clock,
    ids: Ids,
) -> Order:
    now = clock.now()
    with unit_of_work() as uow:
        order = uow.orders.get(order_id, lock=True)
        expired = order.expire(now=now)
        if isinstance(expired, Rejection):
            return order
        payment = uow.payments.latest(order_id, lock=True)
        if payment is None or payment.state in TERMINAL:
            order = end_unpaid(order, uow=uow, ids=ids, now=now)
        elif payment.session_id != closed:
            return order  # A page was opened in the meantime. The next sweep closes it.
        else:
            order = page_closed(order, payment, known=known, uow=uow, ids=ids, now=now)
        uow.commit()
    return order
