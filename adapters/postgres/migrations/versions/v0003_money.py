"""What was paid, what it bought and what went back: payments, tickets, refunds, assessments.

A payment's counters follow its refunds by trigger, and one CHECK over them is invariant I5: refunded and pending
together never exceed what was captured, whoever writes, however.
"""

from adapters.postgres.migrations import run

revision = "0003"
down_revision = "0002"

PAYMENTS = """
CREATE TABLE payments (
    id                   uuid PRIMARY KEY,
    order_id             uuid NOT NULL,
    attempt              integer NOT NULL CONSTRAINT payments_attempt_positive CHECK (attempt > 0),
    state                text NOT NULL CONSTRAINT payments_state_known CHECK (state IN (
        'starting', 'open', 'authorised', 'capture_requested', 'captured', 'void_requested', 'voided', 'expired',
        'failed')),
    currency             text NOT NULL,
    amount_minor         bigint NOT NULL CONSTRAINT payments_amount_positive CHECK (amount_minor > 0),
    session_id           text CONSTRAINT payments_session_unique UNIQUE,
    checkout_url         text,
    intent_id            text CONSTRAINT payments_intent_unique UNIQUE,
    risk                 text NOT NULL,
    card_fingerprint     text,
    card_brand           text,
    card_last4           text,
    card_country         text,
    card_funding         text,
    failure              text,
    created_at           timestamptz NOT NULL,
    next_check_at        timestamptz,
    checks               integer NOT NULL,
    captured_minor       bigint NOT NULL
        GENERATED ALWAYS AS (CASE WHEN state = 'captured' THEN amount_minor ELSE 0 END) STORED,
    refund_pending_minor bigint NOT NULL DEFAULT 0
        CONSTRAINT payments_refund_pending_not_negative CHECK (refund_pending_minor >= 0),
    refunded_minor       bigint NOT NULL DEFAULT 0
        CONSTRAINT payments_refunded_not_negative CHECK (refunded_minor >= 0),
    CONSTRAINT payments_order FOREIGN KEY (order_id, currency) REFERENCES orders (id, currency),
    CONSTRAINT payments_one_per_attempt UNIQUE (order_id, attempt),
    CONSTRAINT payments_of_order UNIQUE (id, order_id, currency),
    CONSTRAINT payments_refunds_within_captured CHECK (refund_pending_minor + refunded_minor <= captured_minor)
);
COMMENT ON COLUMN payments.attempt IS 'Order and attempt are the idempotency key at the provider.';
COMMENT ON COLUMN payments.next_check_at IS 'When the poller asks the provider, webhook or not. NULL: never again.';
COMMENT ON CONSTRAINT payments_refunds_within_captured ON payments IS 'Invariant I5.';
CREATE INDEX payments_to_check ON payments (next_check_at, id) WHERE next_check_at IS NOT NULL;
CREATE INDEX payments_of_card ON payments (card_fingerprint, created_at) WHERE card_fingerprint IS NOT NULL;
CREATE TRIGGER payments_ends_are_final BEFORE UPDATE ON payments
    FOR EACH ROW WHEN (OLD.state IN ('captured', 'voided', 'expired', 'failed') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse('a payment that has ended stays as it ended');
CREATE TRIGGER payments_keep_facts BEFORE UPDATE ON payments
    FOR EACH ROW WHEN ((OLD.id, OLD.order_id, OLD.attempt, OLD.currency, OLD.amount_minor)
                       IS DISTINCT FROM (NEW.id, NEW.order_id, NEW.attempt, NEW.currency, NEW.amount_minor))
    EXECUTE FUNCTION refuse('a payment keeps its order, attempt and amount');
CREATE TRIGGER payments_start_unrefunded BEFORE INSERT ON payments
    FOR EACH ROW WHEN ((NEW.refund_pending_minor, NEW.refunded_minor) <> (0, 0))
    EXECUTE FUNCTION refuse('a payment starts with nothing refunded');
CREATE TRIGGER payments_counted_by_refunds BEFORE UPDATE ON payments
    FOR EACH ROW WHEN (pg_trigger_depth() = 0
                       AND (OLD.refund_pending_minor, OLD.refunded_minor)
                           IS DISTINCT FROM (NEW.refund_pending_minor, NEW.refunded_minor))
    EXECUTE FUNCTION refuse('what was refunded follows the refunds and cannot be written');
CREATE TRIGGER payments_kept BEFORE DELETE ON payments
    FOR EACH ROW EXECUTE FUNCTION refuse('payments are kept');
"""

