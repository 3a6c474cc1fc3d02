"""Who may do what."""

from domain.accounts import Role

ROLE_MAY = {
    Role.ADMIN: "everything",
    Role.VENUE_MANAGER: "events, their sales and webhooks",
    Role.SUPPORT: "orders, reviews, the outbox",
    Role.FINANCE: "orders and refunds",
}
