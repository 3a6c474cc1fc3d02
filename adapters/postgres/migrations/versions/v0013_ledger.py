"""The books: a double-entry ledger that nobody can unbalance, rewrite or add to afterwards.

A journal and its postings are written in one transaction. Two deferred triggers look at both when it commits: at least
two postings, which add up to nothing in each currency. A third keeps postings out of journals of other transactions,
so that what was committed is final.

What happened before there was a ledger is written into it here, from the orders, payments and refunds as they are, so
that an upgraded house has whole books from its first minute: the check of I7 in ``tessera verify`` holds at once.
"""

from adapters.postgres.migrations import run

revision = "0013"
down_revision = "0012"

TABLES = """
CREATE TABLE journals (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        text NOT NULL CONSTRAINT journals_one_per_fact UNIQUE
        CONSTRAINT journals_key_in_bounds CHECK (char_length(key) BETWEEN 1 AND 120),
    kind       text NOT NULL CONSTRAINT journals_kind_known CHECK (kind IN (
        'money_captured', 'order_confirmed', 'refund_requested', 'refund_succeeded', 'refund_failed',
        'refund_paid_by_hand', 'dispute_opened', 'dispute_won', 'dispute_lost', 'provider_fee')),
    event_id   uuid NOT NULL,
    order_id   uuid NOT NULL,
    payment_id uuid CONSTRAINT journals_payment REFERENCES payments,
    refund_id  uuid,
    dispute_id text,
    at         timestamptz NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    written_by bigint NOT NULL DEFAULT 0,
    CONSTRAINT journals_order FOREIGN KEY (order_id, event_id) REFERENCES orders (id, event_id),
    CONSTRAINT journals_refund FOREIGN KEY (refund_id, order_id) REFERENCES refunds (id, order_id)
);
COMMENT ON TABLE journals IS 'One fact about money each, told once. Append-only.';
COMMENT ON COLUMN journals.key IS 'Names the fact: telling it again changes nothing.';
COMMENT ON COLUMN journals.at IS 'When it happened; written_at is when we learned of it.';
COMMENT ON COLUMN journals.written_by IS 'The transaction that wrote it, the only one that may write its postings.';
CREATE INDEX journals_of_order ON journals (order_id, id);
CREATE INDEX journals_of_event ON journals (event_id, at);
CREATE INDEX journals_newest ON journals (at, id);

CREATE TABLE postings (
    journal_id   bigint NOT NULL CONSTRAINT postings_journal REFERENCES journals,
    position     integer NOT NULL,
    account      text NOT NULL CONSTRAINT postings_account_known CHECK (account IN (
        'provider', 'paid_by_hand', 'buyers', 'refunds_pending', 'refunds_owed', 'disputes', 'face_values',
        'discounts', 'fees_borne', 'taxes_included', 'admission_returned', 'chargebacks', 'fees_passed_on',
        'fees_absorbed', 'fees_returned', 'provider_fees', 'dispute_fees', 'taxes')),
    detail       text NOT NULL,
    currency     text NOT NULL,
    amount_minor bigint NOT NULL CONSTRAINT postings_of_something CHECK (amount_minor <> 0),
    PRIMARY KEY (journal_id, position)
);
COMMENT ON TABLE postings IS 'The sides of a journal. They add up to nothing in each currency.';
COMMENT ON COLUMN postings.amount_minor IS 'Positive: a debit. Negative: a credit.';

"""

