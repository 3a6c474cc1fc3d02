"""Who is at the desk: signing in, staying signed in for a shift, and what a role may do.

A session names the account *and* a digest of its password hash, and the account is read again with every request: a
changed password or a disabled account ends every session at once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from hashlib import sha256
from typing import ParamSpec, TypeVar, cast
from uuid import UUID

from flask import Flask, Response, abort, current_app, redirect, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect

from domain.accounts import Action, StaffId, StaffMember
from domain.errors import NotFound
from entrypoints.admin.services import current

SHIFT = timedelta(hours=12)
"""However busy a session is, it ends after this."""

_CSRF = "csrf"
_SIGNED_IN_AT = "signed_in_at"
_DIGEST_LENGTH = 16

P = ParamSpec("P")
R = TypeVar("R")


class SignedIn(UserMixin):  # type: ignore[misc]  # flask-login has no types
    """A staff member as flask-login wants one."""

    def __init__(self, member: StaffMember) -> None:
        self.member = member

    def get_id(self) -> str:
        return f"{self.member.id}.{_digest(self.member)}"


def install(app: Flask) -> None:
    """Teach the application about staff and forms, once."""
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    if _CSRF not in app.extensions:
        CSRFProtect(app)
    logins = LoginManager()
    logins.user_loader(_load)
    logins.unauthorized_handler(_ask_to_sign_in)
    logins.init_app(app)


def check_form() -> None:
    """Refuse a form that our own pages did not make. Raises CSRFError."""
    current_app.extensions[_CSRF].protect()


def begin(member: StaffMember, *, now: datetime) -> None:
    """Start a session for somebody who knew the password. What the visitor's session held before is dropped."""
    session.clear()
    session[_SIGNED_IN_AT] = now.isoformat()
    login_user(SignedIn(member))


def end() -> None:
    """Forget who was here."""
    logout_user()
    session.clear()


def member() -> StaffMember:
    """Who makes this request; only for views behind :func:`allowed`."""
    return cast("SignedIn", current_user).member


def is_signed_in() -> bool:
    return bool(current_user.is_authenticated)


def allowed(action: Action) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only those in whose role allows ``action``: others are asked to sign in, or told 403."""

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not is_signed_in():
                return cast("R", current_app.login_manager.unauthorized())  # type: ignore[attr-defined]  # flask-login
            if not member().may(action):
                abort(403)
            return view(*args, **kwargs)

        guarded.admin_action = action  # type: ignore[attr-defined]  # for the test that finds unguarded views
        return guarded

    return guard


def _load(session_id: str) -> SignedIn | None:
    name, _, digest = session_id.partition(".")
    services = current()
    try:
        signed_in_at = datetime.fromisoformat(session[_SIGNED_IN_AT])
        with services.unit_of_work() as uow:
            found = uow.staff.get(StaffId(UUID(name)))
    except (KeyError, ValueError, NotFound):
        return None
    too_long = services.clock().now() - signed_in_at > SHIFT
    if too_long or found.disabled_at is not None or digest != _digest(found):
        return None
    return SignedIn(found)


def _digest(member: StaffMember) -> str:
    return sha256(member.password_hash.encode()).hexdigest()[:_DIGEST_LENGTH]


def _ask_to_sign_in() -> Response:
    """Back to where one wanted to go afterwards, if going there changes nothing."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return cast("Response", redirect(url_for("admin.sign_in", next=wanted), code=303))
