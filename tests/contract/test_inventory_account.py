"""What every inventory promises about telling who has what."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from domain.holds import ClaimedHold
from domain.ports.inventory import Outcome
from domain.reconciliation import Difference, Drift, differences
from tests.contract.houses import HOUSES, House, held, house_of, opened, settlement
from tests.fakes.sales import best, buyer, chosen, general, general_sale, mixed_sale, stock_of


@pytest.fixture(params=HOUSES)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with house_of(request.param, request) as made:
        yield made


def test_nothing_loaded_is_no_account(house: House) -> None:
    """As with a snapshot: never "all free"."""
    assert house.inventory.account(event_id=general_sale().event_id) is None


def test_holds_claims_and_what_is_free_add_up(house: House) -> None:
    """Units of holds by pool, picked seats included; each claim by itself, as Postgres knows it by its hold."""
    sale = opened(house, mixed_sale())
    held(house, sale, general(sale, 2), chosen(sale, 0, 1), who=buyer("ada"))
    held(house, sale, best(sale, 2, "anywhere"), who=buyer("bob"))
    claim = held(house, sale, general(sale, 1, "vip"), best(sale, 2), who=buyer("cyd"))
    sold = held(house, sale, general(sale, 3), who=buyer("dan"))
    assert isinstance(
        house.inventory.begin_claim(hold_id=claim.id, until=house.now() + timedelta(minutes=30)), ClaimedHold
    )
    house.inventory.settle(settlement=settlement(sold, Outcome.SOLD))

    account = house.inventory.account(event_id=sale.event_id)

    assert account is not None
    assert account.held == {"z:floor": 2, "t:vip": 0, "z:stalls": 4, "z:balcony": 0, "t:anywhere": 2}
    assert account.claims == {claim.id.nonce: {"z:floor": 1, "t:vip": 1, "z:stalls": 2}}
    assert account.free == {"z:floor": 6, "t:vip": 3, "z:stalls": 4, "z:balcony": 6, "t:anywhere": 7}
    assert (account.epoch, account.strays) == (sale.epoch, ())
    assert account.seats.count("h") == 6


def test_a_lapsed_hold_has_its_stock_until_it_is_given_back(house: House) -> None:
    """Late is not wrong: nothing differs for as long as nobody has swept."""
    sale = opened(house, general_sale(hold_seconds=120))
    held(house, sale, general(sale, 5))
    house.advance(seconds=300)

    account = house.inventory.account(event_id=sale.event_id)

    assert account is not None
    assert differences(account, stock_of(sale), settled=True) == ()


def test_stock_that_somebody_lost_is_found(house: House) -> None:
    """Postgres has sold two of what is free here, and has free what was sold here."""
    sale = opened(house, general_sale(capacity=10))
    gone = held(house, sale, general(sale, 4))
    house.inventory.settle(settlement=settlement(gone, Outcome.SOLD))

    account = house.inventory.account(event_id=sale.event_id)

    assert account is not None
    offered = differences(account, stock_of(sale, free={"z:floor": 4}), settled=True)
    stranded = differences(account, stock_of(sale), settled=True)
    assert offered == (Difference(drift=Drift.OFFERED, what="z:floor", units=2),)
    assert stranded == (Difference(drift=Drift.STRANDED, what="z:floor", units=4),)
    assert differences(account, stock_of(sale), settled=False) == (), "its return may still be under way"


def test_servers_are_named_for_as_long_as_they_live(house: House) -> None:
    """The same word for the same server, whoever asks and however often."""
    sale = opened(house, general_sale())

    first = house.inventory.serving(event_ids=(sale.event_id,))

    assert first == house.inventory.serving(event_ids=(sale.event_id,))
    assert first.keys() <= {sale.event_id}
