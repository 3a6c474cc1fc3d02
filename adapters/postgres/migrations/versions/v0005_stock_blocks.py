"""House seats, capacities of an evening's own, and claims that are made in one statement.

A block is stock that the house keeps back: claims that belong to no order but to a row that says who wanted it, when,
and what for. A capacity belongs to the event: the seat map only says what a pool starts with.
"""

from adapters.postgres.migrations import run

revision = "0005"
down_revision = "0004"

BLOCKS = """
CREATE TABLE stock_blocks (
    id       uuid PRIMARY KEY,
    event_id uuid NOT NULL CONSTRAINT stock_blocks_event REFERENCES events,
    label    text NOT NULL CONSTRAINT stock_blocks_label_in_bounds CHECK (length(label) BETWEEN 1 AND 60),
    reason   text NOT NULL CONSTRAINT stock_blocks_reason_in_bounds CHECK (length(reason) <= 500),
    actor    text NOT NULL,
    at       timestamptz NOT NULL,
    CONSTRAINT stock_blocks_of_event UNIQUE (id, event_id)
);
COMMENT ON TABLE stock_blocks IS
    'Stock kept out of sale under a label (house seats, production, press). What it still keeps are its claims; a block
that gave everything back stays as history.';
CREATE INDEX stock_blocks_in_order ON stock_blocks (event_id, at, id);
CREATE TRIGGER stock_blocks_immutable BEFORE UPDATE OR DELETE ON stock_blocks
    FOR EACH ROW EXECUTE FUNCTION refuse('a block keeps what it said; release it and make another');

ALTER TABLE claims ADD COLUMN block_id uuid;
COMMENT ON COLUMN claims.block_id IS 'Why the house keeps these places. A claim belongs to an order or to a block.';

-- Whoever kept places back by hand so far gave no reason: they are found under one label.
INSERT INTO stock_blocks (id, event_id, label, reason, actor, at)
SELECT gen_random_uuid(), event_id, 'kept back', '', 'system', min(created_at)
FROM claims WHERE order_id IS NULL GROUP BY event_id;
UPDATE claims SET block_id = stock_blocks.id
FROM stock_blocks WHERE claims.order_id IS NULL AND stock_blocks.event_id = claims.event_id;

ALTER TABLE claims ADD CONSTRAINT claims_block FOREIGN KEY (block_id, event_id) REFERENCES stock_blocks (id, event_id);
ALTER TABLE claims DROP CONSTRAINT claims_of_order_or_house;
ALTER TABLE claims ADD CONSTRAINT claims_of_order_or_house CHECK (
    num_nonnulls(order_id, block_id) = 1 AND (order_id IS NULL) = (order_line_id IS NULL)
    AND CASE state WHEN 'blocked' THEN block_id IS NOT NULL
                   WHEN 'released' THEN true
                   ELSE order_id IS NOT NULL END);
CREATE INDEX claims_of_block ON claims (block_id) WHERE block_id IS NOT NULL;
CREATE UNIQUE INDEX claims_one_per_block_and_pool ON claims (block_id, pool)
    WHERE seat IS NULL AND block_id IS NOT NULL AND state <> 'released';

DROP TRIGGER claims_keep_facts ON claims;
CREATE TRIGGER claims_keep_facts BEFORE UPDATE ON claims
    FOR EACH ROW WHEN ((OLD.id, OLD.event_id, OLD.seat_map_id, OLD.pool, OLD.zone_key, OLD.seat, OLD.order_id,
                        OLD.order_line_id, OLD.block_id, OLD.quantity)
                       IS DISTINCT FROM
                       (NEW.id, NEW.event_id, NEW.seat_map_id, NEW.pool, NEW.zone_key, NEW.seat, NEW.order_id,
                        NEW.order_line_id, NEW.block_id, NEW.quantity))
    EXECUTE FUNCTION refuse('a claim keeps what it claims');
"""

