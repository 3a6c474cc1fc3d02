"""The portal put together: its addresses, its headers and its own way to say no."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, render_template, request
from flask.blueprints import BlueprintSetupState
from flask_wtf.csrf import CSRFError, generate_csrf
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import Forbidden, HTTPException, NotFound, TooManyRequests

import domain.errors
from domain.accounts import Action
from domain.errors import Unavailable
from entrypoints.admin import (
    approvals,
    audit,
    batches,
    books,
    dashboard,
    disputes,
    events,
    fraud_warnings,
    orders,
    outbox,
    policy,
    prices,
    promotions,
    refund_desk,
    refunds,
    reviews,
    sessions,
    sign_in,
    staff,
    stock,
    webhooks,
    words,
)

_HERE = Path(__file__).parent
_VERSION = sha256(b"".join(path.read_bytes() for path in sorted((_HERE / "static").iterdir()))).hexdigest()[:12]
# No nonce: nothing is written into these pages that a browser would run, neither script nor style.
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint(
    "admin",
    __name__,
    url_prefix="/admin",
    template_folder="templates",
    static_folder="static",
    static_url_path="/static",
)
_SALES = (events, prices, promotions, policy, stock)
_ORDERS = (orders, reviews, refunds, approvals, batches, refund_desk, disputes, fraud_warnings)
_PARTS = (sign_in, dashboard, *_SALES, *_ORDERS, outbox, webhooks, books, audit, staff)
for part in _PARTS:
    part.add_to(blueprint)


@dataclass(frozen=True, slots=True)
class HerePage:
    """Where this page of a list is, and where the others are: the same address with another cursor."""

    path: str
    arguments: MultiDict[str, str]
    cursor: str | None

    @property
    def is_later(self) -> bool:
        return self.cursor is not None

    @property
    def first(self) -> str:
        return self._with(())

    def after(self, cursor: str) -> str:
        return self._with((("cursor", cursor),))

    def _with(self, more: tuple[tuple[str, str], ...]) -> str:
        kept = [(name, value) for name, value in self.arguments.items(multi=True) if name != "cursor" and value]
        return f"{self.path}?{urlencode([*kept, *more])}"


@blueprint.record_once
def _install(state: BlueprintSetupState) -> None:
    assert isinstance(state.app, Flask)
    sessions.install(state.app)


@blueprint.before_request
def _check_form() -> None:
    sessions.check_form()


@blueprint.after_request
def _seal(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = _CONTENT_POLICY
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Robots-Tag"] = "noindex"
    elif request.endpoint == "admin.static" and request.args.get("v") == _VERSION:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@blueprint.context_processor
def _for_templates() -> dict[str, object]:
    who = sessions.member() if sessions.is_signed_in() else None
    return {
        "Action": Action,
        "csrf_token": generate_csrf,
        "here_page": HerePage(request.path, request.args, request.args.get("cursor")),
        "static_version": _VERSION,
        "who": who,
        "words": words,
    }


@blueprint.errorhandler(CSRFError)
def _form_too_old(_: CSRFError) -> tuple[str, int]:
    return _refusal("This form is too old", "Nothing was changed. Open the page again and repeat it.", 400)


@blueprint.errorhandler(Forbidden)
def _forbidden(_: Forbidden) -> tuple[str, int]:
    return _refusal("Your role does not allow this", "Ask an administrator if you need it.", 403)


@blueprint.errorhandler(NotFound)
@blueprint.errorhandler(domain.errors.NotFound)
def _not_found(_: Exception) -> tuple[str, int]:
    return _refusal("There is no such thing", "The link may be old, or the number mistyped.", 404)


@blueprint.errorhandler(TooManyRequests)
def _too_many(error: TooManyRequests) -> tuple[str, int, dict[str, str]]:
    text, status = _refusal("Too many tries", str(error.description), 429)
    return text, status, {"Retry-After": str(error.retry_after)}


@blueprint.errorhandler(Unavailable)
def _unavailable(_: Unavailable) -> tuple[str, int, dict[str, str]]:
    text, status = _refusal("A service does not answer", "Nothing was changed. Try again in a moment.", 503)
    return text, status, {"Retry-After": "5"}


@blueprint.errorhandler(HTTPException)
def _other(error: HTTPException) -> tuple[str, int] | HTTPException:
    if error.code is None or error.code < 400:
        return error
    return _refusal(error.name, str(error.description), error.code)


def _refusal(title: str, text: str, status: int) -> tuple[str, int]:
    return render_template("admin/refusal.html", title=title, text=text), status
