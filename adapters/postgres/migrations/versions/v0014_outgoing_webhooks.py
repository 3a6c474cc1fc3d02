"""An outbox that survives anything, and webhooks that tell organisers what happens."""

from adapters.postgres.migrations import run

revision = "0014"
down_revision = "0013"

OUTBOX = """
ALTER TABLE outbox
    ADD COLUMN lane text NOT NULL DEFAULT 'live'
        CONSTRAINT outbox_lane_known CHECK (lane IN ('live', 'settling', 'bulk', 'telling')),
    ADD COLUMN errors jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT outbox_errors_are_a_list CHECK (jsonb_typeof(errors) = 'array'),
    ADD COLUMN discarded_because text,
    ADD CONSTRAINT outbox_discarded_is_done CHECK (discarded_because IS NULL OR done_at IS NOT NULL);
COMMENT ON COLUMN outbox.lane IS
    'Which queue the row stands in. Every lane has workers of its own, so none holds up another.';
COMMENT ON COLUMN outbox.errors IS 'The newest errors: at, attempt, said.';
COMMENT ON COLUMN outbox.discarded_because IS 'A person decided that the effect shall never happen: why.';

DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (lane, not_before, id) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_unsettled ON outbox ((payload ->> 'event'))
    WHERE effect = 'settle_stock' AND done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_done ON outbox (done_at) WHERE done_at IS NOT NULL;
"""


def upgrade() -> None:
    run(OUTBOX)
