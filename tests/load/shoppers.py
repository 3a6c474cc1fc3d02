"""Buyers who go on asking until they are answered, as clients with a hold id and the outbox do, and remember it all.

They speak to the inventory's port only. Whatever happens to the server in between, what they were told must be true.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Barrier, Event
from time import monotonic, sleep
from typing import TypeVar

from domain.demands import Demand, demand, price
from domain.errors import InventoryUnavailable, Rejection, RejectionCode
from domain.events import HOLD_SECONDS_DEFAULT, PER_BUYER_MAX, Sale
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, HoldId, HoldLine, fingerprint
from domain.ports.inventory import Inventory, Outcome, SaleDoubt
from tests.contract.houses import settlement
from tests.fakes.sales import OPENED, best, buyer, chosen, general, mixed_sale, new_hold_id
from tests.load.accounts import Accounts, balanced
from tests.processes import eventually

T = TypeVar("T")
R = TypeVar("R")
PATIENCE_SECONDS = 60
RETRY_SECONDS = 0.02
KEEPERS = 2
"""Shoppers who keep what they have, one hold and one purchase each: enough to matter, and the others find something."""
NET = timedelta(hours=1)
FLOOR, STALLS = 12, 10
NEVER_SAID = frozenset({RejectionCode.HOLD_LAPSED, RejectionCode.IDEMPOTENCY_MISMATCH})
"""Refusals that would mean that somebody's hold was lost or taken for another's."""


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run every task in a thread of its own, all let go at the same moment."""
    gate = Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        gate.wait(PATIENCE_SECONDS)
        return task()

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def crowded_sale(*, hold_seconds: int = HOLD_SECONDS_DEFAULT) -> Sale:
    """Few places of every kind, and limits that nobody reaches: what is refused is refused for want of stock."""
    return mixed_sale(per_buyer_max=PER_BUYER_MAX, live_holds_per_buyer=PER_BUYER_MAX, hold_seconds=hold_seconds)


@dataclass
class Shopper:
    """One of them, in a thread of its own."""

    inventory: Inventory
    sale: Sale
    name: str
    is_keeper: bool = False
    known: list[HoldId] = field(default_factory=list)
    sold: list[ActiveHold] = field(default_factory=list)
    kept: list[ActiveHold] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = Random(self.name)

    @property
    def who(self) -> BuyerFingerprint:
        return buyer(self.name)

    def shop(self, stop: Event) -> None:
        """One cart after the other."""
        while not stop.is_set():
            self.one_cart()

    def one_cart(self) -> None:
        """Hold some places, then give them back, keep them, or buy them and perhaps be refunded."""
        hold_id = new_hold_id(self.sale)
        self.known.append(hold_id)
        cart = self._cart()
        answer = self._answer(lambda: self._ask(hold_id, cart))
        if isinstance(answer, Rejection):
            assert answer.code not in NEVER_SAID, answer
            self.told[answer.code.value] += 1
            return
        assert isinstance(answer, ActiveHold), answer
        self.told["held"] += 1
        if self.dice.random() < 0.2:
            assert self._answer(lambda: self._ask(hold_id, cart)) == answer, "a retry finds its hold"
        match self.dice.randrange(4):
            case 0:
                self.kept.append(answer)
                if len(self.kept) > self.is_keeper:
                    self._release(self.kept.pop(0))
            case 1:
                self._release(answer)
            case _:
                self._buy(answer)

    def _release(self, hold: ActiveHold) -> None:
        self._answer(lambda: self.inventory.release(hold_id=hold.id))
        assert self._answer(lambda: self.inventory.find(hold_id=hold.id)) is None, "what was given back is gone"

    def _buy(self, hold: ActiveHold) -> None:
        claim = self._answer(lambda: self.inventory.begin_claim(hold_id=hold.id, until=datetime.now(UTC) + NET))
        assert isinstance(claim, ClaimedHold), claim
        assert (claim.pools, claim.seats) == (hold.pools, hold.seats)
        if self.dice.random() < 0.4:
            self._settle(hold, Outcome.RELEASED)
            return
        self._settle(hold, Outcome.SOLD)
        self.sold.append(hold)
        if len(self.sold) > self.is_keeper:
            self._settle(self.sold.pop(0), Outcome.RELEASED, refund=True)

    def _settle(self, hold: ActiveHold, outcome: Outcome, *, refund: bool = False) -> None:
        fact = settlement(hold, outcome, key=f"{hold.id}-{outcome}-{refund}", refund=refund)
        answer = self._answer(lambda: self.inventory.settle(settlement=fact))
        assert not isinstance(answer, SaleDoubt), answer

    def _ask(self, hold_id: HoldId, cart: tuple[HoldLine, ...]) -> ActiveHold | Rejection | SaleDoubt:
        wanted = demand(self.sale, cart, now=OPENED)
        assert isinstance(wanted, Demand), wanted
        return self.inventory.hold(
            hold_id=hold_id,
            sale=self.sale,
            demand=wanted,
            lines=price(self.sale, cart, now=OPENED),
            fingerprint=fingerprint(cart),
            buyer=self.who,
        )

    def _cart(self) -> tuple[HoldLine, ...]:
        sale, dice = self.sale, self.dice
        lines: list[HoldLine] = [
            general(sale, dice.randint(1, 2)),
            general(sale, 1, "vip"),
            chosen(sale, *dice.sample(range(STALLS), dice.randint(1, 2))),
            best(sale, dice.randint(1, 2), "anywhere"),
        ]
        return tuple(dice.sample(lines, dice.randint(1, 2)))

    def _answer(self, ask: Callable[[], R]) -> R:
        """The server's answer, however often one must ask. Anything but an explicit refusal is a failing test."""
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return ask()
            except InventoryUnavailable:
                self.told["unavailable"] += 1
                if monotonic() > deadline:
                    raise
                sleep(RETRY_SECONDS)


