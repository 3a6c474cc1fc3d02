"""Random lives of a sale: memory and Lua must give the same answers, and the stock must always add up."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import fakeredis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from adapters.redis_locks.connections import connect
from domain.demands import Demand, demand
from domain.errors import Rejection
from domain.holds import ActiveHold, ClaimedHold, HoldLine
from domain.limits import counted_under, personal_limits
from domain.ports.inventory import Outcome, SaleDoubt, Settlement, StandingClaim, StockLevels
from tests.contract.houses import House, MemoryHouse, ValkeyHouse, ask, settlement, snapshot
from tests.fakes.sales import OPENED, best, buyer, chosen, general, mixed_sale, new_hold_id, stock_of

HOLD_SECONDS = 120
STEP_SECONDS = 50
"""Deadlines are no multiple of it, so that the moments a run itself takes never decide."""
NET_SECONDS = 1_777
STEPS = 40
LIVES = 60
LIVES_ON_VALKEY = 20

Wish = tuple[str, int | tuple[int, ...]]
Seen = tuple[object, ...] | str | bool | int | None

quantities = st.integers(1, 4)
seats = st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True).map(tuple)
best_wishes = ["best stalls", "best anywhere", "split stalls", "cheapest anywhere", "accessible stalls"]
wishes = st.one_of(
    st.tuples(st.sampled_from(["general", "vip", *best_wishes]), quantities),
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
    """One sale in two inventories, one of them in memory, living the same life."""

    def __init__(self, client: Any = None) -> None:
        super().__init__()
        self.client = client or fakeredis.FakeRedis(server=fakeredis.FakeServer())

    @initialize()
    def open_sale(self) -> None:
        self.sale = mixed_sale(
            hold_seconds=HOLD_SECONDS,
            hold_seconds_cap=3 * HOLD_SECONDS,
            extensions_max=2,
            per_buyer_max=12,
            live_holds_per_buyer=4,
            live_holds_per_address=6,
            lapses_max=2,
            cooldown_seconds=100,
            may_strand_seats=False,
            accessible=(5,),
        )
        stock = stock_of(self.sale, seats="b" + "f" * 15, free={"z:stalls": 9})
        self.elapsed = 0
        self.placed: dict[UUID, tuple[ActiveHold, int]] = {}
        self.blocked = Counter({"z:stalls": 1})
        self.sold: Counter[str] = Counter()
        self.sold_holds: list[ActiveHold] = []
        self.holds: list[ActiveHold] = []
        self.loaded: set[UUID] = set()
        self.facts = 0
        self.asked = 0
        self.houses: tuple[House, House] = (TickingHouse(), ValkeyHouse(self.client))
        for house in self.houses:
            assert house.inventory.load(sale=self.sale, stock=stock)

    @rule(cart=carts, who=st.sampled_from(["ada", "bob", "cyd"]))
    def hold(self, cart: list[Wish], who: str) -> None:
        lines = tuple(_line(self, wish) for wish in cart)
        if not isinstance(demand(self.sale, lines, now=OPENED), Demand):
            return
        self.asked += 1
        hold_id = new_hold_id(self.sale, UUID(int=self.asked))
        somebody = buyer(who, network="campus")
        answers = [ask(house, self.sale, *lines, hold_id=hold_id, who=somebody) for house in self.houses]
        assert _told(answers[0]) == _told(answers[1])
        if isinstance(answers[1], ActiveHold):
            self.holds.append(answers[1])

    @rule(place=places)
    def release(self, place: int) -> None:
        if hold := self._some(place):
            self._agree([house.inventory.release(hold_id=hold.id) for house in self.houses])

    @rule(place=places, number=st.integers(1, 3))
    def extend(self, place: int, number: int) -> None:
        if hold := self._some(place):
            terms = self.sale.terms
            self._agree(
                [_told(house.inventory.extend(hold_id=hold.id, number=number, terms=terms)) for house in self.houses]
            )

    @rule(place=places, email=st.sampled_from(["one", "two"]), placed=st.booleans())
    def begin_claim(self, place: int, email: str, placed: bool) -> None:
        """With an order in Postgres, or without: a checkout that got no further."""
        if hold := self._some(place):
            joining = personal_limits(self.sale.terms, replace(hold.buyer, email=email))
            net = timedelta(seconds=NET_SECONDS)
            answers = [
                house.inventory.begin_claim(hold_id=hold.id, until=house.now() + net, joining=joining)
                for house in self.houses
            ]
            self._agree([_told(answer) for answer in answers])
            if placed and isinstance(answers[1], ClaimedHold) and hold not in self.sold_holds:
                self.placed[hold.id.nonce] = (hold, self.elapsed + NET_SECONDS)

    @rule()
    def rebuild(self) -> None:
        """A new epoch, loaded from what Postgres knows: live holds go on, and so do claims of orders."""
        self.sale = replace(self.sale, epoch=self.sale.epoch + 1)
        known = [hold for hold, _ in self.placed.values()]
        free = Counter(self.sale.capacities())
        letters = list("b" + "f" * 15)
        buyers: Counter[str] = Counter()
        for hold in (*known, *self.sold_holds):
            free.subtract(hold.pools)
            buyers.update(dict.fromkeys(counted_under(hold.buyer), hold.units))
            for seat in hold.seats:
                letters[seat] = "s"
        free.subtract(self.blocked)
        told = []
        for house in self.houses:
            claims = tuple(
                StandingClaim(
                    hold_id=hold.id,
                    pools=hold.pools,
                    seats=hold.seats,
                    buyer=hold.buyer,
                    until=house.now() + timedelta(seconds=ends - self.elapsed),
                )
                for hold, ends in self.placed.values()
            )
            stock = StockLevels(free=dict(free), seats="".join(letters), claimed=claims, buyers=dict(buyers))
            told.append(house.inventory.load(sale=self.sale, stock=stock))
        assert told[0] == told[1]
        self.loaded = {hold.id.nonce for hold in known}

    @rule(place=places)
    def sell(self, place: int) -> None:
        """Postgres sold it, whatever became of the hold meanwhile; never what was sold to another before."""
        hold = self._some(place)
        if hold is None or hold in self.sold_holds or not self._would_fit(hold):
            return
        fact = self._fact(hold, Outcome.SOLD)
        self._agree([house.inventory.settle(settlement=fact) for house in self.houses])
        self.placed.pop(hold.id.nonce, None)
        self.sold_holds.append(hold)
        self.sold.update(hold.pools)

    @rule(place=places)
    def fail_payment(self, place: int) -> None:
        hold = self._some(place)
        if hold is None or hold in self.sold_holds:
            return
        fact = self._fact(hold, Outcome.RELEASED)
        self._agree([house.inventory.settle(settlement=fact) for house in self.houses])
        self.placed.pop(hold.id.nonce, None)

    @rule(place=places)
    def refund(self, place: int) -> None:
        if not self.sold_holds:
            return
        hold = self.sold_holds.pop(place % len(self.sold_holds))
        self.holds.remove(hold)
        fact = self._fact(hold, Outcome.RELEASED, refund=True)
        twice = [[house.inventory.settle(settlement=fact) for house in self.houses] for _ in range(2)]
        assert twice == [[True, True], [False, False]]
        self.sold.subtract(hold.pools)

    @rule(steps=st.integers(1, 40))
    def let_time_pass(self, steps: int) -> None:
        for house in self.houses:
            house.advance(seconds=steps * STEP_SECONDS)
        self.elapsed += steps * STEP_SECONDS
        self.placed = {nonce: order for nonce, order in self.placed.items() if order[1] > self.elapsed}

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
            live += [hold for nonce, (hold, _) in self.placed.items() if nonce in self.loaded]
            total = Counter(dict(now.free)) + self.sold + self.blocked
            for hold in live:
                total.update(hold.pools)
            assert total == Counter(self.sale.capacities())
            taken = [seat for hold in (*live, *self.sold_holds) for seat in hold.seats]
            assert len(taken) == len(set(taken))
            assert {index for index, state in enumerate(now.seats) if state in "hs"} == set(taken)
            assert now.seats[5] in "ahs", "a seat kept for those who ask comes back as it was"

    @invariant()
    def both_show_the_same(self) -> None:
        if hasattr(self, "houses"):
            first, second = (snapshot(house, self.sale) for house in self.houses)
            assert first == second

    def _some(self, place: int) -> ActiveHold | None:
        return self.holds[place % len(self.holds)] if self.holds else None

    def _would_fit(self, hold: ActiveHold) -> bool:
        """Postgres sells only what nobody else has: the hold's own stock, or what is free."""
        if hold.id.nonce in self.placed or self.houses[1].inventory.find(hold_id=hold.id) is not None:
            return True
        now = snapshot(self.houses[1], self.sale)
        return all(now.free[pool] >= units for pool, units in hold.pools.items()) and all(
            now.seats[seat] == "f" for seat in hold.seats
        )

    def _fact(self, hold: ActiveHold, outcome: Outcome, *, refund: bool = False) -> Settlement:
        self.facts += 1
        fact = settlement(hold, outcome, key=f"fact-{self.facts}", refund=refund)
        return replace(fact, epoch=self.sale.epoch)

    def _agree(self, answers: list[Seen]) -> None:
        assert answers[0] == answers[1]


