"""Disputes and early warnings of fraud; refunds that are sent anew or settled by hand."""

from adapters.postgres.migrations import run

revision = "0012"
down_revision = "0011"

DISPUTES = """
ALTER TABLE orders ADD COLUMN frozen_because text
    CONSTRAINT orders_frozen_because_in_bounds CHECK (char_length(frozen_because) BETWEEN 1 AND 200);
COMMENT ON COLUMN orders.frozen_because IS 'While a dispute is open: nothing is refunded and nobody is let in.';

CREATE TABLE disputes (
    id             uuid PRIMARY KEY,
    provider_id    text NOT NULL CONSTRAINT disputes_provider_unique UNIQUE,
    intent_id      text,
    order_id       uuid NOT NULL,
    payment_id     uuid NOT NULL,
    currency       text NOT NULL,
    kind           text NOT NULL CONSTRAINT disputes_kind_known CHECK (kind IN ('inquiry', 'chargeback')),
    state          text NOT NULL CONSTRAINT disputes_state_known CHECK (state IN (
        'needs_response', 'under_review', 'won', 'lost', 'withdrawn')),
    reason         text NOT NULL,
    amount_minor   bigint NOT NULL CONSTRAINT disputes_amount_not_negative CHECK (amount_minor >= 0),
    fee_minor      bigint CONSTRAINT disputes_fee_not_negative CHECK (fee_minor >= 0),
    fee_returned_minor bigint,
    fee_currency   text,
    refundable     boolean NOT NULL,
    opened_at      timestamptz NOT NULL,
    due_at         timestamptz,
    submissions    integer NOT NULL,
    evidence       jsonb NOT NULL,
    statement      text NOT NULL CONSTRAINT disputes_statement_in_bounds CHECK (char_length(statement) <= 5000),
    answer         text CONSTRAINT disputes_answer_known CHECK (answer IN ('evidence', 'accepted')),
    answered_by    text,
    answered_at    timestamptz,
    answers        integer NOT NULL,
    answer_failure text,
    next_check_at  timestamptz,
    closed_at      timestamptz,
    CONSTRAINT disputes_payment FOREIGN KEY (payment_id, order_id, currency)
        REFERENCES payments (id, order_id, currency),
    CONSTRAINT disputes_fee_has_currency CHECK ((fee_minor IS NULL) = (fee_currency IS NULL)),
    CONSTRAINT disputes_fee_returned_was_charged CHECK (fee_returned_minor BETWEEN 0 AND fee_minor),
    CONSTRAINT disputes_answer_is_somebodys CHECK (
        (answer IS NULL) = (answered_by IS NULL) AND (answer IS NULL) = (answered_at IS NULL)),
    CONSTRAINT disputes_end_is_dated CHECK ((state IN ('won', 'lost', 'withdrawn')) = (closed_at IS NOT NULL)),
    CONSTRAINT disputes_open_are_watched CHECK ((closed_at IS NULL) = (next_check_at IS NOT NULL))
);
COMMENT ON TABLE disputes IS 'What a buyer''s bank holds against a payment, as the provider had it when last asked.';
COMMENT ON COLUMN disputes.evidence IS 'The facts of the sale as they were last collected.';
CREATE INDEX disputes_of_order ON disputes (order_id, opened_at);
CREATE INDEX disputes_to_check ON disputes (next_check_at, id) WHERE next_check_at IS NOT NULL;
CREATE INDEX disputes_open_by_due ON disputes (due_at, id) WHERE closed_at IS NULL;
CREATE TRIGGER disputes_ends_are_final BEFORE UPDATE ON disputes
    FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse('a dispute that has ended stays as it ended');
CREATE TRIGGER disputes_keep_facts BEFORE UPDATE ON disputes
    FOR EACH ROW WHEN ((OLD.id, OLD.provider_id, OLD.order_id, OLD.payment_id, OLD.currency)
                       IS DISTINCT FROM (NEW.id, NEW.provider_id, NEW.order_id, NEW.payment_id, NEW.currency))
    EXECUTE FUNCTION refuse('a dispute keeps its payment');
CREATE TRIGGER disputes_kept BEFORE DELETE ON disputes
    FOR EACH ROW EXECUTE FUNCTION refuse('disputes are kept');

CREATE TABLE fraud_warnings (
    id          uuid PRIMARY KEY,
    provider_id text NOT NULL CONSTRAINT fraud_warnings_provider_unique UNIQUE,
    intent_id   text,
    order_id    uuid NOT NULL,
    payment_id  uuid NOT NULL CONSTRAINT fraud_warnings_payment REFERENCES payments,
    fraud_type  text NOT NULL,
    actionable  boolean NOT NULL,
    warned_at   timestamptz NOT NULL,
    state       text NOT NULL CONSTRAINT fraud_warnings_state_known CHECK (state IN (
        'waiting', 'refunded', 'dismissed', 'settled')),
    decided_at  timestamptz,
    decided_by  text,
    note        text NOT NULL CONSTRAINT fraud_warnings_note_in_bounds CHECK (char_length(note) <= 500),
    refund_id   uuid,
    CONSTRAINT fraud_warnings_order FOREIGN KEY (order_id) REFERENCES orders (id),
    CONSTRAINT fraud_warnings_refund FOREIGN KEY (refund_id, order_id) REFERENCES refunds (id, order_id),
    CONSTRAINT fraud_warnings_decision_is_dated CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT fraud_warnings_refunded_has_refund CHECK ((state = 'refunded') = (refund_id IS NOT NULL))
);
COMMENT ON TABLE fraud_warnings IS 'The card''s bank suspects fraud; while actionable, a refund may avoid a dispute.';
CREATE INDEX fraud_warnings_of_order ON fraud_warnings (order_id, warned_at);
CREATE INDEX fraud_warnings_waiting ON fraud_warnings (warned_at, id) WHERE state = 'waiting';
CREATE TRIGGER fraud_warnings_decisions_are_final BEFORE UPDATE ON fraud_warnings
    FOR EACH ROW WHEN (OLD.state <> 'waiting' AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse('a warning that was decided stays so');
CREATE TRIGGER fraud_warnings_kept BEFORE DELETE ON fraud_warnings
    FOR EACH ROW EXECUTE FUNCTION refuse('fraud warnings are kept');

CREATE INDEX orders_of_device ON orders (device);

CREATE TABLE provider_logs (
    provider   text PRIMARY KEY,
    read_until timestamptz NOT NULL
);
COMMENT ON TABLE provider_logs IS 'How far each provider''s own log was read: what no webhook brought is found there.';
"""

