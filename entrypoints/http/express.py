"""The express lane: two routes that a flash sale asks thousands of times a second are answered without Flask.

Flask's routing, contexts and hooks cost more than everything a hold or a snapshot needs from Python besides. The
same desks stand behind the ordinary routes, which give these addresses their place in the OpenAPI document and answer
whatever else is asked there (other methods, words that cannot name an event); a test compares both ways word by word.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from flask import Flask, current_app

from entrypoints.http.answer import Answer
from entrypoints.http.api import EVENT_PATTERN, PREFIX
from entrypoints.http.api.availability_desk import AvailabilityDesk
from entrypoints.http.api.hold_desk import HoldDesk
from entrypoints.http.front import REQUEST_ID, ROUTE, Application, Environ, StartResponse
from entrypoints.http.identity import Identities
from entrypoints.http.problems import answer_to, of_any
from entrypoints.http.services import Services

_EXTENSION = "tessera.desks"
_EVENT = re.compile(EVENT_PATTERN).fullmatch
_BEFORE = f"{PREFIX}/events/"
_ROUTE = f"{PREFIX}/events/<event:event>"
_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

Desk = Callable[[Environ, str], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """Who answers on the hot routes."""

    holds: HoldDesk
    availability: AvailabilityDesk


def install(app: Flask, services: Services, identities: Identities) -> None:
    """Set up the desks, and the lane to them in front of the application."""
    desks = Desks(holds=HoldDesk(services, identities), availability=AvailabilityDesk(services))
    app.extensions[_EXTENSION] = desks
    lane = ExpressLane(app.wsgi_app, desks, public_url=services.settings().public_url)
    app.wsgi_app = lane  # type: ignore[method-assign]  # Flask's own recipe for middleware


def desks() -> Desks:
    """Those of the application that handles the current request."""
    return cast("Desks", current_app.extensions[_EXTENSION])


class ExpressLane:
    """WSGI: the hot routes here, everything else to the application behind."""

    def __init__(self, application: Application, desks: Desks, *, public_url: str) -> None:
        self._application = application
        self._public_url = public_url
        self._lanes: dict[tuple[str, str], Desk] = {
            ("POST", "holds"): desks.holds,
            ("GET", "availability"): desks.availability,
        }

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(_BEFORE):
            return self._application(environ, start_response)
        event, _, noun = path[len(_BEFORE) :].partition("/")
        desk = self._lanes.get((environ["REQUEST_METHOD"], noun))
        if desk is None or not _EVENT(event):
            return self._application(environ, start_response)
        environ[ROUTE] = f"{_ROUTE}/{noun}"
        try:
            answer = desk(environ, event)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is answered and, if a surprise, logged)
            answer = answer_to(of_any(error), public_url=self._public_url, instance=environ[REQUEST_ID])
        start_response(_LINES[answer.status], answer.headers)
        return (answer.body,)
