"""When things were heard of: when a message arrived, and what of the provider's books is old enough to forget."""

from adapters.postgres.migrations import run

revision = "0017"
down_revision = "0016"

MESSAGES = """
ALTER TABLE messages
    ADD COLUMN delivered_at timestamptz,
    ADD CONSTRAINT messages_delivered_is_delivered CHECK (delivered_at IS NULL OR state = 'delivered');
COMMENT ON COLUMN messages.delivered_at IS 'When the carrier''s report of its arrival reached us. NULL: none did.';
CREATE TRIGGER messages_keep_delivery BEFORE UPDATE ON messages
    FOR EACH ROW WHEN (OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS DISTINCT FROM OLD.delivered_at)
    EXECUTE FUNCTION refuse('a delivered message keeps when it arrived');
"""

PROVIDER = """
CREATE INDEX provider_entries_longest_unread ON provider_entries (read_at);
"""


def upgrade() -> None:
    run(MESSAGES)
    run(PROVIDER)
