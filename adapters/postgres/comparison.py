"""Orders, payments and ledger against the provider's books, and what should not be under way any more.

Each check is one statement over our own tables and the copy of the provider's entries that a reading keeps, so it costs
the same whether the provider was read in a minute or over a night. ``:since`` and ``:until`` bound what is compared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, TextClause, text

from adapters.postgres.reading import picture
from adapters.postgres.transaction import Row, Transaction
from domain.money import CurrencyCode, Money, with_code
from domain.ports.books import CheckResult

DIFFERENCES_SHOWN_MAX = 100
_TAKE_YOUR_TIME = text("SET LOCAL statement_timeout = '10min'")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """``compared`` counts what was looked at. ``differences`` selects a row for each that is wrong, of which
    ``sentence`` is made: a column ``x_minor`` is told as ``x``, an amount of the row's ``currency``."""

    name: str
    compared: str
    differences: str
    sentence: str


_RECENT = re.compile(r"RECENT\(([a-z_.]+)\)")
"""Stands in a statement for: this moment is one of those that are compared."""

_AT_REST = (
    _Check(
        name="L2 authorised money is captured or let go",
        compared="SELECT count(*) FROM payments WHERE created_at < :until",
        differences="""
            SELECT number, payments.state, orders.state AS order_state, payments.currency, amount_minor
            FROM payments JOIN orders ON orders.id = order_id
            WHERE payments.state IN ('open', 'authorised', 'capture_requested', 'void_requested')
                AND orders.ended_at < :until
            ORDER BY payments.created_at
        """,
        sentence="order {number} is {order_state}, and its payment of {amount} is still {state}",
    ),
    _Check(
        name="L3 money that was taken became tickets or went back",
        compared="SELECT count(DISTINCT order_id) FROM journals WHERE kind = 'money_captured' AND at < :until",
        differences="""
            SELECT number, postings.currency, account, -sum(amount_minor) AS amount_minor
            FROM postings JOIN journals ON journals.id = journal_id JOIN orders ON orders.id = journals.order_id
            WHERE account IN ('buyers', 'refunds_owed')
            GROUP BY number, postings.currency, account
            HAVING sum(amount_minor) <> 0 AND max(journals.at) < :until
            ORDER BY number
        """,
        sentence="order {number}: {amount} of its buyer are still here ({account})",
    ),
    _Check(
        name="L3 refunds reach their buyers",
        compared="SELECT count(*) FROM refunds WHERE requested_at < :until",
        differences="""
            SELECT number, refunds.currency, amount_minor
            FROM refunds JOIN orders ON orders.id = order_id JOIN outbox ON outbox.key = 'send_refund:' || refunds.id
            WHERE refunds.state = 'requested' AND outbox.parked_at IS NOT NULL AND requested_at < :until
            ORDER BY requested_at
        """,
        sentence="order {number}: a refund of {amount} was never sent, its effect is parked",
    ),
    _Check(
        name="L4 the outbox drains",
        compared="SELECT count(*) FROM outbox WHERE done_at IS NULL",
        differences="""
            SELECT effect, key, CASE WHEN parked_at IS NULL THEN 'has waited since ' || created_at ELSE 'is parked' END
                AS stands, coalesce(last_error, 'never tried') AS error
            FROM outbox WHERE done_at IS NULL AND (parked_at IS NOT NULL OR created_at < :until) ORDER BY created_at
        """,
        sentence="{effect} ({key}) {stands}: {error}",
    ),
)

