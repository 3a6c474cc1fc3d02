"""What a payment needs to end well, whatever happens.

A page that the provider does not know is *lost*, not ended: money may still arrive there. What the provider took is
written as it said, because somebody may capture less in its dashboard. An order whose places went back on sale while
the provider could not say who won may take others, as long as it has none.
"""

from adapters.postgres.migrations import run

revision = "0015"
down_revision = "0014"

PAYMENTS = """
ALTER TABLE payments
    DROP CONSTRAINT payments_state_known,
    ADD CONSTRAINT payments_state_known CHECK (state IN (
        'starting', 'open', 'lost', 'authorised', 'capture_requested', 'captured', 'void_requested', 'voided',
        'expired', 'failed')),
    ADD COLUMN taken_minor bigint CONSTRAINT payments_taken_positive CHECK (taken_minor > 0),
    ADD COLUMN in_vain boolean NOT NULL DEFAULT false,
    ADD COLUMN capture_before timestamptz,
    ADD CONSTRAINT payments_in_vain_was_taken CHECK (state = 'captured' OR NOT in_vain);
COMMENT ON COLUMN payments.taken_minor IS 'What the provider says it took; as a rule the amount. NULL: nothing.';
COMMENT ON COLUMN payments.in_vain IS 'What was taken bought no tickets; a refund for no tickets brings it back.';
COMMENT ON COLUMN payments.capture_before IS 'Until when the authorised money may be taken. The bank lets it go then.';

ALTER TABLE payments DROP CONSTRAINT payments_refunds_within_captured, DROP COLUMN captured_minor;
ALTER TABLE payments
    ADD COLUMN captured_minor bigint NOT NULL GENERATED ALWAYS AS (
        CASE WHEN state = 'captured' THEN coalesce(taken_minor, amount_minor) ELSE 0 END) STORED,
    ADD CONSTRAINT payments_refunds_within_captured CHECK (refund_pending_minor + refunded_minor <= captured_minor);
COMMENT ON CONSTRAINT payments_refunds_within_captured ON payments IS 'Invariant I5.';
CREATE INDEX payments_lapsing ON payments (capture_before, id) WHERE state = 'authorised';
CREATE TRIGGER payments_taken_once BEFORE UPDATE ON payments
    FOR EACH ROW WHEN (OLD.taken_minor IS NOT NULL AND NEW.taken_minor IS DISTINCT FROM OLD.taken_minor)
    EXECUTE FUNCTION refuse('what the provider took stays as it was');
"""

REFUNDS = """
ALTER TABLE refunds
    DROP CONSTRAINT refunds_reason_known,
    ADD CONSTRAINT refunds_reason_known CHECK (reason IN (
        'buyers_wish', 'event_cancelled', 'postponed', 'goodwill', 'exchange', 'fraud', 'no_tickets'));
"""

ORDERS = """
ALTER TABLE orders ADD COLUMN retaken_epoch integer;
COMMENT ON COLUMN orders.retaken_epoch IS
    'Its places had gone back on sale and were taken again, or others, in this epoch of the sale.';

CREATE FUNCTION reseat_only_without_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM claims WHERE order_id = OLD.order_id AND state <> 'released') THEN
        RAISE EXCEPTION 'the seats of a line change only while its order has no places'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION reseat_only_without_places() SET search_path = %I, pg_temp', current_schema());
END $$;
DROP TRIGGER order_lines_immutable ON order_lines;
CREATE TRIGGER order_lines_kept BEFORE DELETE ON order_lines
    FOR EACH ROW EXECUTE FUNCTION refuse('a line of an order never changes');
CREATE TRIGGER order_lines_keep_facts BEFORE UPDATE ON order_lines
    FOR EACH ROW WHEN ((OLD.id, OLD.order_id, OLD.event_id, OLD.position, OLD.tier_id, OLD.tier_name, OLD.quantity,
                        OLD.face_minor, OLD.discount_minor, OLD.fee_minor, OLD.absorbed_fee_minor, OLD.tax_minor,
                        OLD.tax_added, OLD.promotion_pool, cardinality(OLD.seats))
                       IS DISTINCT FROM
                       (NEW.id, NEW.order_id, NEW.event_id, NEW.position, NEW.tier_id, NEW.tier_name, NEW.quantity,
                        NEW.face_minor, NEW.discount_minor, NEW.fee_minor, NEW.absorbed_fee_minor, NEW.tax_minor,
                        NEW.tax_added, NEW.promotion_pool, cardinality(NEW.seats)))
    EXECUTE FUNCTION refuse('a line of an order never changes');
CREATE TRIGGER order_lines_reseated BEFORE UPDATE OF seats ON order_lines
    FOR EACH ROW EXECUTE FUNCTION reseat_only_without_places();
"""


def upgrade() -> None:
    run(PAYMENTS)
    run(REFUNDS)
    run(ORDERS)