REFUNDS = """
ALTER TABLE refunds
    ADD COLUMN replaces_id       uuid CONSTRAINT refunds_replaced_once UNIQUE,
    ADD COLUMN by_hand_reference text
        CONSTRAINT refunds_reference_in_bounds CHECK (char_length(by_hand_reference) BETWEEN 1 AND 200),
    ADD COLUMN by_hand_actor     text,
    ADD CONSTRAINT refunds_replaces FOREIGN KEY (replaces_id, order_id) REFERENCES refunds (id, order_id),
    ADD CONSTRAINT refunds_by_hand_is_told CHECK (
        (by_hand_reference IS NULL) = (by_hand_actor IS NULL)
        AND (by_hand_reference IS NULL OR state = 'succeeded' AND provider_id IS NULL AND replaces_id IS NOT NULL));
COMMENT ON COLUMN refunds.replaces_id IS 'The failed refund that this one makes good; each is made good once.';
COMMENT ON COLUMN refunds.by_hand_reference IS 'Paid outside of the provider, as by a bank transfer: how to find it.';
CREATE INDEX refunds_failed ON refunds (requested_at, id) WHERE state = 'failed';
CREATE INDEX refunds_under_way ON refunds (requested_at, id) WHERE state IN ('requested', 'pending');
"""


def upgrade() -> None:
    run(DISPUTES)
    run(REFUNDS)
