"""Random lives of a sale: memory and Lua must give the same answers, and the stock must always add up."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import fakeredis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import Rejection
from domain.holds import ActiveHold, ClaimedHold, Demand, HoldLine, demand
from domain.ports.inventory import Outcome, SaleDoubt
from tests.contract.houses import House, MemoryHouse, ValkeyHouse, ask, settlement, snapshot
from tests.fakes.sales import best, buyer, chosen, general, mixed_sale, new_hold_id, stock_of

HOLD_SECONDS = 120
STEP_SECONDS = 50
"""Deadlines are no multiple of it, so that the moments a run itself takes never decide."""
NET_SECONDS = 1_777
STEPS = 40
LIVES = 60

Wish = tuple[str, int | tuple[int, ...]]
Seen = tuple[object, ...] | str | bool | int | None

quantities = st.integers(1, 4)
seats = st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True).map(tuple)
wishes = st.one_of(
    st.tuples(st.sampled_from(["general", "vip", "best stalls", "best anywhere"]), quantities),
    st.tuples(st.just("stalls"), seats),
)
carts = st.lists(wishes, min_size=1, max_size=3)
places = st.integers(0, 1_000)


@dataclass
class TickingHouse(MemoryHouse):
    """Every look at the clock is a millisecond later, so that holds lapse in the order in which they were made."""

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


class SaleLife(RuleBasedStateMachine):
    """One sale in two inventories, living the same life."""

    @initialize()
    def open_sale(self) -> None:
        self.sale = mixed_sale(hold_seconds=HOLD_SECONDS, per_buyer_max=12, live_holds_per_buyer=4)
        stock = stock_of(self.sale, seats="b" + "f" * 15, free={"z:stalls": 9})
        self.blocked = Counter({"z:stalls": 1})
        self.sold: Counter[str] = Counter()
        self.sold_holds: list[ActiveHold] = []
        self.holds: list[ActiveHold] = []
        self.facts = 0
        self.asked = 0
        self.houses: tuple[House, House] = (
            TickingHouse(),
            ValkeyHouse(fakeredis.FakeRedis(server=fakeredis.FakeServer())),
        )
        for house in self.houses:
            assert house.inventory.load(sale=self.sale, stock=stock)

    @rule(cart=carts, who=st.sampled_from(["ada", "bob", "cyd"]))
    def hold(self, cart: list[Wish], who: str) -> None:
        lines = tuple(_line(self, wish) for wish in cart)
        if not isinstance(demand(self.sale, lines), Demand):
            return
        self.asked += 1
        hold_id = new_hold_id(self.sale, UUID(int=self.asked))
        answers = [ask(house, self.sale, *lines, hold_id=hold_id, who=buyer(who)) for house in self.houses]
        assert _told(answers[0]) == _told(answers[1])
        if isinstance(answers[1], ActiveHold):
            self.holds.append(answers[1])

    @rule(place=places)
    def release(self, place: int) -> None:
        if hold := self._some(place):
            self._agree([house.inventory.release(hold_id=hold.id) for house in self.houses])

    @rule(place=places)
    def begin_claim(self, place: int) -> None:
        if hold := self._some(place):
            net = timedelta(seconds=NET_SECONDS)
            self._agree(
                [_told(house.inventory.begin_claim(hold_id=hold.id, until=house.now() + net)) for house in self.houses]
            )

    @rule(place=places)
    def sell(self, place: int) -> None:
        """Postgres sold it, whatever became of the hold meanwhile; never what was sold to another before."""
        hold = self._some(place)
        if hold is None or hold in self.sold_holds or not self._would_fit(hold):
            return
        fact = settlement(hold, Outcome.SOLD, key=self._new_key())
        self._agree([house.inventory.settle(settlement=fact) for house in self.houses])
        self.sold_holds.append(hold)
        self.sold.update(hold.pools)

    @rule(place=places)
    def fail_payment(self, place: int) -> None:
        hold = self._some(place)
        if hold is None or hold in self.sold_holds:
            return
        fact = settlement(hold, Outcome.RELEASED, key=self._new_key())
        self._agree([house.inventory.settle(settlement=fact) for house in self.houses])

    @rule(place=places)
    def refund(self, place: int) -> None:
        if not self.sold_holds:
            return
        hold = self.sold_holds.pop(place % len(self.sold_holds))
        self.holds.remove(hold)
        fact = settlement(hold, Outcome.RELEASED, key=self._new_key(), refund=True)
        twice = [[house.inventory.settle(settlement=fact) for house in self.houses] for _ in range(2)]
        assert twice == [[True, True], [False, False]]
        self.sold.subtract(hold.pools)

    @rule(steps=st.integers(1, 40))
    def let_time_pass(self, steps: int) -> None:
        for house in self.houses:
            house.advance(seconds=steps * STEP_SECONDS)

    @rule(at_most=st.integers(1, 5))
    def sweep(self, at_most: int) -> None:
        self._agree([house.inventory.sweep(event_id=self.sale.event_id, at_most=at_most) for house in self.houses])

    @rule()
    def ask_with_an_older_sale(self) -> None:
        older = replace(self.sale, epoch=self.sale.epoch - 1)
        assert [ask(house, older, general(older, 1)) for house in self.houses] == [SaleDoubt.STALE] * 2

    @rule()
    def audit(self) -> None:
        """capacity = free + held + claimed + sold + blocked, pool by pool; and seats tell the same."""
        for house in self.houses:
            while house.inventory.sweep(event_id=self.sale.event_id, at_most=100):
                pass
            now = snapshot(house, self.sale)
            found = [house.inventory.find(hold_id=hold.id) for hold in self.holds]
            live = [hold for hold in found if hold is not None]
            total = Counter(dict(now.free)) + self.sold + self.blocked
            for hold in live:
                total.update(hold.pools)
            assert total == Counter(self.sale.capacities())
            taken = [seat for hold in (*live, *self.sold_holds) for seat in hold.seats]
            assert len(taken) == len(set(taken))
            assert {index for index, state in enumerate(now.seats) if state in "hs"} == set(taken)

    @invariant()
    def both_show_the_same(self) -> None:
        if hasattr(self, "houses"):
            first, second = (snapshot(house, self.sale) for house in self.houses)
            assert first == second

    def _some(self, place: int) -> ActiveHold | None:
        return self.holds[place % len(self.holds)] if self.holds else None

    def _would_fit(self, hold: ActiveHold) -> bool:
        """Postgres sells only what nobody else has: the hold's own stock, or what is free."""
        found = self.houses[1].inventory.find(hold_id=hold.id)
        if found is not None:
            return True
        now = snapshot(self.houses[1], self.sale)
        return all(now.free[pool] >= units for pool, units in hold.pools.items()) and all(
            now.seats[seat] == "f" for seat in hold.seats
        )

    def _new_key(self) -> str:
        self.facts += 1
        return f"fact-{self.facts}"

    def _agree(self, answers: list[Seen]) -> None:
        assert answers[0] == answers[1]


def _line(life: SaleLife, wish: Wish) -> HoldLine:
    kind, asked = wish
    if isinstance(asked, tuple):
        return chosen(life.sale, *asked, key=kind)
    if kind.startswith("best "):
        return best(life.sale, asked, kind.removeprefix("best "))
    return general(life.sale, asked, kind)


def _told(answer: ActiveHold | ClaimedHold | Rejection | SaleDoubt) -> Seen:
    """An answer without its moments, which differ between two clocks."""
    if isinstance(answer, Rejection):
        return (answer.code, answer.message, dict(answer.details))
    if isinstance(answer, SaleDoubt):
        return (answer,)
    return (type(answer), answer.id, answer.lines, dict(answer.pools), answer.buyer)


TestSaleLife = SaleLife.TestCase
TestSaleLife.settings = settings(
    max_examples=LIVES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
