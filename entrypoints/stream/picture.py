"""What one sale looks like right now, kept up to date change by change."""

from application.queries.availability import Availability, Counts, counted
from domain.events import Sale
from domain.ports.feed import Change
from domain.seat_maps import SeatIndex
from entrypoints import availability_wire
from entrypoints.stream.frames import Moment


class Picture:
    """Free stock of one sale at ``epoch`` and ``version``. Not for two threads at once: its hub takes turns.

    A seat's state is whatever letter the inventory says: nothing here knows them by name.
    """

    def __init__(self, seen: Availability) -> None:
        self.sale: Sale = seen.sale
        self.epoch = seen.snapshot.epoch
        self.version = seen.snapshot.version
        self.free = dict(seen.snapshot.free)
        self.seats = list(seen.snapshot.seats)

    @property
    def moment(self) -> Moment:
        return self.epoch, self.version

    def knows(self, change: Change) -> bool:
        """Whether the change is in the picture already."""
        return not change.reloaded and (change.epoch, change.version) <= self.moment

    def follows(self, change: Change) -> bool:
        """Whether the change is the very next thing that happened."""
        return not change.reloaded and change.epoch == self.epoch and change.version == self.version + 1

    def continues(self, earlier: "Picture") -> bool:
        """Whether this is the same story as ``earlier``, and no older part of it: differences can be told."""
        return self.epoch == earlier.epoch and self.version >= earlier.version and len(self.seats) == len(earlier.seats)

    def differing(self, earlier: "Picture") -> set[SeatIndex]:
        """The seats that look otherwise than they did."""
        return {index for index, state in enumerate(self.seats) if state != earlier.seats[index]}

    def apply(self, change: Change) -> None:
        """Take in a change that follows."""
        self.free.update(change.free)
        for index, state in change.seats:
            self.seats[index] = state
        self.version = change.version

    def counts(self) -> Counts:
        """Free places and tickets, counted as GET …/availability counts them."""
        return counted(self.sale, free=self.free, seats=self.seats)

    def snapshot(self) -> dict[str, object]:
        """The whole picture, as GET …/availability shows it."""
        return availability_wire.snapshot(
            event_id=self.sale.event_id,
            epoch=self.epoch,
            version=self.version,
            counts=self.counts(),
            seats="".join(self.seats),
        )