_WITH_PROVIDER = (
    _Check(
        name="Every charge at the provider is a payment of ours",
        compared="""
            SELECT count(*) FROM provider_entries
            WHERE kind = 'charge' AND state = 'captured' AND order_id IS NOT NULL AND RECENT(created_at)
        """,
        differences="""
            SELECT charges.id, charges.currency, charges.amount_minor,
                   coalesce(orders.number, order_number, charges.order_id::text) AS number,
                   CASE WHEN orders.id IS NULL THEN 'which we do not have' ELSE 'which knows no such payment' END AS why
            FROM provider_entries AS charges LEFT JOIN orders ON orders.id = charges.order_id
            WHERE charges.kind = 'charge' AND charges.state = 'captured' AND charges.order_id IS NOT NULL
                AND RECENT(charges.created_at)
                AND NOT EXISTS (SELECT FROM payments WHERE payments.intent_id = charges.intent_id)
            ORDER BY charges.created_at
        """,
        sentence="charge {id} took {amount} for order {number}, {why}",
    ),
    _Check(
        name="I7 what the provider captured is what we say was captured",
        compared="SELECT count(*) FROM provider_entries WHERE kind = 'charge' AND RECENT(created_at)",
        differences="""
            SELECT charges.id, number, charges.currency, charges.amount_minor, payments.state,
                   payments.currency AS our_currency, payments.captured_minor AS our_minor
            FROM provider_entries AS charges
            JOIN payments ON payments.intent_id = charges.intent_id JOIN orders ON orders.id = payments.order_id
            WHERE charges.kind = 'charge' AND charges.state = 'captured'
                AND RECENT(charges.created_at)
                AND (payments.captured_minor, payments.currency) <> (charges.amount_minor, charges.currency)
            ORDER BY charges.created_at
        """,
        sentence="order {number}: the provider captured {amount} ({id}), our payment is {state} with {our}",
    ),
    _Check(
        name="I7 what we captured is captured at the provider",
        compared="""
            SELECT count(*) FROM journals WHERE kind = 'money_captured' AND RECENT(at)
        """,
        differences="""
            SELECT number, payments.currency, payments.amount_minor,
                   coalesce(payments.intent_id, 'no payment at the provider') AS intent
            FROM journals JOIN payments ON payments.id = journals.payment_id
            JOIN orders ON orders.id = payments.order_id
            WHERE journals.kind = 'money_captured' AND RECENT(journals.at)
                AND payments.created_at >= :since
                AND NOT EXISTS (SELECT FROM provider_entries AS charges WHERE charges.kind = 'charge'
                                AND charges.state = 'captured' AND charges.intent_id = payments.intent_id)
            ORDER BY journals.at
        """,
        sentence="order {number}: we say that {amount} were captured ({intent}), the provider does not",
    ),
    _Check(
        name="L2 no authorisation is left at the provider",
        compared="SELECT count(*) FROM provider_entries WHERE kind = 'charge' AND RECENT(created_at)",
        differences="""
            SELECT charges.id, charges.currency, charges.amount_minor, charges.created_at::date AS since,
                   coalesce(orders.number, order_number, charges.order_id::text) AS number,
                   coalesce(orders.state, 'not here') AS state
            FROM provider_entries AS charges
            LEFT JOIN payments ON payments.intent_id = charges.intent_id
            LEFT JOIN orders ON orders.id = coalesce(payments.order_id, charges.order_id)
            WHERE charges.kind = 'charge' AND charges.state = 'authorised' AND charges.order_id IS NOT NULL
                AND RECENT(charges.created_at)
                AND coalesce(payments.state, '') NOT IN ('capture_requested', 'void_requested')
                AND NOT coalesce(payments.state = 'authorised' AND orders.state = 'in_review', false)
                AND coalesce(orders.confirmed_at, orders.ended_at, charges.created_at) < charges.read_at
            ORDER BY charges.created_at
        """,
        sentence="charge {id} keeps {amount} aside since {since}; order {number} is {state}",
    ),
    _Check(
        name="Every refund at the provider is a refund of ours",
        compared="SELECT count(*) FROM provider_entries WHERE kind = 'refund' AND RECENT(created_at)",
        differences="""
            SELECT entries.id, entries.currency, entries.amount_minor, number
            FROM provider_entries AS entries
            JOIN payments ON payments.intent_id = entries.intent_id JOIN orders ON orders.id = payments.order_id
            WHERE entries.kind = 'refund' AND entries.state <> 'failed'
                AND RECENT(entries.created_at)
                AND NOT EXISTS (SELECT FROM refunds WHERE refunds.provider_id = entries.id)
                -- Its answer may have got lost: then it is asked for again, and found.
                AND NOT EXISTS (SELECT FROM refunds WHERE refunds.payment_id = payments.id AND state = 'requested'
                                AND refunds.amount_minor = entries.amount_minor)
            ORDER BY entries.created_at
        """,
        sentence="order {number}: the provider gave back {amount} ({id}), and we know of no such refund",
    ),
    _Check(
        name="I7 refunds stand at the provider as they stand here",
        compared="""
            SELECT count(*) FROM refunds WHERE provider_id IS NOT NULL AND RECENT(requested_at)
        """,
        differences="""
            SELECT number, refunds.currency, refunds.amount_minor, refunds.state, provider_id AS id,
                   CASE WHEN entries.id IS NULL THEN 'does not know it'
                        WHEN entries.amount_minor <> refunds.amount_minor THEN 'has another amount'
                        ELSE 'says ' || entries.state END AS there
            FROM refunds JOIN orders ON orders.id = refunds.order_id
            LEFT JOIN provider_entries AS entries ON entries.id = refunds.provider_id AND entries.kind = 'refund'
            WHERE refunds.provider_id IS NOT NULL AND RECENT(requested_at)
                AND coalesce(completed_at, requested_at) < :until
                AND (entries.id IS NULL OR (entries.amount_minor, entries.currency, entries.state)
                                           <> (refunds.amount_minor, refunds.currency, refunds.state))
            ORDER BY requested_at
        """,
        sentence="order {number}: our refund of {amount} is {state} ({id}), the provider {there}",
    ),
    _Check(
        name="I7 disputes moved at the provider what the ledger says",
        compared="SELECT count(*) FROM provider_entries WHERE kind = 'dispute' AND RECENT(created_at)",
        # Where the provider settles in another currency than the buyer paid in, it tells what it took at that day's
        # rate, and the ledger tells what was disputed: only the fee is told in the same money by both.
        differences="""
            SELECT entries.id, number, entries.fee_currency AS currency, entries.state, took.minor AS amount_minor,
                   CASE WHEN took.in_full THEN 'with its fee' ELSE 'as its fee' END AS what,
                   coalesce(told.minor, 0) AS ours_minor
            FROM provider_entries AS entries
            JOIN payments ON payments.intent_id = entries.intent_id JOIN orders ON orders.id = payments.order_id
            CROSS JOIN LATERAL (
                SELECT same AS in_full,
                       CASE WHEN same THEN entries.withdrawn_minor ELSE 0 END + entries.fee_minor AS minor
                FROM (SELECT entries.fee_currency = entries.currency AS same) AS currencies
            ) AS took
            LEFT JOIN (
                SELECT dispute_id, currency, -sum(amount_minor) AS minor
                FROM journals JOIN postings ON postings.journal_id = journals.id
                WHERE dispute_id IS NOT NULL AND account = 'provider' GROUP BY dispute_id, currency
            ) AS told ON told.dispute_id = entries.id AND told.currency = entries.fee_currency
            WHERE entries.kind = 'dispute' AND RECENT(entries.created_at) AND took.minor <> coalesce(told.minor, 0)
            ORDER BY entries.created_at
        """,
        sentence="order {number}: dispute {id} ({state}) took {amount} {what}, the ledger says {ours}",
    ),
    _Check(
        name="I7 the provider's fees are in the ledger",
        compared="""
            SELECT count(*) FROM provider_entries WHERE kind <> 'dispute' AND fee_minor <> 0 AND RECENT(created_at)
        """,
        differences="""
            SELECT entries.id, number, entries.fee_currency AS currency, entries.fee_minor AS amount_minor,
                   coalesce(told.minor, 0) AS ours_minor
            FROM provider_entries AS entries
            JOIN payments ON payments.intent_id = entries.intent_id JOIN orders ON orders.id = payments.order_id
            LEFT JOIN LATERAL (
                SELECT sum(amount_minor) AS minor
                FROM journals JOIN postings ON postings.journal_id = journals.id
                WHERE journals.key = 'fee:' || entries.id AND account = 'provider_fees'
            ) AS told ON true
            WHERE entries.kind <> 'dispute' AND RECENT(entries.created_at)
                AND entries.fee_minor <> coalesce(told.minor, 0)
            ORDER BY entries.created_at
        """,
        sentence="order {number}: the provider kept {amount} of {id}, the ledger says {ours}",
    ),
)


