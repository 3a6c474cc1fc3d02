"""What tickets cost: taxes, fees, promotions, prices that change by themselves.

A promotion's uses are counted by a pool of its own, as places are: the same claims, triggers and CHECKs that keep a
house from being oversold keep a cap from being passed.
"""

from adapters.postgres.migrations import run

revision = "0009"
down_revision = "0008"

RULES = """
ALTER TABLE venues ADD COLUMN taxes jsonb NOT NULL DEFAULT '{"rates": [], "added": false, "on_fees": true}';
ALTER TABLE venues ALTER COLUMN taxes DROP DEFAULT;
COMMENT ON COLUMN venues.taxes IS '{rates: [[name, basis points], ...], added: on top of prices, on_fees: fees too}.';

ALTER TABLE events ADD COLUMN fee jsonb NOT NULL
    DEFAULT '{"flat_minor": 0, "basis_points": 0, "minimum_minor": 0, "maximum_minor": null, "absorbed": false}';
ALTER TABLE events ALTER COLUMN fee DROP DEFAULT;
COMMENT ON COLUMN events.fee IS 'The fee rule of tiers that have none of their own.';

ALTER TABLE tiers ADD COLUMN fee jsonb, ADD COLUMN price_steps jsonb NOT NULL DEFAULT '[]';
UPDATE tiers SET fee = jsonb_build_object('flat_minor', fee_minor, 'basis_points', 0, 'minimum_minor', 0,
                                          'maximum_minor', NULL, 'absorbed', false)
WHERE fee_minor > 0;
ALTER TABLE tiers DROP COLUMN fee_minor, ALTER COLUMN price_steps DROP DEFAULT;
COMMENT ON COLUMN tiers.face_minor IS 'What a place costs until the first of price_steps.';
COMMENT ON COLUMN tiers.fee IS 'A fee rule of its own; NULL: the event''s.';
COMMENT ON COLUMN tiers.price_steps IS '[[from this moment on, minor units], ...], the earliest first.';
"""

