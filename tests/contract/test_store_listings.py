"""What every listing promises the shop: the same words on memory and Postgres."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event as listening

from adapters.postgres.engine import create_engine
from adapters.postgres.listings import PostgresListings
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from domain.errors import NotFound
from domain.events import EventState
from domain.ports.catalogue import EventFilter, Listings
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_policies import STANDARD_POLICY
from tests.contract.stores import MEMORY, NOW, STORES, event_of, opened, venue_of
from tests.fakes.catalogue import FakeListings
from tests.fakes.sales import general_sale, reserved_sale, tier_of, usd
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.world import FakeClock

NAMES_OF_NOTHING = (
    pytest.param("", id="empty"),
    pytest.param("no-such-event", id="slug"),
    pytest.param("0193a5b0-0000-7000-8000-00000000dead", id="id"),
    pytest.param("a\x00b", id="nul"),
    pytest.param("x" * 10_000, id="long"),
)


@dataclass
class Shop:
    store: UnitOfWorkFactory
    listings: Listings


@contextmanager
def postgres_shop(database_url: str, sent: list[str]) -> Iterator[Shop]:
    engine = create_engine(database_url, application_name="tests", pool_size=2)
    listening.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(str(arguments[2])))
    seat_maps = SeatMapCache()
    try:
        yield Shop(
            lambda: PostgresUnitOfWork(engine, seat_maps=seat_maps),
            PostgresListings(engine, seat_maps=seat_maps, now=FakeClock(NOW).now),
        )
    finally:
        engine.dispose()


@pytest.fixture(params=STORES)
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    if request.param == MEMORY:
        store = FakeStore()
        yield Shop(store, FakeListings(store, clock=FakeClock(NOW)))
        return
    with postgres_shop(request.getfixturevalue("database_url"), []) as made:
        yield made


def announce(shop: Shop, name: str, *, days: float = 10, city: str = "Porto", **changes: object) -> str:
    """An event so many days ahead, in a house of its own; answers its slug."""
    sale = general_sale()
    starts = NOW + timedelta(days=days)
    with shop.store() as uow:
        uow.venues.add(venue_of(sale, name=f"{city} Hall", city=city))
        uow.venues.add_map(replace(sale.seat_map, code=f"M{sale.seat_map.id.hex[:10]}"))
        event = event_of(
            sale,
            name=name,
            slug=f"{name.lower().replace(' ', '-')}-{uuid4().hex[:4]}",
            doors_at=starts,
            starts_at=starts,
            ends_at=starts + timedelta(hours=3),
            **changes,
        )
        uow.events.add(event, policy=STANDARD_POLICY)
        uow.commit()
    return event.slug


def found(shop: Shop, **wanted: object) -> list[str]:
    """Names of the events that a filter finds."""
    page = shop.listings.events(wanted=EventFilter(**wanted))  # type: ignore[arg-type]  # any field
    return [card.name for card in page.items]


def test_the_soonest_event_comes_first(shop: Shop) -> None:
    """Published and not over; drafts, cancelled and past ones are not listed."""
    announce(shop, "Later", days=20)
    announce(shop, "Sooner", days=2)
    announce(shop, "Tonight", days=-0.05)
    announce(shop, "Past", days=-2)
    announce(shop, "Draft", state=EventState.DRAFT)
    announce(shop, "Cancelled", state=EventState.CANCELLED)

    assert found(shop) == ["Tonight", "Sooner", "Later"]


def test_a_card_tells_what_a_list_shows(shop: Shop) -> None:
    """Place, times, prices with fees, capacity; tiers behind an access code do not show their price."""
    sale = reserved_sale()
    hidden = replace(tier_of(sale, "anywhere"), locked=True)
    cheap, dear = tier_of(sale, "balcony"), tier_of(sale, "stalls")
    stored = opened(shop.store, replace(sale, tiers=(dear, cheap, hidden)))

    (card,) = shop.listings.events(wanted=EventFilter()).items

    assert (card.id, card.slug, card.name, card.summary) == (stored.id, stored.slug, stored.name, stored.summary)
    assert (card.venue_name, card.city, card.timezone) == ("Small House", "Porto", "Europe/Lisbon")
    assert (card.price_from, card.price_to) == (usd(5_500), usd(9_900))
    assert card.capacity == 46
    assert (card.starts_at, card.doors_at) == (stored.starts_at, stored.doors_at)
    assert (card.sale_opens_at, card.sale_closes_at) == (stored.terms.opens_at, stored.terms.closes_at)


def test_an_event_without_open_tiers_shows_no_price(shop: Shop) -> None:
    """Nothing is better than a price that nobody can pay."""
    opened(shop.store, replace(general_sale(), tiers=()))

    (card,) = shop.listings.events(wanted=EventFilter()).items

    assert (card.price_from, card.price_to, card.capacity) == (None, None, 0)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("harbor", ["Harbor Lights"]),
        ("HARB", ["Harbor Lights"]),
        ("lights porto", ["Harbor Lights"]),
        ("lisboa", ["Café Noir"]),
        ("cafe", ["Café Noir"]),
        ("hall", ["Harbor Lights", "Café Noir"]),
        ("ngiht", []),
        ("  ", ["Harbor Lights", "Café Noir"]),
        ("!!! & | ' :*", []),
    ],
)
def test_words_are_found_by_their_beginning(shop: Shop, words: str, names: list[str]) -> None:
    """In name, venue, city, category and description; all words, any case, with or without accents."""
    announce(shop, "Harbor Lights", days=1)
    announce(shop, "Café Noir", days=2, city="Lisboa", category="film")

    assert found(shop, text=words) == names


def test_filters_narrow_a_list(shop: Shop) -> None:
    """City, venue, category and dates, alone and together."""
    announce(shop, "First", days=1)
    announce(shop, "Second", days=5, city="Lisboa", category="film")
    venue = shop.listings.events(wanted=EventFilter()).items[1].venue_slug

    assert found(shop, city="Lisboa") == ["Second"]
    assert found(shop, city="Lisboa", category="concert") == []
    assert found(shop, venue=venue) == ["Second"]
    assert found(shop, category="film") == ["Second"]
    assert found(shop, starts_from=NOW + timedelta(days=1)) == ["First", "Second"]
    assert found(shop, starts_to=NOW + timedelta(days=5)) == ["First"]


def test_pages_follow_each_other_without_gaps(shop: Shop) -> None:
    """Also where events start at the same moment, and while new ones arrive before the cursor."""
    for number in range(5):
        announce(shop, f"Night {number}", days=3 if number < 3 else 4)
    first = shop.listings.events(wanted=EventFilter(limit=2))
    announce(shop, "Newcomer", days=1)
    seen = [card.id for card in first.items]

    cursor = first.next_cursor
    while cursor is not None:
        page = shop.listings.events(wanted=EventFilter(limit=2, cursor=cursor))
        seen += [card.id for card in page.items]
        cursor = page.next_cursor

    assert len(seen) == len(set(seen)) == 5
    assert shop.listings.events(wanted=EventFilter(limit=2, cursor=first.items[0].cursor)).items[0] == first.items[1]


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "AAAA", "MjAyNi0xMS0yMg", "MjAyNi0xMS0yMiBhYmM", "éééé"])
def test_a_broken_cursor_is_refused(shop: Shop, cursor: str) -> None:
    """A ValueError, not a wrong page and not a crash."""
    with pytest.raises(ValueError, match=r".+"):
        shop.listings.events(wanted=EventFilter(cursor=cursor))


def test_a_page_is_never_longer_than_the_limit(shop: Shop) -> None:
    """Whatever is asked for."""
    announce(shop, "First", days=1)
    announce(shop, "Second", days=2)

    assert found(shop, limit=0) == ["First"]
    assert found(shop, limit=-5) == ["First"]
    assert found(shop, limit=10**9) == ["First", "Second"]


def test_facets_are_what_there_is_to_filter_by(shop: Shop) -> None:
    """Each value once, in order; of listed events only."""
    announce(shop, "First", city="Porto")
    announce(shop, "Second", city="Lisboa", category="film")
    announce(shop, "Third", city="Porto")
    announce(shop, "Draft", city="Faro", state=EventState.DRAFT)

    facets = shop.listings.facets()

    assert facets["city"] == ("Lisboa", "Porto")
    assert facets["category"] == ("concert", "film")
    assert len(facets["venue"]) == 3


def test_an_empty_shop_is_empty(shop: Shop) -> None:
    """No events, no facets, no error."""
    assert found(shop) == []
    assert shop.listings.facets() == {"city": (), "venue": (), "category": ()}


def test_an_event_page_has_everything(shop: Shop) -> None:
    """By id or slug; the event, its venue, map, version and refund terms; cancelled ones too."""
    sale = reserved_sale()
    stored = opened(shop.store, sale, state=EventState.CANCELLED)

    view = shop.listings.event(event=stored.slug)

    assert view.event == stored
    assert view.venue == venue_of(sale)
    assert view.seat_map.seats == sale.seat_map.seats
    assert view.sale_version == 1
    assert view.refund_terms == STANDARD_POLICY.terms(sale.currency, {})
    assert shop.listings.event(event=str(stored.id)) == view


@pytest.mark.parametrize("name", NAMES_OF_NOTHING)
def test_an_event_that_is_not_there_is_not_found(shop: Shop, name: str) -> None:
    """Whatever a client writes into the address; drafts likewise."""
    draft = announce(shop, "Draft", state=EventState.DRAFT)

    for word in (name, draft):
        with pytest.raises(NotFound):
            shop.listings.event(event=word)


def test_pages_cost_a_constant_number_of_queries(database_url: str) -> None:
    """One for a list, one for facets, five for an event page whose map is known: for 3 events or 30."""
    sent: list[str] = []
    with postgres_shop(database_url, sent) as shop:
        costs = []
        for amount in (3, 30):
            slugs = [announce(shop, f"Night {number}", days=number + 1) for number in range(amount)]
            shop.listings.event(event=slugs[0])
            counts = []
            for look in (
                lambda: shop.listings.events(wanted=EventFilter(text="night", city="Porto")),
                shop.listings.facets,
                lambda slug=slugs[0]: shop.listings.event(event=slug),
            ):
                sent.clear()
                look()
                counts.append(len(sent))
            costs.append(counts)

    assert costs == [[1, 1, 5], [1, 1, 5]]
