"""Every part of a price, as it was at the time of sale: discount, fee that the organiser absorbs, taxes."""

from adapters.postgres.migrations import run

revision = "0008"
down_revision = "0007"

PARTS = """
ALTER TABLE {table}
    ADD COLUMN discount_minor     bigint  NOT NULL DEFAULT 0,
    ADD COLUMN absorbed_fee_minor bigint  NOT NULL DEFAULT 0,
    ADD COLUMN tax_minor          bigint  NOT NULL DEFAULT 0,
    ADD COLUMN tax_added          boolean NOT NULL DEFAULT false,
    ADD COLUMN total_minor        bigint  NOT NULL GENERATED ALWAYS AS (
        face_minor - discount_minor + fee_minor + CASE WHEN tax_added THEN tax_minor ELSE 0 END) STORED,
    ADD CONSTRAINT {table}_price_parts_in_bounds CHECK (
        discount_minor BETWEEN 0 AND face_minor AND absorbed_fee_minor >= 0 AND tax_minor >= 0);
ALTER TABLE {table}
    ALTER COLUMN discount_minor DROP DEFAULT, ALTER COLUMN absorbed_fee_minor DROP DEFAULT,
    ALTER COLUMN tax_minor DROP DEFAULT, ALTER COLUMN tax_added DROP DEFAULT;
COMMENT ON COLUMN {table}.total_minor IS
    'What one ticket cost its buyer. An absorbed fee is paid by the organiser out of the face value.';
"""

TICKETS = """
DROP TRIGGER tickets_keep_facts ON tickets;
CREATE TRIGGER tickets_keep_facts BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN ((OLD.id, OLD.order_line_id, OLD.seat, OLD.code, OLD.face_minor, OLD.fee_minor,
                        OLD.discount_minor, OLD.absorbed_fee_minor, OLD.tax_minor, OLD.tax_added)
                       IS DISTINCT FROM
                       (NEW.id, NEW.order_line_id, NEW.seat, NEW.code, NEW.face_minor, NEW.fee_minor,
                        NEW.discount_minor, NEW.absorbed_fee_minor, NEW.tax_minor, NEW.tax_added)
                       OR OLD.place_returned AND NOT NEW.place_returned)
    EXECUTE FUNCTION refuse('a ticket keeps its code, place and price');
"""


def upgrade() -> None:
    for table in ("order_lines", "tickets"):
        run(PARTS.format(table=table))
    run(TICKETS)
