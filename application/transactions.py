"""Trying a transaction again when Postgres chose somebody else first."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from domain.errors import TransactionConflict

TRIES_MAX = 4

P = ParamSpec("P")
R = TypeVar("R")


def retrying(step: Callable[P, R]) -> Callable[P, R]:
    """Run ``step`` again after a deadlock or serialization failure, a bounded number of times.

    Only for steps that are one whole transaction and call nothing else: whatever they did is rolled back.
    """

    @wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(TRIES_MAX - 1):
            try:
                return step(*args, **kwargs)
            except TransactionConflict:
                continue
        return step(*args, **kwargs)

    return run
