"""The books, checked against each other. Constraints make most of this impossible; this looks all the same.

Each check is one statement, so what it compares is one moment's picture.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, text

from adapters.postgres.reading import picture
from domain.ports.books import CheckResult

DIFFERENCES_SHOWN_MAX = 100
_TAKE_YOUR_TIME = text("SET LOCAL statement_timeout = '10min'")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """``compared`` counts the things looked at; ``differences`` selects one text for each that is wrong."""

    name: str
    compared: str
    differences: str


_CHECKS = (
    _Check(
        name="I1 claims and allocations within capacity",
        compared="SELECT count(*) FROM pools",
        differences="""
            SELECT format('event %s: pool %s has %s taken of %s', pools.event_id, pools.key, sum(live.units), capacity)
            FROM pools JOIN (SELECT event_id, pool, quantity - returned AS units FROM claims) AS live
                ON (live.event_id, live.pool) = (pools.event_id, pools.key)
            GROUP BY pools.event_id, pools.key HAVING sum(live.units) > capacity
        """,
    ),
    _Check(
        name="I1 at most one claim a seat",
        compared="SELECT count(*) FROM claims WHERE seat IS NOT NULL AND state <> 'released'",
        differences="""
            SELECT format('event %s: seat %s is taken %s times', event_id, seat, count(*))
            FROM claims WHERE seat IS NOT NULL AND state <> 'released'
            GROUP BY event_id, seat HAVING count(*) > 1
        """,
    ),
    _Check(
        name="I1 limits of tiers are counted by their pools",
        compared="SELECT count(*) FROM tiers WHERE capacity IS NOT NULL",
        differences="""
            SELECT format('event %s: tier %s is limited to %s and its pool to %s', tiers.event_id, tiers.key,
                          tiers.capacity, coalesce(pools.capacity::text, 'nothing'))
            FROM tiers LEFT JOIN pools ON (pools.event_id, pools.key) = (tiers.event_id, 't:' || tiers.key)
            WHERE tiers.capacity IS NOT NULL AND pools.capacity IS DISTINCT FROM tiers.capacity
        """,
    ),
    _Check(
        name="I1 caps of promotions are counted by their pools",
        compared="SELECT count(*) FROM promotions",
        differences="""
            SELECT format('event %s: promotion %s is limited to %s and its pool to %s', promotions.event_id, label,
                          promotions.capacity, coalesce(pools.capacity::text, 'nothing'))
            FROM promotions LEFT JOIN pools ON (pools.event_id, pools.key) = (promotions.event_id, promotions.pool)
            WHERE pools.capacity IS DISTINCT FROM promotions.capacity
        """,
    ),
    _Check(
        name="I1 places that were sold with a code are counted by it",
        compared="SELECT count(*) FROM order_lines WHERE promotion_pool IS NOT NULL",
        differences="""
            SELECT format('order %s keeps %s places of a line with a code, and %s of its uses', orders.number,
                          taken.places, taken.uses)
            FROM order_lines AS line
            JOIN orders ON orders.id = line.order_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(quantity - returned) FILTER (WHERE pool LIKE 'z:%'), 0) AS places,
                       coalesce(sum(quantity - returned) FILTER (WHERE pool = line.promotion_pool), 0) AS uses
                FROM claims WHERE order_line_id = line.id
            ) AS taken
            WHERE line.promotion_pool IS NOT NULL AND taken.places <> taken.uses
        """,
    ),
    _Check(
        name="I1 tickets that are good or were used have their places",
        compared="SELECT count(*) FROM tickets WHERE state IN ('valid', 'checked_in')",
        differences="""
            SELECT format('order %s has %s tickets of tier %s and keeps %s places', orders.number, papers.units,
                          papers.tier_name, coalesce(places.units, 0))
            FROM (SELECT order_id, order_line_id, tier_name, count(*) AS units FROM tickets
                  WHERE state IN ('valid', 'checked_in') GROUP BY order_id, order_line_id, tier_name) AS papers
            JOIN orders ON orders.id = papers.order_id
            LEFT JOIN (SELECT order_line_id, sum(quantity - returned) AS units FROM claims
                       WHERE state = 'allocated' AND pool LIKE 'z:%' GROUP BY order_line_id) AS places
                ON places.order_line_id = papers.order_line_id
            WHERE papers.units > coalesce(places.units, 0)
        """,
    ),
    _Check(
        name="Stock that is kept back belongs to a block",
        compared="SELECT count(*) FROM claims WHERE state = 'blocked' OR block_id IS NOT NULL",
        differences="""
            SELECT format('event %s: claim %s on pool %s is %s, of order %s and block %s', claims.event_id, claims.id,
                          pool, state, order_id, coalesce(stock_blocks.label, 'none'))
            FROM claims LEFT JOIN stock_blocks
                ON (stock_blocks.id, stock_blocks.event_id) = (claims.block_id, claims.event_id)
            WHERE (state = 'blocked' OR block_id IS NOT NULL)
                AND (stock_blocks.id IS NULL OR order_id IS NOT NULL OR state NOT IN ('blocked', 'released'))
        """,
    ),
    _Check(
        name="I2 pool counters equal the sums of their claims",
        compared="SELECT count(*) FROM pools",
        differences="""
            SELECT format('event %s: pool %s counts %s claimed, %s allocated, %s blocked; its claims say %s, %s, %s',
                          pools.event_id, pools.key, pools.claimed, pools.allocated, pools.blocked,
                          coalesce(rows.claimed, 0), coalesce(rows.allocated, 0), coalesce(rows.blocked, 0))
            FROM pools LEFT JOIN (
                SELECT event_id, pool,
                       coalesce(sum(quantity - returned) FILTER (WHERE state = 'claimed'), 0) AS claimed,
                       coalesce(sum(quantity - returned) FILTER (WHERE state = 'allocated'), 0) AS allocated,
                       coalesce(sum(quantity - returned) FILTER (WHERE state = 'blocked'), 0) AS blocked
                FROM claims GROUP BY event_id, pool
            ) AS rows ON (rows.event_id, rows.pool) = (pools.event_id, pools.key)
            WHERE (pools.claimed, pools.allocated, pools.blocked)
                <> (coalesce(rows.claimed, 0), coalesce(rows.allocated, 0), coalesce(rows.blocked, 0))
        """,
    ),
    _Check(
        name="I2 payment counters equal the sums of their refunds",
        compared="SELECT count(*) FROM payments",
        differences="""
            SELECT format('payment %s counts %s pending and %s refunded; its refunds say %s and %s',
                          payments.id, refund_pending_minor, refunded_minor, rows.pending, rows.done)
            FROM payments CROSS JOIN LATERAL (
                SELECT coalesce(sum(amount_minor) FILTER (WHERE state IN ('requested', 'pending')), 0) AS pending,
                       coalesce(sum(amount_minor) FILTER (WHERE state = 'succeeded'), 0) AS done
                FROM refunds WHERE payment_id = payments.id
            ) AS rows
            WHERE (refund_pending_minor, refunded_minor) <> (rows.pending, rows.done)
        """,
    ),
    _Check(
        name="I3 captured only what is allocated",
        compared="SELECT count(*) FROM payments WHERE state = 'capture_requested'",
        differences="""
            SELECT format('payment %s of order %s is being captured without an allocation', payments.id, order_id)
            FROM payments WHERE state = 'capture_requested' AND NOT coalesce(
                (SELECT bool_and(claims.state = 'allocated') FROM claims
                 WHERE claims.order_id = payments.order_id AND claims.state <> 'released'), false)
        """,
    ),
    _Check(
        name="I4 valid tickets are paid for and not refunded",
        compared="SELECT count(*) FROM tickets WHERE state = 'valid'",
        differences="""
            SELECT format('ticket %s of order %s is valid though the order is %s', tickets.id, orders.number,
                          orders.state)
            FROM tickets JOIN orders ON orders.id = tickets.order_id
            WHERE tickets.state = 'valid' AND (
                orders.state NOT IN ('confirmed', 'partially_refunded')
                OR orders.total_minor > 0 AND NOT EXISTS (
                    SELECT FROM payments WHERE order_id = orders.id AND payments.state = 'captured'))
        """,
    ),
    _Check(
        name="I5 refunded and pending within what was captured",
        compared="SELECT count(*) FROM payments",
        differences="""
            SELECT format('payment %s captured %s and gives back %s', payments.id, captured_minor,
                          sum(refunds.amount_minor))
            FROM payments JOIN refunds ON refunds.payment_id = payments.id AND refunds.state <> 'failed'
            GROUP BY payments.id HAVING sum(refunds.amount_minor) > captured_minor
        """,
    ),
    _Check(
        name="L3 every charge has its tickets or goes back",
        compared="SELECT count(*) FROM payments WHERE state = 'captured'",
        differences="""
            SELECT format('payment %s took %s for order %s, which is %s, and %s goes back', payments.id,
                          captured_minor, orders.number, orders.state, coalesce(returned.minor, 0))
            FROM payments JOIN orders ON orders.id = payments.order_id
            LEFT JOIN LATERAL (SELECT sum(amount_minor) AS minor FROM refunds
                               WHERE payment_id = payments.id AND reason = 'no_tickets'
                               AND NOT EXISTS (SELECT FROM refunds AS anew WHERE anew.replaces_id = refunds.id)
                              ) AS returned ON true
            WHERE payments.state = 'captured'
                AND CASE WHEN in_vain THEN returned.minor IS DISTINCT FROM captured_minor
                         ELSE orders.state NOT IN ('confirmed', 'partially_refunded', 'refunded', 'charged_back') END
        """,
    ),
    _Check(
        name="I7 an order's total equals the sum of its lines",
        compared="SELECT count(*) FROM orders",
        differences="""
            SELECT format('order %s says %s, its lines say %s', orders.number, total_minor, lines.sum)
            FROM orders CROSS JOIN LATERAL (
                SELECT coalesce(sum(quantity * total_minor), 0) AS sum
                FROM order_lines WHERE order_id = orders.id
            ) AS lines
            WHERE total_minor <> lines.sum
        """,
    ),
    _Check(
        name="I7 every journal of the ledger balances",
        compared="SELECT count(*) FROM journals",
        differences="""
            SELECT format('journal %s of order %s has %s sides that add up to %s', journals.key, orders.number,
                          count(postings.journal_id), coalesce(sum(amount_minor), 0))
            FROM journals JOIN orders ON orders.id = journals.order_id
            LEFT JOIN postings ON postings.journal_id = journals.id
            GROUP BY journals.id, orders.number, postings.currency
            HAVING count(postings.journal_id) < 2 OR sum(amount_minor) <> 0
        """,
    ),
    _Check(
        name="I7 the ledger has what payments, refunds and orders say",
        compared="SELECT count(*) FROM orders WHERE confirmed_at IS NOT NULL",
        differences="""
            WITH told AS (
                SELECT journals.order_id,
                    -sum(amount_minor) FILTER (WHERE kind = 'money_captured' AND account = 'buyers') AS captured,
                    sum(amount_minor) FILTER (WHERE kind = 'order_confirmed' AND account = 'buyers') AS sold,
                    -sum(amount_minor) FILTER (WHERE account IN ('provider', 'paid_by_hand')
                        AND kind IN ('refund_succeeded', 'refund_failed', 'refund_paid_by_hand')) AS refunded,
                    -sum(amount_minor) FILTER (WHERE account = 'refunds_pending') AS pending
                FROM journals JOIN postings ON postings.journal_id = journals.id GROUP BY journals.order_id
            ), paid AS (
                SELECT order_id, sum(captured_minor) AS captured, sum(refunded_minor) AS refunded,
                       sum(refund_pending_minor) AS pending
                FROM payments GROUP BY order_id
            )
            SELECT format('order %s: the ledger says captured %s, sold %s, refunded %s, being refunded %s; '
                          'its payments and the order say %s, %s, %s, %s', orders.number,
                          coalesce(told.captured, 0), coalesce(told.sold, 0), coalesce(told.refunded, 0),
                          coalesce(told.pending, 0), coalesce(paid.captured, 0), due.sold,
                          coalesce(paid.refunded, 0), coalesce(paid.pending, 0))
            FROM orders
            LEFT JOIN told ON told.order_id = orders.id
            LEFT JOIN paid ON paid.order_id = orders.id
            CROSS JOIN LATERAL (
                SELECT CASE WHEN confirmed_at IS NULL THEN 0 ELSE total_minor END AS sold) AS due
            WHERE (coalesce(told.captured, 0), coalesce(told.sold, 0), coalesce(told.refunded, 0),
                   coalesce(told.pending, 0))
                <> (coalesce(paid.captured, 0), due.sold, coalesce(paid.refunded, 0), coalesce(paid.pending, 0))
        """,
    ),
    _Check(
        name="Confirmed orders have a ticket for every place",
        compared="SELECT count(*) FROM orders WHERE state IN ('confirmed', 'partially_refunded')",
        differences="""
            SELECT format('order %s has %s places and %s tickets', number, places.units, papers.units)
            FROM orders
            CROSS JOIN LATERAL (SELECT sum(quantity) AS units FROM order_lines
                                WHERE order_id = orders.id) AS places
            CROSS JOIN LATERAL (SELECT count(*) AS units FROM tickets WHERE order_id = orders.id) AS papers
            WHERE state IN ('confirmed', 'partially_refunded') AND places.units <> papers.units
        """,
    ),
    _Check(
        name="Exchanged tickets are void where the new ones are there",
        compared="SELECT count(*) FROM orders WHERE exchanged_order_id IS NOT NULL",
        differences="""
            SELECT format('order %s has its tickets, and ticket %s that it exchanged is %s', number, old.id,
                          coalesce(tickets.state, 'unknown'))
            FROM orders
            CROSS JOIN LATERAL unnest(exchanged_tickets) AS old (id)
            LEFT JOIN tickets ON (tickets.id, tickets.order_id) = (old.id, exchanged_order_id)
            WHERE confirmed_at IS NOT NULL AND tickets.state IS DISTINCT FROM 'void'
        """,
    ),
    _Check(
        name="Orders that ended unpaid hold no stock",
        compared="SELECT count(*) FROM orders WHERE state IN ('expired', 'cancelled', 'payment_failed')",
        differences="""
            SELECT format('order %s is %s and still holds stock of pool %s', number, orders.state, claims.pool)
            FROM orders JOIN claims ON claims.order_id = orders.id AND claims.state <> 'released'
            WHERE orders.state IN ('expired', 'cancelled', 'payment_failed')
        """,
    ),
)


class PostgresBooks:
    """The port on Postgres. Reads whole tables: for ``tessera verify`` and tests, not for a request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> tuple[CheckResult, ...]:
        return tuple(self._result(check) for check in _CHECKS)

    def _result(self, check: _Check) -> CheckResult:
        # Both parts are constants of this module.
        differences = f"ARRAY({check.differences} LIMIT {DIFFERENCES_SHOWN_MAX})"
        statement = text(f"SELECT ({check.compared}) AS compared, {differences} AS differences")  # constants
        with picture(self._engine) as transaction:
            transaction.run(_TAKE_YOUR_TIME)
            (row,) = transaction.rows(statement)
        return CheckResult(name=check.name, compared=row["compared"], differences=tuple(row["differences"]))
