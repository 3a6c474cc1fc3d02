"""Who is asking, as far as we can tell: a device that keeps our cookie, and a network address.

Neither is stored as it is: limits are counted under keyed hashes. A page gives a visitor's browser a signed device
cookie. Many honest people share one address and one user agent (a campus, a mobile network), so a program without
the cookie is a device of its own with every request, known again only by the Idempotency-Key with which it retries.
The address is the connection's own, or the entry that our own proxies wrote: :func:`trust_proxies` counts exactly
those, so what a client writes into X-Forwarded-For itself is never believed.
"""

from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address
from secrets import token_bytes, token_urlsafe
from uuid import UUID

from flask import Flask, current_app, request
from werkzeug.http import dump_cookie, parse_cookie
from werkzeug.middleware.proxy_fix import ProxyFix

from domain.holds import BuyerFingerprint
from entrypoints.http.front import Environ

DEVICE_COOKIE = "tessera_device"
DEVICE_COOKIE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep any cookie."""

DEVICES_REMEMBERED_MAX = 20_000
IPV6_HOST_BITS = 64
"""One household has a whole /64: counting single IPv6 addresses would count nothing."""

_DIGEST_BYTES = 16
_EXTENSION = "tessera.identities"
_NAME_BYTES = 16


class Identities:
    """Makes device cookies and keyed hashes with this installation's secret."""

    def __init__(self, secret: str) -> None:
        self._key = blake2b(secret.encode(), person=b"identity").digest()
        self.device_of_cookie = lru_cache(DEVICES_REMEMBERED_MAX)(self._device_of_cookie)
        self.hashed = lru_cache(DEVICES_REMEMBERED_MAX)(self._hashed)

    def new_cookie(self) -> str:
        """A name nobody has had before, and our signature under it."""
        name = token_urlsafe(_NAME_BYTES)
        return f"{name}.{self._signature(name)}"

    def buyer(self, environ: Environ) -> BuyerFingerprint:
        """Whoever makes this request."""
        peer = environ.get("REMOTE_ADDR") or ""
        address = _network(peer)
        device = self._device(environ)
        if device is None:
            name = environ.get("HTTP_IDEMPOTENCY_KEY") or token_urlsafe(_NAME_BYTES)
            device = self._hashed(f"caller:{address}:{environ.get('HTTP_USER_AGENT', '')}:{name}")
        hashed = self.hashed(f"address:{address}")
        return BuyerFingerprint(device=device, address=hashed, network=hashed if _is_public(peer) else None)

    def cookie_for(self, environ: Environ, *, secure: bool) -> str | None:
        """The Set-Cookie header for a browser that came to see a page without a device cookie of ours, or None."""
        if self._device(environ) is not None:
            return None
        return dump_cookie(
            DEVICE_COOKIE,
            self.new_cookie(),
            max_age=DEVICE_COOKIE_SECONDS,
            httponly=True,
            secure=secure,
            samesite="Lax",
        )

    def _device(self, environ: Environ) -> str | None:
        cookies = environ.get("HTTP_COOKIE")
        shown = parse_cookie(cookies).get(DEVICE_COOKIE) if cookies else None
        return self.device_of_cookie(shown) if shown else None

    def _device_of_cookie(self, cookie: str) -> str | None:
        """The device's opaque key, or None for a cookie that we did not make."""
        name, dot, signature = cookie.partition(".")
        if not dot or not compare_digest(self._signature(name).encode(), signature.encode()):
            return None
        return self._hashed(f"device:{name}")

    def _hashed(self, text: str) -> str:
        return blake2b(text.encode(), key=self._key, digest_size=_DIGEST_BYTES).hexdigest()

    def _signature(self, name: str) -> str:
        return blake2b(f"cookie:{name}".encode(), key=self._key, digest_size=_DIGEST_BYTES).hexdigest()


def install(app: Flask, *, secret: str) -> Identities:
    """Let :func:`buyer` recognise devices."""
    identities = Identities(secret)
    app.extensions[_EXTENSION] = identities
    return identities


def trust_proxies(app: Flask, *, hops: int) -> None:
    """Believe exactly the X-Forwarded-For entries that ``hops`` proxies of ours have appended."""
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=0, x_host=0)  # type: ignore[method-assign]  # Flask's own recipe


def buyer() -> BuyerFingerprint:
    """Whoever makes the current request, as opaque keys."""
    identities: Identities = current_app.extensions[_EXTENSION]
    return identities.buyer(request.environ)


@lru_cache(DEVICES_REMEMBERED_MAX)
def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> IPV6_HOST_BITS << IPV6_HOST_BITS)}/{IPV6_HOST_BITS}"
    return address


@lru_cache(DEVICES_REMEMBERED_MAX)
def _is_public(address: str) -> bool:
    """Whether it is somebody's on the internet."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_global


def new_name() -> UUID:
    """A name for something this request makes, from chance alone."""
    return UUID(bytes=token_bytes(16), version=4)
