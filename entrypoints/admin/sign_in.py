"""The door of the portal."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response

from entrypoints.admin import sessions
from entrypoints.admin.services import current

WINDOW_SECONDS = 600
TRIES_PER_ACCOUNT_AND_ADDRESS = 8
TRIES_PER_ADDRESS = 40
TRIES_PER_ACCOUNT = 100
"""High enough that a stranger elsewhere can hardly lock somebody out, low enough that guessing is hopeless."""

_EMAIL_LENGTH_MAX = 254


def add_to(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/sign-in", view_func=sign_in, methods=["GET", "POST"])
    blueprint.add_url_rule("/sign-out", view_func=sign_out, methods=["POST"])


def sign_in() -> str | Response | tuple[str, int]:
    """Ask for e-mail and password; say no in the same words whichever of them was wrong."""
    after = _ours(request.values.get("next"))
    if request.method == "GET":
        return redirect(after, code=303) if sessions.is_signed_in() else _page(after)
    email = request.form.get("email", "").strip().lower()[:_EMAIL_LENGTH_MAX]
    password = request.form.get("password", "")
    _throttle(email)
    member = current().sign_in(email=email, password=password)
    if member is None:
        return _page(after, email=email, problem="E-mail and password do not belong together."), 401
    sessions.begin(member, now=current().clock().now())
    return redirect(after, code=303)


def sign_out() -> Response:
    sessions.end()
    return redirect(url_for("admin.sign_in"), code=303)


def _page(after: str, *, email: str = "", problem: str | None = None) -> str:
    return render_template("admin/sign_in.html", after=after, email=email, problem=problem)


def _throttle(email: str) -> None:
    """Count this try before anything slow is done for it."""
    limiter = current().rate_limiter()
    address = request.remote_addr or ""
    counts = (
        (f"sign-in:{email}:{address}", TRIES_PER_ACCOUNT_AND_ADDRESS),
        (f"sign-in-from:{address}", TRIES_PER_ADDRESS),
        (f"sign-in-as:{email}", TRIES_PER_ACCOUNT),
    )
    seconds = max(limiter.wait_seconds(key=key, at_most=at_most, seconds=WINDOW_SECONDS) for key, at_most in counts)
    if seconds:
        raise TooManyRequests(f"Please wait {seconds} seconds and try again.", retry_after=seconds)


def _ours(wanted: str | None) -> str:
    """Where to go after signing in: a page of the portal, never somebody else's."""
    home = url_for("admin.dashboard")
    if not wanted or "\\" in wanted:
        return home
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return home
    inside = not parts.scheme and not parts.netloc and parts.path.startswith(home)
    return wanted if inside and not parts.path.startswith("//") else home
