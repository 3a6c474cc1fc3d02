"""Availability as it goes over the wire: the one shape that the web process and the stream process share."""

from collections.abc import Mapping
from uuid import UUID

from application.queries.availability import Availability


def snapshot(found: Availability) -> dict[str, object]:
    """Everything that is free at one moment: by zone, by tier, and one letter a seat."""
    return {
        "event": str(found.sale.event_id),
        "epoch": found.snapshot.epoch,
        "version": found.snapshot.version,
        "zones": dict(found.zones),
        "tiers": {str(tier): free for tier, free in found.tiers.items()},
        "seats": found.snapshot.seats,
    }


def change(
    *, epoch: int, version: int, zones: Mapping[str, int], tiers: Mapping[UUID, int], seats: Mapping[int, str]
) -> dict[str, object]:
    """What differs since an earlier moment, in absolute values."""
    return {
        "epoch": epoch,
        "version": version,
        "zones": dict(zones),
        "tiers": {str(tier): free for tier, free in tiers.items()},
        "seats": [[index, state] for index, state in seats.items()],
    }
