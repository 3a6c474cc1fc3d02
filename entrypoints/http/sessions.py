"""Sessions are for pages with forms. Programs have tokens, and should not pay for a cookie they never send."""

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin

_SESSIONLESS = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")


class Nobody(SecureCookieSession):
    """The session of a program: empty, and never sent."""


class PageSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, opened only where it can matter."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(_SESSIONLESS):
            return Nobody()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not isinstance(session, Nobody):
            super().save_session(app, session, response)
