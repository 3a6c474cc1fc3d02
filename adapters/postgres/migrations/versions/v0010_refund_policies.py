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


def upgrade() -> None:
    run(POLICIES)
    run(PARTS)
    run(REFUNDS)
