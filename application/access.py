"""Keys to one hold, order or place in a queue: bearer tokens that need no storage, because they are signatures.

A token is an HMAC-SHA256 over what it opens, 256 bits written in URL-safe base 64. Tokens signed with a
retired secret stay good while that secret is listed after the current one.
"""

from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest, digest

from domain.holds import HoldId
from domain.order_links import OrderLinkId
from domain.orders import OrderId
from domain.outgoing_webhooks import SECRET_PREFIX, EndpointId


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Makes and checks tokens. ``secrets``: the current one first. ``public_url`` has no slash at its end."""

    secrets: tuple[bytes, ...]
    public_url: str

    def for_hold(self, hold_id: HoldId) -> str:
        """The token that whoever made the hold gets."""
        return _sign(self.secrets[0], f"hold:{hold_id}")

    def for_order(self, order_id: OrderId) -> str:
        """The token in the secret link of an order."""
        return _sign(self.secrets[0], f"order:{order_id}")

    def webhook_secret(self, endpoint_id: EndpointId, version: int) -> str:
        """What signs messages to an organiser's system: never stored, so nobody can read it out of a backup."""
        made = digest(self.secrets[0], f"webhook:{endpoint_id}:{version}".encode(), sha256)
        return f"{SECRET_PREFIX}{b64encode(made).decode()}"

    def opens_hold(self, hold_id: HoldId, token: str) -> bool:
        return self._opens(f"hold:{hold_id}", token)

    def opens_order(self, order_id: OrderId, token: str) -> bool:
        return self._opens(f"order:{order_id}", token)

    def order_url(self, order_id: OrderId) -> str:
        """The secret link, as sent by SMS and given to the payment page."""
        return f"{self.public_url}/orders/{order_id}?token={self.for_order(order_id)}"

    def link_url(self, link_id: OrderLinkId) -> str:
        """A link that opens an order once. What it opens and until when is kept beside its id."""
        return f"{self.public_url}/find-order/{link_id}?token={_sign(self.secrets[0], f'link:{link_id}')}"

    def opens_link(self, link_id: OrderLinkId, token: str) -> bool:
        return self._opens(f"link:{link_id}", token)

    def _opens(self, what: str, token: str) -> bool:
        return any(compare_digest(_sign(secret, what).encode(), token.encode()) for secret in self.secrets)


def _sign(secret: bytes, what: str) -> str:
    return urlsafe_b64encode(digest(secret, what.encode(), sha256)).decode().rstrip("=")
