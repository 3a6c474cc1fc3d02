"""What an organiser changes while tickets are sold reaches the inventory."""

from dataclasses import replace

from application.commands.catalogue_changes import change_terms
from domain.events import SaleTerms
from domain.holds import ActiveHold
from tests.fakes.sales import accessible_sale, chosen
from tests.unit.application.house import House


def change(house: House, terms: SaleTerms) -> None:
    change_terms(
        house.event_id,
        terms=terms,
        actor="organiser@example.com",
        unit_of_work=house.uow,
        clock=house.clock,
        ids=house.ids,
        wakeup=house.wakeup,
    )
    house.drain()


def letters(house: House) -> str:
    stock = house.inventory.snapshot(event_id=house.event_id)
    assert stock is not None
    return stock.seats[:8]


def test_accessible_seats_are_released_and_kept_again() -> None:
    """Both ways, with baskets filled meanwhile: they are kept through it."""
    house = House(sale=accessible_sale())
    hold = house.hold(chosen(house.sale, 2, 3, key="seat"))
    assert isinstance(hold, ActiveHold)
    assert letters(house) == "achhacff"

    change(house, replace(house.sale.terms, accessible_released=True))
    assert letters(house) == "ffhhffff"
    change(house, replace(house.sale.terms, accessible_released=False))

    assert letters(house) == "achhacff"
    assert house.inventory.find(hold_id=hold.id) is not None


def test_other_terms_load_nothing_anew() -> None:
    """A new hold length is only told; the stock stays as it is."""
    house = House(sale=accessible_sale())
    house.hold(chosen(house.sale, 2, 3, key="seat"))
    before = house.inventory.snapshot(event_id=house.event_id)

    change(house, replace(house.sale.terms, hold_seconds=300))

    assert house.inventory.snapshot(event_id=house.event_id) == before


def test_seats_that_were_all_in_baskets_come_back_as_the_terms_say() -> None:
    """Nothing can be read from letters when none of them is free."""
    house = House(sale=accessible_sale())
    hold = house.hold(chosen(house.sale, 0, 1, 4, 5, key="seat", accessible=True))
    assert isinstance(hold, ActiveHold)

    change(house, replace(house.sale.terms, accessible_released=True))
    house.inventory.release(hold_id=hold.id)

    assert letters(house) == "ffffffff"
