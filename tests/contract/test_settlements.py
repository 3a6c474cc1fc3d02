"""What every source of settlements promises: the same purchases, summed by the fake and by Postgres."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.postgres.settlements import PostgresSettlements
from domain.bookings import provider_fee
from domain.errors import NotFound
from domain.events import EventId
from domain.ledger import balances
from domain.money import CurrencyCode, Money
from domain.orders import Order
from domain.ports.settlements import Settlements, SettlementsFilter
from domain.settlements import Basis, together
from domain.venues import VenueId
from tests.contract.stores import opened
from tests.contract.views import STORES, houses_and
from tests.fakes.sales import general, general_sale, usd
from tests.fakes.settlements import FakeSettlements
from tests.unit.application.house import House

EUR, CHF = CurrencyCode("EUR"), CurrencyCode("CHF")


@dataclass
class Books:
    """``sent`` counts statements, where there are any."""

    open_house: Callable[..., House]
    settlements: Settlements
    sent: list[str]


@pytest.fixture(params=STORES)
def books(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    with houses_and(request, monkeypatch, memory=FakeSettlements, postgres=PostgresSettlements) as seen:
        yield Books(*seen)


@dataclass
class Night:
    """Tickets of 45.00 and a fee of 4.50: an order of two, and one of one that was given back without its fee."""

    house: House
    kept: Order
    returned: Order


@pytest.fixture
def night(books: Books) -> Night:
    house = books.open_house(sale=general_sale())
    night = Night(house, house.buy(general(house.sale, 2)), house.buy(general(house.sale, 1)))
    give_back(night, night.returned)
    return night


@pytest.fixture
def house(night: Night) -> House:
    return night.house


def give_back(night: Night, order: Order) -> None:
    """The first ticket of the order."""
    night.house.refund(order.id, night.house.tickets(order.id)[0].id)
    night.house.drain()


def charge(house: House, order: Order, fee: Money, *, entry_id: str) -> None:
    """The provider's books tell what it kept."""
    told = provider_fee(
        event_id=order.event_id, order_id=order.id, payment_id=house.payment(order).id, entry_id=entry_id,
        fee=fee, at=house.clock.now(),
    )  # fmt: skip
    with house.uow() as uow:
        assert uow.ledger.post(told) == 1
        uow.commit()


def test_an_event_is_settled_from_its_ledger(books: Books, house: House) -> None:
    """Each figure, and the tickets of each tier."""
    settled = books.settlements.of_event(house.event_id)

    figures = settled.figures
    assert (figures.captured, figures.refunded) == (usd(3 * 4_950), usd(4_500))
    assert (figures.gross, figures.admission_returned, figures.organiser) == (usd(13_500), usd(4_500), usd(9_000))
    assert (figures.fees_passed_on, figures.house) == (usd(1_350), usd(1_350))
    assert figures.at_provider == figures.organiser + figures.house
    assert {tier.name: (tier.sold, tier.refunded) for tier in settled.tiers}["General"] == (3, 1)


def test_a_settlement_is_its_orders_ledgers_together(books: Books, night: Night) -> None:
    """To the unit, account by account: the report has nothing that the ledger has not, and nothing is left out."""
    with night.house.uow() as uow:
        journals = [journal for order in (night.kept, night.returned) for journal in uow.ledger.of_order(order.id)]
    by_account: dict[object, int] = {}
    for side, minor in books.settlements.of_event(night.house.event_id).figures.sums.items():
        by_account[side.account] = by_account.get(side.account, 0) + minor

    assert {account: minor for account, minor in by_account.items() if minor} == balances(journals)


