"""Early birds and those who come after them, told as stories. In memory here.

``tests/contract/test_openings.py`` tells them again on Postgres and Valkey.
"""

from dataclasses import replace

import pytest

from application.commands.open_tiers import open_tiers
from domain.errors import Rejection, RejectionCode
from domain.events import Event, Sale
from domain.holds import ActiveHold
from tests.fakes.sales import general, general_sale, tier_of
from tests.unit.application.house import House

EARLY_BIRDS = 2


def early_birds_first() -> Sale:
    """Two early birds (tier ``vip``), and ``general`` when they are gone."""
    plain = general_sale(vip_capacity=EARLY_BIRDS, live_holds_per_buyer=10)
    early, later = tier_of(plain, "vip"), tier_of(plain, "general")
    return replace(plain, tiers=(early, replace(later, opens_after=early.id)))


@pytest.fixture
def house() -> House:
    return House(sale=early_birds_first())


def look(house: House) -> int:
    """A worker looks, and what it found is brought about."""
    opened = open_tiers(
        catalogue=house.catalogue, inventory=house.inventory, unit_of_work=house.uow, clock=house.clock, ids=house.ids,
        wakeup=house.wakeup,
    )  # fmt: skip
    house.drain()
    return opened


def event(house: House) -> Event:
    with house.uow() as uow:
        return uow.events.get(house.event_id)


def may_buy(house: House, key: str) -> bool:
    """Whether one ticket can be reserved; it is given back at once."""
    answer = house.hold(general(house.sale, 1, key=key))
    if isinstance(answer, ActiveHold):
        assert house.release(answer.id)
    return isinstance(answer, ActiveHold)


class TestOpenings:
    def test_the_others_come_when_the_early_birds_are_gone(self, house: House) -> None:
        """Refused before, with words; sold after, without anybody's help; and the trail says when it opened."""
        assert look(house) == 0
        refused = house.hold(general(house.sale, 1))
        assert isinstance(refused, Rejection)
        assert (refused.code, refused.message) == (RejectionCode.NOT_ON_SALE, "General opens when Vip is sold out.")

        house.buy(general(house.sale, EARLY_BIRDS, key="vip"))
        assert look(house) == 1
        assert look(house) == 0

        assert may_buy(house, "general")
        opened = next(tier for tier in event(house).tiers if tier.key == "general")
        assert opened.opened_at == house.clock.now()

    def test_what_lies_in_a_basket_is_gone_and_may_come_back(self, house: House) -> None:
        """It opens without waiting for a payment; when the basket lapses both are on sale, and stay so."""
        basket = house.hold(general(house.sale, EARLY_BIRDS, key="vip"))
        assert isinstance(basket, ActiveHold)
        assert look(house) == 1
        assert not may_buy(house, "vip")
        assert may_buy(house, "general")

        assert house.release(basket.id)
        assert look(house) == 0
        assert may_buy(house, "vip")
        assert may_buy(house, "general")

    def test_an_early_bird_that_is_given_back_closes_nothing(self, house: House) -> None:
        """Weeks later one returns: it is sold again, and the others go on."""
        order = house.buy(general(house.sale, EARLY_BIRDS, key="vip"))
        assert look(house) == 1
        house.refund(order.id, house.tickets(order.id)[0].id)
        house.drain()

        assert look(house) == 0
        assert may_buy(house, "vip")
        assert may_buy(house, "general")

    def test_an_early_bird_whose_time_is_over_is_waited_for_no_longer(self, house: House) -> None:
        """Unsold ones are no reason to sell nothing."""
        with house.uow() as uow:
            before = uow.events.get(house.event_id, lock=True)
            early = tuple(
                replace(tier, closes_at=house.clock.now()) if tier.key == "vip" else tier for tier in before.tiers
            )
            uow.events.save(replace(before, tiers=early))
            uow.commit()
        house.catalogue.fresh(event_id=house.event_id)

        assert look(house) == 1
        assert may_buy(house, "general")

    def test_a_cancelled_event_opens_nothing(self, house: House) -> None:
        """Even if its early birds are gone."""
        house.buy(general(house.sale, EARLY_BIRDS, key="vip"))
        with house.uow() as uow:
            uow.events.save(uow.events.get(house.event_id, lock=True).cancel())
            uow.commit()

        assert look(house) == 0
        assert all(tier.opened_at is None for tier in event(house).tiers)
