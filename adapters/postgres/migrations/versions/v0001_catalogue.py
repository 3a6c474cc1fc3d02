"""What is on offer: venues, seat maps, events, tiers, and the pools that count their stock.

All times are ``timestamptz`` and written in UTC; all money is whole minor units beside its currency. Every
constraint has a name that says the rule, because the adapter and the log speak of it by that name.
"""

from adapters.postgres.migrations import run

revision = "0001"
down_revision = None

RULES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0]
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
COMMENT ON FUNCTION refuse IS
    'The whole body of every guard: a trigger''s WHEN says what is forbidden, its argument says why.';

CREATE FUNCTION fold(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
    regexp_replace(
        regexp_replace(normalize(lower(words), NFKD), '[\\u0300-\\u036f]', '', 'g'),
        '[^[:alnum:]]+', ' ', 'g'
    );
COMMENT ON FUNCTION fold IS 'Words as people type them into a search box: no case, no accents, no punctuation.';
"""

VENUES = """
CREATE TABLE venues (
    id            uuid PRIMARY KEY,
    slug          text NOT NULL CONSTRAINT venues_slug_unique UNIQUE,
    name          text NOT NULL,
    address       text NOT NULL,
    city          text NOT NULL,
    country       text NOT NULL CONSTRAINT venues_country_is_iso CHECK (country ~ '^[A-Z]{2}$'),
    timezone      text NOT NULL,
    description   text NOT NULL,
    accessibility text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE seat_maps (
    id         uuid PRIMARY KEY,
    venue_id   uuid NOT NULL CONSTRAINT seat_maps_venue REFERENCES venues,
    name       text NOT NULL,
    version    integer NOT NULL CONSTRAINT seat_maps_version_positive CHECK (version > 0),
    code       text NOT NULL CONSTRAINT seat_maps_code_unique UNIQUE,
    width      integer NOT NULL,
    height     integer NOT NULL,
    focal_x    integer NOT NULL,
    focal_y    integer NOT NULL,
    seat_count integer NOT NULL,
    areas      jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT seat_maps_one_per_version UNIQUE (venue_id, name, version),
    CONSTRAINT seat_maps_of_venue UNIQUE (id, venue_id)
);
COMMENT ON TABLE seat_maps IS 'One row a version of a plan. Never changed: a change is a new version.';
COMMENT ON COLUMN seat_maps.areas IS 'Drawn, not sold: [{label, kind, outline: [[x, y], ...]}].';

CREATE TABLE zones (
    seat_map_id uuid NOT NULL CONSTRAINT zones_seat_map REFERENCES seat_maps,
    key         text NOT NULL,
    position    integer NOT NULL,
    name        text NOT NULL,
    kind        text NOT NULL CONSTRAINT zones_kind_known CHECK (kind IN ('general_admission', 'reserved')),
    capacity    integer NOT NULL CONSTRAINT zones_capacity_in_bounds CHECK (capacity BETWEEN 1 AND 500000),
    outline     jsonb NOT NULL,
    row_firsts  integer[] NOT NULL,
    row_counts  integer[] NOT NULL,
    PRIMARY KEY (seat_map_id, key),
    CONSTRAINT zones_rows_in_pairs CHECK (cardinality(row_firsts) = cardinality(row_counts)),
    CONSTRAINT zones_rows_only_if_reserved CHECK ((kind = 'reserved') = (cardinality(row_firsts) > 0))
);
COMMENT ON COLUMN zones.row_firsts IS 'Index of the leftmost seat of each run of neighbours; row_counts: its length.';

CREATE TABLE seats (
    seat_map_id uuid NOT NULL,
    index       integer NOT NULL CONSTRAINT seats_index_from_zero CHECK (index >= 0),
    zone_key    text NOT NULL,
    id          text NOT NULL CONSTRAINT seats_id_unique UNIQUE,
    row_label   text NOT NULL,
    number      text NOT NULL,
    x           integer NOT NULL,
    y           integer NOT NULL,
    features    smallint NOT NULL,
    PRIMARY KEY (seat_map_id, index),
    CONSTRAINT seats_zone FOREIGN KEY (seat_map_id, zone_key) REFERENCES zones (seat_map_id, key),
    CONSTRAINT seats_in_zone UNIQUE (seat_map_id, zone_key, index)
);
COMMENT ON COLUMN seats.index IS '0, 1, 2, ... through the whole map in reading order: the seat''s name in Valkey too.';
COMMENT ON COLUMN seats.features IS 'Bits: 1 accessible, 2 companion, 4 restricted view.';

CREATE TRIGGER seat_maps_immutable BEFORE UPDATE OR DELETE ON seat_maps
    FOR EACH ROW EXECUTE FUNCTION refuse('a version of a seat map never changes');
CREATE TRIGGER zones_immutable BEFORE UPDATE OR DELETE ON zones
    FOR EACH ROW EXECUTE FUNCTION refuse('a version of a seat map never changes');
CREATE TRIGGER seats_immutable BEFORE UPDATE OR DELETE ON seats
    FOR EACH ROW EXECUTE FUNCTION refuse('a version of a seat map never changes');
"""

EVENTS = """
CREATE TABLE events (
    id                   uuid PRIMARY KEY,
    slug                 text NOT NULL CONSTRAINT events_slug_unique UNIQUE,
    name                 text NOT NULL,
    summary              text NOT NULL,
    description          text NOT NULL,
    category             text NOT NULL,
    artwork              text NOT NULL,
    venue_id             uuid NOT NULL,
    seat_map_id          uuid NOT NULL,
    currency             text NOT NULL CONSTRAINT events_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
    doors_at             timestamptz NOT NULL,
    starts_at            timestamptz NOT NULL,
    ends_at              timestamptz NOT NULL,
    state                text NOT NULL
        CONSTRAINT events_state_known CHECK (state IN ('draft', 'published', 'cancelled')),
    opens_at             timestamptz NOT NULL,
    closes_at            timestamptz NOT NULL,
    hold_seconds         integer NOT NULL
        CONSTRAINT events_hold_seconds_in_bounds CHECK (hold_seconds BETWEEN 120 AND 3600),
    payment_seconds      integer NOT NULL,
    per_order_max        integer NOT NULL,
    per_buyer_max        integer NOT NULL,
    live_holds_per_buyer integer NOT NULL,
    admission_required   boolean NOT NULL,
    created_at           timestamptz NOT NULL DEFAULT now(),
    venue_words          text NOT NULL DEFAULT '',
    search               tsvector NOT NULL GENERATED ALWAYS AS (
        to_tsvector('simple'::regconfig, fold(name || ' ' || summary || ' ' || description || ' ' || category
                                              || ' ' || venue_words))
    ) STORED,
    CONSTRAINT events_seat_map_of_venue FOREIGN KEY (seat_map_id, venue_id) REFERENCES seat_maps (id, venue_id),
    CONSTRAINT events_sale_closes_later CHECK (closes_at > opens_at),
    CONSTRAINT events_limits_in_order CHECK (1 <= per_order_max AND per_order_max <= per_buyer_max),
    CONSTRAINT events_of_seat_map UNIQUE (id, seat_map_id),
    CONSTRAINT events_in_currency UNIQUE (id, currency)
);
COMMENT ON COLUMN events.venue_words IS 'Name and city of the venue, copied by trigger so that one index finds both.';
CREATE INDEX events_listed ON events (starts_at, id) WHERE state = 'published';
CREATE INDEX events_searched ON events USING gin (search);

CREATE FUNCTION copy_venue_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.venue_words := (SELECT name || ' ' || city FROM venues WHERE id = NEW.venue_id);
    RETURN NEW;
END $$;
CREATE TRIGGER events_venue_words BEFORE INSERT OR UPDATE OF venue_id, venue_words ON events
    FOR EACH ROW EXECUTE FUNCTION copy_venue_words();

CREATE FUNCTION spread_venue_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE events SET venue_words = '' WHERE venue_id = NEW.id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION spread_venue_words IS 'Any write of venue_words makes events_venue_words copy the new ones.';
CREATE TRIGGER venues_spread_words AFTER UPDATE OF name, city ON venues
    FOR EACH ROW EXECUTE FUNCTION spread_venue_words();

CREATE TRIGGER events_cancelled_is_final BEFORE UPDATE ON events
    FOR EACH ROW WHEN (OLD.state = 'cancelled' AND NEW.state <> 'cancelled')
    EXECUTE FUNCTION refuse('a cancelled event stays cancelled');
CREATE TRIGGER events_keep_identity BEFORE UPDATE ON events
    FOR EACH ROW WHEN ((OLD.id, OLD.venue_id, OLD.seat_map_id, OLD.currency)
                       IS DISTINCT FROM (NEW.id, NEW.venue_id, NEW.seat_map_id, NEW.currency))
    EXECUTE FUNCTION refuse('an event keeps its venue, seat map and currency');

CREATE TABLE sales (
    event_id uuid PRIMARY KEY CONSTRAINT sales_event REFERENCES events,
    epoch    bigint NOT NULL DEFAULT 1 CONSTRAINT sales_epoch_positive CHECK (epoch > 0),
    version  bigint NOT NULL DEFAULT 1 CONSTRAINT sales_version_positive CHECK (version > 0)
);
COMMENT ON TABLE sales IS
    'A row of its own, so that every order can hold it FOR SHARE (its epoch may not rise) without touching the event.';
CREATE TRIGGER sales_only_rise BEFORE UPDATE ON sales
    FOR EACH ROW WHEN (NEW.epoch < OLD.epoch OR NEW.version < OLD.version)
    EXECUTE FUNCTION refuse('epoch and version of a sale only rise');

CREATE TABLE refund_policies (
    event_id      uuid NOT NULL CONSTRAINT refund_policies_event REFERENCES events,
    version       integer NOT NULL CONSTRAINT refund_policies_version_positive CHECK (version > 0),
    windows       jsonb NOT NULL,
    fees_returned boolean NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, version)
);
COMMENT ON TABLE refund_policies IS 'The highest version is in force; an order points at the one it was sold under.';
COMMENT ON COLUMN refund_policies.windows IS '[[hours before the start, basis points], ...], the earliest first.';
CREATE TRIGGER refund_policies_immutable BEFORE UPDATE OR DELETE ON refund_policies
    FOR EACH ROW EXECUTE FUNCTION refuse('a refund policy is replaced by a newer version, never changed');
"""

STOCK = """
CREATE TABLE pools (
    event_id    uuid NOT NULL,
    key         text NOT NULL,
    seat_map_id uuid NOT NULL,
    kind        text NOT NULL CONSTRAINT pools_kind_known CHECK (kind IN ('general_admission', 'reserved', 'tier')),
    zone_key    text,
    capacity    integer NOT NULL CONSTRAINT pools_capacity_not_negative CHECK (capacity >= 0),
    claimed     integer NOT NULL DEFAULT 0 CONSTRAINT pools_claimed_not_negative CHECK (claimed >= 0),
    allocated   integer NOT NULL DEFAULT 0 CONSTRAINT pools_allocated_not_negative CHECK (allocated >= 0),
    blocked     integer NOT NULL DEFAULT 0 CONSTRAINT pools_blocked_not_negative CHECK (blocked >= 0),
    PRIMARY KEY (event_id, key),
    CONSTRAINT pools_event FOREIGN KEY (event_id, seat_map_id) REFERENCES events (id, seat_map_id),
    CONSTRAINT pools_zone FOREIGN KEY (seat_map_id, zone_key) REFERENCES zones (seat_map_id, key),
    CONSTRAINT pools_named_after_zone CHECK ((kind = 'tier') = (zone_key IS NULL)
                                             AND key LIKE CASE kind WHEN 'tier' THEN 't:%' ELSE 'z:%' END
                                             AND (zone_key IS NULL OR key = 'z:' || zone_key)),
    CONSTRAINT pools_never_oversold CHECK (claimed + allocated + blocked <= capacity)
) WITH (fillfactor = 50);
COMMENT ON TABLE pools IS
    'Invariants I1 and I2. One row counts the stock of one zone, or of one tier that has a limit of its own. The three
counters follow the table claims by trigger and by nothing else; rows are locked in the order of their keys. Half of
each page is kept free: these are the busiest rows of the house, and updates stay on their page (HOT).';

CREATE FUNCTION pool_within_zone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.capacity > (SELECT capacity FROM zones WHERE seat_map_id = NEW.seat_map_id AND key = NEW.zone_key) THEN
        RAISE EXCEPTION 'a pool cannot hold more than its zone'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'pools_within_zone', TABLE = 'pools';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pools_within_zone BEFORE INSERT OR UPDATE OF capacity, zone_key ON pools
    FOR EACH ROW WHEN (NEW.zone_key IS NOT NULL) EXECUTE FUNCTION pool_within_zone();
CREATE TRIGGER pools_start_empty BEFORE INSERT ON pools
    FOR EACH ROW WHEN ((NEW.claimed, NEW.allocated, NEW.blocked) <> (0, 0, 0))
    EXECUTE FUNCTION refuse('a pool starts with nothing taken');
CREATE TRIGGER pools_counted_by_claims BEFORE UPDATE ON pools
    FOR EACH ROW WHEN (pg_trigger_depth() = 0
                       AND (OLD.claimed, OLD.allocated, OLD.blocked)
                           IS DISTINCT FROM (NEW.claimed, NEW.allocated, NEW.blocked))
    EXECUTE FUNCTION refuse('the counters of a pool follow its claims and cannot be written');
CREATE TRIGGER pools_keep_identity BEFORE UPDATE ON pools
    FOR EACH ROW WHEN ((OLD.event_id, OLD.key, OLD.seat_map_id, OLD.kind, OLD.zone_key)
                       IS DISTINCT FROM (NEW.event_id, NEW.key, NEW.seat_map_id, NEW.kind, NEW.zone_key))
    EXECUTE FUNCTION refuse('a pool stays what it is');

CREATE TABLE tiers (
    id                 uuid PRIMARY KEY,
    event_id           uuid NOT NULL,
    key                text NOT NULL,
    name               text NOT NULL,
    description        text NOT NULL,
    kind               text NOT NULL CONSTRAINT tiers_kind_known CHECK (kind IN ('general_admission', 'reserved')),
    position           integer NOT NULL,
    currency           text NOT NULL,
    face_minor         bigint NOT NULL CONSTRAINT tiers_face_not_negative CHECK (face_minor >= 0),
    fee_minor          bigint NOT NULL CONSTRAINT tiers_fee_not_negative CHECK (fee_minor >= 0),
    per_order_min      integer NOT NULL,
    per_order_max      integer NOT NULL,
    capacity           integer CONSTRAINT tiers_capacity_not_negative CHECK (capacity >= 0),
    opens_at           timestamptz,
    closes_at          timestamptz,
    access_code_digest text,
    accessible         boolean NOT NULL,
    CONSTRAINT tiers_event FOREIGN KEY (event_id, currency) REFERENCES events (id, currency),
    CONSTRAINT tiers_key_unique UNIQUE (event_id, key),
    CONSTRAINT tiers_of_event UNIQUE (event_id, id),
    CONSTRAINT tiers_limits_in_order CHECK (1 <= per_order_min AND per_order_min <= per_order_max
                                            AND per_order_max <= 50)
);
COMMENT ON COLUMN tiers.capacity IS 'A limit below what the zones hold, counted by the pool t:<key>. NULL: none.';
CREATE TRIGGER tiers_keep_identity BEFORE UPDATE ON tiers
    FOR EACH ROW WHEN ((OLD.id, OLD.event_id, OLD.key) IS DISTINCT FROM (NEW.id, NEW.event_id, NEW.key))
    EXECUTE FUNCTION refuse('a tier keeps its event and its key');

CREATE TABLE tier_zones (
    tier_id  uuid NOT NULL,
    position integer NOT NULL,
    event_id uuid NOT NULL,
    zone_key text NOT NULL,
    pool     text NOT NULL GENERATED ALWAYS AS ('z:' || zone_key) STORED,
    PRIMARY KEY (tier_id, position),
    CONSTRAINT tier_zones_tier FOREIGN KEY (event_id, tier_id) REFERENCES tiers (event_id, id) ON DELETE CASCADE,
    CONSTRAINT tier_zones_pool FOREIGN KEY (event_id, pool) REFERENCES pools (event_id, key),
    CONSTRAINT tier_zones_once UNIQUE (tier_id, zone_key)
);
COMMENT ON TABLE tier_zones IS 'Where tickets of a tier may sit, in order of preference.';
"""


def upgrade() -> None:
    run(RULES)
    run(VENUES)
    run(EVENTS)
    run(STOCK)