HISTORY = """
INSERT INTO journals (key, kind, event_id, order_id, payment_id, at)
SELECT 'captured:' || payments.id, 'money_captured', orders.event_id, orders.id, payments.id,
       coalesce(orders.confirmed_at, payments.created_at)
FROM payments JOIN orders ON orders.id = payments.order_id
WHERE payments.state = 'captured'
ORDER BY 6, payments.id;

INSERT INTO journals (key, kind, event_id, order_id, at)
SELECT 'confirmed:' || orders.id, 'order_confirmed', event_id, orders.id, confirmed_at
FROM orders
WHERE confirmed_at IS NOT NULL
    AND EXISTS (SELECT FROM order_lines WHERE order_id = orders.id AND (face_minor, total_minor) <> (0, 0))
ORDER BY confirmed_at, orders.id;

INSERT INTO journals (key, kind, event_id, order_id, payment_id, refund_id, at)
SELECT format('refund:%s:%s', refunds.id, told.word), told.kind, event_id, orders.id, payment_id, refunds.id,
       CASE told.word WHEN 'requested' THEN requested_at ELSE coalesce(completed_at, requested_at) END
FROM refunds JOIN orders ON orders.id = refunds.order_id
JOIN (VALUES (1, 'requested', 'refund_requested'), (2, 'succeeded', 'refund_succeeded'), (2, 'failed', 'refund_failed'))
    AS told (step, word, kind) ON told.word IN ('requested', refunds.state)
WHERE refunds.amount_minor > 0
ORDER BY 7, refunds.id, told.step;

WITH sold AS (
    SELECT order_id, sum(quantity * total_minor) AS total, sum(quantity * face_minor) AS face,
           sum(quantity * discount_minor) AS discount, sum(quantity * fee_minor) AS fee,
           sum(quantity * absorbed_fee_minor) AS absorbed, sum(quantity * tax_minor) AS tax,
           sum(CASE WHEN tax_added THEN 0 ELSE quantity * tax_minor END) AS included
    FROM order_lines GROUP BY order_id
), given AS (
    SELECT refund_id, sum(admission_minor) AS admission, sum(refund_tickets.fee_minor) AS fee,
           sum(refund_tickets.tax_minor) AS added,
           sum(CASE WHEN tax_added OR face_minor - discount_minor + tickets.fee_minor = 0 THEN 0
                    -- The share of the price that came back, rounded half up.
                    ELSE div(2 * tickets.tax_minor * (admission_minor + refund_tickets.fee_minor)
                             + face_minor - discount_minor + tickets.fee_minor,
                             2 * (face_minor - discount_minor + tickets.fee_minor)) END) AS included
    FROM refund_tickets JOIN tickets ON tickets.id = ticket_id GROUP BY refund_id
)
INSERT INTO postings (journal_id, position, account, detail, currency, amount_minor)
SELECT journals.id, row_number() OVER (PARTITION BY journals.id ORDER BY side.position) - 1, side.account, '',
       orders.currency, side.amount
FROM journals
JOIN orders ON orders.id = journals.order_id
LEFT JOIN payments ON payments.id = journals.payment_id
LEFT JOIN refunds ON refunds.id = journals.refund_id
LEFT JOIN sold ON sold.order_id = journals.order_id
LEFT JOIN given ON given.refund_id = journals.refund_id
CROSS JOIN LATERAL (VALUES
    ('money_captured', 1, 'provider', payments.amount_minor),
    ('money_captured', 2, 'buyers', -payments.amount_minor),
    ('order_confirmed', 1, 'buyers', sold.total),
    ('order_confirmed', 2, 'face_values', -sold.face),
    ('order_confirmed', 3, 'discounts', sold.discount),
    ('order_confirmed', 4, 'fees_borne', sold.absorbed),
    ('order_confirmed', 5, 'taxes_included', sold.included),
    ('order_confirmed', 6, 'fees_passed_on', -sold.fee),
    ('order_confirmed', 7, 'fees_absorbed', -sold.absorbed),
    ('order_confirmed', 8, 'taxes', -sold.tax),
    ('refund_requested', 1, CASE WHEN orders.confirmed_at IS NULL THEN 'buyers' ELSE 'admission_returned' END,
        refunds.amount_minor - coalesce(given.fee + given.added, 0)),
    ('refund_requested', 2, 'fees_returned', given.fee),
    ('refund_requested', 3, 'taxes', given.added + given.included),
    ('refund_requested', 4, 'taxes_included', -given.included),
    ('refund_requested', 5, 'refunds_pending', -refunds.amount_minor),
    ('refund_succeeded', 1, 'refunds_pending', refunds.amount_minor),
    ('refund_succeeded', 2, 'provider', -refunds.amount_minor),
    ('refund_failed', 1, 'refunds_pending', refunds.amount_minor),
    ('refund_failed', 2, 'refunds_owed', -refunds.amount_minor)
) AS side (kind, position, account, amount)
WHERE side.kind = journals.kind AND side.amount <> 0;

DO $$
BEGIN
    IF EXISTS (SELECT FROM journals LEFT JOIN postings ON postings.journal_id = journals.id GROUP BY journals.id
               HAVING count(*) < 2 OR sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'the orders, payments and refunds of this house do not add up: nothing was changed';
    END IF;
END $$;
"""

