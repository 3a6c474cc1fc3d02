"""How a hold is written into Valkey and read back, and how moments and money travel there.

A record's tail is what comes behind its letter, moment and fingerprint: the buyer's fields, JSON, and picks, a line
each (see lua/_stock.lua). A line of a hold is written ``[tier, name, quantity, price, currency, seats, or_else,
promotion]``, its price ``[face, discount, fee, absorbed fee, tax, whether that is added]``. What tickets are priced
under is written as ``[rates, added, on fees, label]``, and only where there are taxes or a promotion.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson

from domain.demands import Demand
from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, HeldLine, HoldId
from domain.limits import counted_under
from domain.money import CurrencyCode, Money
from domain.ports.inventory import StandingClaim
from domain.prices import NO_TERMS, PriceTerms
from domain.seat_maps import SeatIndex
from domain.taxes import TaxRate, TaxRule
from domain.tiers import TierId, UnitPrice, zone_pool

_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NO_SEATS = -1
_BUYER = ("device", "address", "network", "account", "email", "phone", "promotion")
_known = attrgetter(*_BUYER)

Pick = tuple[int, int, SeatIndex, int, str]
"""Best-available seats: the line they are for, which of its choices, the first seat, how many, and their pool.

A first seat of -1: units of a tier's own pool that go with the choice.
"""


def to_ms(moment: datetime) -> int:
    """Unix time in whole milliseconds."""
    return (moment - _EPOCH_START) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """Exact to the millisecond, which a float of seconds would not be."""
    return _EPOCH_START + timedelta(milliseconds=milliseconds)


def units_in(pools: Mapping[str, int]) -> int:
    """Tickets in a bag of pools: each takes exactly one place of one zone."""
    return sum(units for pool, units in pools.items() if pool.startswith(zone_pool("")))


def buyer_field(key: str) -> str:
    """Where a buyer's key is counted."""
    return f"b:{key}"


def epoch_of(stamp: bytes) -> int:
    """The epoch in ``<epoch>.<version>``."""
    return int(stamp.partition(b".")[0])


def open_tail(
    demand: Demand,
    lines: tuple[HeldLine, ...],
    fingerprint: str,
    buyer: BuyerFingerprint,
    buyer_fields: Iterable[str],
    price_terms: PriceTerms,
) -> bytes:
    """A new hold's fingerprint and tail without its picks, which the script puts behind."""
    content: dict[str, object] = {
        "units": demand.units,
        "buyer": _known(buyer),
        "pools": demand.pools,
        "seats": [index for seats in demand.seats.values() for index in seats],
        "lines": [_line(line) for line in lines],
    }
    if price_terms != NO_TERMS:
        content["terms"] = _terms(price_terms)
    return f"{fingerprint}{' '.join(buyer_fields)}\n".encode() + orjson.dumps(content)


def standing_tail(claim: StandingClaim) -> bytes:
    """The tail of a claim that was loaded from Postgres: its lines are known there."""
    content = orjson.dumps(
        {
            "units": units_in(claim.pools),
            "buyer": _known(claim.buyer),
            "pools": claim.pools,
            "seats": claim.seats,
            "lines": (),
        }
    )
    return " ".join(map(buyer_field, counted_under(claim.buyer))).encode() + b"\n" + content + b"\n"


def granted(
    *,
    hold_id: HoldId,
    epoch: int,
    lines: tuple[HeldLine, ...],
    pools: Mapping[str, int],
    picks: list[Pick],
    deadline_ms: int,
    buyer: BuyerFingerprint,
    price_terms: PriceTerms,
) -> ActiveHold:
    """The hold that was just made, from what was asked and what the script picked."""
    if picks:
        lines, pools = _with_picks(lines, pools, picks)
    return ActiveHold(
        id=hold_id,
        epoch=epoch,
        lines=lines,
        pools=pools,
        expires_at=from_ms(deadline_ms),
        buyer=buyer,
        price_terms=price_terms,
    )


def read_active(hold_id: HoldId, *, epoch: int, deadline_ms: int, tail: bytes, extensions: int) -> ActiveHold:
    """A live hold from its record."""
    return ActiveHold(**_read(hold_id, epoch, deadline_ms, tail), extensions=extensions)


def read_claimed(hold_id: HoldId, *, epoch: int, deadline_ms: int, tail: bytes) -> ClaimedHold:
    """A claimed hold from its record. One that was loaded from Postgres has no lines here."""
    return ClaimedHold(**_read(hold_id, epoch, deadline_ms, tail))


def _read(hold_id: HoldId, epoch: int, deadline_ms: int, tail: bytes) -> dict[str, Any]:
    _, body, picks = tail.split(b"\n", 2)
    content = orjson.loads(body)
    lines, pools = _with_picks(tuple(map(_read_line, content["lines"])), content["pools"], list(_read_picks(picks)))
    return {
        "id": hold_id,
        "epoch": epoch,
        "lines": lines,
        "pools": pools,
        "expires_at": from_ms(deadline_ms),
        "buyer": BuyerFingerprint(**dict(zip(_BUYER, content["buyer"], strict=True))),
        "price_terms": _read_terms(content["terms"]) if "terms" in content else NO_TERMS,
    }


def _terms(terms: PriceTerms) -> tuple[object, ...]:
    rates = [(rate.name, rate.basis_points) for rate in terms.taxes.rates]
    return rates, terms.taxes.added, terms.taxes.on_fees, terms.promotion


def _read_terms(written: list[Any]) -> PriceTerms:
    rates, added, on_fees, promotion = written
    named = tuple(TaxRate(name=name, basis_points=points) for name, points in rates)
    return PriceTerms(taxes=TaxRule(rates=named, added=added, on_fees=on_fees), promotion=promotion)


def _line(line: HeldLine) -> tuple[object, ...]:
    return (
        line.tier_id,
        line.tier_name,
        line.quantity,
        (*line.unit.amounts, line.unit.tax_added),
        line.unit.face.currency,
        line.seats,
        [_line(other) for other in line.or_else],
        line.promotion,
    )


def _read_line(written: list[Any]) -> HeldLine:
    tier_id, name, quantity, (*amounts, tax_added), currency, seats, or_else, promotion = written
    face, discount, fee, absorbed_fee, tax = (Money(amount, CurrencyCode(currency)) for amount in amounts)
    return HeldLine(
        tier_id=TierId(UUID(tier_id)),
        tier_name=name,
        quantity=quantity,
        unit=UnitPrice(face=face, discount=discount, fee=fee, absorbed_fee=absorbed_fee, tax=tax, tax_added=tax_added),
        seats=tuple(seats),
        or_else=tuple(map(_read_line, or_else)),
        promotion=promotion,
    )


def _read_picks(written: bytes) -> Iterator[Pick]:
    for pick in written.decode().split(";")[:-1]:
        line, choice, first, count, pool = pick.split(",", 4)
        yield int(line), int(choice), int(first), int(count), pool


def _with_picks(
    lines: tuple[HeldLine, ...], pools: Mapping[str, int], picks: list[Pick]
) -> tuple[tuple[HeldLine, ...], Mapping[str, int]]:
    """What was asked, with each best-available line settled on its choice and its seats."""
    placed, taken = list(lines), dict(pools)
    for place, choice, first, count, pool in picks:
        line = placed[place]
        if line.or_else:
            line = (line, *line.or_else)[choice]
        if first != _NO_SEATS:
            line = replace(line, seats=(*line.seats, *range(first, first + count)))
        placed[place] = replace(line, or_else=())
        taken[pool] = taken.get(pool, 0) + count
    return tuple(placed), taken
