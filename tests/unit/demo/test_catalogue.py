"""The demo catalogue: sound, complete, the same on every machine, and drawn so that a map can be trusted."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from domain.events import Event
from domain.seat_maps import SeatFeature, SeatMap, ZoneKind
from entrypoints.demo.billing import Billing, House, draft
from entrypoints.demo.houses import HOUSES
from entrypoints.demo.houses.meridian_arena import BOWL_SEATS, FLOOR_CAPACITY
from tests.unit.domain.seating import closest_pair, inside, strays

TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ART = Path(__file__).resolve().parents[3] / "entrypoints" / "http" / "static" / "art"
ART_BYTES_MAX = 12 * 1024
CLOSEST = 8.0
SUMMARY_MAX = 140

PLANS = [(house, plan.code) for house in HOUSES for plan in house.plans]
BILLED = [(house, billing) for house in HOUSES for billing in house.billings]
each_plan = pytest.mark.parametrize(("house", "code"), PLANS, ids=[code for _, code in PLANS])
each_event = pytest.mark.parametrize(("house", "billing"), BILLED, ids=[billing.slug for _, billing in BILLED])
each_picture = pytest.mark.parametrize("picture", sorted(ART.glob("*.svg")), ids=lambda path: path.stem)


@cache
def drawn(code: str) -> SeatMap:
    """The map with this code; drawn once for all tests."""
    house = next(house for house, known in PLANS if known == code)
    return house.plan(code).draw(house.plan(code).id, house.venue.id)


def dated(slug: str, today: date = TODAY) -> Event:
    """The draft of the event with this slug."""
    house, billing = next((house, billing) for house, billing in BILLED if billing.slug == slug)
    return draft(billing, house=house, today=today)


def test_there_is_enough_to_browse() -> None:
    """Houses in many cities, countries and time zones; events of every category and currency."""
    assert len({house.venue.city for house in HOUSES}) >= 4
    assert len({house.venue.country for house in HOUSES}) >= 4
    assert len({house.venue.timezone for house in HOUSES}) >= 4
    assert len(BILLED) >= 14
    assert {billing.category for _, billing in BILLED} >= {"concert", "conference", "festival"}
    assert {billing.currency for _, billing in BILLED} == {"USD", "EUR", "GBP", "JPY"}


def test_names_are_unique() -> None:
    """No two slugs, codes or ids meet, so seeding never collides with itself."""
    events = [draft(billing, house=house, today=TODAY) for house, billing in BILLED]
    seats = [seat.id for _, code in PLANS for seat in drawn(code).seats]
    names = (
        [event.slug for event in events],
        [event.id for event in events],
        [tier.id for event in events for tier in event.tiers],
        [house.venue.slug for house in HOUSES],
        [house.venue.id for house in HOUSES],
        [code for _, code in PLANS],
        [drawn(code).id for _, code in PLANS],
        seats,
    )
    for each in names:
        assert len(set(each)) == len(each)


def test_harbor_lights_shares_one_field_between_two_tiers() -> None:
    """8,000 places; VIP is a part of them with a limit of its own."""
    event, field = dated("harbor-lights-festival"), drawn("bwf")
    assert field.capacity == 8_000
    assert [tier.key for tier in event.tiers] == ["general", "vip"]
    assert {zone for tier in event.tiers for zone in tier.zones} == {"field"}
    assert event.tiers[1].capacity == 600


def test_meridian_arena_is_a_bowl_of_12000_round_a_floor_of_2000() -> None:
    """Forty sections and more, every one of them sold by some tier."""
    arena, event = drawn("mer"), dated("meridian-arena-night")
    reserved = [zone for zone in arena.zones if zone.kind is ZoneKind.RESERVED]
    assert (len(arena.seats), BOWL_SEATS) == (12_000, 12_000)
    assert (arena.zone("floor").capacity, FLOOR_CAPACITY) == (2_000, 2_000)
    assert len(reserved) >= 40
    assert {key for tier in event.tiers for key in tier.zones} == {zone.key for zone in arena.zones}
    assert len({tier.face for tier in event.tiers}) >= 5


def test_old_town_theatre_has_420_seats_of_every_sort() -> None:
    """Curved stalls and balcony cut by aisles, spaces with companions, and seats that say they see less."""
    theatre, event = drawn("ott"), dated("old-town-theatre-hamlet")
    features = [feature for seat in theatre.seats for feature in seat.features]
    assert len(theatre.seats) == 420
    assert features.count(SeatFeature.ACCESSIBLE) == features.count(SeatFeature.COMPANION) == 6
    assert SeatFeature.RESTRICTED_VIEW in features
    assert {tier.key for tier in event.tiers} >= {"premium", "standard", "balcony", "concession", "accessible"}
    assert next(tier for tier in event.tiers if tier.key == "accessible").accessible
    front = [seat for seat in theatre.seats if seat.zone == "front-stalls" and seat.row == "A"]
    assert len({seat.y for seat in front}) > 1
    assert any(later.x - seat.x > 20 for seat, later in pairwise(front))


def test_the_smallest_house_sells_out_quickly() -> None:
    """Three chairs and twenty places: handy for trying what happens at the end of a sale."""
    assert (len(drawn("coo").seats), drawn("coo").capacity) == (3, 23)


def test_every_state_of_a_sale_is_on_show() -> None:
    """Free, locked by a code, not begun, ended, cancelled; the presale is open while the rest of its event is not."""
    events = [draft(billing, house=house, today=TODAY) for house, billing in BILLED]
    assert any(tier.face.amount == 0 for event in events for tier in event.tiers)
    assert any(event.terms.opens_at > NOW for event in events)
    assert any(event.terms.closes_at < NOW < event.starts_at for event in events)
    assert sum(billing.cancelled for _, billing in BILLED) == 1
    presale, *others = dated("paper-moons-homecoming").tiers
    assert presale.locked
    assert presale.opens_at is None
    assert any(tier.opens_at and tier.opens_at > NOW for tier in others)


@each_event
def test_an_event_fits_its_house(house: House, billing: Billing) -> None:
    """Its tiers name zones of its map, of their kind, and its limits let every tier be bought."""
    event, seat_map = draft(billing, house=house, today=TODAY), drawn(billing.plan)
    for tier in event.tiers:
        assert all(seat_map.zone(key).kind is tier.kind for key in tier.zones)
        assert tier.per_order_min <= event.terms.per_order_max
        assert tier.capacity is None or tier.capacity <= sum(seat_map.zone(key).capacity for key in tier.zones)
        assert tier.face.currency == event.currency
    assert event.publish() is not event


@each_event
def test_an_event_is_described(house: House, billing: Billing) -> None:
    """A summary that fits a card, two to four paragraphs, and no blank left by the layout of the source."""
    assert 40 <= len(billing.summary) <= SUMMARY_MAX
    assert 2 <= len(billing.description.split("\n\n")) <= 4
    for text in (billing.description, house.venue.description, house.venue.accessibility):
        assert "  " not in text
        assert text == text.strip()


@pytest.mark.parametrize("today", [TODAY + timedelta(days=31 * month) for month in range(12)], ids=str)
@each_event
def test_a_sale_is_open_on_whatever_day_it_is_seeded(house: House, billing: Billing, today: date) -> None:
    """Dates move with the day, at the house's own time of the clock, in summer and in winter."""
    event = draft(billing, house=house, today=today)
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    assert event.starts_at > noon
    assert event.doors_at <= event.starts_at < event.ends_at
    assert event.starts_at.astimezone(ZoneInfo(house.venue.timezone)).time() == billing.slot.at
    assert event.starts_at.astimezone(ZoneInfo(house.venue.timezone)).weekday() == billing.slot.weekday
    states = (billing.sale_opens_days > 0, billing.sale_closes_days is not None)
    assert (event.terms.opens_at > noon, event.terms.closes_at < noon) == states


