"""What every store promises about orders and tickets: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvariantBroken, NotFound, Rejection, TransactionConflict
from domain.holds import HoldId
from domain.orders import Exchange, OrderId, OrderLineId, OrderState, StockState
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_policies import STANDARD_POLICY, RefundPolicy
from domain.tickets import TicketId, TicketState
from tests.contract.stores import NOW, STORES, Wish, bought, opened, order_of, placed, said_yes, store_of, tickets_of
from tests.fakes.sales import general_sale, reserved_sale, usd


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def test_an_order_comes_back_as_it_was_stored(store: UnitOfWorkFactory) -> None:
    """Lines in order with their prices and seats, the buyer, pools, times; by id and by hold."""
    sale = reserved_sale()
    opened(store, sale)
    order = order_of(sale, Wish(tier="stalls", seats=(3, 2)), Wish(tier="balcony", seats=(40,)))
    with store() as uow:
        placed(uow, order)
        uow.commit()

    with store() as uow:
        assert uow.orders.get(order.id) == order
        assert uow.orders.get(order.id, lock=True) == order
        assert uow.orders.of_hold(order.hold_id) == order
        assert uow.orders.of_hold(order.hold_id, lock=True) == order
        assert uow.orders.policy(order.id) == STANDARD_POLICY
        assert uow.orders.of_hold(HoldId(sale.event_id, uuid4())) is None
        with pytest.raises(NotFound):
            uow.orders.get(OrderId(uuid4()))
        with pytest.raises(NotFound):
            uow.orders.policy(OrderId(uuid4()))


def test_an_order_keeps_what_it_exchanges(store: UnitOfWorkFactory) -> None:
    """Which tickets of which older order; the older one finds it; without an older order there is none."""
    sale = general_sale()
    opened(store, sale)
    old, plain = (order_of(sale, Wish(tier="general", quantity=1)) for _ in range(2))
    exchange = Exchange(order_id=old.id, tickets=(TicketId(uuid4()), TicketId(uuid4())))
    new = replace(order_of(sale, Wish(tier="general", quantity=1)), exchanges=exchange)
    with store() as uow:
        for order in (old, plain, new):
            placed(uow, order)
        uow.commit()

    with store() as uow:
        assert uow.orders.get(new.id) == new
        assert uow.orders.exchanging(old.id) == (new,)
        assert uow.orders.exchanging(plain.id) == ()
    orphan = replace(
        order_of(sale, Wish(tier="general", quantity=1)), exchanges=replace(exchange, order_id=OrderId(uuid4()))
    )  # fmt: skip
    with store() as uow, pytest.raises(InvariantBroken):
        placed(uow, orphan)


def test_a_hold_becomes_one_order(store: UnitOfWorkFactory) -> None:
    """Two checkouts of one hold would sell it twice (eventyay 1359)."""
    sale = general_sale()
    opened(store, sale)
    first = order_of(sale, Wish(tier="general", quantity=1))
    second = replace(order_of(sale, Wish(tier="general", quantity=1)), hold_id=first.hold_id)

    with store() as uow:
        placed(uow, first)
        with pytest.raises(TransactionConflict):
            placed(uow, second)


def test_an_order_is_sold_under_a_policy_of_its_event(store: UnitOfWorkFactory) -> None:
    """What it was promised must be on record."""
    sale = general_sale()
    opened(store, sale)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.orders.add(order_of(sale, Wish(tier="general", quantity=1)), policy=RefundPolicy(windows=()))


def test_saving_an_order_stores_where_it_stands(store: UnitOfWorkFactory) -> None:
    """State, stock, times, reason and what was refunded."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=2)))
    refunded = said_yes(order.add_refund(usd(4_950), tickets_left=1, now=NOW))

    with store() as uow:
        uow.orders.save(refunded)
        uow.commit()

    with store() as uow:
        assert uow.orders.get(order.id) == refunded
        with pytest.raises(NotFound):
            uow.orders.save(replace(refunded, id=OrderId(uuid4())))


def test_an_ended_order_stays_as_it_ended(store: UnitOfWorkFactory) -> None:
    """Terminal states never revert (I6)."""
    sale = general_sale()
    opened(store, sale)
    order = order_of(sale, Wish(tier="general", quantity=2))
    expired = said_yes(said_yes(order.give_up(now=NOW)).expire(now=NOW))
    with store() as uow:
        placed(uow, order)
        uow.stock.release(order)
        uow.orders.save(expired)
        with pytest.raises(InvariantBroken):
            uow.orders.save(replace(expired, state=OrderState.CONFIRMED, stock=StockState.ALLOCATED))


def test_a_confirmed_order_has_its_stock(store: UnitOfWorkFactory) -> None:
    """Confirmed without an allocation would be a ticket without a place."""
    sale = general_sale()
    opened(store, sale)
    order = order_of(sale, Wish(tier="general", quantity=2))

    with store() as uow:
        placed(uow, order)
        with pytest.raises(InvariantBroken):
            uow.orders.save(replace(order, state=OrderState.CONFIRMED))


