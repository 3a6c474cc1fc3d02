"""Availability as it goes over the wire: the shapes that the web process and the stream process share."""

from collections.abc import Mapping

from application.queries.availability import Availability
from domain.events import EventId
from domain.tiers import TierId


def whole(found: Availability) -> dict[str, object]:
    """The answer of GET …/availability."""
    return snapshot(
        event_id=found.sale.event_id,
        epoch=found.snapshot.epoch,
        version=found.snapshot.version,
        zones=found.zones,
        tiers=found.tiers,
        seats=found.snapshot.seats,
    )


def snapshot(
    *,
    event_id: EventId,
    epoch: int,
    version: int,
    zones: Mapping[str, int],
    tiers: Mapping[TierId, int],
    seats: str,
) -> dict[str, object]:
    """Everything that is free at one moment: by zone, by tier, and one letter a seat."""
    return {
        "event": str(event_id),
        "epoch": epoch,
        "version": version,
        "zones": dict(zones),
        "tiers": {str(tier): free for tier, free in tiers.items()},
        "seats": seats,
    }


def change(
    *, epoch: int, version: int, zones: Mapping[str, int], tiers: Mapping[TierId, int], seats: Mapping[int, str]
) -> dict[str, object]:
    """What differs since an earlier moment, in absolute values: taking it in twice does no harm."""
    return {
        "epoch": epoch,
        "version": version,
        "zones": dict(zones),
        "tiers": {str(tier): free for tier, free in tiers.items()},
        "seats": [[index, state] for index, state in seats.items()],
    }
