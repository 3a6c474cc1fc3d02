"""Races over HTTP on the running house: many buyers, one moment, and the winners are counted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import TypeVar

import pytest

from tests.e2e.buyers import FESTIVAL, THEATRE, Buyer, Json, answered, until
from tests.live_house import Live

pytestmark = [pytest.mark.xdist_group("house"), pytest.mark.timeout(120)]

PATIENCE_SECONDS = 60
SEAT_BUYERS, LATE_BUYERS, CLICKS = 50, 40, 10
NIGHT = "voltage-all-night"
CAPACITY, PER_BUYER, LEFT = 60, 4, 20
"""The night's gallery: so many cushions, so many for one buyer, so many when the race begins."""

T = TypeVar("T")
R = TypeVar("R")


@pytest.fixture
def crowd(live: Live) -> Iterator[list[Buyer]]:
    """Fifty strangers."""
    with ExitStack() as doors:
        yield [doors.enter_context(Buyer(live)) for _ in range(SEAT_BUYERS)]


def at_once(act: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """Let a thread for each thing act on it, all in the same moment."""
    gate = Barrier(len(things))

    def wait_and_act(thing: T) -> R:
        gate.wait(PATIENCE_SECONDS)
        return act(thing)

    with ThreadPoolExecutor(len(things)) as pool:
        return list(pool.map(wait_and_act, things, timeout=PATIENCE_SECONDS))


def test_one_seat_has_one_winner(crowd: list[Buyer]) -> None:
    """Fifty buyers ask for the same seat: one holds it, forty-nine hear which seat is taken, nobody hears an error."""
    scout = crowd[0]
    plan, seats = scout.plan(THEATRE), scout.availability(THEATRE)["seats"]
    seat = next(index for index in plan.in_zone("front-stalls") if seats[index] == "f")
    item = {"tier": "premium", "seats": plan.ids([seat])}

    answers = at_once(lambda buyer: buyer.ask_for(THEATRE, item), crowd)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: SEAT_BUYERS - 1}
    for buyer, answer in zip(crowd, answers, strict=True):
        if answer.status_code == 201:
            buyer.release(answer.json())
        else:
            assert (answer.json()["code"], answer.json()["seats"]) == ("seats_taken", item["seats"])
    assert scout.availability(THEATRE)["seats"][seat] == "f"


def test_the_last_tickets_go_to_as_many_buyers(live: Live, crowd: list[Buyer]) -> None:
    """Forty buyers for twenty tickets: twenty hold one, twenty are told that it is sold out, none is stranded."""
    with ExitStack() as doors:
        early = [doors.enter_context(Buyer(live)) for _ in range((CAPACITY - LEFT) // PER_BUYER)]
        held = [buyer.hold(NIGHT, gallery(PER_BUYER)) for buyer in early]
        late = crowd[:LATE_BUYERS]

        answers = at_once(lambda buyer: buyer.ask_for(NIGHT, gallery(1)), late)

        assert Counter(answer.status_code for answer in answers) == {201: LEFT, 409: LATE_BUYERS - LEFT}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"sold_out"}
        until(lambda: free(crowd[0], NIGHT, "gallery"), lambda now: now == 0)
        for buyer, hold in zip(early, held, strict=True):
            buyer.release(hold)
        for buyer, answer in zip(late, answers, strict=True):
            if answer.status_code == 201:
                buyer.release(answer.json())
        until(lambda: free(crowd[0], NIGHT, "gallery"), lambda now: now == CAPACITY)


def test_two_checkouts_of_one_hold_are_one_order(live: Live) -> None:
    """A double click, ten times over: one order, one payment page, and the stock is claimed once."""
    with Buyer(live) as buyer:
        hold = buyer.hold(FESTIVAL, {"tier": "general", "quantity": 2})
        before = buyer.availability(FESTIVAL)["zones"]

        answers = at_once(lambda _: buyer.ask_to_check_out(hold), range(CLICKS))

        checkouts = [answered(answer, 201) for answer in answers]
        assert len({checkout["order"]["id"] for checkout in checkouts}) == 1
        assert len({checkout["checkout_url"] for checkout in checkouts}) == 1
        assert buyer.availability(FESTIVAL)["zones"] == before


def test_one_idempotency_key_is_one_hold(live: Live) -> None:
    """An impatient program repeats itself ten times in the same moment and holds two tickets, not twenty."""
    with Buyer(live) as buyer:
        before = free(buyer, FESTIVAL, "field")
        wish: Json = {"tier": "general", "quantity": 2}

        answers = at_once(lambda _: buyer.ask_for(FESTIVAL, wish, key="the-only-one"), range(CLICKS))

        holds = [answered(answer, 201) for answer in answers]
        assert len({hold["id"] for hold in holds}) == 1
        assert len({hold["token"] for hold in holds}) == 1
        until(lambda: free(buyer, FESTIVAL, "field"), lambda now: now == before - 2)
        buyer.release(holds[0])
        until(lambda: free(buyer, FESTIVAL, "field"), lambda now: now == before)


def gallery(quantity: int) -> Json:
    return {"tier": "gallery", "quantity": quantity}


def free(buyer: Buyer, event: str, zone: str) -> int:
    zones: dict[str, int] = buyer.availability(event)["zones"]
    return zones[zone]