def test_no_order_gives_back_more_than_it_took(store: UnitOfWorkFactory) -> None:
    """Refunded never exceeds the total."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=1)))

    with store() as uow, pytest.raises(InvariantBroken):
        uow.orders.save(replace(order, refunded=order.total + usd(1)))


def test_units_bought_are_counted_by_person_and_event(store: UnitOfWorkFactory) -> None:
    """Waiting and paid orders count, ended ones and other people's do not."""
    here, there = general_sale(), general_sale()
    opened(store, here)
    opened(store, there)
    bought(store, order_of(here, Wish(tier="general", quantity=2), Wish(tier="vip", quantity=1)))
    bought(store, order_of(there, Wish(tier="general", quantity=5)))
    gone = order_of(here, Wish(tier="general", quantity=9))
    with store() as uow:
        placed(uow, order_of(here, Wish(tier="general", quantity=4)))
        placed(uow, order_of(here, Wish(tier="general", quantity=7), who="bob"))
        placed(uow, gone)
        uow.stock.release(gone)
        uow.orders.save(said_yes(said_yes(gone.give_up(now=NOW)).expire(now=NOW)))
        uow.commit()

    with store() as uow:
        keys = ("d:device-ada", "e:unheard-of")
        assert uow.orders.units_bought(event_id=here.event_id, keys=keys) == {"d:device-ada": 7}
        assert uow.orders.units_bought(event_id=here.event_id, keys=("d:device-zoe",)) == {}


def test_due_orders_are_those_past_their_deadline_or_left_releasing(store: UnitOfWorkFactory) -> None:
    """Oldest first, so many at most; paid, allocated and ended ones are not due."""
    sale = general_sale()
    opened(store, sale)
    late, later, early, left, safe = (
        order_of(sale, Wish(tier="general", quantity=1), deadline_at=NOW + timedelta(minutes=minutes))
        for minutes in (2, 3, 90, 80, 1)
    )
    with store() as uow:
        for order in (late, later, early, left, safe):
            placed(uow, order)
        uow.orders.save(replace(left, stock=StockState.RELEASING))
        uow.stock.allocate(safe)
        uow.orders.save(said_yes(safe.allocate()))
        uow.commit()

    with store() as uow:
        assert uow.orders.due(now=NOW + timedelta(minutes=10), at_most=10) == (late.id, later.id, left.id)
        assert uow.orders.due(now=NOW + timedelta(minutes=10), at_most=1) == (late.id,)


def test_tickets_come_back_in_the_order_of_issue(store: UnitOfWorkFactory) -> None:
    """One for each unit, with its seat, price and code."""
    sale = reserved_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="stalls", seats=(5, 4, 3))))
    tickets = tickets_of(order)

    with store() as uow:
        uow.tickets.add(tickets)
        uow.commit()

    with store() as uow:
        assert uow.tickets.of_order(order.id) == tickets
        assert uow.tickets.of_order(order.id, lock=True) == tickets
        assert uow.tickets.get(tickets[1].id) == tickets[1]
        assert uow.tickets.get(tickets[1].id, lock=True) == tickets[1]
        assert uow.tickets.of_order(OrderId(uuid4())) == ()
        with pytest.raises(NotFound):
            uow.tickets.get(TicketId(uuid4()))


def test_one_valid_ticket_a_seat(store: UnitOfWorkFactory) -> None:
    """A second one for the same seat is refused until the first is void."""
    sale = reserved_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="stalls", seats=(5,))))
    (ticket,), (twin,) = tickets_of(order), tickets_of(order)
    with store() as uow:
        uow.tickets.add((ticket,))
        uow.commit()

    with store() as uow, pytest.raises(InvariantBroken):
        uow.tickets.add((twin,))
    with store() as uow:
        uow.tickets.save(replace(ticket, state=TicketState.VOID))
        uow.tickets.add((twin,))
        uow.commit()


def test_a_ticket_code_is_unique(store: UnitOfWorkFactory) -> None:
    """The door knows a ticket by its code alone."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=2)))
    first, second = tickets_of(order)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.tickets.add((first, replace(second, code=first.code)))


def test_a_ticket_belongs_to_a_line_of_its_order(store: UnitOfWorkFactory) -> None:
    """No ticket without something sold."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=1)))
    (ticket,) = tickets_of(order)

    with store() as uow, pytest.raises(InvariantBroken):
        uow.tickets.add((replace(ticket, line_id=OrderLineId(uuid4())),))


def test_a_used_ticket_stays_used(store: UnitOfWorkFactory) -> None:
    """At most one admission per ticket (I10), and a void ticket admits nobody."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=1)))
    (ticket,) = tickets_of(order)
    used = ticket.check_in(now=NOW)
    assert not isinstance(used, Rejection)
    with store() as uow:
        uow.tickets.add((ticket,))
        uow.tickets.save(used)
        uow.commit()

    with store() as uow:
        assert uow.tickets.get(ticket.id) == used
        with pytest.raises(InvariantBroken):
            uow.tickets.save(replace(used, state=TicketState.VALID, used_at=None))
