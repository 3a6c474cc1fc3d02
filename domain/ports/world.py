"""Time, chance and secrets: what the core may not make itself."""

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, aware."""
        ...


class Ids(Protocol):
    """New names. Tests hand in a source that counts; production's cannot be guessed."""

    def uuid(self) -> UUID:
        """A new UUID, version 7: rising, so that indexes stay compact."""
        ...

    def order_number(self) -> str:
        """Eight characters to read out on the phone, ``K7Q2-MX4D``: no 0, O, 1, I, L, U."""
        ...

    def ticket_code(self) -> str:
        """24 characters of base 32 (120 random bits)."""
        ...


class PasswordHasher(Protocol):
    def hash(self, password: str) -> str:
        """A salted, slow hash. Takes about 130 ms: never on a request's hot path."""
        ...

    def matches(self, password: str, password_hash: str) -> bool:
        """Whether this is the password. Also takes its time for an unknown user, with any hash."""
        ...


class Wakeup(Protocol):
    def outbox_filled(self) -> None:
        """Hint that the outbox has rows. Never raises and may be lost: workers also look by themselves."""
        ...
