"""What was bought: orders, their lines, and the claims that make overselling impossible.

A claim says that so many units of one pool belong to one order line. Its trigger moves the pool's counters in the
same statement, under the pool's row lock, so that CHECK ``pools_never_oversold`` holds whoever writes, however.
"""

from adapters.postgres.migrations import run

revision = "0002"
down_revision = "0001"

ORDERS = """
CREATE TABLE orders (
    id             uuid PRIMARY KEY,
    number         text NOT NULL CONSTRAINT orders_number_unique UNIQUE,
    event_id       uuid NOT NULL,
    hold_nonce     uuid NOT NULL,
    state          text NOT NULL CONSTRAINT orders_state_known CHECK (state IN (
        'awaiting_payment', 'in_review', 'confirmed', 'partially_refunded', 'refunded', 'expired', 'cancelled',
        'payment_failed', 'charged_back')),
    stock          text NOT NULL
        CONSTRAINT orders_stock_known CHECK (stock IN ('claimed', 'releasing', 'allocated', 'released')),
    buyer_name     text NOT NULL,
    buyer_email    text NOT NULL,
    buyer_phone    text,
    device         text NOT NULL,
    address        text NOT NULL,
    pools          jsonb NOT NULL,
    currency       text NOT NULL,
    total_minor    bigint NOT NULL CONSTRAINT orders_total_not_negative CHECK (total_minor >= 0),
    refunded_minor bigint NOT NULL,
    policy_version integer NOT NULL,
    placed_at      timestamptz NOT NULL,
    deadline_at    timestamptz NOT NULL,
    confirmed_at   timestamptz,
    ended_at       timestamptz,
    ended_because  text,
    CONSTRAINT orders_event FOREIGN KEY (event_id, currency) REFERENCES events (id, currency),
    CONSTRAINT orders_policy FOREIGN KEY (event_id, policy_version) REFERENCES refund_policies (event_id, version),
    CONSTRAINT orders_one_per_hold UNIQUE (event_id, hold_nonce),
    CONSTRAINT orders_of_event UNIQUE (id, event_id),
    CONSTRAINT orders_in_currency UNIQUE (id, currency),
    CONSTRAINT orders_refunded_within_total CHECK (refunded_minor BETWEEN 0 AND total_minor),
    CONSTRAINT orders_paid_have_stock CHECK (
        state NOT IN ('in_review', 'confirmed', 'partially_refunded') OR stock = 'allocated'),
    CONSTRAINT orders_unpaid_ends_give_back CHECK (
        state NOT IN ('expired', 'cancelled', 'payment_failed') OR stock = 'released')
);
COMMENT ON COLUMN orders.hold_nonce IS 'With event_id the id of the hold it was: one order per hold, for ever.';
COMMENT ON COLUMN orders.device IS 'Opaque keys (hashes) that limits are counted under; address likewise.';
COMMENT ON COLUMN orders.pools IS '{pool key: units} as Valkey took them, to be told back when the claim ends.';
CREATE INDEX orders_due ON orders (deadline_at, id) WHERE state = 'awaiting_payment';
CREATE INDEX orders_of_buyer ON orders (event_id, buyer_email);
CREATE INDEX orders_newest ON orders (placed_at, id);
CREATE TRIGGER orders_ends_are_final BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (OLD.state IN ('refunded', 'expired', 'cancelled', 'payment_failed', 'charged_back')
                       AND NEW.state <> OLD.state)
    EXECUTE FUNCTION refuse('an order that has ended stays as it ended');
CREATE TRIGGER orders_keep_facts BEFORE UPDATE ON orders
    FOR EACH ROW WHEN ((OLD.id, OLD.number, OLD.event_id, OLD.hold_nonce, OLD.currency, OLD.total_minor,
                        OLD.policy_version, OLD.placed_at)
                       IS DISTINCT FROM
                       (NEW.id, NEW.number, NEW.event_id, NEW.hold_nonce, NEW.currency, NEW.total_minor,
                        NEW.policy_version, NEW.placed_at))
    EXECUTE FUNCTION refuse('an order keeps what was agreed when it was placed');
CREATE TRIGGER orders_kept BEFORE DELETE ON orders
    FOR EACH ROW EXECUTE FUNCTION refuse('orders are kept');

CREATE TABLE order_lines (
    id         uuid PRIMARY KEY,
    order_id   uuid NOT NULL,
    event_id   uuid NOT NULL,
    position   integer NOT NULL,
    tier_id    uuid NOT NULL,
    tier_name  text NOT NULL,
    quantity   integer NOT NULL CONSTRAINT order_lines_quantity_positive CHECK (quantity > 0),
    face_minor bigint NOT NULL CONSTRAINT order_lines_face_not_negative CHECK (face_minor >= 0),
    fee_minor  bigint NOT NULL CONSTRAINT order_lines_fee_not_negative CHECK (fee_minor >= 0),
    seats      integer[] NOT NULL,
    CONSTRAINT order_lines_order FOREIGN KEY (order_id, event_id) REFERENCES orders (id, event_id),
    CONSTRAINT order_lines_tier FOREIGN KEY (event_id, tier_id) REFERENCES tiers (event_id, id),
    CONSTRAINT order_lines_in_order UNIQUE (order_id, position),
    CONSTRAINT order_lines_of_order UNIQUE (id, order_id, event_id),
    CONSTRAINT order_lines_seats_for_all_or_none CHECK (cardinality(seats) IN (0, quantity))
);
COMMENT ON TABLE order_lines IS 'So many tickets of one tier at the price of the moment, whatever the tier becomes.';
CREATE INDEX order_lines_of_tier ON order_lines (tier_id);
CREATE TRIGGER order_lines_immutable BEFORE UPDATE OR DELETE ON order_lines
    FOR EACH ROW EXECUTE FUNCTION refuse('a line of an order never changes');
"""

