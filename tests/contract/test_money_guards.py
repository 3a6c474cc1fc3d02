"""What Postgres refuses of money's later chapters (migrations 9 to 18), each by the constraint that is meant to.

A house with a bit of everything stands once for all tests: what is refused changes nothing. Rows that may not be
changed are tried as copies.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from application.commands.decide_refund import DecideRefund, decide_refund
from application.commands.prepare_batch import Decision
from domain.refund_policies import STANDARD_POLICY, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from entrypoints.launcher.postgres import EmbeddedPostgres
from entrypoints.launcher.valkey import EmbeddedValkey
from tests.contract.purchase_houses import ServerHouse, servers_at
from tests.fakes.sales import general, general_sale, promotion
from tests.servers import database
from tests.unit.application.batches import Batches
from tests.unit.application.house import House
from tests.unit.application.test_disputes import waved_through
from tests.unit.application.test_exchanges import POLICY, TwoNights

LONG = "x" * 5_001
CLOSED = ("promotions", "refund_requests", "order_links", "refund_batches", "refund_batch_orders", "refund_batch_lines",
          "postponements", "disputes", "fraud_warnings", "webhook_endpoints", "webhook_deliveries")  # fmt: skip
"""Tables whose every CHECK and every guarding trigger must be tried here."""


class Copy:
    """A row of this table once more, with an id of its own (where rows have one) and these changes."""

    def __init__(self, table: str, /, *, where: str = "true", **changes: object) -> None:
        self.table, self.where, self.changes = table, where, changes

    def __str__(self) -> str:
        return f"copy {self.table} {json.dumps(self.changes, default=str)[:60]}"

    def run(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        own = "'{}'" if "id" in self.changes else "jsonb_build_object('id', gen_random_uuid())"
        connection.execute(
            f"INSERT INTO {self.table} SELECT (jsonb_populate_record(one, {own} || %(changes)s)).* "
            f"FROM {self.table} AS one WHERE {self.where} LIMIT 1".encode(),
            {"changes": Jsonb(self.changes)},
        )


NEW_PROMOTION = (
    "INSERT INTO promotions (id, event_id, pool, digest, label, kind, value, tiers, active) "
    "SELECT {id}, event_id, {pool}, {digest}, label, kind, value, tiers, active FROM promotions"
)
NEW_POOL = (
    "INSERT INTO pools (event_id, key, seat_map_id, kind, capacity) SELECT id, {}, seat_map_id, {}, {} FROM events"
)
STRANGER = "aaaaaaaa-0000-4000-8000-123456789012"
A = f"'{STRANGER}'"
OWN_POOL = f"'p:' || right({A}, 12)"
SHA = "repeat('a', 64)"

GUARDS: tuple[tuple[str, str | Copy], ...] = (
    # v0009: promotions and what counts them.
    ("promotions_named_by_id", NEW_PROMOTION.format(id=A, pool="'p:other'", digest=SHA)),
    ("promotions_digest_is_sha256", NEW_PROMOTION.format(id=A, pool=OWN_POOL, digest="'sesame'")),
    ("promotions_one_per_code", NEW_PROMOTION.format(id=A, pool=OWN_POOL, digest="digest")),
    (
        "promotions_of_event",
        NEW_PROMOTION.format(id="('aaaaaaaa-0000-4000-8000-' || right(id::text, 12))::uuid", pool="pool", digest=SHA),
    ),
    ("promotions_label_in_bounds", "UPDATE promotions SET label = ''"),
    ("promotions_kind_known", "UPDATE promotions SET kind = 'gift', value = 0"),
    ("promotions_uses_in_bounds", "UPDATE promotions SET uses_max = -1"),
    ("promotions_per_buyer_positive", "UPDATE promotions SET per_buyer_max = 0"),
    ("promotions_take_off_something", "UPDATE promotions SET value = 0"),
    ("promotions_end_later", "UPDATE promotions SET starts_at = now(), ends_at = now()"),
    ("promotions_cap_is_counted", "UPDATE promotions SET uses_max = uses_max + 1"),
    ("promotions_keep_identity", f"UPDATE promotions SET digest = {SHA}"),
    ("promotions_kept", "DELETE FROM promotions"),
    ("pools_kind_known", NEW_POOL.format("'t:box'", "'box'", "1")),
    ("pools_named_after_zone", NEW_POOL.format("'t:gift'", "'promotion'", "1")),
    ("pools_capacity_in_bounds", "UPDATE pools SET capacity = 500001 WHERE key = 'z:floor'"),
    ("orders_keep_facts", "UPDATE orders SET price_terms = '{\"taxes\": 0}'"),
    # v0010: policies, requests and links.
    (
        "refund_policies_rules_are_an_object",
        "INSERT INTO refund_policies (event_id, version, rules) SELECT id, 99, '[]' FROM events",
    ),
    ("refund_policies_immutable", "UPDATE refund_policies SET rules = rules || '{\"x\": 1}'"),
    ("refund_tickets_parts_not_negative", "UPDATE refund_tickets SET fee_minor = -1"),
    ("refunds_amount_not_negative", Copy("refunds", provider_id=None, amount_minor=-1)),
    ("refunds_money_has_payment", Copy("refunds", provider_id=None, amount_minor=0, state="succeeded")),
    (
        "refunds_of_nothing_are_done",
        Copy("refunds", provider_id=None, amount_minor=0, payment_id=None, state="requested"),
    ),
    ("refunds_reason_known", Copy("refunds", provider_id=None, reason="whim")),
    ("refund_requests_amount_positive", Copy("refund_requests", amount_minor=0)),
    ("refund_requests_reason_known", Copy("refund_requests", reason="whim")),
    ("refund_requests_state_known", Copy("refund_requests", state="maybe", decided_at="2026-11-23")),
    ("refund_requests_one_waiting", Copy("refund_requests", where="state = 'waiting'")),
    ("refund_requests_note_short", f"UPDATE refund_requests SET note = '{LONG}'"),
    ("refund_requests_decided_at_an_hour", "UPDATE refund_requests SET decided_at = now() WHERE state = 'waiting'"),
    (
        "refund_requests_approved_begin_a_refund",
        "UPDATE refund_requests SET state = 'approved', decided_at = now() WHERE state = 'waiting'",
    ),
    (
        "refund_requests_two_people",
        "UPDATE refund_requests SET state = 'declined', decided_at = now(), decided_by = requested_by",
    ),
    ("refund_requests_decided_once", "UPDATE refund_requests SET state = 'lapsed' WHERE state = 'declined'"),
    ("refund_requests_keep_facts", "UPDATE refund_requests SET amount_minor = amount_minor + 1"),
    ("refund_requests_kept", "DELETE FROM refund_requests"),
    ("order_links_channel_known", Copy("order_links", channel="pigeon")),
    ("order_links_used_in_time", "UPDATE order_links SET used_at = expires_at WHERE used_at IS NULL"),
    ("order_links_used_once", "UPDATE order_links SET used_at = NULL"),
    # v0011: batches and postponements.
    ("refund_batches_purpose_known", Copy("refund_batches", purpose="whim")),
    ("refund_batches_note_in_bounds", Copy("refund_batches", note=LONG)),
    ("refund_batches_state_known", "UPDATE refund_batches SET state = 'lost' WHERE state = 'previewed'"),
    ("refund_batches_second_person", "UPDATE refund_batches SET approved_by = requested_by"),
    (
        "refund_batches_approved_before_it_runs",
        "UPDATE refund_batches SET approval_because = 'much', state = 'running' WHERE state = 'previewed'",
    ),
    ("refund_batches_stopped_is_final", "UPDATE refund_batches SET state = 'running' WHERE state = 'stopped'"),
    ("refund_batches_keep_facts", "UPDATE refund_batches SET tell_buyers = NOT tell_buyers"),
    ("refund_batches_kept", "DELETE FROM refund_batches"),
    ("refund_batch_orders_state_known", "UPDATE refund_batch_orders SET state = 'lost'"),
    ("refund_batch_orders_expected_not_negative", Copy("refund_batch_orders", expected_minor=-1)),
    (
        "refund_batch_orders_refund_unique",
        "UPDATE refund_batch_orders SET refund_id = (SELECT id FROM refunds LIMIT 1)",
    ),
    ("refund_batch_orders_position_unique", Copy("refund_batch_orders", order_id=STRANGER)),
    ("refund_batch_orders_requested_has_refund", "UPDATE refund_batch_orders SET state = 'requested'"),
    ("refund_batch_orders_skipped_says_why", "UPDATE refund_batch_orders SET state = 'skipped', why = NULL"),
    ("refund_batch_orders_keep_facts", "UPDATE refund_batch_orders SET position = position + 100"),
    ("refund_batch_orders_kept", "DELETE FROM refund_batch_orders"),
    ("refund_batch_lines_tickets_positive", "UPDATE refund_batch_lines SET tickets = 0"),
    ("refund_batch_lines_amount_not_negative", "UPDATE refund_batch_lines SET amount_minor = -1"),
    ("refund_tickets_one_live", Copy("refund_tickets", refund_id=STRANGER)),
    ("refund_tickets_live_follows", "UPDATE refund_tickets SET live = NOT live"),
    ("postponements_move", "UPDATE postponements SET starts_at = was_at"),
    ("postponements_note_in_bounds", f"UPDATE postponements SET note = '{LONG}'"),
    ("postponements_kept", "DELETE FROM postponements"),
    # v0012: disputes, warnings, refunds that are made good.
    ("disputes_kind_known", "UPDATE disputes SET kind = 'quarrel'"),
    ("disputes_state_known", "UPDATE disputes SET state = 'asleep' WHERE closed_at IS NULL"),
    ("disputes_amount_not_negative", "UPDATE disputes SET amount_minor = -1"),
    ("disputes_fee_not_negative", "UPDATE disputes SET fee_minor = -1, fee_returned_minor = NULL"),
    ("disputes_fee_has_currency", "UPDATE disputes SET fee_currency = NULL"),
    ("disputes_fee_returned_was_charged", "UPDATE disputes SET fee_returned_minor = fee_minor + 1"),
    ("disputes_statement_in_bounds", f"UPDATE disputes SET statement = '{LONG}'"),
    ("disputes_answer_known", "UPDATE disputes SET answer = 'shrug', answered_by = 'ada', answered_at = now()"),
    ("disputes_answer_is_somebodys", "UPDATE disputes SET answer = 'accepted'"),
    ("disputes_end_is_dated", "UPDATE disputes SET closed_at = now(), next_check_at = NULL WHERE closed_at IS NULL"),
    ("disputes_open_are_watched", "UPDATE disputes SET next_check_at = NULL WHERE closed_at IS NULL"),
    ("disputes_provider_unique", Copy("disputes")),
    ("disputes_ends_are_final", "UPDATE disputes SET state = 'lost' WHERE state = 'won'"),
    ("disputes_keep_facts", "UPDATE disputes SET provider_id = 'dp_other'"),
    ("disputes_kept", "DELETE FROM disputes"),
    (
        "fraud_warnings_state_known",
        "UPDATE fraud_warnings SET state = 'lost', decided_at = now() WHERE state = 'waiting'",
    ),
    ("fraud_warnings_note_in_bounds", f"UPDATE fraud_warnings SET note = '{LONG}'"),
    ("fraud_warnings_decision_is_dated", "UPDATE fraud_warnings SET decided_at = now() WHERE state = 'waiting'"),
    (
        "fraud_warnings_refunded_has_refund",
        "UPDATE fraud_warnings SET state = 'refunded', decided_at = now() WHERE state = 'waiting'",
    ),
    ("fraud_warnings_provider_unique", Copy("fraud_warnings")),
    ("fraud_warnings_decisions_are_final", "UPDATE fraud_warnings SET state = 'waiting' WHERE state = 'dismissed'"),
    ("fraud_warnings_kept", "DELETE FROM fraud_warnings"),
    ("orders_frozen_because_in_bounds", "UPDATE orders SET frozen_because = ''"),
    ("refunds_by_hand_is_told", "UPDATE refunds SET by_hand_actor = 'ada'"),
    (
        "refunds_reference_in_bounds",
        Copy(
            "refunds", where="replaces_id IS NOT NULL", provider_id=None, state="succeeded", by_hand_actor="ada",
            by_hand_reference="",
        ),
    ),
    ("refunds_replaced_once", Copy("refunds", where="replaces_id IS NOT NULL", provider_id=None, state="failed")),
    # v0014: the outbox and webhooks.
    ("outbox_lane_known", "UPDATE outbox SET lane = 'hurry' WHERE done_at IS NULL"),
    ("outbox_errors_are_a_list", "UPDATE outbox SET errors = '{}' WHERE done_at IS NULL"),
    ("outbox_discarded_is_done", "UPDATE outbox SET discarded_because = 'late' WHERE done_at IS NULL"),
    ("webhook_endpoints_url_in_bounds", f"UPDATE webhook_endpoints SET url = '{LONG}'"),
    ("webhook_endpoints_secret_version_positive", "UPDATE webhook_endpoints SET secret_version = 0"),
    ("webhook_endpoints_failures_not_negative", "UPDATE webhook_endpoints SET failures = -1"),
    ("webhook_endpoints_off_for_a_reason", "UPDATE webhook_endpoints SET enabled = false"),
    ("webhook_deliveries_state_known", "UPDATE webhook_deliveries SET state = 'lost', next_try_at = NULL"),
    ("webhook_deliveries_attempts_not_negative", "UPDATE webhook_deliveries SET attempts = -1"),
    ("webhook_deliveries_waiting_for_something", "UPDATE webhook_deliveries SET next_try_at = NULL"),
    ("webhook_deliveries_once", Copy("webhook_deliveries")),
    # v0015: how payments end, and places that are taken again.
    ("payments_state_known", "UPDATE payments SET state = 'asleep' WHERE state = 'open'"),
    ("payments_taken_positive", "UPDATE payments SET taken_minor = 0 WHERE taken_minor IS NULL"),
    ("payments_taken_once", "UPDATE payments SET taken_minor = taken_minor - 1"),
    ("payments_in_vain_was_taken", "UPDATE payments SET in_vain = true WHERE state = 'open'"),
    (
        "payments_refunds_within_captured",
        Copy(
            "refunds", where="replaces_id IS NOT NULL", provider_id=None, replaces_id=None, amount_minor=99_000,
            state="requested",
        ),
    ),
    ("order_lines_reseated", "UPDATE order_lines SET seats = seats"),
    ("order_lines_keep_facts", "UPDATE order_lines SET fee_minor = fee_minor + 1"),
    ("order_lines_kept", "DELETE FROM order_lines"),
    # v0016: exchanges.
    ("orders_keep_exchange", "UPDATE orders SET exchanged_order_id = NULL, exchanged_tickets = NULL"),
    ("orders_exchange_is_whole", Copy("orders", where="exchanged_order_id IS NOT NULL", exchanged_tickets=None)),
    ("orders_exchange_is_whole", Copy("orders", where="exchanged_order_id IS NOT NULL", exchanged_tickets=[])),
    (
        "orders_exchange_another",
        Copy(
            "orders", where="exchanged_order_id IS NOT NULL", id=STRANGER,
            exchanged_order_id=STRANGER,
        ),
    ),
    # v0017: when a message arrived.
    ("messages_delivered_is_delivered", "UPDATE messages SET state = 'sent', delivered_at = now()"),
    (
        "messages_keep_delivery",
        "UPDATE messages SET state = 'delivered', delivered_at = now(); UPDATE messages SET delivered_at = NULL",
    ),
    # v0018: tiers that wait.
    ("tiers_opens_after", f"UPDATE tiers SET opens_after = {A}"),
    ("tiers_opens_after_another", "UPDATE tiers SET opens_after = id"),
    ("tiers_opened_after_something", "UPDATE tiers SET opened_at = now()"),
)  # fmt: skip

BY_HAND = """
INSERT INTO postponements (id, event_id, at, actor, was_at, starts_at, note)
    SELECT gen_random_uuid(), id, now(), 'ada', starts_at, starts_at + interval '1 day', 'Rain.' FROM events LIMIT 1;
