"""Availability as it goes over the wire: the shapes that the web process and the stream process share."""

from collections.abc import Mapping

from application.queries.availability import Availability, Counts
from domain.events import EventId


def whole(found: Availability) -> dict[str, object]:
    """The answer of GET …/availability."""
    return snapshot(
        event_id=found.sale.event_id,
        epoch=found.snapshot.epoch,
        version=found.snapshot.version,
        counts=found,
        seats=found.snapshot.seats,
    )


def snapshot(*, event_id: EventId, epoch: int, version: int, counts: Counts, seats: str) -> dict[str, object]:
    """Everything that is free at one moment: by zone, by tier, and one letter a seat."""
    return {
        "event": str(event_id),
        "epoch": epoch,
        "version": version,
        **_numbers(counts),
        "seats": seats,
    }


def change(*, epoch: int, version: int, counts: Counts, seats: Mapping[int, str]) -> dict[str, object]:
    """What differs since an earlier moment, in absolute values: taking it in twice does no harm."""
    return {
        "epoch": epoch,
        "version": version,
        **_numbers(counts),
        "seats": [[index, state] for index, state in seats.items()],
    }


def _numbers(counts: Counts) -> dict[str, object]:
    return {
        "zones": dict(counts.zones),
        "accessible": dict(counts.accessible),
        "tiers": {str(tier): free for tier, free in counts.tiers.items()},
    }
