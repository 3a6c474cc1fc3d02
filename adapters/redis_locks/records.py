"""How a hold is written in Valkey, and read back. The shape is described in lua/_stock.lua."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from domain.holds import ActiveHold, BuyerFingerprint, ClaimedHold, Demand, HeldLine, HoldId
from domain.money import CurrencyCode, Money
from domain.ports.inventory import StandingClaim
from domain.seat_maps import SeatIndex
from domain.tiers import TierId, UnitPrice, zone_pool

_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Pick = tuple[int, str, SeatIndex, int]
"""Best-available seats: the line they are for, their zone's pool, the first of them, how many."""


def to_ms(moment: datetime) -> int:
    """Unix time in whole milliseconds."""
    return (moment - _EPOCH_START) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """Exact to the millisecond, which a float of seconds would not be."""
    return _EPOCH_START + timedelta(milliseconds=milliseconds)


def units_in(pools: Mapping[str, int]) -> int:
    """Tickets in a bag of pools: each takes exactly one place of one zone."""
    return sum(units for pool, units in pools.items() if pool.startswith(zone_pool("")))


def open_body(demand: Demand, lines: tuple[HeldLine, ...], buyer: BuyerFingerprint) -> bytes:
    """A new hold's body without its opening brace, epoch and picks, which the script puts before it."""
    return orjson.dumps(
        {
            "units": demand.units,
            "buyer": (buyer.device, buyer.address),
            "pools": demand.pools,
            "seats": [index for seats in demand.seats.values() for index in seats],
            "lines": [
                (
                    line.tier_id,
                    line.tier_name,
                    line.quantity,
                    line.unit.face.amount,
                    line.unit.fee.amount,
                    line.unit.face.currency,
                    line.seats,
                )
                for line in lines
            ],
        }
    )[1:]


def standing_body(claim: StandingClaim, epoch: int) -> bytes:
    """The body of a claim that was loaded from Postgres: its lines are known there."""
    return orjson.dumps(
        {
            "epoch": epoch,
            "picked": (),
            "units": units_in(claim.pools),
            "buyer": (claim.buyer.device, claim.buyer.address),
            "pools": claim.pools,
            "seats": claim.seats,
            "lines": (),
        }
    )


def granted(
    *,
    hold_id: HoldId,
    epoch: int,
    lines: tuple[HeldLine, ...],
    pools: Mapping[str, int],
    picks: list[Pick],
    deadline_ms: int,
    buyer: BuyerFingerprint,
) -> ActiveHold:
    """The hold that was just made, from what was asked and what the script picked."""
    if picks:
        lines, pools = _with_picks(lines, pools, picks)
    return ActiveHold(id=hold_id, epoch=epoch, lines=lines, pools=pools, expires_at=from_ms(deadline_ms), buyer=buyer)


def read_active(hold_id: HoldId, deadline_ms: int, body: bytes) -> ActiveHold:
    """A live hold from its record."""
    return ActiveHold(**_read(hold_id, deadline_ms, body))


def read_claimed(hold_id: HoldId, deadline_ms: int, body: bytes) -> ClaimedHold:
    """A claimed hold from its record. One that was loaded from Postgres has no lines here."""
    return ClaimedHold(**_read(hold_id, deadline_ms, body))


def _read(hold_id: HoldId, deadline_ms: int, body: bytes) -> dict[str, Any]:
    content = orjson.loads(body)
    lines = tuple(
        HeldLine(
            tier_id=TierId(UUID(tier_id)),
            tier_name=name,
            quantity=quantity,
            unit=UnitPrice(face=Money(face, CurrencyCode(currency)), fee=Money(fee, CurrencyCode(currency))),
            seats=tuple(seats),
        )
        for tier_id, name, quantity, face, fee, currency, seats in content["lines"]
    )
    lines, pools = _with_picks(lines, content["pools"], content["picked"])
    return {
        "id": hold_id,
        "epoch": content["epoch"],
        "lines": lines,
        "pools": pools,
        "expires_at": from_ms(deadline_ms),
        "buyer": BuyerFingerprint(device=content["buyer"][0], address=content["buyer"][1]),
    }


def _with_picks(
    lines: tuple[HeldLine, ...], pools: Mapping[str, int], picks: list[Pick]
) -> tuple[tuple[HeldLine, ...], Mapping[str, int]]:
    placed, taken = list(lines), dict(pools)
    for line, pool, first, count in picks:
        placed[line] = replace(placed[line], seats=tuple(range(first, first + count)))
        taken[pool] = taken.get(pool, 0) + count
    return tuple(placed), taken