CLAIMS = """
CREATE TABLE claims (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id      uuid NOT NULL,
    seat_map_id   uuid NOT NULL,
    pool          text NOT NULL,
    zone_key      text,
    seat          integer,
    order_id      uuid,
    order_line_id uuid,
    quantity      integer NOT NULL CONSTRAINT claims_quantity_positive CHECK (quantity > 0),
    returned      integer NOT NULL DEFAULT 0,
    state         text NOT NULL CONSTRAINT claims_state_known
        CHECK (state IN ('claimed', 'allocated', 'blocked', 'released')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT claims_event FOREIGN KEY (event_id, seat_map_id) REFERENCES events (id, seat_map_id),
    CONSTRAINT claims_pool FOREIGN KEY (event_id, pool) REFERENCES pools (event_id, key),
    CONSTRAINT claims_seat FOREIGN KEY (seat_map_id, zone_key, seat) REFERENCES seats (seat_map_id, zone_key, index),
    CONSTRAINT claims_line FOREIGN KEY (order_line_id, order_id, event_id)
        REFERENCES order_lines (id, order_id, event_id),
    CONSTRAINT claims_seat_in_its_zone CHECK ((seat IS NULL) = (zone_key IS NULL)
                                              AND (zone_key IS NULL OR pool = 'z:' || zone_key)),
    CONSTRAINT claims_seat_is_one_unit CHECK (seat IS NULL OR quantity = 1),
    CONSTRAINT claims_returned_within_quantity CHECK (returned BETWEEN 0 AND quantity),
    CONSTRAINT claims_released_when_returned CHECK ((state = 'released') = (returned = quantity)),
    CONSTRAINT claims_of_order_or_house CHECK ((order_id IS NULL) = (order_line_id IS NULL)
                                               AND CASE state WHEN 'blocked' THEN order_id IS NULL
                                                              WHEN 'released' THEN true
                                                              ELSE order_id IS NOT NULL END)
);
COMMENT ON TABLE claims IS
    'Stock that is taken. claimed: an order waits for its payment. allocated: it belongs to the order for good.
blocked: kept back by the house (no order). released: given back, kept as history.';
COMMENT ON COLUMN claims.seat IS 'One seat, one unit of its zone''s pool; NULL for general admission and tier limits.';
COMMENT ON COLUMN claims.returned IS 'Units given back so far (refunded tickets of general admission); only rises.';

CREATE UNIQUE INDEX claims_one_per_seat ON claims (event_id, seat) WHERE seat IS NOT NULL AND state <> 'released';
COMMENT ON INDEX claims_one_per_seat IS 'Invariant I1: no seat is ever sold twice.';
CREATE UNIQUE INDEX claims_one_per_line_and_pool ON claims (order_line_id, pool)
    WHERE seat IS NULL AND state <> 'released';
CREATE INDEX claims_of_order ON claims (order_id);

CREATE TRIGGER claims_keep_facts BEFORE UPDATE ON claims
    FOR EACH ROW WHEN ((OLD.id, OLD.event_id, OLD.seat_map_id, OLD.pool, OLD.zone_key, OLD.seat, OLD.order_id,
                        OLD.order_line_id, OLD.quantity)
                       IS DISTINCT FROM
                       (NEW.id, NEW.event_id, NEW.seat_map_id, NEW.pool, NEW.zone_key, NEW.seat, NEW.order_id,
                        NEW.order_line_id, NEW.quantity))
    EXECUTE FUNCTION refuse('a claim keeps what it claims');
CREATE TRIGGER claims_move_forward BEFORE UPDATE ON claims
    FOR EACH ROW WHEN (NEW.returned < OLD.returned
                       OR NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
                           ('claimed', 'allocated'), ('claimed', 'released'),
                           ('allocated', 'released'), ('blocked', 'released')))
    EXECUTE FUNCTION refuse('a claim moves forward only, and what was given back is not taken again');
CREATE TRIGGER claims_kept BEFORE DELETE ON claims
    FOR EACH ROW EXECUTE FUNCTION refuse('claims are kept: release them');
CREATE TRIGGER claims_not_truncated BEFORE TRUNCATE ON claims
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('claims are kept: release them');

CREATE FUNCTION count_new_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- One fixed order for everybody: no two transactions wait for each other's pools.
    PERFORM FROM pools WHERE (event_id, key) IN (SELECT event_id, pool FROM added)
        ORDER BY event_id, key FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM added JOIN pools ON (pools.event_id, pools.key) = (added.event_id, added.pool)
               WHERE (pools.kind = 'reserved') <> (added.seat IS NOT NULL)) THEN
        RAISE EXCEPTION 'a place in a reserved zone is a seat, and a seat is in a reserved zone'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'claims_seat_where_seated', TABLE = 'claims';
    END IF;
    UPDATE pools
    SET claimed = pools.claimed + change.claimed,
        allocated = pools.allocated + change.allocated,
        blocked = pools.blocked + change.blocked
    FROM (SELECT event_id, pool,
                 coalesce(sum(quantity - returned) FILTER (WHERE state = 'claimed'), 0) AS claimed,
                 coalesce(sum(quantity - returned) FILTER (WHERE state = 'allocated'), 0) AS allocated,
                 coalesce(sum(quantity - returned) FILTER (WHERE state = 'blocked'), 0) AS blocked
          FROM added GROUP BY event_id, pool) AS change
    WHERE (pools.event_id, pools.key) = (change.event_id, change.pool);
    RETURN NULL;
END $$;

CREATE FUNCTION count_moved_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM pools WHERE (event_id, key) IN (SELECT event_id, pool FROM moved)
        ORDER BY event_id, key FOR NO KEY UPDATE;
    UPDATE pools
    SET claimed = pools.claimed + change.claimed,
        allocated = pools.allocated + change.allocated,
        blocked = pools.blocked + change.blocked
    FROM (SELECT event_id, pool,
                 coalesce(sum(units) FILTER (WHERE state = 'claimed'), 0) AS claimed,
                 coalesce(sum(units) FILTER (WHERE state = 'allocated'), 0) AS allocated,
                 coalesce(sum(units) FILTER (WHERE state = 'blocked'), 0) AS blocked
          FROM (SELECT event_id, pool, state, quantity - returned AS units FROM moved
                UNION ALL
                SELECT event_id, pool, state, returned - quantity AS units FROM was) AS both_sides
          GROUP BY event_id, pool) AS change
    WHERE (pools.event_id, pools.key) = (change.event_id, change.pool);
    RETURN NULL;
END $$;

CREATE TRIGGER claims_counted AFTER INSERT ON claims REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_claims();
CREATE TRIGGER claims_recounted AFTER UPDATE ON claims REFERENCING OLD TABLE AS was NEW TABLE AS moved
    FOR EACH STATEMENT EXECUTE FUNCTION count_moved_claims();
"""


def upgrade() -> None:
    run(ORDERS)
    run(CLAIMS)