GUARDS = """
CREATE FUNCTION sign_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.written_by := pg_current_xact_id()::text::bigint;
    NEW.written_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER journals_signed BEFORE INSERT ON journals FOR EACH ROW EXECUTE FUNCTION sign_journal();

CREATE FUNCTION keep_journals_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM journals WHERE id = NEW.journal_id
                   AND written_by = pg_current_xact_id()::text::bigint) THEN
        RAISE EXCEPTION 'a journal is written whole: nothing is added to it later'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'postings_with_their_journal', TABLE = 'postings';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER postings_with_their_journal BEFORE INSERT ON postings
    FOR EACH ROW EXECUTE FUNCTION keep_journals_closed();

CREATE FUNCTION balance_journal(told bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM postings WHERE journal_id = told) < 2 THEN
        RAISE EXCEPTION 'a journal has two sides at least'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journals_have_two_sides', TABLE = 'journals';
    END IF;
    IF EXISTS (SELECT FROM postings WHERE journal_id = told GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'a journal adds up to nothing in each currency'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journals_balance', TABLE = 'journals';
    END IF;
END $$;
CREATE FUNCTION balance_new_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM balance_journal(NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION balance_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM balance_journal(NEW.journal_id);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER journals_balance AFTER INSERT ON journals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION balance_new_journal();
-- Whoever lets the check above happen early may still write postings afterwards: they are looked at as well.
CREATE CONSTRAINT TRIGGER postings_balance AFTER INSERT ON postings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION balance_posting();

-- As with the functions that count stock: a temporary table of somebody's own is never taken for ours.
DO $$
DECLARE
    looking text;
BEGIN
    FOREACH looking IN ARRAY ARRAY['keep_journals_closed()', 'balance_journal(bigint)', 'balance_new_journal()',
                                   'balance_posting()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %I, pg_temp', looking, current_schema());
    END LOOP;
END $$;

CREATE TRIGGER journals_append_only BEFORE UPDATE OR DELETE ON journals
    FOR EACH ROW EXECUTE FUNCTION refuse('the ledger is never rewritten');
CREATE TRIGGER journals_not_truncated BEFORE TRUNCATE ON journals
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the ledger is never rewritten');
CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE ON postings
    FOR EACH ROW EXECUTE FUNCTION refuse('the ledger is never rewritten');
CREATE TRIGGER postings_not_truncated BEFORE TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the ledger is never rewritten');
"""


PROVIDER = """
CREATE TABLE provider_entries (
    id              text PRIMARY KEY,
    kind            text NOT NULL CONSTRAINT provider_entries_kind_known
        CHECK (kind IN ('charge', 'refund', 'dispute')),
    state           text NOT NULL CONSTRAINT provider_entries_state_known CHECK (state IN (
        'authorised', 'captured', 'released', 'declined', 'pending', 'succeeded', 'failed', 'open', 'won', 'lost',
        'inquiry')),
    intent_id       text NOT NULL,
    order_id        uuid,
    order_number    text,
    currency        text NOT NULL,
    amount_minor    bigint NOT NULL,
    withdrawn_minor bigint NOT NULL,
    fee_currency    text NOT NULL,
    fee_minor       bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    read_at         timestamptz NOT NULL
);
COMMENT ON TABLE provider_entries IS 'What the provider last said of its charges, refunds and disputes: a copy.';
COMMENT ON COLUMN provider_entries.order_id IS 'From the metadata. It need not be an order of this house.';
CREATE INDEX provider_entries_of_intent ON provider_entries (intent_id);
CREATE INDEX provider_entries_newest ON provider_entries (kind, created_at);

CREATE TABLE provider_readings (
    id          uuid PRIMARY KEY,
    actor       text NOT NULL,
    since       timestamptz,
    began_at    timestamptz NOT NULL,
    kind        text,
    cursor      text,
    entries     integer NOT NULL,
    finished_at timestamptz,
    results     jsonb NOT NULL,
    differences integer NOT NULL,
    taken_until timestamptz
);
COMMENT ON TABLE provider_readings IS 'Comparisons with the provider: how far each has come, and what it found.';
COMMENT ON COLUMN provider_readings.results IS '[{name, compared, differences}] in words, once it is finished.';
CREATE INDEX provider_readings_newest ON provider_readings (began_at, id);
"""


def upgrade() -> None:
    run(TABLES)
    run(HISTORY)
    run(GUARDS)
    run(PROVIDER)
