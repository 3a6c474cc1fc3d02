"""Refund policies as their organisers word them, and what each ticket of a refund gave back, part by part."""

from adapters.postgres.migrations import run

revision = "0010"
down_revision = "0009"

PARTS = """
ALTER TABLE refund_tickets
    ADD COLUMN admission_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN fee_minor       bigint NOT NULL DEFAULT 0,
    ADD COLUMN tax_minor       bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT refund_tickets_parts_not_negative CHECK (admission_minor >= 0 AND fee_minor >= 0 AND tax_minor >= 0);

-- What went back before was not kept per ticket. A refund of everything is known exactly; of any other the amount is
-- laid out over its tickets by what they cost, to the last minor unit, as if all of it were admission.
WITH laid_out AS (
    SELECT refund_id, refund_tickets.position, refunds.amount_minor AS amount,
           face_minor - discount_minor AS admission, tickets.fee_minor AS fee,
           CASE WHEN tax_added THEN tickets.tax_minor ELSE 0 END AS tax,
           sum(total_minor) OVER (PARTITION BY refund_id) AS whole,
           sum(total_minor) OVER (PARTITION BY refund_id ORDER BY refund_tickets.position) AS up_to,
           total_minor
    FROM refund_tickets
    JOIN refunds ON refunds.id = refund_id
    JOIN tickets ON tickets.id = ticket_id
)
UPDATE refund_tickets
SET admission_minor = CASE WHEN amount = whole THEN admission
                           ELSE div(amount * up_to, whole) - div(amount * (up_to - total_minor), whole) END,
    fee_minor = CASE WHEN amount = whole THEN fee ELSE 0 END,
    tax_minor = CASE WHEN amount = whole THEN tax ELSE 0 END
FROM laid_out
WHERE laid_out.refund_id = refund_tickets.refund_id AND laid_out.position = refund_tickets.position;

ALTER TABLE refund_tickets
    ALTER COLUMN admission_minor DROP DEFAULT, ALTER COLUMN fee_minor DROP DEFAULT, ALTER COLUMN tax_minor DROP DEFAULT;
COMMENT ON COLUMN refund_tickets.tax_minor IS 'Added tax only: tax inside a price goes back with the price.';
"""

REFUNDS = """
ALTER TABLE refunds
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN batch_id uuid,
    DROP CONSTRAINT refunds_amount_positive,
    ADD CONSTRAINT refunds_amount_not_negative CHECK (amount_minor >= 0),
    ADD CONSTRAINT refunds_money_has_payment CHECK ((amount_minor > 0) = (payment_id IS NOT NULL)),
    ADD CONSTRAINT refunds_of_nothing_are_done CHECK (amount_minor > 0 OR state = 'succeeded'),
    ADD CONSTRAINT refunds_order FOREIGN KEY (order_id, currency) REFERENCES orders (id, currency),
    DROP CONSTRAINT refunds_reason_known,
    ADD CONSTRAINT refunds_reason_known CHECK (reason IN (
        'buyers_wish', 'event_cancelled', 'postponed', 'goodwill', 'exchange', 'fraud'));
COMMENT ON COLUMN refunds.payment_id IS 'NULL where nothing was paid: the tickets are void and no money moves.';
"""

POLICIES = """
DROP TRIGGER refund_policies_immutable ON refund_policies;
ALTER TABLE refund_policies ADD COLUMN rules jsonb;
UPDATE refund_policies SET rules = jsonb_build_object(
    'language', 1, 'windows', windows, 'fees_returned', fees_returned, 'tiers', '[]'::jsonb, 'reasons', '[]'::jsonb,
    'restock', true, 'handling_minor', 0, 'kept_minor_min', 0, 'ticket_minor_max', NULL, 'order_minor_max', NULL,
    'approval_minor_over', NULL);
ALTER TABLE refund_policies
    ALTER COLUMN rules SET NOT NULL,
    DROP COLUMN windows,
    DROP COLUMN fees_returned,
    ADD CONSTRAINT refund_policies_rules_are_an_object CHECK (jsonb_typeof(rules) = 'object' AND rules ? 'language');
COMMENT ON COLUMN refund_policies.rules IS 'In the language that its "language" names: domain/refund_policy_json.py.';
CREATE TRIGGER refund_policies_immutable BEFORE UPDATE OR DELETE ON refund_policies
    FOR EACH ROW EXECUTE FUNCTION refuse('a refund policy is replaced by a newer version, never changed');
"""

