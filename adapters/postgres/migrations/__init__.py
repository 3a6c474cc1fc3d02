"""The schema's history, one chapter a file: read them in order as documentation. Migrations only go forward."""

from alembic import op


def run(statements: str) -> None:
    """Execute SQL exactly as it is written: no placeholder, no bind parameter, several statements at once."""
    op.get_bind().exec_driver_sql(statements, execution_options={"no_parameters": True})
