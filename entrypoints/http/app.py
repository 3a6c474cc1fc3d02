"""The web application: parts put together, in the order in which a request meets them."""

from flask import Flask

from entrypoints.http import (
    express,
    health,
    identity,
    metrics,
    openapi,
    problems,
    request_lines,
    security,
    services,
    storefront,
)
from entrypoints.http.api import EventConverter, HoldConverter, availability, checkouts, events, holds, orders, refunds
from entrypoints.http.front import Front
from entrypoints.http.schemas.parsing import BODY_BYTES_MAX
from entrypoints.http.services import Services
from entrypoints.http.sessions import PageSessions
from entrypoints.http.webhooks import webhooks

API_BLUEPRINTS = (
    events.events,
    availability.availability,
    holds.holds,
    checkouts.checkouts,
    orders.orders,
    refunds.refunds,
    webhooks,
)


def create_app(container: Services) -> Flask:
    """One application for one process. ``container`` is an entrypoints.container.Container, or a test's stand-in."""
    settings = container.settings()
    secure = settings.public_url.startswith("https://")
    app = Flask(__name__, static_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        PUBLIC_URL=settings.public_url,
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=BODY_BYTES_MAX,
        SESSION_COOKIE_NAME="tessera_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.session_interface = PageSessions()
    app.url_map.converters.update(event=EventConverter, hold=HoldConverter)
    services.install(app, container)
    app.jinja_env.globals["csp_nonce"] = security.csp_nonce
    identities = identity.install(app, secret=settings.secret_key)
    problems.install(app)
    openapi.install(app, API_BLUEPRINTS)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    storefront.register(app)
    express.install(app, container, identities)
    app.wsgi_app = Front(  # type: ignore[method-assign]  # Flask's own recipe for middleware
        app.wsgi_app,
        observe=metrics.observe,
        headers_for=security.SafeHeaders(settings, identities),
        write_line=request_lines.writer(settings),
    )
    identity.trust_proxies(app, hops=settings.trusted_proxy_hops)
    return app
