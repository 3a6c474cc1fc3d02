"""What one sale looks like right now, kept up to date change by change."""

from application.queries.availability import Availability, free_of
from domain.events import Sale
from domain.ports.feed import Change
from domain.tiers import TierId, zone_pool
from entrypoints import availability_wire

_ZONE = zone_pool("")


class Picture:
    """Free stock of one sale at ``epoch`` and ``version``. Not for two threads at once: its hub takes turns."""

    def __init__(self, seen: Availability) -> None:
        self.sale: Sale = seen.sale
        self.epoch = seen.snapshot.epoch
        self.version = seen.snapshot.version
        self.free = dict(seen.snapshot.free)
        self.seats = list(seen.snapshot.seats)

    def knows(self, change: Change) -> bool:
        """Whether the change is in the picture already."""
        return not change.reloaded and (change.epoch, change.version) <= (self.epoch, self.version)

    def follows(self, change: Change) -> bool:
        """Whether the change is the very next thing that happened."""
        return not change.reloaded and change.epoch == self.epoch and change.version == self.version + 1

    def apply(self, change: Change) -> None:
        """Take in a change that follows."""
        self.free.update(change.free)
        for index, state in change.seats:
            self.seats[index] = state
        self.version = change.version

    def zones(self) -> dict[str, int]:
        """Free places by zone key."""
        return {pool.removeprefix(_ZONE): free for pool, free in self.free.items() if pool.startswith(_ZONE)}

    def tiers(self) -> dict[TierId, int]:
        """Free tickets by tier."""
        return {tier.id: free_of(tier, self.free) for tier in self.sale.tiers}

    def snapshot(self) -> dict[str, object]:
        """The whole picture, as GET …/availability shows it."""
        return availability_wire.snapshot(
            event_id=self.sale.event_id,
            epoch=self.epoch,
            version=self.version,
            zones=self.zones(),
            tiers=self.tiers(),
            seats="".join(self.seats),
        )
