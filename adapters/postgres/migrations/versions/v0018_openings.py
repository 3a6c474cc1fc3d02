"""Tiers that open when another one is gone."""

from adapters.postgres.migrations import run

revision = "0018"
down_revision = "0017"

TIERS = """
ALTER TABLE tiers
    -- Looked at when all tiers of an event are written: they may come in any order.
    ADD COLUMN opens_after uuid CONSTRAINT tiers_opens_after REFERENCES tiers DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN opened_at   timestamptz,
    ADD CONSTRAINT tiers_opens_after_another CHECK (opens_after <> id),
    ADD CONSTRAINT tiers_opened_after_something CHECK (opened_at IS NULL OR opens_after IS NOT NULL);
COMMENT ON COLUMN tiers.opens_after IS 'Not sold before that tier is gone. NULL: it waits for none.';
COMMENT ON COLUMN tiers.opened_at IS 'When it was; from then on it stays open.';
"""


def upgrade() -> None:
    run(TIERS)
