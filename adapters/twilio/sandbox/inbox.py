"""The inbox: every phone that the application writes to, as a page where one can also reply."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from adapters.twilio.sandbox.messages import BODY_CHARACTERS_MAX, Exchange
from adapters.twilio.sandbox.numbers import POOL_NUMBER, normalised
from adapters.twilio.sandbox.ports import Document, Documents

_PAGES = Path(__file__).parent / "pages"
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")
MESSAGES_MAX = 2_000
_FORMAT = "%a, %d %b %Y %H:%M:%S %z"


class Inbox:
    """A WSGI application for ``/inbox``."""

    def __init__(self, exchange: Exchange, documents: Documents) -> None:
        self._exchange = exchange
        self._documents = documents
        self._templates = Environment(
            loader=FileSystemLoader(_PAGES),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(linked=linked, clock=_clock, day=_day)
        self._css = (_PAGES / "inbox.css").read_text(encoding="utf-8")
        self._script = (_PAGES / "inbox.js").read_text(encoding="utf-8")

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path == "/inbox" and request.method == "GET":
            return self._page(request)
        if request.path == "/inbox/reply" and request.method == "POST":
            return self._reply(request)
        return Response("Not found\n", status=404, mimetype="text/plain")

    def _reply(self, request: Request) -> Response:
        if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return Response("Requests from other sites are refused\n", status=403, mimetype="text/plain")
        person = normalised(request.form.get("number", ""))
        body = request.form.get("body", "").strip()[:BODY_CHARACTERS_MAX]
        if person is None:
            return Response("number must be a phone number such as +15550100\n", status=400, mimetype="text/plain")
        if body:
            with self._documents.transaction():
                self._exchange.receive(origin=person, receiver=self._last_sender(person), body=body)
        return redirect(f"/inbox?{urlencode({'number': person})}", code=303)

    def _last_sender(self, person: str) -> str:
        """The number a reply goes to: the one that wrote last."""
        sent = self._documents.select("message", where={"to": person}, limit=1)
        return (sent[0]["from"] or POOL_NUMBER) if sent else POOL_NUMBER

    def _page(self, request: Request) -> Response:
        newest = self._documents.select("message", limit=MESSAGES_MAX)
        threads: dict[str, list[Document]] = {}
        for message in newest:
            threads.setdefault(_person(message), []).append(message)
        number = request.args.get("number")
        opted_out = {entry["person"] for entry in self._documents.select("opt_out", limit=MESSAGES_MAX)}
        nonce = secrets.token_urlsafe(16)
        text = self._templates.get_template("inbox.html").render(
            css=self._css,
            script=self._script,
            nonce=nonce,
            threads=threads,
            number=number,
            shown=list(reversed(threads.get(number or "", []))),
            opted_out=opted_out,
            pool_number=POOL_NUMBER,
        )
        # The nonce changes with every answer and is no reason to draw the page anew.
        etag = hashlib.sha256(text.replace(nonce, "").encode()).hexdigest()[:32]
        response = Response(text, mimetype="text/html")
        response.set_etag(etag)
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self';"
            " img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response.make_conditional(request)


def linked(text: str) -> Markup:
    """The text with its addresses as links; everything else is escaped."""
    parts: list[Markup] = []
    position = 0
    for match in _LINK.finditer(text):
        url = escape(match.group())
        parts.append(escape(text[position : match.start()]))
        parts.append(Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(url))
        position = match.end()
    return Markup("").join([*parts, escape(text[position:])])


def _person(message: Document) -> str:
    person: str = message["from"] if message["direction"] == "inbound" else message["to"]
    return person


def _clock(date: str) -> str:
    return datetime.strptime(date, _FORMAT).astimezone(UTC).strftime("%H:%M")


def _day(date: str) -> str:
    return datetime.strptime(date, _FORMAT).astimezone(UTC).strftime("%-d %B %Y")
