"""Velocity: how many orders one device or network address has placed lately."""

from dataclasses import dataclass
from typing import Protocol

WINDOW_SECONDS = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCounts:
    """Orders within the last WINDOW_SECONDS."""

    device: int
    address: int


class Velocity(Protocol):
    """Fails open: when the counters cannot be reached, everybody counts as new, and the failure is reported."""

    def record(self, *, device: str, address: str, order: str) -> None:
        """Count an order, once, however often it is said (``order`` names it)."""
        ...

    def counts(self, *, device: str, address: str) -> OrderCounts:
        """Orders of this device and of this address in the window."""
        ...
