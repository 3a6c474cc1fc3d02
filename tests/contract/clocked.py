"""Small ports over time, of every kind their contract suites run on, with a clock that a test can move."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeAlias, TypeVar

import pytest

from tests.contract.valkey_clients import CLUSTER, FAKEREDIS, VALKEY, client_of

PortT = TypeVar("PortT")
MEMORY = "memory"
KINDS = (MEMORY, FAKEREDIS, VALKEY, CLUSTER)


@dataclass
class Clocked(Generic[PortT]):
    """A port and its time. ``make`` builds the port for a time shift; the fake reads ``now`` instead."""

    make: Callable[["Clocked[PortT]"], PortT]
    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    shift: timedelta = timedelta(0)
    frozen: bool = False

    def __post_init__(self) -> None:
        self.port = self.make(self)

    @property
    def shift_ms(self) -> int:
        return self.shift // timedelta(milliseconds=1)

    def now(self) -> datetime:
        return (self.start if self.frozen else datetime.now(UTC)) + self.shift

    def advance(self, **duration: float) -> None:
        self.shift += timedelta(**duration)
        if not self.frozen:
            self.port = self.make(self)


Opening: TypeAlias = AbstractContextManager[Clocked[PortT]]


@contextmanager
def clocked(
    kind: str,
    request: pytest.FixtureRequest,
    fake: Callable[[Callable[[], datetime]], PortT],
    real: Callable[..., PortT],
) -> Iterator[Clocked[PortT]]:
    """The fake over a clock that stands still, or the real one over the server's clock and a shift."""
    if kind == MEMORY:
        yield Clocked(make=lambda made: fake(made.now), frozen=True)
        return
    with client_of(kind, request) as client:
        yield Clocked(make=lambda made: real(client, shift_ms=made.shift_ms))
