"""More time for a buyer who is still choosing."""

from application.commands.extend_hold import extend_hold
from domain.errors import Rejection, RejectionCode
from domain.holds import ActiveHold, HoldId
from tests.fakes.sales import general
from tests.unit.application.house import House


def extend(house: House, hold_id: HoldId, number: int | None = None) -> ActiveHold | Rejection:
    return extend_hold(hold_id, number=number, catalogue=house.catalogue, inventory=house.inventory)


def test_the_next_extension_is_given_and_then_no_more(house: House) -> None:
    """As often as the sale's terms say."""
    hold = house.hold(general(house.sale, 2))
    assert isinstance(hold, ActiveHold)
    house.clock.advance(seconds=60)

    extended, again = extend(house, hold.id), extend(house, hold.id)

    assert isinstance(extended, ActiveHold)
    assert extended.expires_at > hold.expires_at
    assert isinstance(again, Rejection)
    assert again.code is RejectionCode.EXTENSIONS_USED_UP


def test_who_says_which_extension_may_repeat_the_call(house: House) -> None:
    """The same number is the same extension."""
    hold = house.hold(general(house.sale, 2))
    assert isinstance(hold, ActiveHold)
    house.clock.advance(seconds=60)

    assert extend(house, hold.id, 1) == extend(house, hold.id, 1)


def test_a_hold_that_is_gone_or_being_paid_is_not_extended(house: House) -> None:
    """Each is told why."""
    gone, paid = house.hold(general(house.sale, 1)), house.hold(general(house.sale, 1))
    assert isinstance(gone, ActiveHold)
    assert isinstance(paid, ActiveHold)
    house.inventory.release(hold_id=gone.id)
    house.checkout(paid.id)

    answers = [extend(house, gone.id), extend(house, paid.id)]

    assert [answer.code for answer in answers if isinstance(answer, Rejection)] == [
        RejectionCode.HOLD_LAPSED,
        RejectionCode.CHECKOUT_IN_PROGRESS,
    ]
