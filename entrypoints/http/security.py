"""Headers that tell browsers what our answers may do. Pages get a strict policy with a nonce; data may do nothing."""

from collections.abc import Iterable
from secrets import token_urlsafe
from urllib.parse import urlsplit

from flask import g, request

from entrypoints.http.front import Environ, Headers
from entrypoints.http.identity import Identities
from entrypoints.settings import Settings

HSTS_SECONDS = 2 * 365 * 24 * 3600
STRIPE_CHECKOUT = "https://checkout.stripe.com"

_NONCE = "tessera.csp_nonce"
_NONCE_BYTES = 16
_POLICY = "content-security-policy"


def csp_nonce() -> str:
    """This answer's nonce, for ``<script nonce>`` and ``<style nonce>``; the same throughout one request."""
    nonce: str = request.environ.setdefault(_NONCE, token_urlsafe(_NONCE_BYTES))
    g.csp_nonce = nonce
    return nonce


class SafeHeaders:
    """What an answer needs beyond its own headers; a header that a view has set itself is left alone."""

    def __init__(self, settings: Settings, identities: Identities) -> None:
        https = settings.public_url.startswith("https://")
        transport = [("Strict-Transport-Security", f"max-age={HSTS_SECONDS}; includeSubDomains")] if https else []
        self._identities = identities
        self._secure = https
        self._common = [("X-Content-Type-Options", "nosniff"), *transport]
        self._data = [*self._common, ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]
        self._pages = [
            *self._common,
            ("Referrer-Policy", "same-origin"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ]
        self._policy = _page_policy(settings)

    def __call__(self, environ: Environ, headers: Headers) -> Iterable[tuple[str, str]]:
        """The headers to add."""
        is_page = False
        for name, value in headers:
            if name == "Content-Type":
                is_page = value.startswith("text/html")
                break
        return self._for_page(environ, headers) if is_page else self._data

    def _for_page(self, environ: Environ, headers: Headers) -> Headers:
        present = {name.lower() for name, _ in headers}
        added = [(name, value) for name, value in self._pages if name.lower() not in present]
        if _POLICY not in present:
            nonce = environ.get(_NONCE) or token_urlsafe(_NONCE_BYTES)
            added.append(("Content-Security-Policy", self._policy.replace("{nonce}", nonce)))
        if cookie := self._identities.cookie_for(environ, secure=self._secure):
            added.append(("Set-Cookie", cookie))
        return added


def _page_policy(settings: Settings) -> str:
    """Our own files and this answer's ``{nonce}``; forms may also end at the payment provider's page."""
    pay = " ".join(filter(None, ("'self'", STRIPE_CHECKOUT, _origin(settings.sandbox_url))))
    talk = " ".join(filter(None, ("'self'", _origin(settings.stream_url))))
    return (
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        f"img-src 'self' data:; font-src 'self'; manifest-src 'self'; connect-src {talk}; form-action {pay}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def _origin(url: str | None) -> str | None:
    if not url:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
