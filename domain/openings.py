"""Tiers that open when another is gone: the early birds first, then the others.

A tier opens once, for good. What was gone may come back (a basket lapses, a ticket is returned), and then both are on
sale: nobody who is about to buy sees a ticket type close again, no single returned early bird stops the sale of all
others, and a buyer never pays more than must be, because the first tier is there to be taken as long as it has any.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from domain.errors import Rejection, RejectionCode
from domain.tiers import Tier, TierId


def waited_for(tier: Tier, tiers: Iterable[Tier]) -> Tier | None:
    """The tier that must be gone before this one opens; None where nothing keeps it."""
    return next((each for each in tiers if each.id == tier.opens_after), None) if tier.waits else None


def not_yet(tier: Tier, tiers: Iterable[Tier]) -> Rejection:
    """Why a tier that waits cannot be bought."""
    first = waited_for(tier, tiers)
    when = f"opens when {first.name} is sold out" if first else "is not on sale yet"
    details: dict[str, object] = {"tier": str(tier.id), "opens_after": str(tier.opens_after)}
    return Rejection(code=RejectionCode.NOT_ON_SALE, message=f"{tier.name} {when}.", details=details)


def due(tiers: tuple[Tier, ...], free: Mapping[TierId, int] | None, *, now: datetime) -> frozenset[TierId]:
    """Waiting tiers whose time has come. ``free`` are tickets that could be had of each now; None: nobody can say.

    A tier is gone when nobody can buy it any more: too few are left for an order of it, or its own time is over.
    """
    return frozenset(tier.id for tier in tiers if tier.waits and _gone(waited_for(tier, tiers), free=free, now=now))


def misfit(tiers: tuple[Tier, ...]) -> Rejection | None:
    """Why tiers cannot wait for each other like this: each must come to its turn, and buyers must know what for."""
    by_id = {tier.id: tier for tier in tiers}
    for tier in tiers:
        first = by_id.get(tier.opens_after) if tier.opens_after else None
        if tier.opens_after and first is None:
            return _invalid("A ticket type opens after another of its own event.", tier)
        if first and first.locked:
            return _invalid(f"{first.name} needs a code: not everybody could see what {tier.name} waits for.", tier)
        met = {tier.id}
        while first:
            if first.id in met:
                return _invalid(f"{tier.name} would wait for itself.", tier)
            met.add(first.id)
            first = by_id.get(first.opens_after) if first.opens_after else None
    return None


def _gone(first: Tier | None, *, free: Mapping[TierId, int] | None, now: datetime) -> bool:
    if first is None:
        return True
    over = first.closes_at is not None and now >= first.closes_at
    return over or (free is not None and free.get(first.id, 0) < first.per_order_min)


def _invalid(message: str, tier: Tier) -> Rejection:
    return Rejection(code=RejectionCode.INVALID_REQUEST, message=message, details={"field": f"opens_after.{tier.key}"})