def test_events_are_chosen_by_venue_and_day(books: Books, house: House) -> None:
    """By when they take place, or by when the money moved; events without any money are left out."""
    quiet = general_sale()
    opened(house.uow, quiet)
    starts, now, day = house.sale.starts_at, house.clock.now(), timedelta(days=1)

    def found(**wanted: object) -> list[EventId]:
        matching = books.settlements.matching(wanted=SettlementsFilter(**wanted))  # type: ignore[arg-type]  # any field
        return [one.event_id for one in matching]

    assert found() == [house.event_id]
    assert found(venue_id=house.sale.seat_map.venue_id) == [house.event_id]
    assert found(venue_id=VenueId(uuid4())) == []
    assert found(venue_id=quiet.seat_map.venue_id) == []
    assert found(begins_at=starts, ends_at=starts + day) == [house.event_id]
    assert found(ends_at=starts) == []
    assert found(basis=Basis.MONEY, begins_at=now - day, ends_at=now + day) == [house.event_id]
    assert found(basis=Basis.MONEY, begins_at=now + day) == []


def test_money_that_moved_in_a_span_is_all_that_is_summed(books: Books, night: Night) -> None:
    """What was sold yesterday and given back today is income of yesterday and a refund of today."""
    today = night.house.clock.now() + timedelta(days=1)
    night.house.advance(seconds=2 * 86_400)
    give_back(night, night.kept)

    (settled,) = books.settlements.matching(wanted=SettlementsFilter(basis=Basis.MONEY, begins_at=today))

    assert (settled.figures.gross, settled.figures.admission_returned) == (usd(0), usd(4_500))
    assert (settled.sold, settled.refunded) == (0, 1)


def test_currencies_are_summed_apart(books: Books, house: House) -> None:
    """Dollars and yen come to two sums, by code."""
    (dollars,) = books.settlements.matching(wanted=SettlementsFilter())
    yen = replace(dollars, figures=replace(dollars.figures, currency=CurrencyCode("JPY")))

    assert [figures.currency for figures in together((dollars, yen, dollars))] == ["JPY", "USD"]
    assert together((dollars, dollars))[0].gross == dollars.figures.gross * 2


def test_what_the_provider_charges_in_another_currency_stands_apart(books: Books, night: Night) -> None:
    """It is in no sum of the event's own currency, nor left out; many events' fees are added currency by currency."""
    before = books.settlements.of_event(night.house.event_id).figures
    charge(night.house, night.kept, Money(310, EUR), entry_id="ch_1")
    charge(night.house, night.kept, Money(90, CHF), entry_id="ch_2")
    charge(night.house, night.returned, Money(45, EUR), entry_id="ch_3")

    settled = books.settlements.of_event(night.house.event_id)
    (alike,) = together((settled, settled))

    assert before.others == ()
    assert replace(settled.figures, others=()) == before
    assert [other.currency for other in settled.figures.others] == ["CHF", "EUR"]
    assert [other.provider_fees for other in settled.figures.others] == [
        Money(90, CurrencyCode("CHF")),
        Money(355, EUR),
    ]
    assert settled.figures.others[1].at_provider == settled.figures.others[1].house == Money(-355, EUR)
    assert alike.gross == before.gross * 2
    assert [other.provider_fees.amount for other in alike.others] == [180, 710]


def test_venues_are_listed_by_name(books: Books, house: House) -> None:
    """All of them."""
    assert [venue.id for venue in books.settlements.venues()] == [house.sale.seat_map.venue_id]


def test_an_event_that_is_not_there(books: Books) -> None:
    """Is not settled."""
    with pytest.raises(NotFound):
        books.settlements.of_event(EventId(uuid4()))


def test_a_settlement_asks_a_constant_number_of_questions(books: Books, house: House) -> None:
    """More orders and more events, the same number of statements (on Postgres; the fake has none)."""

    def questions() -> list[int]:
        counts = []
        for look in (
            lambda: books.settlements.of_event(house.event_id),
            lambda: books.settlements.matching(wanted=SettlementsFilter()),
        ):
            books.sent.clear()
            look()
            counts.append(len(books.sent))
        return counts

    before = questions()
    for _ in range(3):
        house.buy(general(house.sale, 1))

    assert questions() == before
    assert max(before) <= 4
