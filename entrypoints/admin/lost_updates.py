"""Two people at one form: what somebody else saved meanwhile is said, and not overwritten by who saves later.

A form carries what it showed when it was opened. What holds by the time it is sent may differ: then nothing is saved,
what was left alone is brought up to date, and the page says each difference. Sent again, it is meant.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from werkzeug.datastructures import MultiDict

from domain.ports.backoffice import TrailFilter
from entrypoints.admin import forms
from entrypoints.admin.services import current

SEEN = "seen"
"""The field that carries what the form showed."""
SEEN_LENGTH_MAX = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that somebody else changed; ``yours`` where it was typed otherwise here."""

    title: str
    was: str
    is_now: str
    yours: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """``typed``: the form as it goes on. ``by`` and ``at``: who saved last, if the trail knows."""

    changes: tuple[Change, ...]
    typed: forms.Form
    by: str | None
    at: datetime | None


def seen(shown: forms.Form) -> str:
    """What a form shows, for the field :data:`SEEN`."""
    return json.dumps({name: value for name, value in shown.items() if name != SEEN}, sort_keys=True)


def carried(typed: forms.Form | None) -> str | None:
    """What a form that was sent had shown, so that it goes on carrying it."""
    return typed.get(SEEN) if typed is not None else None


def overtaken(
    typed: forms.Form, holds: forms.Form, *, title: Callable[[str], str | None], action: str, subject: object
) -> Overtaken | None:
    """What others changed since ``typed`` was opened, or None. ``title`` of a field; None: it is not for people.

    ``action`` and ``subject`` find who it was in the audit trail.
    """
    before, now = _read(typed.get(SEEN, "")), holds.to_dict()
    differing = [name for name in dict.fromkeys((*before, *now)) if before.get(name, "") != now.get(name, "")]
    if not differing:
        return None
    goes_on = MultiDict(typed)
    goes_on[SEEN] = seen(holds)
    changes = []
    for name in differing:
        was, is_now, here = before.get(name, ""), now.get(name, ""), typed.get(name, "")
        untouched = here == was or title(name) is None
        if untouched:
            goes_on[name] = is_now
        if (said := title(name)) is not None:
            changes.append(Change(title=said, was=was, is_now=is_now, yours=None if untouched else here))
    last = current().backoffice().trail(wanted=TrailFilter(action=action, subject=str(subject))).items
    return Overtaken(
        changes=tuple(changes), typed=goes_on, by=last[0].actor if last else None, at=last[0].at if last else None
    )


def _read(written: str) -> dict[str, str]:
    """What the form showed; nothing where that cannot be read, so that everything counts as changed."""
    if len(written) > SEEN_LENGTH_MAX:
        return {}
    try:
        found = json.loads(written)
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}
