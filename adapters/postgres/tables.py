"""The tables as SQLAlchemy Core sees them: names and types of columns, for building statements.

What the rows must obey (keys, checks, triggers, comments) is written once, in ``migrations/versions``; a test
compares both with a real database.
"""

from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Identity,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.types import TypeEngine

metadata = MetaData()

_Kind = TypeEngine[Any] | type[TypeEngine[Any]]
_When = TIMESTAMP(timezone=True)
_Integers = ARRAY(Integer)
_Texts = ARRAY(Text)
_Object = JSONB(none_as_null=True)


def _key(name: str, kind: _Kind = Uuid) -> "Column[Any]":
    return Column(name, kind, primary_key=True)


def _is(name: str, kind: _Kind = Text) -> "Column[Any]":
    return Column(name, kind, nullable=False)


def _may(name: str, kind: _Kind = Text) -> "Column[Any]":
    return Column(name, kind, nullable=True)


def _filled(name: str, kind: _Kind) -> "Column[Any]":
    """A column that the database fills by itself when a statement does not name it."""
    return Column(name, kind, nullable=False, server_default="")


def _derived(name: str, kind: _Kind) -> "Column[Any]":
    """A column that the database computes; nobody can write it."""
    return Column(name, kind, Computed(""), nullable=False)


venues = Table(
    "venues", metadata,
    _key("id"), _is("slug"), _is("name"), _is("address"), _is("city"), _is("country"), _is("timezone"),
    _is("description"), _is("accessibility"), _filled("created_at", _When), _is("taxes", JSONB),
)  # fmt: skip

seat_maps = Table(
    "seat_maps", metadata,
    _key("id"), _is("venue_id", Uuid), _is("name"), _is("version", Integer), _is("code"), _is("width", Integer),
    _is("height", Integer), _is("focal_x", Integer), _is("focal_y", Integer), _is("seat_count", Integer),
    _is("areas", JSONB), _filled("created_at", _When),
)  # fmt: skip

zones = Table(
    "zones", metadata,
    _key("seat_map_id"), _key("key", Text), _is("position", Integer), _is("name"), _is("kind"),
    _is("capacity", Integer), _is("outline", JSONB), _is("row_firsts", _Integers), _is("row_counts", _Integers),
)  # fmt: skip

seats = Table(
    "seats", metadata,
    _key("seat_map_id"), _key("index", Integer), _is("zone_key"), _is("id"), _is("row_label"), _is("number"),
    _is("x", Integer), _is("y", Integer), _is("features", SmallInteger),
)  # fmt: skip

events = Table(
    "events", metadata,
    _key("id"), _is("slug"), _is("name"), _is("summary"), _is("description"), _is("category"), _is("artwork"),
    _is("venue_id", Uuid), _is("seat_map_id", Uuid), _is("currency"), _is("doors_at", _When),
    _is("starts_at", _When), _is("ends_at", _When), _is("state"), _is("opens_at", _When), _is("closes_at", _When),
    _is("hold_seconds", Integer), _is("payment_seconds", Integer), _is("per_order_max", Integer),
    _is("per_buyer_max", Integer), _is("live_holds_per_buyer", Integer), _is("admission_required", Boolean),
    _is("extensions_max", Integer), _is("hold_seconds_cap", Integer), _is("live_holds_per_address", Integer),
    _is("lapses_max", Integer), _is("cooldown_seconds", Integer), _is("may_strand_seats", Boolean),
    _is("accessible_released", Boolean), _is("limit_by", _Texts), _is("fee", JSONB),
    _filled("created_at", _When), _filled("venue_words", Text), _derived("search", TSVECTOR),
)  # fmt: skip

sales = Table(
    "sales", metadata,
    _key("event_id"), _filled("epoch", BigInteger), _filled("version", BigInteger),
)  # fmt: skip

refund_policies = Table(
    "refund_policies", metadata,
    _key("event_id"), _key("version", Integer), _is("rules", JSONB),
    _filled("created_at", _When),
)  # fmt: skip

pools = Table(
    "pools", metadata,
    _key("event_id"), _key("key", Text), _is("seat_map_id", Uuid), _is("kind"), _may("zone_key"),
    _is("capacity", Integer), _filled("claimed", Integer), _filled("allocated", Integer), _filled("blocked", Integer),
)  # fmt: skip

