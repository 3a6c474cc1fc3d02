"""More terms of a sale, and every key that an order's tickets count under."""

from adapters.postgres.migrations import run

revision = "0006"
down_revision = "0005"

TERMS = """
ALTER TABLE events
    ADD COLUMN extensions_max         integer NOT NULL DEFAULT 1,
    ADD COLUMN hold_seconds_cap       integer NOT NULL DEFAULT 3600,
    ADD COLUMN live_holds_per_address integer NOT NULL DEFAULT 200,
    ADD COLUMN lapses_max             integer NOT NULL DEFAULT 3,
    ADD COLUMN cooldown_seconds       integer NOT NULL DEFAULT 120,
    ADD COLUMN may_strand_seats       boolean NOT NULL DEFAULT false,
    ADD COLUMN accessible_released    boolean NOT NULL DEFAULT false,
    ADD COLUMN limit_by               text[]  NOT NULL DEFAULT '{account,device,email,phone}',
    ADD CONSTRAINT events_extensions_in_bounds CHECK (extensions_max BETWEEN 0 AND 5),
    ADD CONSTRAINT events_hold_cap_in_bounds CHECK (hold_seconds_cap BETWEEN hold_seconds AND 7200),
    ADD CONSTRAINT events_cooldown_in_bounds CHECK (
        lapses_max BETWEEN 1 AND 20 AND cooldown_seconds BETWEEN 0 AND 3600 AND live_holds_per_address >= 0),
    ADD CONSTRAINT events_limit_by_known CHECK (limit_by <@ '{account,device,email,phone}');
"""

KEYS = """
ALTER TABLE orders ADD COLUMN buyer_keys text[] NOT NULL DEFAULT '{}';
UPDATE orders SET buyer_keys = ARRAY['d:' || device];
ALTER TABLE orders ALTER COLUMN buyer_keys DROP DEFAULT;
COMMENT ON COLUMN orders.buyer_keys IS
    'Opaque keys of the person who bought, that tickets are counted under: d: device, a: account, e: e-mail, p: phone.';
CREATE INDEX orders_of_person ON orders USING gin (buyer_keys);
"""


def upgrade() -> None:
    run(TERMS)
    run(KEYS)