TICKETS = """
CREATE TABLE tickets (
    id             uuid PRIMARY KEY,
    position       bigint GENERATED ALWAYS AS IDENTITY,
    order_id       uuid NOT NULL,
    order_line_id  uuid NOT NULL,
    event_id       uuid NOT NULL,
    tier_id        uuid NOT NULL,
    tier_name      text NOT NULL,
    currency       text NOT NULL,
    face_minor     bigint NOT NULL,
    fee_minor      bigint NOT NULL,
    zone           text NOT NULL,
    place          text NOT NULL,
    seat           integer,
    code           text NOT NULL CONSTRAINT tickets_code_unique UNIQUE,
    state          text NOT NULL CONSTRAINT tickets_state_known CHECK (state IN ('valid', 'void', 'checked_in')),
    issued_at      timestamptz NOT NULL,
    used_at        timestamptz,
    place_returned boolean NOT NULL DEFAULT false,
    CONSTRAINT tickets_line FOREIGN KEY (order_line_id, order_id, event_id)
        REFERENCES order_lines (id, order_id, event_id),
    CONSTRAINT tickets_of_order UNIQUE (id, order_id)
);
COMMENT ON COLUMN tickets.position IS 'Order of issue.';
COMMENT ON COLUMN tickets.code IS 'The secret in the QR: 120 random bits in base 32.';
COMMENT ON COLUMN tickets.place_returned IS 'Its place went back on sale: giving it back again does nothing.';
CREATE UNIQUE INDEX tickets_one_valid_per_seat ON tickets (event_id, seat) WHERE seat IS NOT NULL AND state = 'valid';
CREATE INDEX tickets_in_order ON tickets (order_id, position);
CREATE TRIGGER tickets_ends_are_final BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN (OLD.state IN ('void', 'checked_in') AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse('a ticket that is void or used stays so');
CREATE TRIGGER tickets_keep_facts BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN ((OLD.id, OLD.order_line_id, OLD.seat, OLD.code, OLD.face_minor, OLD.fee_minor)
                       IS DISTINCT FROM
                       (NEW.id, NEW.order_line_id, NEW.seat, NEW.code, NEW.face_minor, NEW.fee_minor)
                       OR OLD.place_returned AND NOT NEW.place_returned)
    EXECUTE FUNCTION refuse('a ticket keeps its code, place and price');
CREATE TRIGGER tickets_kept BEFORE DELETE ON tickets
    FOR EACH ROW EXECUTE FUNCTION refuse('tickets are kept: void them');
"""

