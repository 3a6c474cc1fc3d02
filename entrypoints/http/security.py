"""Headers that tell browsers what our answers may do. Pages get a strict policy with a nonce; data may do nothing."""

from collections.abc import Callable
from secrets import token_urlsafe
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from entrypoints.settings import Settings

HSTS_SECONDS = 2 * 365 * 24 * 3600
STRIPE_CHECKOUT = "https://checkout.stripe.com"

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_NONCE_BYTES = 16


def csp_nonce() -> str:
    """This answer's nonce, for ``<script nonce>`` and ``<style nonce>``; the same throughout one request."""
    if "csp_nonce" not in g:
        g.csp_nonce = token_urlsafe(_NONCE_BYTES)
    return str(g.csp_nonce)


def install(app: Flask, settings: Settings) -> None:
    """Set the headers on every answer, and give templates ``csp_nonce()`` and ``g.csp_nonce``."""
    policy = _page_policy(settings)
    common = [("X-Content-Type-Options", "nosniff")]
    if settings.public_url.startswith("https://"):
        common.append(("Strict-Transport-Security", f"max-age={HSTS_SECONDS}; includeSubDomains"))
    for_pages = [
        ("Referrer-Policy", "same-origin"),
        ("X-Frame-Options", "DENY"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ]

    def prepare() -> None:
        if not request.path.startswith("/api/"):
            csp_nonce()

    def protect(response: Response) -> Response:
        headers = response.headers
        for name, value in common:
            headers.add(name, value)
        if response.mimetype == "text/html":
            for name, value in for_pages:
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", policy(csp_nonce()))
        else:
            headers.setdefault("Content-Security-Policy", DATA_POLICY)
        return response

    app.before_request(prepare)
    app.after_request(protect)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def _page_policy(settings: Settings) -> Callable[[str], str]:
    """Our own files and this answer's nonce; forms may also end at the payment provider's page."""
    pay = " ".join(filter(None, ("'self'", STRIPE_CHECKOUT, _origin(settings.sandbox_url))))
    talk = " ".join(filter(None, ("'self'", _origin(settings.stream_url))))

    def policy(nonce: str) -> str:
        return (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
            f"img-src 'self' data:; font-src 'self'; manifest-src 'self'; connect-src {talk}; form-action {pay}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    return policy


def _origin(url: str | None) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
