"""The stock of one event in the portal: house seats, capacities, and what everybody has."""

import re
from dataclasses import replace
from html import unescape

import pytest
from werkzeug.test import TestResponse

from domain.accounts import Role
from domain.errors import InventoryUnavailable
from domain.events import EventId
from domain.stock_blocks import BlockedStock, StockBlock
from tests.fakes.sales import chosen, general, mixed_sale, reserved_sale
from tests.unit.admin.desk import Browser, Desk
from tests.unit.application.house import House


@pytest.fixture
def desk() -> Desk:
    """General admission: a floor of 100, of which 20 may be VIP."""
    return Desk()


@pytest.fixture
def seated() -> Desk:
    """Stalls of three rows of ten, a balcony."""
    return Desk(House(sale=reserved_sale()))


def page_of(desk: Desk) -> str:
    return f"/events/{desk.house.event_id}/stock"


def blocks(desk: Desk) -> tuple[StockBlock, ...]:
    with desk.house.store() as uow:
        return uow.stock.blocks(desk.house.event_id)


def capacity(desk: Desk, pool: str) -> int | None:
    return desk.house.store.state.capacities.get((desk.house.event_id, pool))


def keep(desk: Desk, browser: Browser, zone: str, **form: object) -> TestResponse:
    """Open the form for a zone, fill it in and send it."""
    path = f"{page_of(desk)}/keep?zone={zone}"
    (block,) = re.findall(r'name="block" value="([^"]+)"', browser.page(path))
    filled = {"block": block, "zone": zone, "label": "Press", **form}
    return browser.post(f"{page_of(desk)}/keep", seen_on=path, **filled)


def give(desk: Desk, browser: Browser, **form: object) -> TestResponse:
    """Open the page of the only block and send its form."""
    (block,) = blocks(desk)
    path = f"{page_of(desk)}/blocks/{block.id}"
    return browser.post(path, seen_on=path, **{"kept": block.stock.units, **form})


def cells(page: str, name: str) -> list[str]:
    return re.findall(rf'data-name="{name}" class="amount">([^<]*)<', page)


def test_shares_add_up_to_the_capacity(desk: Desk) -> None:
    """Free, held, being paid, sold and kept back: each where it belongs, zone by zone and in all."""
    house = desk.house
    house.buy(general(house.sale, 3))
    house.place_order(general(house.sale, 2))
    house.hold(general(house.sale, 4))
    browser = desk.signed_in(Role.VENUE_MANAGER)
    keep(desk, browser, "floor", quantity="11")

    page = browser.page(page_of(desk))

    shares = {name: cells(page, name)[0] for name in ("Capacity", "Free", "Held", "Being paid", "Sold", "Kept back")}
    assert shares == {"Capacity": "100", "Free": "80", "Held": "4", "Being paid": "2", "Sold": "3", "Kept back": "11"}
    assert cells(page, "Capacity") == ["100", "20"]


def test_a_number_of_places_is_kept_back_and_given_back(desk: Desk) -> None:
    """Out of sale at once for everybody; a part is given back, then the rest; the trail has all of it in words."""
    house = desk.house
    browser = desk.signed_in(Role.VENUE_MANAGER)

    kept = keep(desk, browser, "floor", quantity="30", label=" Camera ", reason="the crane")
    assert kept.status_code == 303
    (block,) = blocks(desk)
    assert (block.label, block.reason, block.actor) == ("Camera", "the crane", "venue_manager@example.com")
    assert house.free() == 70
    page = browser.page(page_of(desk))
    assert "30 places are kept back: Camera." in page
    assert "Floor: 30 places" in page
    assert give(desk, browser, which="part", quantity="10").status_code == 303
    assert house.free() == 80
    assert give(desk, browser, which="all").status_code == 303

    assert house.free() == 100
    page = browser.page(page_of(desk))
    assert "20 places are given back" in page
    assert "every place is for sale" in page
    trail = browser.page("/audit?action=stock")
    assert "kept places back" in trail
    assert "gave places back" in trail


