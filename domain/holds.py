"""Holds: a buyer's time-limited claim on stock, in the words a buyer says (`GeneralLine`, `SeatsLine`,
`BestAvailableLine`) and as it stands when it was granted. What becomes one is a :class:`domain.demands.Demand`.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from domain.events import EventId
from domain.money import Money
from domain.prices import NO_TERMS, PriceTerms
from domain.seat_maps import SeatIndex
from domain.tiers import TierId, UnitPrice

LINES_PER_HOLD_MAX = 10
SEATS_PER_HOLD_MAX = 50
_HOLD_ID_LENGTH = 43
_HOLD_ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class HoldId:
    """Names a hold *and* the event it belongs to, so that one look in Valkey finds it.

    The ``nonce`` comes from the caller's side of the call: a retry carries the same one and finds its hold.
    """

    event_id: EventId
    nonce: UUID

    def __str__(self) -> str:
        return urlsafe_b64encode(self.event_id.bytes + self.nonce.bytes).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "HoldId | None":
        """The id written as ``text``, or None when it cannot be one."""
        if len(text) != _HOLD_ID_LENGTH or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text + "=")
        except ValueError:
            return None
        hold_id = cls(EventId(UUID(bytes=raw[:16])), UUID(bytes=raw[16:])) if len(raw) == _HOLD_ID_BYTES else None
        return hold_id if str(hold_id) == text else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerFingerprint:
    """Who is asking, as far as we can tell: opaque keys (already hashed) that limits are counted under.

    ``device`` is always there; ``address`` is the client's network address, never trusted alone; ``network`` is the
    same when it is a public one: a private or loopback address is a proxy's or our own, and says nothing of the buyer.
    The others are known when somebody is signed in, or has said where to send the tickets. No key has white space.
    ``promotion`` is the key of the promotion they come with: then they are counted under that as well.
    """

    device: str
    address: str
    network: str | None = None
    account: str | None = None
    email: str | None = None
    phone: str | None = None
    promotion: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralLine:
    tier_id: TierId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatsLine:
    """These very seats. ``accessible``: seats kept for who needs them were asked for."""

    tier_id: TierId
    seats: tuple[SeatIndex, ...]
    accessible: bool = False

    @property
    def quantity(self) -> int:
        return len(self.seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class BestAvailableLine:
    """``quantity`` seats side by side, the best there are; the inventory chooses *and* takes them in one step.

    Nearest to the focal point first. With ``or_tiers`` any of those tiers will do, the cheapest first or, unless
    ``cheapest``, the one with the nearest row. ``accessible``: one accessible seat at least, companions beside it.
    ``split``: where no row has so many together, in as few parts as there are.
    """

    tier_id: TierId
    quantity: int
    or_tiers: tuple[TierId, ...] = ()
    cheapest: bool = False
    accessible: bool = False
    split: bool = False

    @property
    def tier_ids(self) -> tuple[TierId, ...]:
        return tuple(dict.fromkeys((self.tier_id, *self.or_tiers)))


HoldLine = GeneralLine | SeatsLine | BestAvailableLine


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """One line of a hold as the buyer sees it: priced when it was held, and that price is kept.

    ``promotion`` is the key of the one its tickets are bought under, whether or not that made them cheaper.
    ``or_else`` are the same line in the other tiers that would do, until the inventory has chosen.
    """

    tier_id: TierId
    tier_name: str
    quantity: int
    unit: UnitPrice
    seats: tuple[SeatIndex, ...] = ()
    promotion: str | None = None
    or_else: tuple["HeldLine", ...] = ()

    @property
    def total(self) -> Money:
        return self.unit.total * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hold:
    id: HoldId
    epoch: int
    lines: tuple[HeldLine, ...]
    pools: Mapping[str, int]
    expires_at: datetime
    buyer: BuyerFingerprint
    price_terms: PriceTerms = NO_TERMS

    @property
    def total(self) -> Money:
        return sum((line.total for line in self.lines[1:]), self.lines[0].total)

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def seats(self) -> tuple[SeatIndex, ...]:
        """All seats of all lines."""
        return tuple(seat for line in self.lines for seat in line.seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveHold(_Hold):
    """Stock that is this buyer's until ``expires_at``. ``pools``: units taken of each pool, seats' zones included.

    ``extensions``: how often its time was extended.
    """

    extensions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedHold(_Hold):
    """A hold whose order is being placed or paid: Postgres decides its end. ``expires_at`` is only a safety net."""


def fingerprint(lines: tuple[HoldLine, ...], *, promotion: str | None = None) -> str:
    """A short digest of what was asked for: the same hold id with another one is a mistake, not a retry."""
    asked = repr(lines) if promotion is None else repr((lines, promotion))
    return sha256(asked.encode()).hexdigest()[:16]
