"""What people who run a house look at: selected straight into frozen views, a constant number of queries a page."""

from adapters.postgres.backoffice.aftersales import PostgresAftersales
from adapters.postgres.backoffice.views import PostgresBackoffice

__all__ = ["PostgresAftersales", "PostgresBackoffice"]