def test_seats_are_typed_and_ticked(seated: Desk) -> None:
    """Both count together, and the list says them as people do."""
    browser = seated.signed_in(Role.VENUE_MANAGER)

    answer = keep(seated, browser, "stalls", seats="1 4-6\nrow 2", seat=["29", "0"])

    assert answer.status_code == 303
    (block,) = blocks(seated)
    assert block.stock.seats == (0, 3, 4, 5, *range(10, 20), 29)
    page = browser.page(page_of(seated))
    for line in ("Stalls, row 1: 1, 4\u20136", "Stalls, row 2: 1\u201310", "Stalls, row 3: 10"):
        assert line in page


def test_single_seats_are_given_back(seated: Desk) -> None:
    """Those that were ticked, and no others."""
    browser = seated.signed_in(Role.VENUE_MANAGER)
    keep(seated, browser, "stalls", seats="1")

    assert give(seated, browser, which="part", seat=["0", "9"]).status_code == 303

    assert blocks(seated)[0].stock == BlockedStock(seats=tuple(range(1, 9)))
    assert "2 places are given back" in browser.page(page_of(seated))


def test_the_same_form_twice_makes_one_block(desk: Desk) -> None:
    """A button pressed twice, or a page sent again: the second is answered like the first."""
    browser = desk.signed_in(Role.VENUE_MANAGER)
    block = "00000000-0000-4000-8000-0000000000aa"

    answers = [keep(desk, browser, "floor", quantity="5", block=block) for _ in range(2)]
    other = keep(desk, browser, "floor", quantity="6", block=block)

    assert [answer.status_code for answer in answers] == [303, 303]
    assert [kept.stock.quantity for kept in blocks(desk)] == [5]
    assert other.status_code == 422
    assert "sent already with other places" in other.text
    assert block not in other.text


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"label": " ", "seats": "1 1"}, "label", "what the places are kept for"),
        ({"label": "x" * 61, "seats": "1 1"}, "label", "At most 60 characters"),
        ({"reason": "a\x00b", "seats": "1 1"}, "reason", "not a character"),
        ({"reason": "x" * 501, "seats": "1 1"}, "reason", "At most 500 characters"),
        ({}, "seats", "Type seats or tick them"),
        ({"seats": "Q 1"}, "seats", "no row “Q”"),
        ({"seats": "1 2", "seat": "soup"}, "seats", "not a seat"),
        ({"seats": "1 2", "seat": "4000"}, "seats", "not on the seat map"),
        ({"seats": "1 1-3"}, "seats", "basket"),
        ({"seats": "2 1-3"}, "seats", "Sold or kept back already: Stalls, Row 2, seat 1"),
    ],
)
def test_what_cannot_be_kept_back_is_named(seated: Desk, form: dict[str, str], field: str, said: str) -> None:
    """The message is at its field, everything that was typed is still there, and nothing is kept back."""
    house = seated.house
    house.hold(chosen(house.sale, 0))
    house.buy(chosen(house.sale, 10))
    browser = seated.signed_in(Role.VENUE_MANAGER)

    answer = keep(seated, browser, "stalls", **form)

    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert f'id="{field}-wrong"' in answer.text
    assert (form.get("seats") or "Press") in answer.text
    assert not blocks(seated)


def test_seats_that_cannot_be_had_are_not_offered(seated: Desk) -> None:
    """Sold, held and kept back ones say so and cannot be ticked."""
    house = seated.house
    house.buy(chosen(house.sale, 0))
    house.hold(chosen(house.sale, 1))
    browser = seated.signed_in(Role.VENUE_MANAGER)
    keep(seated, browser, "stalls", seats="1 3")

    page = browser.page(f"{page_of(seated)}/keep?zone=stalls")

    for index, state in enumerate(("sold", "in a basket", "kept back")):
        assert re.search(rf'value="{index}" disabled> {index + 1} <span class="state">{state}<', page), state
    assert re.search(r'value="3"> 4</label>', page)
    assert "7 of 10 free" in page


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Everything, or a part?"),
        ({"which": "all", "seat": "0"}, "Choose one of the two"),
        ({"which": "part"}, "Tick the seats"),
        ({"which": "part", "seat": "29"}, "not kept by this block"),
        ({"which": "all", "kept": "9"}, "It keeps 10 places by now"),
    ],
)
def test_giving_back_is_never_guessed(seated: Desk, form: dict[str, str], said: str) -> None:
    """A form that says two things, or nothing, or is about a block that changed meanwhile, gives nothing back."""
    browser = seated.signed_in(Role.VENUE_MANAGER)
    keep(seated, browser, "stalls", seats="1")

    answer = give(seated, browser, **form)

    assert answer.status_code == 422
    assert said in answer.text
    assert blocks(seated)[0].stock.units == 10