@dataclass(kw_only=True)
class Crowd:
    """Shoppers at work. A test breaks something, waits until they noticed, mends it, and takes the accounts."""

    sale: Sale
    shoppers: tuple[Shopper, ...]

    def told(self, word: str) -> int:
        """How often anybody was told so."""
        return sum(shopper.told[word] for shopper in self.shoppers)

    def hears(self, word: str, *, times: int) -> None:
        """Wait until the crowd as a whole was told so that many times more."""
        before = self.told(word)
        assert eventually(lambda: self.told(word) >= before + times, seconds=PATIENCE_SECONDS), f"never heard {word}"

    def everybody_hears(self, word: str) -> None:
        """Wait until each of them was told so once more."""
        before = [shopper.told[word] for shopper in self.shoppers]
        assert eventually(
            lambda: all(one.told[word] > count for one, count in zip(self.shoppers, before, strict=True)),
            seconds=PATIENCE_SECONDS,
        ), f"not everybody heard {word}"

    def balanced(self, inventory: Inventory) -> Accounts:
        """The accounts add up, and each hold that somebody kept is still there, whole, and nobody else's."""
        found = balanced(
            inventory,
            self.sale,
            known=[hold_id for shopper in self.shoppers for hold_id in shopper.known],
            sold=[hold for shopper in self.shoppers for hold in shopper.sold],
        )
        kept = [hold for shopper in self.shoppers for hold in shopper.kept]
        assert found.live == {hold.id: hold for hold in kept}
        return found


@contextmanager
def crowd_at(inventory: Inventory, sale: Sale, *, size: int) -> Iterator[Crowd]:
    """They shop inside the block; when it ends, each finishes the cart that it is at."""
    crowd = Crowd(
        sale=sale, shoppers=tuple(Shopper(inventory, sale, f"shopper-{n}", is_keeper=n < KEEPERS) for n in range(size))
    )
    stop = Event()
    with ThreadPoolExecutor(size) as threads:
        working = [threads.submit(shopper.shop, stop) for shopper in crowd.shoppers]
        try:
            crowd.hears("held", times=size)
            yield crowd
            crowd.hears("held", times=size)
        finally:
            stop.set()
    for one in working:
        one.result()