def test_two_machines_make_the_same_catalogue() -> None:
    """Same day, same everything; another day, the same ids."""
    for house, billing in BILLED:
        assert draft(billing, house=house, today=TODAY) == draft(billing, house=house, today=TODAY)
        later = draft(billing, house=house, today=TODAY + timedelta(days=40))
        assert later.id == draft(billing, house=house, today=TODAY).id
    assert str(dated("harbor-lights-festival").id) == "d409edec-f0a5-5cb9-a2cc-66b65336b3aa"
    again = HOUSES[1].plan("mer")
    assert again.draw(again.id, HOUSES[1].venue.id) == drawn("mer")


@each_plan
def test_a_map_is_drawn_well(house: House, code: str) -> None:
    """Seats keep apart and lie in their zone; everything lies on the map; sections do not cover each other's seats."""
    seat_map = drawn(code)
    assert seat_map.venue_id == house.venue.id
    assert closest_pair(seat_map) >= CLOSEST
    assert strays(seat_map) == []
    outlines = [*(zone.outline for zone in seat_map.zones), *(area.outline for area in seat_map.areas)]
    for point in (point for outline in outlines for point in outline):
        assert 0 <= point.x <= seat_map.width
        assert 0 <= point.y <= seat_map.height
    for zone in seat_map.zones:
        assert len(zone.outline) >= 4
        middle_seats = [seat_map.seats[row.first + row.count // 2] for row in zone.rows]
        others = [other.outline for other in seat_map.zones if other.key != zone.key]
        assert not any(inside(seat.x, seat.y, outline) for seat in middle_seats for outline in others)


@each_plan
def test_seats_are_named_after_where_they_are(house: House, code: str) -> None:
    """Map, zone, row and number in lower case; a row is an unbroken run, and numbers rise by one."""
    del house
    seat_map = drawn(code)
    for seat in seat_map.seats:
        assert seat.id == f"{code}-{seat.zone}-{seat.row}-{seat.number}".lower()
    for row in (row for zone in seat_map.zones for row in zone.rows):
        numbers = [int(seat.number) for seat in seat_map.seats[row.first : row.first + row.count]]
        assert numbers == list(range(numbers[0], numbers[0] + row.count))
        assert len({seat.row for seat in seat_map.seats[row.first : row.first + row.count]}) == 1


@each_event
def test_an_event_has_a_picture(house: House, billing: Billing) -> None:
    """The file that its artwork names is there."""
    assert (ART.parent / draft(billing, house=house, today=TODAY).artwork).is_file()


@each_picture
def test_a_picture_is_small_and_harmless(picture: Path) -> None:
    """Well-formed, without scripts, words or anything from elsewhere, and smaller than 12 KB."""
    source = picture.read_text(encoding="utf-8")
    assert len(source.encode()) < ART_BYTES_MAX
    for element in ET.fromstring(source).iter():
        assert element.tag.rpartition("}")[2] not in {"script", "text", "image", "foreignObject", "style", "a"}
        for name, value in element.attrib.items():
            assert not name.rpartition("}")[2].startswith("on")
            assert "href" not in name or value.startswith("#")
            assert "url(" not in value or "url(#" in value
