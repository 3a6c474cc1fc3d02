"""What a payment needs to end well, whatever happens."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    pass
