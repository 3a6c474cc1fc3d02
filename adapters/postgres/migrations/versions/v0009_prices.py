"""What tickets cost: taxes, fees, promotions, prices that change by themselves."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass
