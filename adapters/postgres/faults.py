"""What Postgres complains about, in our words.

Retryable: StoreUnavailable (and its kind TransactionConflict). Stock that is gone: StockConflict. Anything else that
a constraint refused is a broken invariant: the use case should not have asked.
"""

import re

from psycopg import Error as DriverError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.errors import InvariantBroken, StockConflict, StoreUnavailable, TesseraError, TransactionConflict

SEAT_CONSTRAINTS = frozenset({"claims_one_per_seat"})
POOL_CONSTRAINTS = frozenset({"pools_never_oversold"})
"""Named constraints that mean "somebody else has it"."""
RACE_CONSTRAINTS = frozenset({"orders_one_per_hold"})
"""Constraints that only the loser of a race meets: a second try finds what the winner made.

Every other constraint means that we made a mistake.
"""

_CONFLICTS = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected."""

_UNAVAILABLE = frozenset({"25P03", "25P04", "55P03", "57014", "57P01", "57P02", "57P03", "57P05"})
"""Idle or transaction timeout, lock not available, statement timeout, shutdowns, cannot connect now."""

_UNAVAILABLE_CLASSES = frozenset({"08", "53", "58"})
"""Connection exceptions, insufficient resources, system errors."""

_SEAT = re.compile(r"\(event_id, seat\)=\([0-9a-f-]+, (\d+)\)")
_POOL = re.compile(r"\(\S+, ([zt]:[^,]+), ")


def translated(error: Exception) -> TesseraError | ValueError | None:
    """Our word for a vendor's error, or None when it is none of the world's making but a bug of ours."""
    if isinstance(error, PoolTimeoutError):
        return StoreUnavailable("every connection to Postgres is busy")
    if not isinstance(error, DBAPIError):
        return None
    driver = error.orig
    state = driver.sqlstate if isinstance(driver, DriverError) else None
    if state in _CONFLICTS:
        return TransactionConflict("Postgres chose another transaction")
    if state is None or state in _UNAVAILABLE or state[:2] in _UNAVAILABLE_CLASSES:
        if isinstance(error, DataError):
            return ValueError(f"Postgres cannot store this: {driver}")
        if isinstance(error, OperationalError | InterfaceError):
            return StoreUnavailable(f"Postgres does not answer: {type(driver).__name__}")
        return None
    if isinstance(error, DataError):
        return ValueError(f"Postgres cannot store this: {driver}")
    if state[:2] == "23" and isinstance(driver, DriverError):
        return _refused(driver)
    return StoreUnavailable(f"Postgres refuses for now ({state})") if isinstance(error, OperationalError) else None


def _refused(driver: DriverError) -> TesseraError:
    constraint = driver.diag.constraint_name or ""
    detail = driver.diag.message_detail or ""
    if constraint in SEAT_CONSTRAINTS:
        return StockConflict(seats=tuple(int(seat) for seat in _SEAT.findall(detail)))
    if constraint in POOL_CONSTRAINTS:
        return StockConflict(pools=tuple(_POOL.findall(detail)))
    if constraint in RACE_CONSTRAINTS:
        return TransactionConflict(f"{constraint}: somebody made it in the same moment")
    return InvariantBroken(f"{constraint or 'a constraint'}: {driver.diag.message_primary}")
