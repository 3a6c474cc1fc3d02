"""Promotions: a word that makes tickets cheaper, opens a locked tier, or opens the sale early; one concept for all.

A use of a promotion is a *ticket*. How many there may be in total is counted by a stock pool (see
:func:`promotion_pool`), exactly as places are: taken by a hold, given back when it lapses or its tickets return to
sale, claimed by an order under constraints that no code can get around. How many one person may have is counted under
the buyer's own keys (see ``domain.limits``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import NewType
from uuid import UUID

from domain.errors import Rejection, RejectionCode
from domain.money import AMOUNT_MINOR_MAX, BASIS_POINTS, Money, charge_step, zero
from domain.tiers import TierId

PromotionId = NewType("PromotionId", UUID)
PromotionKey = NewType("PromotionKey", str)
"""Names a promotion within its event in pools and counts. Nobody can tell its code from it."""

CODE_LENGTH_MAX = 64
CODE_LENGTH_MIN = 4
"""Shorter codes are guessed within hours, whatever the rate limit."""
LABEL_LENGTH_MAX = 60
PROMOTIONS_PER_EVENT_MAX = 200
USES_MAX = 1_000_000
"""A promotion without a cap is counted all the same, against a cap that no event reaches."""
_KEY_DIGITS = 12


class PromotionKind(StrEnum):
    """What it takes off the price of a place."""

    PERCENT = "percent"
    AMOUNT = "amount"
    NONE = "none"
    """Nothing: it only opens something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One code of one event, of which only the ``digest`` is kept.

    ``value`` is basis points for PERCENT, minor units a ticket for AMOUNT, 0 for NONE. ``tiers`` are those it is good
    for (empty: every tier, locked ones excepted unless they are named); locked ones among them it opens.
    ``presale_at``: its holders may buy these tiers from that moment on, before the sale or the tier opens to everybody.
    It is good from ``starts_at`` until ``ends_at``, for ``uses_max`` tickets in all and ``per_buyer_max`` of one
    person. Without ``active`` it is stopped, and nobody is told that it ever was.
    """

    id: PromotionId
    digest: str
    label: str
    kind: PromotionKind
    value: int = 0
    tiers: frozenset[TierId] = frozenset()
    presale_at: datetime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    uses_max: int | None = None
    per_buyer_max: int | None = None
    active: bool = True

    def __post_init__(self) -> None:
        if not self.label.strip() or len(self.label) > LABEL_LENGTH_MAX:
            raise ValueError(f"a promotion has a label of at most {LABEL_LENGTH_MAX} characters")
        bounds = {PromotionKind.PERCENT: BASIS_POINTS, PromotionKind.AMOUNT: AMOUNT_MINOR_MAX, PromotionKind.NONE: 0}
        if not 0 <= self.value <= bounds[self.kind] or (self.kind is not PromotionKind.NONE and self.value == 0):
            raise ValueError("a promotion takes off more than nothing and no more than everything")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError("a promotion ends after it starts")
        if self.uses_max is not None and not 0 <= self.uses_max <= USES_MAX:
            raise ValueError(f"a promotion is good for 0 to {USES_MAX} tickets")
        if self.per_buyer_max is not None and not 1 <= self.per_buyer_max <= USES_MAX:
            raise ValueError("one person may have one ticket at least")

    @property
    def key(self) -> PromotionKey:
        """The random end of the id: the beginning of ids that are made in one moment is the same."""
        return PromotionKey(self.id.hex[-_KEY_DIGITS:])

    @property
    def capacity(self) -> int:
        """What its pool holds."""
        return USES_MAX if self.uses_max is None else self.uses_max

    def good_at(self, now: datetime) -> bool:
        """Whether it may be used at this moment."""
        started = self.starts_at is None or self.starts_at <= now
        return self.active and started and (self.ends_at is None or now < self.ends_at)

    def covers(self, tier_id: TierId, *, locked: bool) -> bool:
        """Whether tickets of this tier are bought under it."""
        return tier_id in self.tiers or (not self.tiers and not locked)

    def discount(self, face: Money) -> Money:
        """What it takes off the price of one place: never more than that price."""
        match self.kind:
            case PromotionKind.PERCENT:
                return min(face, face.share(self.value, BASIS_POINTS, step=charge_step(face.currency)))
            case PromotionKind.AMOUNT:
                return min(face, Money(self.value, face.currency))
            case PromotionKind.NONE:
                return zero(face.currency)


def digest(code: str) -> str:
    """What is stored of a code. Case and surrounding blanks do not matter to the person typing it."""
    return sha256(code.strip().casefold().encode()).hexdigest()


def promotion_pool(key: str) -> str:
    """Key of the pool that counts a promotion's uses, unique within one event."""
    return f"p:{key}"


def find(promotions: Iterable[Promotion], code: str, *, now: datetime) -> Promotion | Rejection:
    """The promotion of one event that this code stands for now.

    A code that never was, one that is over or not good yet, and one of another event get the same answer, in the same
    time: what somebody guesses must not tell them anything.
    """
    wanted = digest(code)
    found = [promotion for promotion in promotions if compare_digest(wanted, promotion.digest)]
    return next((promotion for promotion in found if promotion.good_at(now)), None) or code_refused()


def code_refused() -> Rejection:
    """Nothing is known by this code here and now."""
    return Rejection(code=RejectionCode.CODE_REFUSED, message="This code is not good for this event now.")


def code_not_for(tiers: Iterable[str]) -> Rejection:
    """The code is good, and for none of these tickets: nobody should pay more than they think."""
    return Rejection(
        code=RejectionCode.CODE_NOT_APPLICABLE,
        message=f"This code is not for {', '.join(tiers)}.",
    )


def code_used_up() -> Rejection:
    """As many tickets as it is good for are taken; some of them may come back."""
    return Rejection(
        code=RejectionCode.CODE_USED_UP, message="There are not so many tickets left that can be had with this code."
    )


def code_limit_reached(maximum: int, *, taken: int) -> Rejection:
    """One person may have so many tickets with the code."""
    return Rejection(
        code=RejectionCode.LIMIT_REACHED,
        message=f"One person can have at most {maximum} tickets with this code.",
        details={"maximum": maximum, "taken": taken, "by": "code"},
    )