REFUNDS = """
CREATE TABLE refunds (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL,
    payment_id   uuid NOT NULL,
    currency     text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT refunds_amount_positive CHECK (amount_minor > 0),
    reason       text NOT NULL CONSTRAINT refunds_reason_known
        CHECK (reason IN ('buyers_wish', 'event_cancelled', 'goodwill', 'fraud')),
    state        text NOT NULL CONSTRAINT refunds_state_known
        CHECK (state IN ('requested', 'pending', 'succeeded', 'failed')),
    requested_at timestamptz NOT NULL,
    completed_at timestamptz,
    provider_id  text CONSTRAINT refunds_provider_unique UNIQUE,
    failure      text,
    CONSTRAINT refunds_payment FOREIGN KEY (payment_id, order_id, currency)
        REFERENCES payments (id, order_id, currency),
    CONSTRAINT refunds_of_order UNIQUE (id, order_id)
);
COMMENT ON TABLE refunds IS 'The row comes first and reserves the amount; only the provider''s word completes it.';
CREATE INDEX refunds_in_order ON refunds (order_id, requested_at, id);
CREATE INDEX refunds_of_payment ON refunds (payment_id);
CREATE INDEX refunds_to_check ON refunds (requested_at, id) WHERE state = 'pending';
CREATE TRIGGER refunds_failed_is_final BEFORE UPDATE ON refunds
    FOR EACH ROW WHEN (OLD.state = 'failed' AND NEW.state <> 'failed')
    EXECUTE FUNCTION refuse('a refund that failed stays so: ask for a new one');
CREATE TRIGGER refunds_keep_facts BEFORE UPDATE ON refunds
    FOR EACH ROW WHEN ((OLD.id, OLD.payment_id, OLD.order_id, OLD.currency, OLD.amount_minor)
                       IS DISTINCT FROM (NEW.id, NEW.payment_id, NEW.order_id, NEW.currency, NEW.amount_minor))
    EXECUTE FUNCTION refuse('a refund keeps its payment and amount');
CREATE TRIGGER refunds_kept BEFORE DELETE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refuse('refunds are kept');
CREATE TRIGGER refunds_not_truncated BEFORE TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('refunds are kept');

CREATE FUNCTION count_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    pending bigint := 0;
    done bigint := 0;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        pending := pending - CASE WHEN OLD.state IN ('requested', 'pending') THEN OLD.amount_minor ELSE 0 END;
        done := done - CASE WHEN OLD.state = 'succeeded' THEN OLD.amount_minor ELSE 0 END;
    END IF;
    pending := pending + CASE WHEN NEW.state IN ('requested', 'pending') THEN NEW.amount_minor ELSE 0 END;
    done := done + CASE WHEN NEW.state = 'succeeded' THEN NEW.amount_minor ELSE 0 END;
    IF (pending, done) <> (0, 0) THEN
        UPDATE payments
        SET refund_pending_minor = refund_pending_minor + pending, refunded_minor = refunded_minor + done
        WHERE id = NEW.payment_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_counted AFTER INSERT OR UPDATE OF state ON refunds
    FOR EACH ROW EXECUTE FUNCTION count_refund();

CREATE TABLE refund_tickets (
    refund_id uuid NOT NULL,
    position  integer NOT NULL,
    ticket_id uuid NOT NULL,
    order_id  uuid NOT NULL,
    PRIMARY KEY (refund_id, position),
    CONSTRAINT refund_tickets_refund FOREIGN KEY (refund_id, order_id) REFERENCES refunds (id, order_id),
    CONSTRAINT refund_tickets_ticket FOREIGN KEY (ticket_id, order_id) REFERENCES tickets (id, order_id)
);
COMMENT ON TABLE refund_tickets IS 'Which tickets a refund is for; always of the same order.';
CREATE INDEX refund_tickets_of_ticket ON refund_tickets (ticket_id);

CREATE TABLE assessments (
    id       uuid PRIMARY KEY,
    order_id uuid NOT NULL CONSTRAINT assessments_order REFERENCES orders,
    verdict  text NOT NULL CONSTRAINT assessments_verdict_known CHECK (verdict IN ('approve', 'review', 'reject')),
    reasons  jsonb NOT NULL,
    at       timestamptz NOT NULL
);
COMMENT ON COLUMN assessments.reasons IS '[{code, message, verdict}]: every rule that spoke, in words for support.';
CREATE INDEX assessments_of_order ON assessments (order_id, at, id);
CREATE TRIGGER assessments_immutable BEFORE UPDATE OR DELETE ON assessments
    FOR EACH ROW EXECUTE FUNCTION refuse('an assessment is history');
"""


def upgrade() -> None:
    run(PAYMENTS)
    run(TICKETS)
    run(REFUNDS)
