"""Whether this process can do its work: what it leans on, and what is wrong with each."""

from collections.abc import Callable, Mapping

Check = Callable[[], str | None]
"""What is wrong in a few words, or None. May raise: that is wrong, too."""


def readiness(*, checks: Mapping[str, Check]) -> Mapping[str, str | None]:
    """Every check by name, with what is wrong or None. Never raises: being asked is how trouble is found."""
    return {name: _outcome(check) for name, check in checks.items()}


def _outcome(check: Check) -> str | None:
    try:
        return check()
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is the answer
        return f"{type(failure).__name__}"
