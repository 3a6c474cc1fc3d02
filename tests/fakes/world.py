"""The world in a test's hand: time that moves when told, names that count, passwords that cost nothing."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Lock
from uuid import UUID

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""A Sunday noon, at which every FakeClock starts unless told otherwise."""

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_NUMBER_LENGTH, _CODE_LENGTH = 8, 24
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_COUNTER_BITS = 62


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, *, seconds: float) -> datetime:
        """Let time pass; answers the new time."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def set(self, now: datetime) -> None:
        """Jump there."""
        self._now = now


class FakeIds:
    """Counts. Two sources with different ``start`` never meet; UUIDs rise like version 7 ones do."""

    def __init__(self, start: int = 0) -> None:
        self._count = start
        self._lock = Lock()

    def uuid(self) -> UUID:
        return UUID(int=_VERSION_7 | _VARIANT | (self._next() & ((1 << _COUNTER_BITS) - 1)))

    def order_number(self) -> str:
        letters = _written(self._next(), _ALPHABET, _NUMBER_LENGTH)
        return f"{letters[:4]}-{letters[4:]}"

    def ticket_code(self) -> str:
        return _written(self._next(), _BASE32, _CODE_LENGTH)

    def _next(self) -> int:
        with self._lock:
            self._count += 1
            return self._count


class FakePasswordHasher:
    """A digest that is quick and not safe: for tests only."""

    def hash(self, password: str) -> str:
        return f"fake${sha256(password.encode()).hexdigest()}"

    def matches(self, password: str, password_hash: str) -> bool:
        return self.hash(password) == password_hash


class FakeWakeup:
    """Counts how often somebody hinted that the outbox has rows."""

    def __init__(self) -> None:
        self.hints = 0

    def outbox_filled(self) -> None:
        self.hints += 1


def _written(number: int, alphabet: str, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(reversed(digits))
