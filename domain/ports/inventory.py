"""Inventory: the fast arbiter of free stock (Valkey). A rebuildable cache, never the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.demands import Demand
from domain.errors import Rejection
from domain.events import EventId, Sale, SaleTerms
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, HeldLine, HoldId
from domain.limits import Limit
from domain.seat_maps import SeatIndex

SEAT_FREE = "f"
SEAT_HELD = "h"
SEAT_SOLD = "s"
SEAT_BLOCKED = "b"
SEAT_ACCESSIBLE = "a"
SEAT_COMPANION = "c"
SEATS_TO_BE_HAD = frozenset({SEAT_FREE, SEAT_ACCESSIBLE, SEAT_COMPANION})
"""One character a seat, in seat order, in Valkey and on the wire. ``a`` and ``c`` are free too, for whoever asks for an
accessible seat and for who comes along. ``s`` is allocated, or was claimed in Postgres when the stock was loaded."""


class SaleDoubt(StrEnum):
    """Why the inventory would not decide: its stock and the caller's idea of the sale do not belong together."""

    REBUILD = "rebuild"
    """No stock is loaded, or it is of an older epoch than the caller's: rebuild from Postgres, then ask again."""
    STALE = "stale"
    """The caller's sale is older than the stock: read it again from the catalogue, then ask again."""


class Outcome(StrEnum):
    """How Postgres ended a claim."""

    SOLD = "sold"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevels:
    """All stock of a sale as Postgres knows it, to load into an inventory.

    ``free`` by pool key, seats included in their zones' pools; a tier whose limit was lifted has none. ``seats`` is the
    availability string.
    ``claimed`` are the claims whose orders still wait for payment, so that their end can be told later.
    ``buyers`` counts units by buyer key over live orders.
    """

    free: Mapping[str, int]
    seats: str
    claimed: tuple["StandingClaim", ...]
    buyers: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingClaim:
    """A claim in Postgres as an inventory must know it. ``until`` is the safety net's end."""

    hold_id: HoldId
    pools: Mapping[str, int]
    seats: tuple[SeatIndex, ...]
    buyer: BuyerFingerprint
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Postgres' word on stock that was claimed or sold. Applied at most once per ``key`` and only in ``epoch``.

    An inventory of a later epoch was loaded after this fact and knows it already. ``hold_id`` is None for
    stock that was sold and comes back (a refund). ``buyers`` are the keys whose count of tickets it changes.
    """

    key: str
    event_id: EventId
    epoch: int
    hold_id: HoldId | None
    outcome: Outcome
    pools: Mapping[str, int]
    seats: tuple[SeatIndex, ...]
    buyers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What became of the live holds of the epoch before: kept where their stock was still free, dropped otherwise."""

    kept: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is free at one moment. ``version`` rises by one with every change within an ``epoch``."""

    event_id: EventId
    epoch: int
    version: int
    free: Mapping[str, int]
    seats: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All stock at one moment, and who has it, to be compared with Postgres.

    ``free`` may be less than nothing, after a capacity was lowered. ``held`` are the units of live holds by pool; None
    when there were too many of them to go through. ``claims`` are units by pool by hold nonce. ``strays`` are seats
    that read as held and are nobody's.
    """

    epoch: int
    version: int
    free: Mapping[str, int]
    seats: str
    held: Mapping[str, int] | None
    claims: Mapping[UUID, Mapping[str, int]]
    strays: tuple[SeatIndex, ...]


class Inventory(Protocol):
    """Every method is one atomic step. Raises InventoryUnavailable when the server cannot answer."""

    def hold(
        self,
        *,
        hold_id: HoldId,
        sale: Sale,
        demand: Demand,
        lines: tuple[HeldLine, ...],
        fingerprint: str,
        buyer: BuyerFingerprint,
    ) -> ActiveHold | Rejection | SaleDoubt:
        """Take all of ``demand`` until the sale's hold length has passed, or nothing.

        Idempotent by ``hold_id``: the same fingerprint finds the hold as it is, another one is
        IDEMPOTENCY_MISMATCH. The server's own clock decides whether the sale is open. Rejections:
        SALE_NOT_STARTED, SALE_ENDED, SOLD_OUT (``pools``), SEATS_TAKEN (``seats``: indexes), SEAT_STRANDED (likewise),
        LIMIT_REACHED, TOO_MANY_HOLDS, COOLING_DOWN, HOLD_LAPSED (a retry that came too late), IDEMPOTENCY_MISMATCH.
        """
        ...

    def find(self, *, hold_id: HoldId) -> ActiveHold | ClaimedHold | None:
        """The hold as it is now, or None when it lapsed, was released or never was.

        Also None for a claim that a rebuild loaded: its prices are known to its order only.
        """
        ...

    def release(self, *, hold_id: HoldId) -> bool:
        """Give an active hold's stock back. False when there was none to give (idempotent); never touches a claim."""
        ...

    def extend(self, *, hold_id: HoldId, number: int, terms: SaleTerms) -> ActiveHold | Rejection:
        """Give a live hold its ``number``-th extension (from 1). Idempotent by number; a deadline never moves back.

        Rejections: EXTENSIONS_USED_UP, HOLD_LAPSED, CHECKOUT_IN_PROGRESS.
        """
        ...

    def begin_claim(
        self, *, hold_id: HoldId, until: datetime, joining: tuple[Limit, ...] = ()
    ) -> ClaimedHold | Rejection:
        """Keep a live hold's stock for an order. Idempotent. HOLD_LAPSED when it is too late.

        ``joining`` is what has become known of the buyer since: the hold counts under it from now on, unless that
        makes too many (LIMIT_REACHED, and nothing has changed). If Postgres never speaks of the claim again, the stock
        comes back at ``until``.
        """
        ...

    def settle(self, *, settlement: Settlement) -> bool | SaleDoubt:
        """Apply Postgres' word. Idempotent by key.

        False when it was applied before, or when the inventory is of a later epoch (it was loaded after this
        fact). REBUILD when nothing is loaded or the inventory is of an older epoch than the settlement: a load
        is under way or needed, so the caller asks again later.
        """
        ...

    def load(self, *, sale: Sale, stock: StockLevels) -> Loaded | None:
        """Replace everything known about the sale by ``stock`` at ``sale.epoch``.

        Refused (None) when the inventory is already at this epoch or a later one. Live holds that the inventory still
        knows move to the new epoch, unless a seat or a pool of theirs is gone: those are over. A pool may be left short
        (less than nothing free) by holds; Postgres decides who of them is served. Claims are those of ``stock``; one
        that Postgres does not know is an order that is just being placed or has just ended, and is kept for a minute.
        """
        ...

    def renew_terms(self, *, sale: Sale) -> bool:
        """Tell the inventory of a newer ``sale.version``, so that older copies in web processes are found out."""
        ...

    def sweep(self, *, event_id: EventId, at_most: int) -> int:
        """Return lapsed holds to sale without any traffic. Answers how many; each is returned exactly once."""
        ...

    def snapshot(self, *, event_id: EventId) -> Snapshot | None:
        """Free stock now, or None when nothing is loaded (never "all free")."""
        ...

    def account(self, *, event_id: EventId) -> Account | None:
        """All stock now and who has it, or None when nothing is loaded. Costs more than a snapshot."""
        ...

    def serving(self, *, event_ids: tuple[EventId, ...]) -> Mapping[EventId, str]:
        """A word for each sale that stays the same as long as one server has served it without a break.

        Another word means that acknowledged writes may be missing. Sales whose server does not answer are left out.
        """
        ...
