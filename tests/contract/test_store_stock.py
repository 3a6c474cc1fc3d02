"""What every store promises about claims and allocations: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvariantBroken, NotFound, Rejection, StockConflict
from domain.events import EventId, Sale
from domain.orders import Order
from domain.ports.inventory import StandingClaim
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.tickets import Ticket
from tests.contract.stores import NOW, STORES, Wish, bought, opened, order_of, placed, said_yes, store_of, tickets_of
from tests.fakes.sales import general_sale, reserved_sale


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


def free(store: UnitOfWorkFactory, sale: Sale) -> dict[str, int]:
    """What is left in each pool."""
    with store() as uow:
        return dict(uow.stock.levels(sale.event_id).free)


def seats(store: UnitOfWorkFactory, sale: Sale) -> str:
    """The availability string."""
    with store() as uow:
        return uow.stock.levels(sale.event_id).seats


def place(store: UnitOfWorkFactory, order: Order) -> Order:
    """Place an order and commit."""
    with store() as uow:
        placed(uow, order)
        uow.commit()
    return order


def sold_tickets(store: UnitOfWorkFactory, order: Order) -> tuple[Ticket, ...]:
    """A bought order's tickets, stored."""
    tickets = tickets_of(order)
    with store() as uow:
        uow.tickets.add(tickets)
        uow.commit()
    return tickets


def void(store: UnitOfWorkFactory, *tickets: Ticket) -> None:
    """Void tickets and give their places back, as a refund does."""
    with store() as uow:
        for ticket in tickets:
            voided = ticket.void()
            assert not isinstance(voided, Rejection)
            uow.tickets.save(voided)
        uow.stock.release_tickets(tickets)
        uow.commit()


def test_a_claim_takes_units_and_seats(store: UnitOfWorkFactory) -> None:
    """Each line draws from its zone and from its tier's own limit; a seat is one unit of its zone."""
    sale = reserved_sale(balcony_capacity=5)
    opened(store, sale)

    place(store, order_of(sale, Wish(tier="stalls", seats=(4, 5)), Wish(tier="balcony", seats=(30, 31, 32))))

    assert free(store, sale) == {"z:stalls": 28, "z:balcony": 13, "t:balcony": 2}
    assert seats(store, sale) == "ffffss" + "f" * 24 + "sss" + "f" * 13


def test_lines_that_share_a_pool_are_counted_together(store: UnitOfWorkFactory) -> None:
    """Two lines that fit one by one, but not together, are refused together (Medusa 16502)."""
    sale = general_sale(capacity=5)
    opened(store, sale)

    with store() as uow, pytest.raises(StockConflict) as refused:
        placed(uow, order_of(sale, Wish(tier="general", quantity=3), Wish(tier="vip", quantity=3)))

    assert refused.value.pools == ("z:floor",)
    assert free(store, sale) == {"z:floor": 5, "t:vip": 20}


def test_a_conflict_names_everything_that_is_gone(store: UnitOfWorkFactory) -> None:
    """All taken seats and all short pools, so that a buyer is told once."""
    sale = reserved_sale(balcony_capacity=1)
    opened(store, sale)
    place(store, order_of(sale, Wish(tier="stalls", seats=(1, 2)), Wish(tier="balcony", seats=(30,))))

    with store() as uow, pytest.raises(StockConflict) as refused:
        placed(uow, order_of(sale, Wish(tier="stalls", seats=(0, 1, 2)), Wish(tier="balcony", seats=(31,)), who="bob"))

    assert refused.value.seats == (1, 2)
    assert refused.value.pools == ("t:balcony",)


def test_a_refused_claim_leaves_nothing_behind(store: UnitOfWorkFactory) -> None:
    """All or nothing, even when the caller commits the transaction for other reasons."""
    sale = reserved_sale()
    opened(store, sale)
    place(store, order_of(sale, Wish(tier="stalls", seats=(7,))))

    with store() as uow:
        with pytest.raises(StockConflict):
            placed(uow, order_of(sale, Wish(tier="stalls", seats=(6, 7)), who="bob"))
        uow.commit()

    assert free(store, sale)["z:stalls"] == 29
    assert seats(store, sale).count("s") == 1


def test_a_seat_of_no_map_cannot_be_claimed(store: UnitOfWorkFactory) -> None:
    """A number beyond the event's own map is nobody's seat."""
    sale = reserved_sale()
    opened(store, sale)
    order = order_of(sale, Wish(tier="stalls", seats=(7,)))
    stray = replace(order, lines=(replace(order.lines[0], seats=(4_000,)),))

    with store() as uow, pytest.raises(InvariantBroken):
        placed(uow, stray)


def test_a_tier_of_another_event_cannot_be_claimed(store: UnitOfWorkFactory) -> None:
    """An order line has a tier of its own event."""
    here, there = general_sale(), general_sale()
    opened(store, here)
    opened(store, there)
    order = order_of(here, Wish(tier="general", quantity=1))
    stray = replace(order, lines=(replace(order.lines[0], tier_id=there.tiers[0].id),))

    with store() as uow, pytest.raises(InvariantBroken):
        placed(uow, stray)


def test_released_stock_is_free_again(store: UnitOfWorkFactory) -> None:
    """Once, however often it is said; and somebody else can take it."""
    sale = reserved_sale()
    opened(store, sale)
    order = place(store, order_of(sale, Wish(tier="stalls", seats=(7, 8))))

    for _ in range(2):
        with store() as uow:
            uow.stock.release(order)
            uow.commit()

    assert free(store, sale)["z:stalls"] == 30
    place(store, order_of(sale, Wish(tier="stalls", seats=(7, 8)), who="bob"))
    assert free(store, sale)["z:stalls"] == 28