def test_what_was_given_back_already_is_said_kindly(desk: Desk) -> None:
    """The second press of a button finds nothing left."""
    browser = desk.signed_in(Role.VENUE_MANAGER)
    keep(desk, browser, "floor", quantity="5")
    (block,) = blocks(desk)
    path = f"{page_of(desk)}/blocks/{block.id}"
    for _ in range(2):
        answer = browser.post(path, seen_on=page_of(desk), kept="5", which="all")

    assert answer.status_code == 303
    assert "Nothing is kept back by that any more" in browser.page(page_of(desk))


def test_a_zone_gets_another_capacity(desk: Desk) -> None:
    """More is sold at once; fewer than are taken is refused with the least that is possible, and nothing changes."""
    house = desk.house
    house.buy(general(house.sale, 3))
    house.hold(general(house.sale, 4))
    browser = desk.signed_in(Role.VENUE_MANAGER)

    assert "7 is the least now" in browser.page(page_of(desk))
    refused = browser.post(f"{page_of(desk)}/capacity", seen_on=page_of(desk), pool="z:floor", capacity="6")
    assert refused.status_code == 422
    assert "so 7 is the least" in refused.text
    assert 'value="6"' in refused.text
    assert capacity(desk, "z:floor") == 100
    answer = browser.post(f"{page_of(desk)}/capacity", seen_on=page_of(desk), pool="z:floor", capacity="150")

    assert answer.status_code == 303
    assert capacity(desk, "z:floor") == 150
    assert house.free() == 143
    trail = browser.page("/audit?action=event.capacity_changed")
    assert "changed a capacity" in trail
    assert "100 → 150" in trail


def test_a_tier_gets_a_limit_and_loses_it_after_a_question(desk: Desk) -> None:
    """Taking the limit away may sell a lot, so it is asked once more; a number is not."""
    desk.house.buy(general(desk.house.sale, 2, "vip"))
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"{page_of(desk)}/capacity"

    assert browser.post(path, seen_on=page_of(desk), pool="t:vip", capacity="30").status_code == 303
    assert capacity(desk, "t:vip") == 30
    asked = browser.post(path, seen_on=page_of(desk), pool="t:vip", capacity="")
    assert asked.status_code == 200
    assert "without a limit of its own?" in asked.text
    assert capacity(desk, "t:vip") == 30
    browser.post(path, seen_on=page_of(desk), pool="t:vip", capacity="", sure="yes")

    assert {tier.key: tier.capacity for tier in desk.house.store.state.events[desk.house.event_id].tiers} == {
        "general": None, "vip": None,
    }  # fmt: skip
    assert capacity(desk, "t:vip") is not None, "what it sold is still counted"
    assert cells(browser.page(page_of(desk)), "Capacity") == ["100"]
    assert "left" not in re.sub(r"<form.*?</form>", "", browser.page(f"/events/{desk.house.event_id}"), flags=re.DOTALL)


@pytest.mark.parametrize("typed", ["-1", "many", "500001", "", "1e3"])
def test_a_capacity_is_a_number(desk: Desk, typed: str) -> None:
    """Anything else comes back with what was typed."""
    browser = desk.signed_in(Role.VENUE_MANAGER)

    answer = browser.post(f"{page_of(desk)}/capacity", seen_on=page_of(desk), pool="z:floor", capacity=typed)

    assert answer.status_code == 422
    assert "A whole number from 0 to 500,000" in answer.text
    assert f'value="{typed}"' in answer.text


