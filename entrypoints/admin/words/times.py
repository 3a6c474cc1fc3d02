"""Moments and durations. Those of a place are told on its own clock, the others in UTC."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def zone(timezone: str) -> ZoneInfo:
    """The clock of a place."""
    return ZoneInfo(timezone)


def moment(at: datetime, timezone: str = "UTC") -> str:
    """``22 Nov 2026, 16:44``, on the clock of ``timezone``."""
    local = at.astimezone(ZoneInfo(timezone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def clock_time(at: datetime) -> str:
    """``22 Nov 16:44:05`` UTC, for lists of what happened."""
    local = at.astimezone(UTC)
    return f"{local.day} {local:%b %H:%M:%S}"


def machine_time(at: datetime) -> str:
    """For ``<time datetime>``."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def for_input(at: datetime, timezone: str) -> str:
    """For ``<input type=datetime-local>``, on the venue's clock."""
    local = at.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def span(duration: timedelta) -> str:
    """``3 days``, ``2 hours``, ``5 minutes``, ``12 seconds``: the largest unit that is at least one."""
    seconds = int(abs(duration).total_seconds())
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            units = seconds // size
            return f"{units} {unit}{'s' if units > 1 else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def ago(at: datetime, now: datetime) -> str:
    """``5 minutes ago``, ``in 2 hours`` or ``just now``."""
    if abs(at - now) < timedelta(seconds=1):
        return "just now"
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago"


def minutes(seconds: int) -> str:
    """``10`` or ``7.5``: for typing, and exact to the second."""
    return f"{seconds / 60:.3f}".rstrip("0").rstrip(".")


def lasting(seconds: int) -> str:
    """``10 minutes``, ``1 minute``, ``7.5 minutes``."""
    return f"{minutes(seconds)} minute{'' if seconds == 60 else 's'}"