tiers = Table(
    "tiers", metadata,
    _key("id"), _is("event_id", Uuid), _is("key"), _is("name"), _is("description"), _is("kind"),
    _is("position", Integer), _is("currency"), _is("face_minor", BigInteger), _may("fee", _Object),
    _is("price_steps", JSONB),
    _is("per_order_min", Integer), _is("per_order_max", Integer), _may("capacity", Integer), _may("opens_at", _When),
    _may("closes_at", _When), _is("locked", Boolean), _is("accessible", Boolean),
    _may("opens_after", Uuid), _may("opened_at", _When),
    Column("own_pool", Text, Computed(""), nullable=True),
)  # fmt: skip

tier_zones = Table(
    "tier_zones", metadata,
    _key("tier_id"), _key("position", Integer), _is("event_id", Uuid), _is("zone_key"), _derived("pool", Text),
)  # fmt: skip

promotions = Table(
    "promotions", metadata,
    _key("id"), _is("event_id", Uuid), _is("pool"), _is("digest"), _is("label"), _is("kind"), _is("value", Integer),
    _is("tiers", ARRAY(Uuid)), _may("presale_at", _When), _may("starts_at", _When), _may("ends_at", _When),
    _may("uses_max", Integer), _may("per_buyer_max", Integer), _is("active", Boolean), _filled("created_at", _When),
    _derived("capacity", Integer),
)  # fmt: skip

orders = Table(
    "orders", metadata,
    _key("id"), _is("number"), _is("event_id", Uuid), _is("hold_nonce", Uuid), _is("state"), _is("stock"),
    _is("buyer_name"), _is("buyer_email"), _may("buyer_phone"), _is("device"), _is("address"), _is("pools", JSONB),
    _is("buyer_keys", _Texts),
    _is("currency"), _is("total_minor", BigInteger), _is("refunded_minor", BigInteger),
    _is("policy_version", Integer), _is("price_terms", JSONB), _is("placed_at", _When), _is("deadline_at", _When),
    _may("confirmed_at", _When), _may("ended_at", _When), _may("ended_because"), _may("retaken_epoch", Integer),
    _may("frozen_because"), _may("exchanged_order_id", Uuid), _may("exchanged_tickets", ARRAY(Uuid)),
)  # fmt: skip

order_lines = Table(
    "order_lines", metadata,
    _key("id"), _is("order_id", Uuid), _is("event_id", Uuid), _is("position", Integer), _is("tier_id", Uuid),
    _is("tier_name"), _is("quantity", Integer), _is("face_minor", BigInteger), _is("fee_minor", BigInteger),
    _is("discount_minor", BigInteger), _is("absorbed_fee_minor", BigInteger), _is("tax_minor", BigInteger),
    _is("tax_added", Boolean), _derived("total_minor", BigInteger), _is("seats", _Integers), _may("promotion_pool"),
)  # fmt: skip

claims = Table(
    "claims", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _is("event_id", Uuid), _is("seat_map_id", Uuid), _is("pool"), _may("zone_key"), _may("seat", Integer),
    _may("order_id", Uuid), _may("order_line_id", Uuid), _is("quantity", Integer), _filled("returned", Integer),
    _is("state"), _filled("created_at", _When), _may("block_id", Uuid),
)  # fmt: skip

stock_blocks = Table(
    "stock_blocks", metadata,
    _key("id"), _is("event_id", Uuid), _is("label"), _is("reason"), _is("actor"), _is("at", _When),
)  # fmt: skip

payments = Table(
    "payments", metadata,
    _key("id"), _is("order_id", Uuid), _is("attempt", Integer), _is("state"), _is("currency"),
    _is("amount_minor", BigInteger), _may("session_id"), _may("checkout_url"), _may("intent_id"), _is("risk"),
    _may("card_fingerprint"), _may("card_brand"), _may("card_last4"), _may("card_country"), _may("card_funding"),
    _may("failure"), _is("created_at", _When), _may("next_check_at", _When), _is("checks", Integer),
    _may("taken_minor", BigInteger), _filled("in_vain", Boolean), _may("capture_before", _When),
    _derived("captured_minor", BigInteger), _filled("refund_pending_minor", BigInteger),
    _filled("refunded_minor", BigInteger),
)  # fmt: skip

tickets = Table(
    "tickets", metadata,
    _key("id"), Column("position", BigInteger, Identity(always=True), nullable=False), _is("order_id", Uuid),
    _is("order_line_id", Uuid), _is("event_id", Uuid), _is("tier_id", Uuid), _is("tier_name"), _is("currency"),
    _is("face_minor", BigInteger), _is("fee_minor", BigInteger), _is("discount_minor", BigInteger),
    _is("absorbed_fee_minor", BigInteger), _is("tax_minor", BigInteger), _is("tax_added", Boolean),
    _derived("total_minor", BigInteger), _is("zone"), _is("place"), _may("seat", Integer), _is("code"),
    _is("state"), _is("issued_at", _When), _may("used_at", _When), _filled("place_returned", Boolean),
)  # fmt: skip