def test_allocating_is_for_good_and_idempotent(store: UnitOfWorkFactory) -> None:
    """Allocated stock stays taken; what was released cannot be allocated any more."""
    sale = general_sale()
    opened(store, sale)
    order = place(store, order_of(sale, Wish(tier="vip", quantity=2)))

    with store() as uow:
        uow.stock.allocate(order)
        uow.stock.allocate(order)
        uow.commit()
    assert free(store, sale) == {"z:floor": 98, "t:vip": 18}

    with store() as uow:
        uow.stock.release(order)
        uow.commit()
    with store() as uow, pytest.raises(InvariantBroken):
        uow.stock.allocate(order)


def test_refunded_tickets_give_their_places_back_once(store: UnitOfWorkFactory) -> None:
    """Of general admission one unit each, in every pool the line draws from; saying it again gives nothing."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="vip", quantity=3), Wish(tier="general", quantity=1)))
    vip = [ticket for ticket in sold_tickets(store, order) if ticket.tier_name == "Vip"]

    void(store, vip[0])
    with store() as uow:
        uow.stock.release_tickets((vip[0],))
        uow.commit()
    assert free(store, sale) == {"z:floor": 97, "t:vip": 18}

    void(store, vip[1], vip[2])
    assert free(store, sale) == {"z:floor": 99, "t:vip": 20}


def test_a_refunded_seat_can_be_sold_again(store: UnitOfWorkFactory) -> None:
    """Its neighbour in the same order stays sold, and releasing the rest gives back only the rest."""
    sale = reserved_sale(balcony_capacity=5)
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="balcony", seats=(30, 31))))
    first, _ = sold_tickets(store, order)

    void(store, first)
    assert free(store, sale) == {"z:stalls": 30, "z:balcony": 15, "t:balcony": 4}
    again = bought(store, order_of(sale, Wish(tier="balcony", seats=(30,)), who="bob"))
    sold_tickets(store, again)

    with store() as uow:
        uow.stock.release(order)
        uow.stock.release_tickets((first,))
        uow.commit()
    assert free(store, sale) == {"z:stalls": 30, "z:balcony": 15, "t:balcony": 4}
    assert seats(store, sale)[30:32] == "sf"


def test_an_epoch_rises_once_for_everybody_who_asks(store: UnitOfWorkFactory) -> None:
    """The first rebuild raises it; the others learn that somebody did."""
    sale = general_sale()
    opened(store, sale)

    with store() as uow:
        assert uow.stock.raise_epoch(sale.event_id, above=1) == 2
        uow.commit()
    with store() as uow:
        assert uow.stock.raise_epoch(sale.event_id, above=1) is None
        assert uow.stock.raise_epoch(sale.event_id, above=7) == 8
        assert uow.stock.epoch(sale.event_id) == 8


def test_a_sale_that_is_not_there_has_no_stock(store: UnitOfWorkFactory) -> None:
    """NotFound for its epoch, its levels and its rebuild."""
    nowhere = EventId(uuid4())

    with store() as uow:
        with pytest.raises(NotFound):
            uow.stock.epoch(nowhere)
        with pytest.raises(NotFound):
            uow.stock.levels(nowhere)
        with pytest.raises(NotFound):
            uow.stock.raise_epoch(nowhere, above=0)


def test_levels_tell_which_claims_still_wait(store: UnitOfWorkFactory) -> None:
    """An inventory that starts anew must recognise their end: by hold, with their stock, buyer and safety net."""
    sale = reserved_sale(balcony_capacity=5)
    opened(store, sale)
    waiting = place(store, order_of(sale, Wish(tier="balcony", seats=(31, 30)), Wish(tier="stalls", seats=(2,))))
    bought(store, order_of(sale, Wish(tier="stalls", seats=(9,)), who="bob"))
    given_up = place(store, order_of(sale, Wish(tier="stalls", seats=(8,)), who="eve"))
    releasing = said_yes(given_up.give_up(now=NOW))
    with store() as uow:
        uow.stock.release(given_up)
        uow.orders.save(said_yes(releasing.expire(now=NOW)))
        uow.commit()

    with store() as uow:
        levels = uow.stock.levels(sale.event_id)

    assert levels.claimed == (
        StandingClaim(
            hold_id=waiting.hold_id,
            pools={"z:balcony": 2, "t:balcony": 2, "z:stalls": 1},
            seats=(2, 30, 31),
            buyer=waiting.fingerprint,
            until=waiting.deadline_at + timedelta(minutes=10),
        ),
    )
    assert levels.buyers == {"d:device-ada": 3, "d:device-bob": 1}


def test_levels_keep_an_order_in_review_much_longer(store: UnitOfWorkFactory) -> None:
    """A person may take days to look at it, and its places are allocated: no safety net gives them back early."""
    sale = general_sale()
    opened(store, sale)
    order = place(store, order_of(sale, Wish(tier="general", quantity=2)))
    with store() as uow:
        uow.stock.allocate(order)
        uow.orders.save(said_yes(said_yes(order.allocate()).hold_for_review()))
        uow.commit()

    with store() as uow:
        (claim,) = uow.stock.levels(sale.event_id).claimed

    assert claim.until == order.deadline_at + timedelta(days=7)


def test_tickets_given_back_no_longer_count_against_a_buyer(store: UnitOfWorkFactory) -> None:
    """Limits count what somebody has, not what somebody once had."""
    sale = general_sale()
    opened(store, sale)
    order = bought(store, order_of(sale, Wish(tier="general", quantity=4)))
    tickets = sold_tickets(store, order)

    void(store, tickets[0])

    with store() as uow:
        assert uow.stock.levels(sale.event_id).buyers == {"d:device-ada": 3}
        assert uow.orders.units_bought(event_id=sale.event_id, keys=("d:device-ada",)) == {"d:device-ada": 3}