PROMOTIONS = """
ALTER TABLE pools DROP CONSTRAINT pools_kind_known, DROP CONSTRAINT pools_named_after_zone,
    DROP CONSTRAINT pools_capacity_in_bounds;
ALTER TABLE pools
    ADD CONSTRAINT pools_kind_known CHECK (kind IN ('general_admission', 'reserved', 'tier', 'promotion')),
    ADD CONSTRAINT pools_named_after_zone CHECK (
        (kind IN ('tier', 'promotion')) = (zone_key IS NULL)
        AND key LIKE CASE kind WHEN 'tier' THEN 't:%' WHEN 'promotion' THEN 'p:%' ELSE 'z:%' END
        AND (zone_key IS NULL OR key = 'z:' || zone_key)),
    ADD CONSTRAINT pools_capacity_in_bounds CHECK (kind IN ('tier', 'promotion') OR capacity <= 500000);

CREATE TABLE promotions (
    id            uuid PRIMARY KEY,
    event_id      uuid NOT NULL CONSTRAINT promotions_event REFERENCES events,
    pool          text NOT NULL CONSTRAINT promotions_named_by_id
        CHECK (pool = 'p:' || right(replace(id::text, '-', ''), 12)),
    digest        text NOT NULL CONSTRAINT promotions_digest_is_sha256 CHECK (digest ~ '^[0-9a-f]{64}$'),
    label         text NOT NULL CONSTRAINT promotions_label_in_bounds CHECK (length(label) BETWEEN 1 AND 60),
    kind          text NOT NULL CONSTRAINT promotions_kind_known CHECK (kind IN ('percent', 'amount', 'none')),
    value         integer NOT NULL,
    tiers         uuid[] NOT NULL,
    presale_at    timestamptz,
    starts_at     timestamptz,
    ends_at       timestamptz,
    uses_max      integer CONSTRAINT promotions_uses_in_bounds CHECK (uses_max BETWEEN 0 AND 1000000),
    per_buyer_max integer CONSTRAINT promotions_per_buyer_positive CHECK (per_buyer_max > 0),
    active        boolean NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    capacity      integer NOT NULL GENERATED ALWAYS AS (coalesce(uses_max, 1000000)) STORED,
    CONSTRAINT promotions_of_event UNIQUE (event_id, pool),
    CONSTRAINT promotions_take_off_something CHECK (
        CASE kind WHEN 'percent' THEN value BETWEEN 1 AND 10000
                  WHEN 'amount' THEN value BETWEEN 1 AND 99999999
                  ELSE value = 0 END),
    CONSTRAINT promotions_end_later CHECK (ends_at > starts_at),
    CONSTRAINT promotions_cap_is_counted FOREIGN KEY (event_id, pool, capacity)
        REFERENCES pools (event_id, key, capacity) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE promotions IS
    'One code of one event, of which only the SHA-256 is kept. Uses are tickets, counted by the pool p:<key>.';
COMMENT ON COLUMN promotions.value IS 'Basis points for percent, minor units a ticket for amount.';
COMMENT ON COLUMN promotions.tiers IS 'Tiers it is good for, locked ones included; empty: all that are not locked.';
COMMENT ON COLUMN promotions.capacity IS 'What its pool holds: without a cap it is counted against a million.';
CREATE UNIQUE INDEX promotions_one_per_code ON promotions (event_id, digest) WHERE active;
CREATE TRIGGER promotions_keep_identity BEFORE UPDATE ON promotions
    FOR EACH ROW WHEN ((OLD.id, OLD.event_id, OLD.pool, OLD.digest)
                       IS DISTINCT FROM (NEW.id, NEW.event_id, NEW.pool, NEW.digest))
    EXECUTE FUNCTION refuse('a promotion keeps its event and its code');
CREATE TRIGGER promotions_kept BEFORE DELETE ON promotions
    FOR EACH ROW EXECUTE FUNCTION refuse('promotions are kept: stop them');

-- A tier's own access code becomes what it always was: a promotion that takes nothing off and opens that tier.
ALTER TABLE tiers ADD COLUMN locked boolean NOT NULL DEFAULT false;
ALTER TABLE tiers ALTER COLUMN locked DROP DEFAULT;
UPDATE tiers SET locked = true WHERE access_code_digest IS NOT NULL;
CREATE TEMPORARY TABLE codes ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, event_id, access_code_digest AS digest, array_agg(id ORDER BY position) AS tiers,
           left(min(name), 60) AS label
    FROM tiers WHERE access_code_digest IS NOT NULL GROUP BY event_id, access_code_digest;
INSERT INTO pools (event_id, key, seat_map_id, kind, capacity)
    SELECT codes.event_id, 'p:' || right(replace(codes.id::text, '-', ''), 12), events.seat_map_id, 'promotion', 1000000
    FROM codes JOIN events ON events.id = codes.event_id;
INSERT INTO promotions (id, event_id, pool, digest, label, kind, value, tiers, active)
    SELECT id, event_id, 'p:' || right(replace(id::text, '-', ''), 12), digest, label, 'none', 0, tiers, true
    FROM codes;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE tiers DROP COLUMN access_code_digest;
COMMENT ON COLUMN tiers.locked IS 'Sold only to who brings a promotion that opens it.';
"""

ORDERS = """
ALTER TABLE orders ADD COLUMN price_terms jsonb NOT NULL DEFAULT '{}';
ALTER TABLE orders ALTER COLUMN price_terms DROP DEFAULT;
COMMENT ON COLUMN orders.price_terms IS
    'The taxes and the promotion''s label as they were at the sale; {} for orders that knew of none.';
DROP TRIGGER orders_keep_facts ON orders;
CREATE TRIGGER orders_keep_facts BEFORE UPDATE ON orders
    FOR EACH ROW WHEN ((OLD.id, OLD.number, OLD.event_id, OLD.hold_nonce, OLD.currency, OLD.total_minor,
                        OLD.price_terms, OLD.policy_version, OLD.placed_at)
                       IS DISTINCT FROM
                       (NEW.id, NEW.number, NEW.event_id, NEW.hold_nonce, NEW.currency, NEW.total_minor,
                        NEW.price_terms, NEW.policy_version, NEW.placed_at))
    EXECUTE FUNCTION refuse('an order keeps what was agreed when it was placed');

ALTER TABLE order_lines ADD COLUMN promotion_pool text;
ALTER TABLE order_lines ADD CONSTRAINT order_lines_promotion FOREIGN KEY (event_id, promotion_pool)
    REFERENCES promotions (event_id, pool);
COMMENT ON COLUMN order_lines.promotion_pool IS 'The promotion that its tickets are bought under.';
"""

