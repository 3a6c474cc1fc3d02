"""An event on another date: what it grants, and that everybody with a ticket hears of it once."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from application.commands.postpone_event import PostponeEvent, postpone_event, tell_of_new_dates
from application.queries.buyers_reason import buyers_reason
from domain.errors import Rejection
from domain.events import Event
from domain.orders import Order
from domain.refund_policies import RefundReason
from tests.fakes.sales import general
from tests.unit.application.house import House


def step(house: House) -> dict[str, Any]:
    return {"unit_of_work": house.uow, "clock": house.clock, "ids": house.ids, "wakeup": house.wakeup}


def within(house: House, **span: float) -> datetime:
    return house.clock.now() + timedelta(**span)


def postponed(
    house: House, *, starts_at: datetime | None = None, refunds_until: datetime | None = None, note: str = ""
) -> Event | Rejection:
    command = PostponeEvent(
        event_id=house.event_id,
        starts_at=starts_at or within(house, days=200),
        refunds_until=refunds_until,
        note=note,
        actor="ada@house.example",
    )
    return postpone_event(command, **step(house))


def reason(house: House, order: Order) -> RefundReason:
    with house.uow() as uow:
        return buyers_reason(order, uow=uow, now=house.clock.now())


def tell(house: House) -> None:
    while tell_of_new_dates(access=house.access, **step(house)):
        pass
    house.drain()


def test_everything_moves_along(house: House) -> None:
    """Doors, start and end; the sale learns of it, and the trail says from when to when."""
    before = house.store.state.events[house.event_id]
    wanted = within(house, days=200)

    moved = postponed(house, starts_at=wanted)

    assert isinstance(moved, Event), moved
    assert moved.starts_at == wanted
    assert moved.doors_at - before.doors_at == moved.ends_at - before.ends_at == wanted - before.starts_at
    assert moved.terms.closes_at == moved.ends_at < before.terms.closes_at
    assert house.store.state.events[house.event_id] == moved
    (entry,) = (each for each in house.store.state.audit.values() if each.action == "event.postponed")
    assert entry.details["after"] == {"starts_at": wanted.isoformat()}


def test_everybody_with_a_ticket_is_told_once(house: House) -> None:
    """What is new, what they may do until when, and the way to their tickets."""
    order = house.buy(general(house.sale, 1))
    said = len(house.texts())

    postponed(house, refunds_until=within(house, days=14), note="The singer is ill.")
    tell(house)
    tell(house)

    (text,) = house.texts()[said:]
    assert "Small House Night moves to 10 Jun 2027, 13:00" in text
    assert "The singer is ill." in text
    assert "give them back until 6 Dec 2026, 12:00" in text
    assert house.access.order_url(order.id) in text


def test_a_buyer_whom_the_new_date_does_not_suit_may_give_back(house: House) -> None:
    """For as long as was promised, and only who had bought before; afterwards the policy decides."""
    order = house.buy(general(house.sale, 1))
    assert reason(house, order) is RefundReason.BUYERS_WISH
    postponed(house, refunds_until=within(house, days=14))
    house.clock.advance(seconds=60)
    newcomer = house.buy(general(house.sale, 1))

    assert reason(house, order) is RefundReason.POSTPONED
    assert reason(house, newcomer) is RefundReason.BUYERS_WISH
    house.clock.advance(seconds=15 * 86_400)
    assert reason(house, order) is RefundReason.BUYERS_WISH


@pytest.mark.parametrize(
    ("days", "refund_days", "says"),
    [
        (-1, None, "in the future"),
        (5_000, None, "in the future"),
        (200, 201, "between now and the new date"),
        (200, -1, "between now and the new date"),
    ],
)
def test_a_date_that_makes_no_sense_is_refused(house: House, days: float, refund_days: float | None, says: str) -> None:
    """With words that say what to do, and nothing changes."""
    until = None if refund_days is None else within(house, days=refund_days)

    answer = postponed(house, starts_at=within(house, days=days), refunds_until=until)

    assert isinstance(answer, Rejection)
    assert says in answer.message
    assert not house.store.state.postponements


def test_the_same_date_is_no_other_date(house: House) -> None:
    """Moving twice to one date is said, not done."""
    wanted = within(house, days=200)
    assert isinstance(postponed(house, starts_at=wanted), Event)

    assert isinstance(postponed(house, starts_at=wanted), Rejection)
    assert len(house.store.state.postponements) == 1


def test_a_cancelled_event_stays_cancelled(house: House) -> None:
    """It has no other date."""
    event = house.store.state.events[house.event_id]
    house.store.state.events[house.event_id] = event.cancel()

    assert isinstance(postponed(house), Rejection)