@pytest.mark.parametrize("pool", ["z:roof", "t:nobody", "", "floor"])
def test_a_pool_that_is_not_there(desk: Desk, pool: str) -> None:
    """A form that we did not make."""
    browser = desk.signed_in(Role.VENUE_MANAGER)

    answer = browser.post(f"{page_of(desk)}/capacity", seen_on=page_of(desk), pool=pool, capacity="5")

    assert answer.status_code == 404


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE])
def test_others_may_look(desk: Desk, role: Role) -> None:
    """Support and finance see every number and every block, no button, and their forms are refused."""
    manager = desk.signed_in(Role.VENUE_MANAGER)
    keep(desk, manager, "floor", quantity="5")
    (block,) = blocks(desk)
    browser = desk.signed_in(role)
    page = browser.page(page_of(desk))

    answers = [
        browser.get(f"{page_of(desk)}/keep?zone=floor"),
        browser.post(f"{page_of(desk)}/keep", seen_on="/", zone="floor", quantity="5", label="Mine"),
        browser.post(f"{page_of(desk)}/blocks/{block.id}", seen_on="/", which="all", kept="5"),
        browser.post(f"{page_of(desk)}/capacity", seen_on="/", pool="z:floor", capacity="500"),
    ]

    assert "Floor: 5 places" in page
    assert 'method="post" action="/admin/events' not in page
    assert [answer.status_code for answer in answers] == [403] * 4
    assert len(blocks(desk)) == 1
    assert capacity(desk, "z:floor") == 100


def test_nothing_is_changed_of_a_cancelled_event(desk: Desk) -> None:
    """Its stock can be looked at."""
    browser = desk.signed_in(Role.VENUE_MANAGER)
    path = f"/events/{desk.house.event_id}/cancel"
    browser.post(path, seen_on=path, slug=desk.house.sale.slug)

    assert "Keep places back" not in browser.page(page_of(desk))
    assert browser.get(f"{page_of(desk)}/keep?zone=floor").status_code == 404


def test_a_silent_inventory_asks_for_patience(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form comes back as it was, with the same block: pressing again goes on and makes no second one."""
    browser = desk.signed_in(Role.VENUE_MANAGER)
    block = "00000000-0000-4000-8000-0000000000aa"

    def away(**_: object) -> None:
        raise InventoryUnavailable("Valkey does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(desk.house.inventory, "load", away)
        answer = keep(desk, browser, "floor", quantity="5", block=block)
    assert answer.status_code == 503
    assert "Press again" in answer.text
    assert block in answer.text
    assert 'value="5"' in answer.text

    assert keep(desk, browser, "floor", quantity="5", block=block).status_code == 303
    assert [kept.stock.quantity for kept in blocks(desk)] == [5]
    assert desk.house.free() == 95


def test_a_block_of_another_event_is_not_this_ones(desk: Desk) -> None:
    """An address that was put together by hand finds nothing."""
    browser = desk.signed_in(Role.VENUE_MANAGER)
    keep(desk, browser, "floor", quantity="5")
    (block,) = blocks(desk)
    events, elsewhere = desk.house.store.state.events, EventId(desk.house.ids.uuid())
    events[elsewhere] = replace(events[desk.house.event_id], id=elsewhere, slug="elsewhere")

    answer = browser.get(f"/events/{elsewhere}/stock/blocks/{block.id}")

    assert answer.status_code == 303
    assert len(blocks(desk)) == 1
    assert browser.get(f"/events/{EventId(block.id)}/stock").status_code == 404


def test_every_kind_of_zone_has_its_form() -> None:
    """A floor is asked for a number, stalls for seats, and only the floor may grow."""
    desk = Desk(House(sale=mixed_sale()))
    browser = desk.signed_in(Role.ADMIN)

    assert 'name="quantity"' in browser.page(f"{page_of(desk)}/keep?zone=floor")
    assert 'name="seats"' in browser.page(f"{page_of(desk)}/keep?zone=stalls")
    pools = re.findall(r'name="pool" value="([^"]+)"', browser.page(page_of(desk)))
    assert pools == ["z:floor", "t:general", "t:vip", "t:stalls", "t:anywhere"]
