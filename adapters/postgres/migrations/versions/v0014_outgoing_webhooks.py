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

WEBHOOKS = """
CREATE TABLE webhook_endpoints (
    id               uuid PRIMARY KEY,
    url              text NOT NULL CONSTRAINT webhook_endpoints_url_in_bounds CHECK (char_length(url) <= 500),
    description      text NOT NULL,
    kinds            text[] NOT NULL,
    venue_id         uuid CONSTRAINT webhook_endpoints_venue REFERENCES venues,
    enabled          boolean NOT NULL,
    disabled_because text,
    secret_version   integer NOT NULL CONSTRAINT webhook_endpoints_secret_version_positive CHECK (secret_version > 0),
    previous_until   timestamptz,
    failing_since    timestamptz,
    failures         integer NOT NULL CONSTRAINT webhook_endpoints_failures_not_negative CHECK (failures >= 0),
    quiet_until      timestamptz,
    created_at       timestamptz NOT NULL,
    CONSTRAINT webhook_endpoints_off_for_a_reason CHECK (enabled OR disabled_because IS NOT NULL)
);
COMMENT ON TABLE webhook_endpoints IS
    'Addresses that organisers want to be told at. Their secrets are made from the house''s key and never stored.';

CREATE TABLE webhook_deliveries (
    id           uuid PRIMARY KEY,
    endpoint_id  uuid NOT NULL CONSTRAINT webhook_deliveries_endpoint REFERENCES webhook_endpoints,
    message_id   uuid NOT NULL,
    kind         text NOT NULL,
    body         text NOT NULL,
    state        text NOT NULL
        CONSTRAINT webhook_deliveries_state_known CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts     integer NOT NULL CONSTRAINT webhook_deliveries_attempts_not_negative CHECK (attempts >= 0),
    tries_before integer NOT NULL DEFAULT 0,
    next_try_at  timestamptz,
    leased_until timestamptz,
    created_at   timestamptz NOT NULL,
    CONSTRAINT webhook_deliveries_once UNIQUE (endpoint_id, message_id),
    CONSTRAINT webhook_deliveries_waiting_for_something CHECK ((state = 'waiting') = (next_try_at IS NOT NULL))
);
COMMENT ON TABLE webhook_deliveries IS
    'A message on its way to an endpoint. A worker leases a due one by moving next_try_at and raising attempts.';
COMMENT ON COLUMN webhook_deliveries.tries_before IS 'Attempts made before a person had it sent again.';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_try_at, id) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (endpoint_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_oldest ON webhook_deliveries (created_at);

CREATE TABLE webhook_attempts (
    delivery_id  uuid NOT NULL CONSTRAINT webhook_attempts_delivery REFERENCES webhook_deliveries ON DELETE CASCADE,
    number       integer NOT NULL,
    at           timestamptz NOT NULL,
    milliseconds integer NOT NULL,
    status       integer,
    answer       text NOT NULL,
    error        text,
    PRIMARY KEY (delivery_id, number)
);

CREATE TABLE webhook_sales (
    event_id uuid PRIMARY KEY CONSTRAINT webhook_sales_event REFERENCES events,
    sold_out boolean NOT NULL,
    told_at  timestamptz NOT NULL
);
COMMENT ON TABLE webhook_sales IS 'What organisers were last told about stock, so that each change is told once.';
"""


def upgrade() -> None:
    run(OUTBOX)
    run(WEBHOOKS)
