"""Sessions are for pages with forms. Programs have tokens, and should not pay for a cookie they never send."""

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

_SESSIONLESS = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")


class PageSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, opened only where it can matter."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if request.path.startswith(_SESSIONLESS):
            return SecureCookieSession()
        return super().open_session(app, request)
