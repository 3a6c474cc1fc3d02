"""Refunds by the thousand: a batch, and the orders it was taken of.

A row of a batch points to its newest refund and never repeats what that refund says, so the two cannot disagree.
Whatever batches, buyers and staff ask for at the same time, a ticket has at most one refund that has not failed:
``refund_tickets_one_live`` is that promise, and it needs nobody's care.
"""

from adapters.postgres.migrations import run

revision = "0011"
down_revision = "0010"

BATCHES = """
CREATE TABLE refund_batches (
    id               uuid PRIMARY KEY,
    purpose          text NOT NULL CONSTRAINT refund_batches_purpose_known
        CHECK (purpose IN ('event_cancelled', 'event_postponed', 'venue_closed', 'orders_chosen')),
    reason           text NOT NULL,
    selection        jsonb NOT NULL,
    note             text NOT NULL CONSTRAINT refund_batches_note_in_bounds CHECK (char_length(note) <= 500),
    tell_buyers      boolean NOT NULL,
    state            text NOT NULL CONSTRAINT refund_batches_state_known CHECK (state IN (
        'draft', 'previewed', 'awaiting_approval', 'running', 'paused', 'finished', 'stopped')),
    requested_by     text NOT NULL,
    requested_at     timestamptz NOT NULL,
    approval_because text,
    approved_by      text,
    approved_at      timestamptz,
    decision_note    text,
    started_at       timestamptz,
    ended_at         timestamptz,
    CONSTRAINT refund_batches_second_person CHECK (approved_by <> requested_by),
    CONSTRAINT refund_batches_approved_before_it_runs CHECK (
        state NOT IN ('running', 'paused', 'finished') OR approval_because IS NULL OR approved_by IS NOT NULL)
);
COMMENT ON TABLE refund_batches IS 'One decision about many orders, and who took it.';
COMMENT ON COLUMN refund_batches.selection IS 'Which orders, as it was asked; the orders themselves are rows.';
COMMENT ON COLUMN refund_batches.approval_because IS 'Why a second person had to agree; NULL: nobody had to.';
CREATE INDEX refund_batches_newest ON refund_batches (requested_at, id);
CREATE INDEX refund_batches_busy ON refund_batches (requested_at, id) WHERE state IN ('draft', 'running');
CREATE TRIGGER refund_batches_stopped_is_final BEFORE UPDATE ON refund_batches
    FOR EACH ROW WHEN (OLD.state = 'stopped' AND NEW.state <> 'stopped')
    EXECUTE FUNCTION refuse('a batch that was stopped stays so: prepare a new one');
CREATE TRIGGER refund_batches_keep_facts BEFORE UPDATE ON refund_batches
    FOR EACH ROW WHEN ((OLD.id, OLD.purpose, OLD.reason, OLD.selection, OLD.note, OLD.tell_buyers, OLD.requested_by,
                        OLD.requested_at)
                       IS DISTINCT FROM
                       (NEW.id, NEW.purpose, NEW.reason, NEW.selection, NEW.note, NEW.tell_buyers, NEW.requested_by,
                        NEW.requested_at))
    EXECUTE FUNCTION refuse('a batch keeps what was asked and by whom');
CREATE TRIGGER refund_batches_kept BEFORE DELETE ON refund_batches
    FOR EACH ROW EXECUTE FUNCTION refuse('batches are kept');

CREATE TABLE refund_batch_orders (
    batch_id       uuid NOT NULL CONSTRAINT refund_batch_orders_batch REFERENCES refund_batches,
    order_id       uuid NOT NULL,
    position       integer NOT NULL,
    currency       text NOT NULL,
    state          text NOT NULL CONSTRAINT refund_batch_orders_state_known
        CHECK (state IN ('waiting', 'requested', 'skipped', 'failed')),
    expected_minor bigint CONSTRAINT refund_batch_orders_expected_not_negative CHECK (expected_minor >= 0),
    why            text,
    refund_id      uuid CONSTRAINT refund_batch_orders_refund_unique UNIQUE,
    attempts       integer NOT NULL,
    due_at         timestamptz NOT NULL,
    tell           boolean NOT NULL,
    told_at        timestamptz,
    PRIMARY KEY (batch_id, order_id),
    CONSTRAINT refund_batch_orders_position_unique UNIQUE (batch_id, position),
    CONSTRAINT refund_batch_orders_order FOREIGN KEY (order_id, currency) REFERENCES orders (id, currency),
    CONSTRAINT refund_batch_orders_refund FOREIGN KEY (refund_id, order_id) REFERENCES refunds (id, order_id),
    CONSTRAINT refund_batch_orders_requested_has_refund CHECK (state <> 'requested' OR refund_id IS NOT NULL),
    CONSTRAINT refund_batch_orders_skipped_says_why CHECK (state NOT IN ('skipped', 'failed') OR why IS NOT NULL)
);
COMMENT ON TABLE refund_batch_orders IS
    'The orders of a batch as they were taken, with what the preview showed. Where the money is, the refund says.';
COMMENT ON COLUMN refund_batch_orders.expected_minor IS 'What the preview showed; NULL: not asked yet.';
COMMENT ON COLUMN refund_batch_orders.due_at IS 'Not before: an order that is busy lets others go first.';
COMMENT ON COLUMN refund_batch_orders.told_at IS 'When its buyer was written to that money is on its way: once.';
CREATE INDEX refund_batch_orders_uncounted ON refund_batch_orders (batch_id, position)
    WHERE state = 'waiting' AND expected_minor IS NULL;
CREATE INDEX refund_batch_orders_waiting ON refund_batch_orders (batch_id, due_at, position) WHERE state = 'waiting';
CREATE INDEX refund_batch_orders_untold ON refund_batch_orders (batch_id, position)
    WHERE tell AND told_at IS NULL AND state = 'requested';
CREATE INDEX refund_batch_orders_of_order ON refund_batch_orders (order_id);
CREATE TRIGGER refund_batch_orders_keep_facts BEFORE UPDATE ON refund_batch_orders
    FOR EACH ROW WHEN ((OLD.batch_id, OLD.order_id, OLD.position, OLD.currency)
                       IS DISTINCT FROM (NEW.batch_id, NEW.order_id, NEW.position, NEW.currency)
                       OR OLD.expected_minor IS DISTINCT FROM NEW.expected_minor AND OLD.expected_minor IS NOT NULL
                       OR OLD.told_at IS NOT NULL AND NEW.told_at IS DISTINCT FROM OLD.told_at)
    EXECUTE FUNCTION refuse('a row of a batch keeps its order, what was shown, and that its buyer was told');
CREATE TRIGGER refund_batch_orders_kept BEFORE DELETE ON refund_batch_orders
    FOR EACH ROW EXECUTE FUNCTION refuse('rows of a batch are kept');

CREATE TABLE refund_batch_lines (
    batch_id     uuid NOT NULL,
    order_id     uuid NOT NULL,
    tier_id      uuid NOT NULL CONSTRAINT refund_batch_lines_tier REFERENCES tiers,
    tickets      integer NOT NULL CONSTRAINT refund_batch_lines_tickets_positive CHECK (tickets > 0),
    amount_minor bigint NOT NULL CONSTRAINT refund_batch_lines_amount_not_negative CHECK (amount_minor >= 0),
    PRIMARY KEY (batch_id, order_id, tier_id),
    CONSTRAINT refund_batch_lines_order FOREIGN KEY (batch_id, order_id) REFERENCES refund_batch_orders
);
COMMENT ON TABLE refund_batch_lines IS 'What the preview showed, tier by tier.';
"""