refunds = Table(
    "refunds", metadata,
    _key("id"), _is("order_id", Uuid), _may("payment_id", Uuid), _is("currency"), _is("amount_minor", BigInteger),
    _is("reason"), _is("state"), _is("requested_at", _When), _may("completed_at", _When), _may("provider_id"),
    _may("failure"), _may("batch_id", Uuid),
    _may("replaces_id", Uuid), _may("by_hand_reference"), _may("by_hand_actor"),
)  # fmt: skip

refund_tickets = Table(
    "refund_tickets", metadata,
    _key("refund_id"), _key("position", Integer), _is("ticket_id", Uuid), _is("order_id", Uuid),
    _is("admission_minor", BigInteger), _is("fee_minor", BigInteger), _is("tax_minor", BigInteger),
    _filled("live", Boolean),
)  # fmt: skip

postponements = Table(
    "postponements", metadata,
    _key("id"), _is("event_id", Uuid), _is("at", _When), _is("actor"), _is("was_at", _When), _is("starts_at", _When),
    _may("refunds_until", _When), _is("note"), _may("told_up_to", Uuid), _may("told_at", _When),
)  # fmt: skip

refund_batches = Table(
    "refund_batches", metadata,
    _key("id"), _is("purpose"), _is("reason"), _is("selection", JSONB), _is("note"), _is("tell_buyers", Boolean),
    _is("state"), _is("requested_by"), _is("requested_at", _When), _may("approval_because"), _may("approved_by"),
    _may("approved_at", _When), _may("decision_note"), _may("started_at", _When), _may("ended_at", _When),
)  # fmt: skip

refund_batch_orders = Table(
    "refund_batch_orders", metadata,
    _key("batch_id"), _key("order_id"), _is("position", Integer), _is("currency"), _is("state"),
    _may("expected_minor", BigInteger), _may("why"), _may("refund_id", Uuid), _is("attempts", Integer),
    _is("due_at", _When), _is("tell", Boolean), _may("told_at", _When),
)  # fmt: skip

refund_batch_lines = Table(
    "refund_batch_lines", metadata,
    _key("batch_id"), _key("order_id"), _key("tier_id"), _is("tickets", Integer), _is("amount_minor", BigInteger),
)  # fmt: skip

journals = Table(
    "journals", metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _is("key"), _is("kind"), _is("event_id", Uuid), _is("order_id", Uuid), _may("payment_id", Uuid),
    _may("refund_id", Uuid), _may("dispute_id"), _is("at", _When), _filled("written_at", _When),
    _filled("written_by", BigInteger),
)  # fmt: skip

postings = Table(
    "postings", metadata,
    _key("journal_id", BigInteger), _key("position", Integer), _is("account"), _is("detail"), _is("currency"),
    _is("amount_minor", BigInteger),
)  # fmt: skip

refund_requests = Table(
    "refund_requests", metadata,
    _key("id"), _is("order_id", Uuid), _is("tickets", ARRAY(Uuid)), _is("currency"), _is("amount_minor", BigInteger),
    _is("reason"), _is("state"), _is("requested_by"), _is("requested_at", _When), _may("decided_by"),
    _may("decided_at", _When), _may("note"), _may("refund_id", Uuid),
)  # fmt: skip

order_links = Table(
    "order_links", metadata,
    _key("id"), _is("order_id", Uuid), _is("channel"), _is("created_at", _When), _is("expires_at", _When),
    _may("used_at", _When),
)  # fmt: skip

disputes = Table(
    "disputes", metadata,
    _key("id"), _is("provider_id"), _may("intent_id"), _is("order_id", Uuid), _is("payment_id", Uuid), _is("currency"),
    _is("kind"), _is("state"), _is("reason"), _is("amount_minor", BigInteger), _may("fee_minor", BigInteger),
    _may("fee_returned_minor", BigInteger), _may("fee_currency"),
    _is("refundable", Boolean), _is("opened_at", _When), _may("due_at", _When),
    _is("submissions", Integer), _is("evidence", JSONB), _is("statement"), _may("answer"), _may("answered_by"),
    _may("answered_at", _When), _is("answers", Integer), _may("answer_failure"), _may("next_check_at", _When),
    _may("closed_at", _When),
)  # fmt: skip