def _line(life: SaleLife, wish: Wish) -> HoldLine:
    kind, asked = wish
    if isinstance(asked, tuple):
        return chosen(life.sale, *asked, key=kind)
    how, _, tier = kind.partition(" ")
    match how:
        case "best":
            return best(life.sale, asked, tier)
        case "split":
            return best(life.sale, asked, tier, split=True)
        case "cheapest":
            return best(life.sale, asked, tier, "stalls", cheapest=True)
        case "accessible":
            return best(life.sale, asked, tier, accessible=True)
        case _:
            return general(life.sale, asked, kind)


def _told(answer: ActiveHold | ClaimedHold | Rejection | SaleDoubt) -> Seen:
    """An answer without its moments, which differ between two clocks."""
    if isinstance(answer, Rejection):
        timeless = {name: value for name, value in answer.details.items() if name not in {"until", "expires_at"}}
        return (answer.code, answer.message, timeless)
    if isinstance(answer, SaleDoubt):
        return (answer,)
    extensions = answer.extensions if isinstance(answer, ActiveHold) else None
    return (type(answer), answer.id, answer.epoch, answer.lines, dict(answer.pools), answer.buyer, extensions)


def _lives(many: int) -> settings:
    return settings(
        max_examples=many,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def test_memory_and_lua_live_the_same_life() -> None:
    """Many lives on fakeredis, which takes no time of its own."""
    run_state_machine_as_test(SaleLife, settings=_lives(LIVES))


def test_memory_and_valkey_live_the_same_life(redis_url: str) -> None:
    """Fewer lives on a real server, each with a sale of its own."""
    client = connect(redis_url)
    on_valkey = cast("type[SaleLife]", partial(SaleLife, client))
    run_state_machine_as_test(on_valkey, settings=_lives(LIVES_ON_VALKEY))
    client.close()
