"""What keeps the house running: the outbox, messages, webhooks seen, the audit trail, staff, kept answers."""

from adapters.postgres.migrations import run

revision = "0004"
down_revision = "0003"

OUTBOX = """
CREATE TABLE outbox (
    id         uuid PRIMARY KEY,
    key        text NOT NULL CONSTRAINT outbox_one_effect_per_key UNIQUE,
    effect     text NOT NULL,
    payload    jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0 CONSTRAINT outbox_attempts_not_negative CHECK (attempts >= 0),
    last_error text,
    done_at    timestamptz,
    parked_at  timestamptz,
    CONSTRAINT outbox_done_or_parked CHECK (done_at IS NULL OR parked_at IS NULL)
);
COMMENT ON TABLE outbox IS
    'Effects on the outside world, written with the fact that wants them. A worker leases due rows (SKIP LOCKED) by
moving not_before to the lease''s end and raising attempts; what it says later counts only while attempts is the same.';
CREATE INDEX outbox_due ON outbox (not_before, id) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX outbox_parked ON outbox (created_at, id) WHERE parked_at IS NOT NULL;
CREATE TRIGGER outbox_done_is_final BEFORE UPDATE ON outbox
    FOR EACH ROW WHEN (OLD.done_at IS NOT NULL) EXECUTE FUNCTION refuse('an effect that happened is history');
"""

MESSAGES = """
CREATE TABLE messages (
    id          uuid PRIMARY KEY,
    order_id    uuid CONSTRAINT messages_order REFERENCES orders,
    recipient   text NOT NULL,
    body        text NOT NULL CONSTRAINT messages_body_in_bounds CHECK (char_length(body) <= 1600),
    state       text NOT NULL CONSTRAINT messages_state_known
        CHECK (state IN ('queued', 'unknown', 'sent', 'delivered', 'failed')),
    created_at  timestamptz NOT NULL,
    provider_id text CONSTRAINT messages_provider_unique UNIQUE,
    failure     text
);
CREATE INDEX messages_of_order ON messages (order_id);
CREATE TRIGGER messages_delivered_is_final BEFORE UPDATE ON messages
    FOR EACH ROW WHEN (OLD.state = 'delivered' AND NEW.state <> 'delivered')
    EXECUTE FUNCTION refuse('a delivered message stays delivered');

CREATE TABLE opt_outs (
    phone text PRIMARY KEY,
    at    timestamptz NOT NULL
);
COMMENT ON TABLE opt_outs IS 'Numbers that said STOP. The row goes when they say START.';

CREATE TABLE webhook_notices (
    provider    text NOT NULL,
    notice_id   text NOT NULL,
    type        text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (provider, notice_id)
);
COMMENT ON TABLE webhook_notices IS 'Every webhook once: delivery is at least once and in any order.';
CREATE INDEX webhook_notices_newest ON webhook_notices (received_at);
"""

PEOPLE = """
CREATE TABLE audit_entries (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL,
    actor        text NOT NULL,
    action       text NOT NULL,
    subject_kind text NOT NULL,
    subject_id   text NOT NULL,
    details      jsonb NOT NULL
);
COMMENT ON TABLE audit_entries IS 'Who did what to which thing, when. Append-only.';
CREATE INDEX audit_entries_of_subject ON audit_entries (subject_kind, subject_id, at);
CREATE INDEX audit_entries_newest ON audit_entries (at, id);
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse('the audit trail is never rewritten');
CREATE TRIGGER audit_entries_not_truncated BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit trail is never rewritten');

CREATE TABLE staff (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL CONSTRAINT staff_role_known
        CHECK (role IN ('admin', 'venue_manager', 'support', 'finance')),
    password_hash text NOT NULL,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz
);
CREATE UNIQUE INDEX staff_email_unique ON staff (lower(email));

CREATE TABLE idempotency_keys (
    scope          text NOT NULL,
    key            text NOT NULL,
    request_digest text NOT NULL,
    begun_at       timestamptz NOT NULL,
    answer         jsonb,
    PRIMARY KEY (scope, key)
);
COMMENT ON COLUMN idempotency_keys.answer IS 'NULL while the first request is under way.';
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (begun_at);
"""


def upgrade() -> None:
    run(OUTBOX)
    run(MESSAGES)
    run(PEOPLE)
