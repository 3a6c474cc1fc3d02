"""How alembic runs here: on the connection that ``adapters.postgres.migrate`` hands in, inside its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
