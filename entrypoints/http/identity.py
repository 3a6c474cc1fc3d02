"""Who is asking, as far as we can tell: a device that keeps our cookie, and a network address.

Neither is stored as it is: limits are counted under keyed hashes. A page gives a visitor's browser a signed device
cookie; a program without one is known by its address and its user agent, which stay the same when it tries again.
The address is the connection's own, or the entry that our own proxies wrote: :func:`trust_proxies` counts exactly
those, so what a client writes into X-Forwarded-For itself is never believed.
"""

from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address
from secrets import token_bytes, token_urlsafe
from uuid import UUID

from flask import Flask, Response, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from domain.holds import BuyerFingerprint

DEVICE_COOKIE = "tessera_device"
DEVICE_COOKIE_SECONDS = 400 * 24 * 3600
"""As long as browsers keep any cookie."""

DEVICES_REMEMBERED_MAX = 20_000
IPV6_HOST_BITS = 64
"""One household has a whole /64: counting single IPv6 addresses would count nothing."""

_DIGEST_BYTES = 16
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


def install(app: Flask, *, secret: str, secure: bool) -> None:
    """Recognise devices, and give a cookie to browsers that come without one to see a page."""
    identities = Identities(secret)
    app.extensions["tessera.identities"] = identities

    def give_cookie(response: Response) -> Response:
        if response.mimetype != "text/html" or _device(identities) is not None:
            return response
        response.set_cookie(
            DEVICE_COOKIE,
            identities.new_cookie(),
            max_age=DEVICE_COOKIE_SECONDS,
            httponly=True,
            secure=secure,
            samesite="Lax",
        )
        return response

    app.after_request(give_cookie)


def trust_proxies(app: Flask, *, hops: int) -> None:
    """Believe exactly the X-Forwarded-For entries that ``hops`` proxies of ours have appended."""
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=0, x_host=0)  # type: ignore[method-assign]  # Flask's own recipe


def buyer() -> BuyerFingerprint:
    """Whoever makes this request, as opaque keys."""
    identities: Identities = current_app.extensions["tessera.identities"]
    address = client_address()
    device = _device(identities)
    if device is None:
        device = identities.hashed(f"agent:{address}:{request.headers.get('User-Agent', '')}")
    return BuyerFingerprint(device=device, address=identities.hashed(f"address:{address}"))


def client_address() -> str:
    """The network address, an IPv6 one as its /64."""
    return _network(request.remote_addr or "")


def _device(identities: Identities) -> str | None:
    if "HTTP_COOKIE" not in request.environ:
        return None
    cookie = request.cookies.get(DEVICE_COOKIE)
    return identities.device_of_cookie(cookie) if cookie else None


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


def new_name() -> UUID:
    """A name for something this request makes, from chance alone."""
    return UUID(bytes=token_bytes(16), version=4)
