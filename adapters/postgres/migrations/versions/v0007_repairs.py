"""Repairs of inventories are found at once, however long the audit trail has become."""

from adapters.postgres.migrations import run

revision = "0007"
down_revision = "0006"

REPAIRS = """
CREATE INDEX audit_entries_repairs ON audit_entries (at) WHERE action = 'inventory.repaired';
"""


def upgrade() -> None:
    run(REPAIRS)
