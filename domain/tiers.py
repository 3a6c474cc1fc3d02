"""Tiers: what is bought. A price that may change by itself, the zones it may sit in, limits, a sale window."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.fees import FeeRule
from domain.money import AMOUNT_MINOR_MAX, Money, charge_step, zero
from domain.seat_maps import ZoneKind

TierId = NewType("TierId", UUID)

PER_ORDER_MAX = 50
"""No tier may allow more tickets than this in one order, whatever its organiser says."""
PRICE_STEPS_MAX = 10
"""So often may the price of one tier change by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPrice:
    """What one ticket costs, part by part; none is negative, and ``discount`` never exceeds ``face``.

    ``face`` is the ticket's own price and ``discount`` what a promotion takes off it. ``fee`` is the fee that the
    buyer pays on top; ``absorbed_fee`` is the part of it that the organiser pays out of the face value: it changes
    nothing for the buyer. ``tax`` is all taxes together, on top of the rest when ``tax_added``, inside it otherwise.
    """

    face: Money
    discount: Money
    fee: Money
    absorbed_fee: Money
    tax: Money
    tax_added: bool

    @classmethod
    def plain(cls, face: Money, fee: Money) -> "UnitPrice":
        """A face value and a fee, and nothing else."""
        nothing = zero(face.currency)
        return cls(face=face, discount=nothing, fee=fee, absorbed_fee=nothing, tax=nothing, tax_added=False)

    @property
    def admission(self) -> Money:
        """What the place itself costs: the face value after its discount. Taxes are inside unless they are added."""
        return self.face - self.discount

    @property
    def added_tax(self) -> Money:
        """What the buyer pays on top for taxes."""
        return self.tax if self.tax_added else zero(self.tax.currency)

    @property
    def total(self) -> Money:
        """What the buyer pays."""
        return self.admission + self.fee + self.added_tax

    @property
    def amounts(self) -> tuple[int, int, int, int, int]:
        """Minor units of face value, discount, fee, absorbed fee and tax."""
        return (self.face.amount, self.discount.amount, self.fee.amount, self.absorbed_fee.amount, self.tax.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """From the moment ``starts_at`` the place costs ``face``."""

    starts_at: datetime
    face: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One kind of ticket of one event.

    ``face`` is what the place costs at first; each of ``steps``, in the order of time, changes that from a moment on.
    ``fee`` is the tier's own fee rule (None: the event's). ``zones`` are keys of the event's seat map: several
    reserved ones, or exactly one of general admission. ``capacity`` limits the tier below what its zones hold (None:
    no limit of its own). A ``locked`` tier is sold only to those who bring a promotion that opens it. One that
    ``opens_after`` another is not sold before that is gone; ``opened_at`` says when it was, and from then on it stays
    open (:mod:`domain.openings`).
    """

    id: TierId
    key: str
    name: str
    description: str
    kind: ZoneKind
    zones: tuple[str, ...]
    face: Money
    position: int
    fee: FeeRule | None = None
    steps: tuple[PriceStep, ...] = ()
    per_order_max: int = 10
    per_order_min: int = 1
    capacity: int | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    locked: bool = False
    accessible: bool = False
    opens_after: TierId | None = None
    opened_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.zones:
            raise ValueError(f"tier {self.key} needs a zone")
        if self.kind is ZoneKind.GENERAL_ADMISSION and len(self.zones) != 1:
            raise ValueError(f"tier {self.key} is general admission and takes exactly one zone")
        if not 1 <= self.per_order_min <= self.per_order_max <= PER_ORDER_MAX:
            raise ValueError(f"tier {self.key} needs 1 ≤ minimum ≤ maximum ≤ {PER_ORDER_MAX} per order")
        if any(not 0 <= face.amount <= AMOUNT_MINOR_MAX for face in self._faces):
            raise ValueError(f"tier {self.key} needs prices from 0 to {AMOUNT_MINOR_MAX} minor units")
        if any(face.amount % charge_step(face.currency) for face in self._faces):
            raise ValueError(f"tier {self.key} needs prices that can be charged: thousandths end in 0")
        moments = [step.starts_at for step in self.steps]
        if len(moments) > PRICE_STEPS_MAX or moments != sorted(set(moments)):
            raise ValueError(
                f"tier {self.key} has at most {PRICE_STEPS_MAX} price steps, each later than the one before"
            )
        if {face.currency for face in self._faces} != {self.face.currency}:
            raise ValueError(f"tier {self.key} has all its prices in one currency")

    @property
    def _faces(self) -> tuple[Money, ...]:
        return (self.face, *(step.face for step in self.steps))

    def face_at(self, now: datetime) -> Money:
        """What the place costs at this moment."""
        return face_at(self.face, self.steps, now)

    def next_step(self, now: datetime) -> PriceStep | None:
        """When the price changes next, and to what."""
        return next((step for step in self.steps if now < step.starts_at), None)

    @property
    def waits(self) -> bool:
        """Whether it is not sold yet because another tier goes first."""
        return self.opens_after is not None and self.opened_at is None

    @property
    def pools(self) -> tuple[str, ...]:
        """The stock pools every ticket of a general-admission tier draws from; a seat adds its own zone's pool."""
        own = (tier_pool(self.key),) if self.capacity is not None else ()
        return (zone_pool(self.zones[0]), *own) if self.kind is ZoneKind.GENERAL_ADMISSION else own

    def refuses_quantity(self, quantity: int) -> Rejection | None:
        """Too few or too many for one order."""
        if self.per_order_min <= quantity <= self.per_order_max:
            return None
        return Rejection(
            code=RejectionCode.LIMIT_REACHED,
            message=f"{self.name} is sold {self.per_order_min} to {self.per_order_max} at a time.",
            details={"tier": str(self.id), "minimum": self.per_order_min, "maximum": self.per_order_max},
        )


def face_at(first: Money, steps: tuple[PriceStep, ...], now: datetime) -> Money:
    """The price that is in force at this moment."""
    return next((step.face for step in reversed(steps) if step.starts_at <= now), first)


def zone_pool(zone_key: str) -> str:
    """Key of the pool that counts a zone's places, unique within one event."""
    return f"z:{zone_key}"


def tier_pool(tier_key: str) -> str:
    """Key of the pool that counts a tier's own capacity, unique within one event."""
    return f"t:{tier_key}"
