"""Every letter that the application wrote, newest first, as a page: the text, with its links to follow."""

from __future__ import annotations

import re
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from werkzeug.wrappers import Request, Response

LETTERS_MAX = 500
_PAGES = Path(__file__).parent / "pages"
_LINK = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLetter:
    to: str
    sender: str
    subject: str
    date: str
    text: str


class Mailbox:
    """A WSGI application for ``/mail``, and the place where letters are kept until the process ends."""

    def __init__(self) -> None:
        self._letters: deque[KeptLetter] = deque(maxlen=LETTERS_MAX)
        self._lock = threading.Lock()
        self._templates = Environment(
            loader=FileSystemLoader(_PAGES),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["linked"] = _linked

    def keep(self, to: str, raw: bytes) -> None:
        """Remember a letter as it came over the wire."""
        letter = message_from_bytes(raw, policy=policy.default)
        body = letter.get_body(("plain",))
        kept = KeptLetter(
            to=to,
            sender=str(letter["From"] or ""),
            subject=str(letter["Subject"] or ""),
            date=str(letter["Date"] or ""),
            text=body.get_content().replace("\r\n", "\n") if body is not None else "",
        )
        with self._lock:
            self._letters.appendleft(kept)

    def letters(self, *, to: str | None = None) -> tuple[KeptLetter, ...]:
        """Newest first."""
        with self._lock:
            return tuple(letter for letter in self._letters if to is None or letter.to == to)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self._page(Request(environ))(environ, start_response)

    def _page(self, request: Request) -> Response:
        if request.path != "/mail" or request.method != "GET":
            return Response("Not found\n", status=404, mimetype="text/plain")
        nonce = secrets.token_urlsafe(16)
        to = request.args.get("to") or None
        everybody = sorted({letter.to for letter in self.letters()})
        text = self._templates.get_template("mailbox.html").render(
            nonce=nonce, letters=self.letters(to=to), everybody=everybody, to=to
        )
        response = Response(text, mimetype="text/html")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none';"
            " frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _linked(text: str) -> Markup:
    """The text with its addresses as links; everything else is escaped."""
    parts: list[Markup] = []
    position = 0
    for found in _LINK.finditer(text):
        address = escape(found.group())
        parts += [escape(text[position : found.start()]), Markup('<a href="{0}">{0}</a>').format(address)]
        position = found.end()
    return Markup("").join([*parts, escape(text[position:])])