fraud_warnings = Table(
    "fraud_warnings", metadata,
    _key("id"), _is("provider_id"), _may("intent_id"), _is("order_id", Uuid), _is("payment_id", Uuid),
    _is("fraud_type"), _is("actionable", Boolean), _is("warned_at", _When), _is("state"), _may("decided_at", _When),
    _may("decided_by"), _is("note"), _may("refund_id", Uuid),
)  # fmt: skip

provider_logs = Table("provider_logs", metadata, _key("provider", Text), _is("read_until", _When))

provider_entries = Table(
    "provider_entries", metadata,
    _key("id", Text), _is("kind"), _is("state"), _is("intent_id"), _may("order_id", Uuid), _may("order_number"),
    _is("currency"), _is("amount_minor", BigInteger), _is("withdrawn_minor", BigInteger), _is("fee_currency"),
    _is("fee_minor", BigInteger), _is("created_at", _When), _is("read_at", _When),
)  # fmt: skip

provider_readings = Table(
    "provider_readings", metadata,
    _key("id"), _is("actor"), _may("since", _When), _is("began_at", _When), _may("kind"), _may("cursor"),
    _is("entries", Integer), _may("finished_at", _When), _is("results", JSONB), _is("differences", Integer),
    _may("taken_until", _When),
)  # fmt: skip

assessments = Table(
    "assessments", metadata,
    _key("id"), _is("order_id", Uuid), _is("verdict"), _is("reasons", JSONB), _is("at", _When),
)  # fmt: skip

outbox = Table(
    "outbox", metadata,
    _key("id"), _is("key"), _is("effect"), _is("payload", JSONB), _is("created_at", _When), _is("not_before", _When),
    _filled("attempts", Integer), _may("last_error"), _may("done_at", _When), _may("parked_at", _When),
    _filled("lane", Text), _filled("errors", JSONB), _may("discarded_because"),
)  # fmt: skip

messages = Table(
    "messages", metadata,
    _key("id"), _may("order_id", Uuid), _is("recipient"), _is("body"), _is("state"), _is("created_at", _When),
    _may("provider_id"), _may("failure"), _may("delivered_at", _When),
)  # fmt: skip

opt_outs = Table("opt_outs", metadata, _key("phone", Text), _is("at", _When))

webhook_notices = Table(
    "webhook_notices", metadata,
    _key("provider", Text), _key("notice_id", Text), _is("type"), _is("received_at", _When),
)  # fmt: skip

audit_entries = Table(
    "audit_entries", metadata,
    _key("id"), _is("at", _When), _is("actor"), _is("action"), _is("subject_kind"), _is("subject_id"),
    _is("details", JSONB),
)  # fmt: skip

staff = Table(
    "staff", metadata,
    _key("id"), _is("email"), _is("name"), _is("role"), _is("password_hash"), _is("created_at", _When),
    _may("disabled_at", _When),
)  # fmt: skip

idempotency_keys = Table(
    "idempotency_keys", metadata,
    _key("scope", Text), _key("key", Text), _is("request_digest"), _is("begun_at", _When), _may("answer", JSONB),
)  # fmt: skip

webhook_endpoints = Table(
    "webhook_endpoints", metadata,
    _key("id"), _is("url"), _is("description"), _is("kinds", _Texts), _may("venue_id", Uuid), _is("enabled", Boolean),
    _may("disabled_because"), _is("secret_version", Integer), _may("previous_until", _When),
    _may("failing_since", _When), _is("failures", Integer), _may("quiet_until", _When), _is("created_at", _When),
)  # fmt: skip

webhook_deliveries = Table(
    "webhook_deliveries", metadata,
    _key("id"), _is("endpoint_id", Uuid), _is("message_id", Uuid), _is("kind"), _is("body"), _is("state"),
    _is("attempts", Integer), _filled("tries_before", Integer), _may("next_try_at", _When),
    _may("leased_until", _When), _is("created_at", _When),
)  # fmt: skip

webhook_attempts = Table(
    "webhook_attempts", metadata,
    _key("delivery_id"), _key("number", Integer), _is("at", _When), _is("milliseconds", Integer),
    _may("status", Integer), _is("answer"), _may("error"),
)  # fmt: skip

webhook_sales = Table(
    "webhook_sales", metadata, _key("event_id"), _is("sold_out", Boolean), _is("told_at", _When),
)  # fmt: skip