REFUNDS = """
ALTER TABLE refunds ADD CONSTRAINT refunds_batch FOREIGN KEY (batch_id) REFERENCES refund_batches (id);
CREATE INDEX refunds_of_batch_under_way ON refunds (batch_id) WHERE batch_id IS NOT NULL AND state = 'requested';
CREATE INDEX refunds_of_batch_completed ON refunds (batch_id, completed_at) WHERE batch_id IS NOT NULL;

ALTER TABLE refund_tickets ADD COLUMN live boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN refund_tickets.live IS 'Follows the refund: false once that failed, so that a new one may be made.';
UPDATE refund_tickets SET live = false FROM refunds
    WHERE refunds.id = refund_tickets.refund_id AND refunds.state = 'failed';
CREATE UNIQUE INDEX refund_tickets_one_live ON refund_tickets (ticket_id) WHERE live;
COMMENT ON INDEX refund_tickets_one_live IS 'No ticket is refunded twice, whoever asks.';
CREATE FUNCTION let_go_of_tickets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE refund_tickets SET live = false WHERE refund_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_failed_let_go AFTER UPDATE OF state ON refunds
    FOR EACH ROW WHEN (NEW.state = 'failed' AND OLD.state <> 'failed') EXECUTE FUNCTION let_go_of_tickets();
CREATE TRIGGER refund_tickets_live_follows BEFORE UPDATE ON refund_tickets
    FOR EACH ROW WHEN (pg_trigger_depth() = 0 AND OLD.live IS DISTINCT FROM NEW.live)
    EXECUTE FUNCTION refuse('whether a refund of a ticket is live follows the refund and cannot be written');
"""

POSTPONEMENTS = """
CREATE TABLE postponements (
    id            uuid PRIMARY KEY,
    event_id      uuid NOT NULL CONSTRAINT postponements_event REFERENCES events,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    was_at        timestamptz NOT NULL,
    starts_at     timestamptz NOT NULL CONSTRAINT postponements_move CHECK (starts_at <> was_at),
    refunds_until timestamptz,
    note          text NOT NULL CONSTRAINT postponements_note_in_bounds CHECK (char_length(note) <= 300),
    told_up_to    uuid,
    told_at       timestamptz
);
COMMENT ON TABLE postponements IS 'Every time an event moved to another date, and what its buyers may do since.';
COMMENT ON COLUMN postponements.told_up_to IS 'Orders are told in the order of their ids: the last that was.';
CREATE INDEX postponements_of_event ON postponements (event_id, at);
CREATE INDEX postponements_untold ON postponements (at) WHERE told_at IS NULL;
CREATE TRIGGER postponements_kept BEFORE DELETE ON postponements
    FOR EACH ROW EXECUTE FUNCTION refuse('postponements are kept: buyers rely on them');
"""


def upgrade() -> None:
    run(POSTPONEMENTS)
    run(BATCHES)
    run(REFUNDS)