CAPACITIES = """
DROP TRIGGER pools_within_zone ON pools;
DROP FUNCTION pool_within_zone;
ALTER TABLE pools ADD CONSTRAINT pools_capacity_in_bounds CHECK (kind = 'tier' OR capacity <= 500000);
COMMENT ON COLUMN pools.capacity IS
    'Of this event. A zone of general admission starts with what the seat map says and may get more or less; a
reserved zone has its seats; a tier its limit.';

CREATE FUNCTION pool_of_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.capacity <> (SELECT capacity FROM zones WHERE seat_map_id = NEW.seat_map_id AND key = NEW.zone_key) THEN
        RAISE EXCEPTION 'a reserved zone has as many places as it has seats'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'pools_reserved_have_their_seats', TABLE = 'pools';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pools_reserved_have_their_seats BEFORE INSERT OR UPDATE OF capacity ON pools
    FOR EACH ROW WHEN (NEW.kind = 'reserved') EXECUTE FUNCTION pool_of_seats();

ALTER TABLE tiers ADD COLUMN own_pool text GENERATED ALWAYS AS (
    CASE WHEN capacity IS NOT NULL THEN 't:' || key END) STORED;
ALTER TABLE pools ADD CONSTRAINT pools_with_capacity UNIQUE (event_id, key, capacity);
ALTER TABLE tiers ADD CONSTRAINT tiers_limit_is_counted FOREIGN KEY (event_id, own_pool, capacity)
    REFERENCES pools (event_id, key, capacity) DEFERRABLE INITIALLY DEFERRED;
COMMENT ON CONSTRAINT tiers_limit_is_counted ON tiers IS
    'A limit without a pool, or with a wider one, would stop nobody. Looked at when the transaction commits.';

CREATE FUNCTION refuse_more_of_used_map() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM events WHERE seat_map_id IN (SELECT seat_map_id FROM added)) THEN
        RAISE EXCEPTION 'a seat map that an event uses does not grow'
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER zones_before_events AFTER INSERT ON zones REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_more_of_used_map();
CREATE TRIGGER seats_before_events AFTER INSERT ON seats REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_more_of_used_map();
CREATE TRIGGER tickets_not_truncated BEFORE TRUNCATE ON tickets
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('tickets are kept: void them');
"""

CLAIMS = """
CREATE FUNCTION lock_pools(the_event uuid, pool_keys text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM pools WHERE event_id = the_event AND key = ANY(pool_keys) ORDER BY key FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION lock_pools IS
    'Have these pools to oneself until the end of the transaction. Everybody asks in the order of their keys, so nobody
waits in a circle.';

CREATE FUNCTION claim_stock(
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
COMMENT ON FUNCTION claim_stock IS
    'Claim every place of an order, or say which seats and pools are gone and claim nothing. One round trip, because
everybody else waits for these pools until we commit. It decides nothing: constraints would refuse what it overlooked.';

CREATE OR REPLACE FUNCTION count_new_claims() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM lock_pools(event_id, keys)
    FROM (SELECT event_id, array_agg(pool) AS keys FROM added GROUP BY event_id ORDER BY event_id) AS wanted;
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

CREATE OR REPLACE FUNCTION count_moved_claims() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM lock_pools(event_id, keys)
    FROM (SELECT event_id, array_agg(pool) AS keys FROM moved GROUP BY event_id ORDER BY event_id) AS wanted;
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
"""

SAFE_NAMES = """
-- The functions that count see this schema's tables whatever a session's search_path says: a temporary table of the
-- same name would be counted in their place otherwise. They count as the tables' owner, so that a role that may write
-- claims needs no right to write counters.
DO $$
DECLARE
    counting text;
BEGIN
    FOREACH counting IN ARRAY ARRAY['count_new_claims()', 'count_moved_claims()', 'count_refund()', 'pool_of_seats()',
                                    'refuse_more_of_used_map()', 'lock_pools(uuid, text[])'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', counting, current_schema());
    END LOOP;
END $$;
ALTER FUNCTION count_refund() SECURITY DEFINER;
"""


def upgrade() -> None:
    run(BLOCKS)
    run(CAPACITIES)
    run(CLAIMS)
    run(SAFE_NAMES)
