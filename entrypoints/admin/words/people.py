"""Who may do what."""

from domain.accounts import Role
from domain.audit import BUYER

ROLE_MAY = {
    Role.ADMIN: "everything",
    Role.VENUE_MANAGER: "events, their sales and webhooks",
    Role.SUPPORT: "orders, reviews, the outbox",
    Role.FINANCE: "orders and refunds",
}


def asker(who: str) -> str:
    """Who asked for something: ``the buyer``, or a colleague by address."""
    return "the buyer" if who == BUYER else who