CLAIMS = """
CREATE OR REPLACE FUNCTION claim_stock(
    the_event uuid, the_order uuid, line_ids uuid[], tier_ids uuid[], quantities integer[],
    seat_line_ids uuid[], chosen_seats integer[]
) RETURNS TABLE (gone_seat integer, short_pool text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    of_line uuid[];
    of_pool text[];
    of_zone text[];
    of_seat integer[];
    of_units integer[];
BEGIN
    WITH line AS (
        SELECT wanted.line_id, wanted.quantity, tiers.id AS tier_id, tiers.key, tiers.kind
        FROM unnest(line_ids, tier_ids, quantities) AS wanted (line_id, tier_id, quantity)
        JOIN tiers ON tiers.event_id = the_event AND tiers.id = wanted.tier_id
    ), wanted AS (
        SELECT line.line_id, pools.key AS pool, NULL::text AS zone_key, NULL::integer AS seat, line.quantity
        FROM line JOIN pools ON pools.event_id = the_event AND pools.key = 't:' || line.key
        UNION ALL
        SELECT line.line_id, tier_zones.pool, NULL, NULL, line.quantity
        FROM line JOIN tier_zones ON tier_zones.tier_id = line.tier_id
        WHERE line.kind = 'general_admission'
        UNION ALL
        SELECT id, promotion_pool, NULL, NULL, quantity FROM order_lines
        WHERE id = ANY(line_ids) AND promotion_pool IS NOT NULL
        UNION ALL
        SELECT chosen.line_id, 'z:' || seats.zone_key, seats.zone_key, seats.index, 1
        FROM unnest(seat_line_ids, chosen_seats) AS chosen (line_id, seat)
        JOIN events ON events.id = the_event
        JOIN seats ON seats.seat_map_id = events.seat_map_id AND seats.index = chosen.seat
    )
    SELECT array_agg(line_id), array_agg(pool), array_agg(zone_key), array_agg(seat), array_agg(quantity)
    INTO of_line, of_pool, of_zone, of_seat, of_units
    FROM (SELECT * FROM wanted ORDER BY pool, seat) AS in_order;

    IF (SELECT count(seat) FROM unnest(of_seat) AS seat) <> cardinality(chosen_seats) THEN
        RAISE EXCEPTION 'a seat belongs to its event''s map'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'claims_seat', TABLE = 'claims';
    END IF;
    IF (SELECT count(DISTINCT line_id) FROM unnest(of_line, of_pool) AS counted (line_id, pool) WHERE pool LIKE 'z:%')
        <> cardinality(line_ids)
    THEN
        RAISE EXCEPTION 'an order line has a tier of its own event, and a place in one of its zones'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'claims_line', TABLE = 'claims';
    END IF;

    PERFORM lock_pools(the_event, of_pool);

    -- A statement of its own: it must see what the transactions that we waited for have written.
    RETURN QUERY
        SELECT claims.seat, NULL::text FROM claims
        WHERE claims.event_id = the_event AND claims.seat = ANY(chosen_seats) AND claims.state <> 'released'
        UNION ALL
        SELECT NULL, asked.pool
        FROM (SELECT pool, sum(units) AS units FROM unnest(of_pool, of_units) AS each_one (pool, units)
              GROUP BY pool) AS asked
        LEFT JOIN pools ON pools.event_id = the_event AND pools.key = asked.pool
        WHERE coalesce(pools.capacity - pools.claimed - pools.allocated - pools.blocked, 0) < asked.units;
    IF FOUND THEN
        RETURN;
    END IF;

    INSERT INTO claims (event_id, seat_map_id, pool, zone_key, seat, order_id, order_line_id, quantity, state)
    SELECT events.id, events.seat_map_id, wanted.pool, wanted.zone_key, wanted.seat, the_order, wanted.line_id,
           wanted.units, 'claimed'
    FROM events, unnest(of_line, of_pool, of_zone, of_seat, of_units) AS wanted (line_id, pool, zone_key, seat, units)
    WHERE events.id = the_event;
END $$;
"""


def upgrade() -> None:
    run(RULES)
    run(PROMOTIONS)
    run(ORDERS)
    run(CLAIMS)
