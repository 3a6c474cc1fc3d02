"""What an order exchanges: tickets of an older order, which are given back in the moment of its confirmation."""

from adapters.postgres.migrations import run

revision = "0016"
down_revision = "0015"

ORDERS = """
ALTER TABLE orders
    ADD COLUMN exchanged_order_id uuid CONSTRAINT orders_exchanged REFERENCES orders,
    ADD COLUMN exchanged_tickets  uuid[],
    ADD CONSTRAINT orders_exchange_is_whole CHECK (
        (exchanged_order_id IS NULL) = (exchanged_tickets IS NULL) AND cardinality(exchanged_tickets) > 0),
    ADD CONSTRAINT orders_exchange_another CHECK (exchanged_order_id <> id);
COMMENT ON COLUMN orders.exchanged_order_id IS 'The older order whose tickets this one exchanges; as a rule none.';
COMMENT ON COLUMN orders.exchanged_tickets IS 'They are void from the moment in which this order is confirmed.';
CREATE INDEX orders_exchanging ON orders (exchanged_order_id, placed_at) WHERE exchanged_order_id IS NOT NULL;
CREATE TRIGGER orders_keep_exchange BEFORE UPDATE ON orders
    FOR EACH ROW WHEN ((OLD.exchanged_order_id, OLD.exchanged_tickets)
                       IS DISTINCT FROM (NEW.exchanged_order_id, NEW.exchanged_tickets))
    EXECUTE FUNCTION refuse('an order keeps what it exchanges');
"""


def upgrade() -> None:
    run(ORDERS)
