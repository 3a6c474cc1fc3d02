"""${message}."""

from adapters.postgres.migrations import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

SCHEMA = """
"""


def upgrade() -> None:
    run(SCHEMA)
