"""Every key in Valkey is built here and nowhere else.

All keys of one sale carry the same hash tag, so a Cluster keeps them on one node and one script may touch them.
"""

from dataclasses import dataclass

from domain.events import EventId


@dataclass(frozen=True, slots=True)
class SaleKeys:
    """The keys of one sale.

    ``state``: hash of stamp, free units by pool, records by nonce, buyers by key (its fields are described in
    lua/_stock.lua). ``seats``: string, one character a seat. ``deadlines``: zset of what is to be done, by Unix ms.
    ``feed``: stream of changes. ``settled``: zset of applied settlements by Unix ms.
    """

    state: str
    seats: str
    deadlines: str
    feed: str
    settled: str

    @property
    def stock(self) -> tuple[str, ...]:
        """What the scripts that move stock begin with."""
        return (self.state, self.seats, self.deadlines, self.feed)


def sale_keys(event_id: EventId) -> SaleKeys:
    """All keys of one sale's stock."""
    tag = f"sale:{{{event_id.hex}}}:"
    return SaleKeys(
        state=f"{tag}state",
        seats=f"{tag}seats",
        deadlines=f"{tag}deadlines",
        feed=feed_key(event_id),
        settled=f"{tag}settled",
    )


def feed_key(event_id: EventId) -> str:
    """The stream of a sale's changes."""
    return f"sale:{{{event_id.hex}}}:feed"


def rate_limit(key: str) -> str:
    """One limiter's state."""
    return f"rate:{{{key}}}"


def budget(provider: str, endpoint: str | None) -> str:
    """The paced budget of one endpoint; without one, of all endpoints of that provider together."""
    return f"budget:{{{provider}}}:{endpoint or 'everywhere'}"


def velocity(kind: str, key: str) -> str:
    """The orders of one device or one address."""
    return f"velocity:{kind}:{{{key}}}"


def waiting_room(event_id: EventId) -> tuple[str, str, str]:
    """A waiting room's state hash, its queue and its admissions."""
    tag = f"room:{{{event_id.hex}}}:"
    return f"{tag}state", f"{tag}queue", f"{tag}admitted"