SELF_SERVICE = """
CREATE TABLE refund_requests (
    id           uuid PRIMARY KEY,
    order_id     uuid NOT NULL,
    tickets      uuid[] NOT NULL,
    currency     text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT refund_requests_amount_positive CHECK (amount_minor > 0),
    reason       text NOT NULL CONSTRAINT refund_requests_reason_known CHECK (reason IN (
        'buyers_wish', 'event_cancelled', 'postponed', 'goodwill', 'exchange', 'fraud', 'no_tickets')),
    state        text NOT NULL CONSTRAINT refund_requests_state_known
        CHECK (state IN ('waiting', 'approved', 'declined', 'lapsed')),
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_by   text,
    decided_at   timestamptz,
    note         text CONSTRAINT refund_requests_note_short CHECK (length(note) <= 500),
    refund_id    uuid,
    CONSTRAINT refund_requests_order FOREIGN KEY (order_id, currency) REFERENCES orders (id, currency),
    CONSTRAINT refund_requests_refund FOREIGN KEY (refund_id, order_id) REFERENCES refunds (id, order_id),
    CONSTRAINT refund_requests_decided_at_an_hour CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT refund_requests_approved_begin_a_refund CHECK ((state = 'approved') = (refund_id IS NOT NULL)),
    CONSTRAINT refund_requests_two_people CHECK (decided_by <> requested_by)
);
COMMENT ON TABLE refund_requests IS 'Refunds over what one person may decide. The tickets stay valid until the yes.';
CREATE UNIQUE INDEX refund_requests_one_waiting ON refund_requests (order_id) WHERE state = 'waiting';
CREATE INDEX refund_requests_waiting ON refund_requests (requested_at, id) WHERE state = 'waiting';
CREATE INDEX refund_requests_of_order ON refund_requests (order_id, requested_at, id);
CREATE TRIGGER refund_requests_decided_once BEFORE UPDATE ON refund_requests
    FOR EACH ROW WHEN (OLD.state <> 'waiting' AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse('a refund request that was decided stays so');
CREATE TRIGGER refund_requests_keep_facts BEFORE UPDATE ON refund_requests
    FOR EACH ROW WHEN ((OLD.id, OLD.order_id, OLD.tickets, OLD.amount_minor, OLD.reason, OLD.requested_by)
                       IS DISTINCT FROM
                       (NEW.id, NEW.order_id, NEW.tickets, NEW.amount_minor, NEW.reason, NEW.requested_by))
    EXECUTE FUNCTION refuse('a refund request keeps what it asked for');
CREATE TRIGGER refund_requests_kept BEFORE DELETE ON refund_requests
    FOR EACH ROW EXECUTE FUNCTION refuse('refund requests are kept');

CREATE TABLE order_links (
    id         uuid PRIMARY KEY,
    order_id   uuid NOT NULL CONSTRAINT order_links_order REFERENCES orders,
    channel    text NOT NULL CONSTRAINT order_links_channel_known CHECK (channel IN ('sms', 'email')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT order_links_used_in_time CHECK (used_at < expires_at)
);
COMMENT ON TABLE order_links IS 'Each opens its order once. The secret in a link is a signature and is not kept here.';
CREATE INDEX order_links_of_order ON order_links (order_id);
CREATE TRIGGER order_links_used_once BEFORE UPDATE ON order_links
    FOR EACH ROW WHEN (OLD.used_at IS NOT NULL AND NEW.used_at IS DISTINCT FROM OLD.used_at)
    EXECUTE FUNCTION refuse('a link that was used stays so');
"""


def upgrade() -> None:
    run(POLICIES)
    run(PARTS)
    run(REFUNDS)
    run(SELF_SERVICE)