INSERT INTO order_links (id, order_id, channel, created_at, expires_at, used_at)
    SELECT gen_random_uuid(), id, 'email', now(), now() + interval '15 minutes',
           CASE WHEN row_number() OVER () = 1 THEN now() END
    FROM orders LIMIT 2;
INSERT INTO webhook_endpoints (id, url, description, kinds, enabled, secret_version, failures, created_at)
    VALUES (gen_random_uuid(), 'https://hooks.invalid/', '', '{}', true, 1, 0, now());
INSERT INTO webhook_deliveries (id, endpoint_id, message_id, kind, body, state, attempts, next_try_at, created_at)
    SELECT gen_random_uuid(), id, gen_random_uuid(), 'order.confirmed', '{}', 'waiting', 0, now(), now()
    FROM webhook_endpoints;
"""
"""What takes a room of its own to come about, and has nothing to do with money."""


@pytest.fixture(scope="module")
def connection(
    postgres_server: EmbeddedPostgres, migrated_template: str, valkey_server: EmbeddedValkey
) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """To a database with something in every table."""
    with (
        database(postgres_server, template=migrated_template) as url,
        servers_at(database_url=url, redis_url=valkey_server.url()) as servers,
        psycopg.connect(url, autocommit=True) as opened,
    ):
        servers.valkey.flushall()
        servers.valkey.script_flush()
        sale = replace(general_sale(), promotions=(promotion(uses_max=9),))
        furnish(ServerHouse(sale=sale, servers=servers))
        opened.execute(BY_HAND.encode())
        yield opened


def furnish(house: House) -> None:
    """An exchange, a request that waits and one that was declined, two disputes, two warnings, two batches, an order
    that nobody has paid, and a refund that is about to be sent anew.
    """
    nights = TwoNights(house, replace(POLICY, approval_minor_over=None))
    moved, back, won, open_ = [waved_through(house) for _ in range(4)]
    nights.paid(nights.placed(moved))
    refund = house.refund(back.id, house.tickets(back.id)[0].id)
    assert isinstance(refund, Refund)
    house.drain()
    (sent,) = house.refunds(back.id)
    assert sent.provider_id is not None
    house.let_refund_fail(sent.provider_id)
    house.receive(*house.refund_notice(sent.provider_id))
    for order in (won, open_):
        dispute_id = house.dispute(order)
        house.receive(*house.dispute_notice(dispute_id))
        if order is won:
            house.decide_dispute(dispute_id, won=True)
            house.receive(*house.dispute_notice(dispute_id))
    for order in (moved, back):
        house.receive(*house.warning_notice(house.warn(order)))
    house.decide_warning(house.warnings(moved)[0].id, refund=False)
    with house.uow() as uow:
        uow.events.get(house.event_id, lock=True)
        uow.events.replace_policy(house.event_id, replace(STANDARD_POLICY, version=9, approval_minor_over=0))
        uow.commit()
    for decided in (True, False):
        request = house.refund(waved_through(house).id)
        assert isinstance(request, RefundRequest)
        if decided:
            command = DecideRefund(request_id=request.id, approve=False, actor="grace@example.com", note="No.")
            decide_refund(
                command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup
            )  # fmt: skip
    house.place_order(general(house.sale, 1))
    batches = Batches(house)
    stopped = batches.previewed(reason=RefundReason.EVENT_CANCELLED)
    batches.steer(stopped.id, Decision.STOP)
    batches.previewed()
    assert isinstance(house.send_anew(sent.id), Refund)


def tried(connection: psycopg.Connection[tuple[object, ...]], attempt: str | Copy) -> None:
    """In a transaction of its own, to its end: some constraints are looked at then."""
    with connection.transaction():
        if isinstance(attempt, Copy):
            attempt.run(connection)
        else:
            connection.execute(attempt.encode())


@pytest.mark.parametrize(("name", "attempt"), GUARDS, ids=[name for name, _ in GUARDS])
def test_it_is_refused_by_name(
    connection: psycopg.Connection[tuple[object, ...]], name: str, attempt: str | Copy
) -> None:
    """The very constraint says no, and not another one that happened to be in the way."""
    with pytest.raises(errors.IntegrityError) as refused:
        tried(connection, attempt)
    assert refused.value.diag.constraint_name == name


def test_no_guard_of_these_tables_is_untried(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Whoever adds a rule shows that it bites."""
    found = connection.execute(
        """
        SELECT conname FROM pg_constraint WHERE contype IN ('c', 'u') AND conrelid = ANY(%(tables)s::regclass[])
        UNION ALL
        SELECT tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE proname = 'refuse' AND tgrelid = ANY(%(tables)s::regclass[])
        """,
        {"tables": list(CLOSED)},
    ).fetchall()
    assert {name for (name,) in found} - {name for name, _ in GUARDS} == set()
