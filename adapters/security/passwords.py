"""Passwords as argon2id hashes (RFC 9106), computed by few at a time.

One hash takes about 130 ms of a core and 64 MiB of memory, which is the point, and would be a way to bring a house down
if everybody could ask for one at once.
"""

from threading import BoundedSemaphore

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import Unavailable

HASHES_AT_ONCE_MAX = 2
WAIT_SECONDS_MAX = 5.0


class Argon2Hasher:
    """Implements PasswordHasher. Raises Unavailable when too many people sign in at the same moment."""

    def __init__(self, argon2: Argon2 | None = None, *, at_once: int = HASHES_AT_ONCE_MAX) -> None:
        self._argon2 = argon2 or Argon2()
        self._places = BoundedSemaphore(at_once)

    def hash(self, password: str) -> str:
        with _Place(self._places):
            return self._argon2.hash(password)

    def matches(self, password: str, password_hash: str) -> bool:
        with _Place(self._places):
            try:
                return self._argon2.verify(password_hash, password)
            except VerificationError:
                return False
            except InvalidHashError:
                # No such user, or a broken hash: the answer takes as long as for everybody else.
                self._argon2.hash(password)
                return False


class _Place:
    """One of the few places at the grindstone."""

    def __init__(self, places: BoundedSemaphore) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.acquire(timeout=WAIT_SECONDS_MAX):
            raise Unavailable("too many passwords are being checked")

    def __exit__(self, *error: object) -> None:
        self._places.release()