class PostgresComparison:
    """Implements Comparison. Reads whole tables: for ``tessera verify`` and the daily comparison, not for a request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def at_rest(self, *, until: datetime) -> tuple[CheckResult, ...]:
        return self._results(_AT_REST, {"until": until})

    def with_provider(self, *, since: datetime | None, until: datetime) -> tuple[CheckResult, ...]:
        return self._results(_WITH_PROVIDER, {"since": since or "-infinity", "until": until})

    def _results(self, checks: tuple[_Check, ...], moments: Mapping[str, Any]) -> tuple[CheckResult, ...]:
        with picture(self._engine) as transaction:
            transaction.run(_TAKE_YOUR_TIME)
            return tuple(_result(transaction, check, moments) for check in checks)


def _result(transaction: Transaction, check: _Check, moments: Mapping[str, Any]) -> CheckResult:
    compared = transaction.rows(_bound(check.compared), moments)
    found = transaction.rows(_bound(f"{check.differences} LIMIT {DIFFERENCES_SHOWN_MAX}"), moments)
    return CheckResult(
        name=check.name,
        compared=next(iter(compared[0].values())),
        differences=tuple(_told(row, check.sentence) for row in found),
    )


def _bound(statement: str) -> TextClause:
    """A statement with its moments typed. All of it are constants of this module."""
    typed = _RECENT.sub(r"\1 >= :since AND \1 < :until", statement)
    for moment in ("since", "until"):
        typed = typed.replace(f":{moment}", f"CAST(:{moment} AS timestamptz)")
    return text(typed)


def _told(row: Row, sentence: str) -> str:
    words: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_minor"):
            currency = CurrencyCode(row.get(f"{name.removesuffix('_minor')}_currency") or row["currency"])
            words[name.removesuffix("_minor")] = with_code(Money(int(value), currency))
        else:
            words[name] = value
    return sentence.format(**words)
