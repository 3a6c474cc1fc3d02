"""Postponements in memory."""

from datetime import datetime

from domain.errors import NotFound
from domain.events import EventId
from domain.orders import PAID, OrderId
from domain.postponements import Postponement
from tests.fakes.store_state import State, holds, unique


class FakePostponements:
    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, postponement: Postponement) -> None:
        holds(postponement.event_id in self._state.events, "a postponement needs its event")
        unique(postponement.id not in self._state.postponements, f"postponement {postponement.id}")
        self._state.postponements[postponement.id] = postponement

    def newest(self, event_id: EventId) -> Postponement | None:
        own = [one for one in self._state.postponements.values() if one.event_id == event_id]
        return max(own, key=lambda one: (one.at, one.id), default=None)

    def untold(self) -> Postponement | None:
        waiting = [one for one in self._state.postponements.values() if one.told_at is None]
        return min(waiting, key=lambda one: one.at, default=None)

    def save(self, postponement: Postponement) -> None:
        if postponement.id not in self._state.postponements:
            raise NotFound("postponement")
        self._state.postponements[postponement.id] = postponement

    def orders_to_tell(
        self, event_id: EventId, *, placed_by: datetime, after: OrderId | None, at_most: int
    ) -> tuple[OrderId, ...]:
        found = sorted(
            order.id
            for order in self._state.orders.values()
            if order.event_id == event_id
            and order.state in PAID
            and order.placed_at <= placed_by
            and (after is None or order.id > after)
        )
        return tuple(found[:at_most])
