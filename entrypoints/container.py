"""The composition root: the one place that knows which adapter stands behind which port.

One container a process. Its providers are called like functions: a singleton answers the one object, a use case
performs itself with its ports filled in.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import structlog
from dependency_injector import containers, providers

from adapters.postgres import migrate
from adapters.postgres.backoffice import PostgresAftersales, PostgresBackoffice
from adapters.postgres.backoffice.batches import PostgresBatchDesk
from adapters.postgres.books import PostgresBooks
from adapters.postgres.catalogue import PostgresCatalogue
from adapters.postgres.comparison import PostgresComparison
from adapters.postgres.condition import database_condition
from adapters.postgres.engine import Engine, create_engine
from adapters.postgres.listings import PostgresListings
from adapters.postgres.seat_map_cache import SeatMapCache
from adapters.postgres.settlements import PostgresSettlements
from adapters.postgres.unit_of_work import PostgresUnitOfWork
from adapters.redis_locks.condition import valkey_condition
from adapters.redis_locks.connections import connect as connect_valkey
from adapters.redis_locks.feed import ValkeyFeed
from adapters.redis_locks.inventory import ValkeyInventory
from adapters.redis_locks.rate_limits import ValkeyBudget, ValkeyRateLimiter
from adapters.redis_locks.velocity import ValkeyVelocity
from adapters.redis_locks.waiting_room import ValkeyWaitingRoom
from adapters.security.clock import SystemClock
from adapters.security.ids import SystemIds
from adapters.security.passwords import Argon2Hasher
from adapters.smtp.mail_sender import connect as connect_mail
from adapters.stripe.budget import ENDPOINTS
from adapters.stripe.payment_gateway import connect as connect_stripe
from adapters.stripe.provider_books import connect_books
from adapters.twilio.callbacks import TwilioCallbacks
from adapters.twilio.sms_sender import connect as connect_twilio
from adapters.webhooks.address_guard import AddressGuard
from adapters.webhooks.sender import WebhookSender
from application.access import Access
from application.commands.adopt_page import adopt_page
from application.commands.answer_dispute import answer_dispute, send_answer, write_statement
from application.commands.block_stock import block_stock, release_block
from application.commands.capture_payment import capture_payment, void_payment
from application.commands.catalogue_changes import (
    add_seat_map,
    add_venue,
    cancel_event,
    change_terms,
    create_event,
    publish_event,
)
from application.commands.catch_up import catch_up
from application.commands.change_capacity import change_capacity
from application.commands.change_prices import change_prices, change_taxes, save_promotion
from application.commands.change_refund_policy import change_refund_policy
from application.commands.check_in import check_in
from application.commands.check_payments import check_payments
from application.commands.compare_with_provider import compare_daily, compare_with_provider
from application.commands.decide_refund import decide_refund
from application.commands.decide_reviews import LapseRule, decide_reviews
from application.commands.drain_outbox import drain_outbox, hand_back, keep_leases, prune_outbox
from application.commands.expire_order import cancel_order, expire_due_orders, expire_order
from application.commands.extend_hold import extend_hold
from application.commands.follow_dispute import apply_facts, check_disputes, follow_dispute
from application.commands.follow_fraud_warning import decide_warning, follow_fraud_warning
from application.commands.manage_webhooks import (
    add_endpoint,
    change_endpoint,
    rotate_secret,
    send_again,
    send_test,
    switch_endpoint,
)
from application.commands.mend_refund import send_refund_anew, settle_refund_by_hand
from application.commands.order_links import send_order_link, use_order_link
from application.commands.place_hold import place_hold
from application.commands.postpone_event import postpone_event, tell_of_new_dates
from application.commands.prepare_batch import prepare_batch, retry_batch, steer_batch, submit_batch
from application.commands.prune_answers import prune_answers
from application.commands.rebuild_sale import rebuild_sale
from application.commands.receive_notice import handle_notice, receive_notice
from application.commands.reconcile_sales import Watch, reconcile_sale, reconcile_sales
from application.commands.release_hold import release_hold
from application.commands.request_refund import request_refund
from application.commands.resend_link import resend_link
from application.commands.review_order import review_order
from application.commands.revive_effect import discard_effect, revive_effect, revive_effects
from application.commands.run_batches import run_batches
from application.commands.send_email import send_email
from application.commands.send_refund import check_refunds, refresh_refund, send_refund
from application.commands.send_sms import receive_delivery_report, receive_inbound_message, send_sms
from application.commands.settle_payment import settle_payment
from application.commands.settle_stock import renew_terms, settle_stock, sweep_sales
from application.commands.staff import add_staff, sign_in
from application.commands.start_checkout import start_checkout
from application.commands.tell_buyers import tell_buyers
from application.commands.tell_organisers import deliver_webhooks, prune_webhooks, spread_message, watch_stock
from application.handlers import effect_handlers
from application.queries.availability import availability
from application.queries.order_details import order_details
from application.queries.refund_quote import refund_quote
from application.queries.verify import verify
from domain.ports.outbox import OutboxRow
from domain.ports.rate_limits import Budget, EndpointSpending
from domain.refund_batches import ApprovalRule
from entrypoints.readiness import readiness
from entrypoints.settings import Settings
from entrypoints.workers.crews import Bell
from entrypoints.workers.queue import QueueWakeup, make_queue, register_wakeup

log = structlog.get_logger(__name__)


def _access(settings: Settings) -> Access:
    return Access(secrets=(settings.secret_key.encode(),), public_url=settings.public_url)


def _engine(settings: Settings) -> Engine:
    return create_engine(settings.database_url, application_name="tessera", statement_seconds=_seconds(settings))


def _reading_engine(settings: Settings, *, primary: Engine) -> Engine:
    """The replica, for pages that decide nothing; without one, the primary's own pool."""
    if settings.database_replica_url is None:
        return primary
    return create_engine(
        settings.database_replica_url, application_name="tessera-reading", statement_seconds=_seconds(settings)
    )


def _seconds(settings: Settings) -> int:
    return max(1, settings.statement_timeout_ms // 1_000)


def _spending(budget: Budget) -> Mapping[str, EndpointSpending]:
    """What calls to the payment provider cost the fleet in waiting."""
    return budget.spending(endpoints=ENDPOINTS)


def _report(row: OutboxRow, failure: Exception) -> None:
    log.warning("effect_failed", effect=row.effect.value, key=row.key, attempt=row.attempts, error=str(failure))


class Container(containers.DeclarativeContainer):
    """Everything one process of Tessera is made of."""

    settings = providers.Dependency(instance_of=Settings)

    # The world.
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(SystemIds)
    passwords = providers.Singleton(Argon2Hasher)
    access = providers.Singleton(_access, settings)

    # Postgres: the truth.
    engine = providers.Singleton(_engine, settings)
    reading_engine = providers.Singleton(_reading_engine, settings, primary=engine)
    seat_maps = providers.Singleton(SeatMapCache)
    unit_of_work = providers.Factory(PostgresUnitOfWork, engine, seat_maps=seat_maps)
    catalogue = providers.Singleton(PostgresCatalogue, engine, seat_maps=seat_maps)
    listings = providers.Singleton(PostgresListings, reading_engine, seat_maps=seat_maps)
    books = providers.Singleton(PostgresBooks, engine)
    comparison = providers.Singleton(PostgresComparison, engine)
    settlements = providers.Singleton(PostgresSettlements, reading_engine)
    backoffice = providers.Singleton(PostgresBackoffice, engine)
    batch_desk = providers.Singleton(PostgresBatchDesk, engine)
    aftersales = providers.Singleton(PostgresAftersales, engine)
    database_condition = providers.Callable(database_condition, engine)

    # Valkey: speed.
    valkey = providers.Singleton(connect_valkey, settings.provided.redis_url)
    inventory = providers.Singleton(ValkeyInventory, valkey)
    velocity = providers.Singleton(ValkeyVelocity, valkey)
    rate_limiter = providers.Singleton(ValkeyRateLimiter, valkey)
    provider_budget = providers.Singleton(ValkeyBudget, valkey)
    provider_spending = providers.Callable(_spending, provider_budget)
    waiting_room = providers.Singleton(ValkeyWaitingRoom, valkey)
    feed = providers.Singleton(ValkeyFeed, valkey)
    valkey_condition = providers.Callable(valkey_condition, valkey)

    # Providers of money and messages.
    gateway = providers.Singleton(
        connect_stripe,
        api_key=settings.provided.stripe_api_key,
        webhook_secret=settings.provided.stripe_webhook_secret,
        api_base=settings.provided.stripe_api_base,
        api_version=settings.provided.stripe_api_version,
        budget=provider_budget,
        calls_per_second=settings.provided.stripe_budget_per_second,
        calls_in_all_per_second=settings.provided.stripe_budget_in_all_per_second,
    )
    provider_books = providers.Singleton(
        connect_books,
        api_key=settings.provided.stripe_api_key,
        api_base=settings.provided.stripe_api_base,
        api_version=settings.provided.stripe_api_version,
        budget=provider_budget,
        calls_per_second=settings.provided.stripe_budget_per_second,
        calls_in_all_per_second=settings.provided.stripe_budget_in_all_per_second,
    )
    sms_sender = providers.Singleton(
        connect_twilio,
        account_sid=settings.provided.twilio_account_sid,
        auth_token=settings.provided.twilio_auth_token,
        status_callback=providers.Callable("{}/webhooks/twilio/status".format, settings.provided.public_url),
        sender=settings.provided.twilio_from,
        messaging_service_sid=settings.provided.twilio_messaging_service_sid,
        api_base=settings.provided.twilio_api_base,
    )
    mail_sender = providers.Singleton(connect_mail, url=settings.provided.smtp_url, sender=settings.provided.mail_from)
    sms_callbacks = providers.Singleton(TwilioCallbacks, auth_token=settings.provided.twilio_auth_token)

    # Holds.
    rebuild_sale = providers.Callable(
        rebuild_sale, catalogue=catalogue, inventory=inventory, unit_of_work=unit_of_work.provider
    )
    place_hold = providers.Callable(
        place_hold,
        catalogue=catalogue,
        inventory=inventory,
        waiting_room=waiting_room,
        unit_of_work=unit_of_work.provider,
        rate_limiter=rate_limiter,
        clock=clock,
    )
    release_hold = providers.Callable(release_hold, inventory=inventory)
    extend_hold = providers.Callable(extend_hold, catalogue=catalogue, inventory=inventory)
    availability = providers.Callable(
        availability, catalogue=catalogue, inventory=inventory, rebuild=rebuild_sale.provider
    )
    sweep_sales = providers.Callable(sweep_sales, catalogue=catalogue, inventory=inventory)

    # The outbox.
    effect_handlers = providers.Singleton(
        effect_handlers,
        capture_payment=providers.Callable(
            capture_payment,
            unit_of_work=unit_of_work.provider,
            gateway=gateway,
            clock=clock,
            ids=ids,
            access=access,
        ).provider,
        void_payment=providers.Callable(
            void_payment,
            unit_of_work=unit_of_work.provider,
            gateway=gateway,
            clock=clock,
            ids=ids,
            access=access,
        ).provider,
        send_refund=providers.Callable(
            send_refund, unit_of_work=unit_of_work.provider, gateway=gateway, clock=clock, ids=ids
        ).provider,
        send_email=providers.Callable(
            send_email, unit_of_work=unit_of_work.provider, sender=mail_sender, access=access, clock=clock
        ).provider,
        send_sms=providers.Callable(send_sms, unit_of_work=unit_of_work.provider, sender=sms_sender).provider,
        settle_stock=providers.Callable(settle_stock, inventory=inventory, rebuild=rebuild_sale.provider).provider,
        renew_terms=providers.Callable(
            renew_terms, catalogue=catalogue, inventory=inventory, rebuild=rebuild_sale.provider
        ).provider,
        answer_dispute=providers.Callable(
            send_answer,
            apply=providers.Callable(
                apply_facts,
                restock_lost=settings.provided.restock_lost_disputes,
                unit_of_work=unit_of_work.provider,
                clock=clock,
                ids=ids,
            ).provider,
            unit_of_work=unit_of_work.provider,
            gateway=gateway,
            clock=clock,
            ids=ids,
        ).provider,
        spread_message=providers.Callable(
            spread_message, unit_of_work=unit_of_work.provider, clock=clock, ids=ids
        ).provider,
    )
    hook_sender = providers.Singleton(
        WebhookSender,
        guard=providers.Factory(AddressGuard, allowed=settings.provided.webhook_networks_allowed),
    )
    _deliveries: ClassVar[dict[str, Any]] = {
        "unit_of_work": unit_of_work.provider,
        "sender": hook_sender,
        "access": access,
        "clock": clock,
        "ids": ids,
    }
    deliver_webhooks = providers.Callable(deliver_webhooks, **_deliveries)
    prune_webhooks = providers.Callable(prune_webhooks, unit_of_work=unit_of_work.provider, clock=clock)
    drain_outbox = providers.Callable(
        drain_outbox,
        handlers=effect_handlers,
        report=providers.Object(_report),
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )

    keep_leases = providers.Callable(keep_leases, unit_of_work=unit_of_work.provider, clock=clock)
    hand_back = providers.Callable(hand_back, unit_of_work=unit_of_work.provider, clock=clock)
    prune_outbox = providers.Callable(prune_outbox, unit_of_work=unit_of_work.provider, clock=clock)

    # The worker queue: a shortcut to the outbox.
    queue = providers.Singleton(make_queue, settings.provided.huey_redis_url)
    bell = providers.Singleton(Bell)
    wakeup_task = providers.Singleton(register_wakeup, queue, bell.provided.ring)
    wakeup = providers.Singleton(QueueWakeup, wakeup_task)

    # Orders and payments.
    start_checkout = providers.Callable(
        start_checkout,
        catalogue=catalogue,
        inventory=inventory,
        unit_of_work=unit_of_work.provider,
        gateway=gateway,
        velocity=velocity,
        clock=clock,
        ids=ids,
        access=access,
        wakeup=wakeup,
    )
    settle_payment = providers.Callable(
        settle_payment,
        unit_of_work=unit_of_work.provider,
        gateway=gateway,
        inventory=inventory,
        velocity=velocity,
        clock=clock,
        ids=ids,
        access=access,
        wakeup=wakeup,
    )
    expire_order = providers.Callable(
        expire_order,
        settle=settle_payment.provider,
        unit_of_work=unit_of_work.provider,
        gateway=gateway,
        clock=clock,
        ids=ids,
        wakeup=wakeup,
    )
    cancel_order = providers.Callable(
        cancel_order, expire=expire_order.provider, unit_of_work=unit_of_work.provider, clock=clock, ids=ids
    )
    expire_due_orders = providers.Callable(
        expire_due_orders, expire=expire_order.provider, unit_of_work=unit_of_work.provider, clock=clock
    )
    check_payments = providers.Callable(
        check_payments,
        settle=settle_payment.provider,
        inventory=inventory,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )
    review_order = providers.Callable(
        review_order, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, access=access, wakeup=wakeup
    )
    prune_answers = providers.Callable(prune_answers, unit_of_work=unit_of_work.provider, clock=clock)
    decide_reviews = providers.Callable(
        decide_reviews,
        rule=providers.Callable(LapseRule, settings.provided.review_lapse_rule),
        review=review_order.provider,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )

    # Refunds.
    request_refund = providers.Callable(
        request_refund, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    decide_refund = providers.Callable(
        decide_refund, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    change_refund_policy = providers.Callable(
        change_refund_policy, unit_of_work=unit_of_work.provider, clock=clock, ids=ids
    )
    refund_quote = providers.Callable(refund_quote, unit_of_work=unit_of_work.provider, clock=clock)
    refresh_refund = providers.Callable(
        refresh_refund, unit_of_work=unit_of_work.provider, gateway=gateway, clock=clock, ids=ids
    )
    check_refunds = providers.Callable(
        check_refunds, unit_of_work=unit_of_work.provider, gateway=gateway, clock=clock, ids=ids
    )

    send_refund_anew = providers.Callable(
        send_refund_anew, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    settle_refund_by_hand = providers.Callable(
        settle_refund_by_hand, unit_of_work=unit_of_work.provider, clock=clock, ids=ids
    )

    # Refunds by the thousand.
    approval_rule = providers.Singleton(
        ApprovalRule,
        orders_max=settings.provided.refund_approval_orders,
        units_max=settings.provided.refund_approval_amount,
    )
    _of_batches: ClassVar[dict[str, Any]] = {"unit_of_work": unit_of_work.provider, "clock": clock, "ids": ids}
    prepare_batch = providers.Callable(prepare_batch, **_of_batches)
    submit_batch = providers.Callable(submit_batch, rule=approval_rule, **_of_batches)
    steer_batch = providers.Callable(steer_batch, **_of_batches)
    retry_batch = providers.Callable(retry_batch, **_of_batches)
    run_batches = providers.Callable(run_batches, wakeup=wakeup, **_of_batches)
    tell_buyers = providers.Callable(tell_buyers, access=access, wakeup=wakeup, **_of_batches)
    postpone_event = providers.Callable(postpone_event, wakeup=wakeup, **_of_batches)
    tell_of_new_dates = providers.Callable(tell_of_new_dates, access=access, wakeup=wakeup, **_of_batches)

    # Disputes and fraud warnings.
    follow_dispute = providers.Callable(
        follow_dispute,
        restock_lost=settings.provided.restock_lost_disputes,
        settle=settle_payment.provider,
        unit_of_work=unit_of_work.provider,
        gateway=gateway,
        clock=clock,
        ids=ids,
        wakeup=wakeup,
    )
    check_disputes = providers.Callable(
        check_disputes, follow=follow_dispute.provider, unit_of_work=unit_of_work.provider, clock=clock
    )
    write_statement = providers.Callable(write_statement, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)
    answer_dispute = providers.Callable(
        answer_dispute, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    follow_fraud_warning = providers.Callable(
        follow_fraud_warning,
        rule=settings.provided.fraud_warning_rule,
        settle=settle_payment.provider,
        unit_of_work=unit_of_work.provider,
        gateway=gateway,
        clock=clock,
        ids=ids,
        wakeup=wakeup,
    )
    decide_warning = providers.Callable(
        decide_warning, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    check_in = providers.Callable(check_in, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)

    # What arrives from the providers.
    adopt_page = providers.Callable(
        adopt_page, unit_of_work=unit_of_work.provider, gateway=gateway, clock=clock, ids=ids
    )
    handle_notice = providers.Callable(
        handle_notice,
        adopt_page=adopt_page.provider,
        settle=settle_payment.provider,
        refresh_refund=refresh_refund.provider,
        follow_dispute=follow_dispute.provider,
        follow_fraud_warning=follow_fraud_warning.provider,
        unit_of_work=unit_of_work.provider,
        clock=clock,
    )
    receive_notice = providers.Callable(receive_notice, handle=handle_notice.provider, gateway=gateway)
    catch_up = providers.Callable(
        catch_up, handle=handle_notice.provider, unit_of_work=unit_of_work.provider, gateway=gateway, clock=clock
    )
    receive_delivery_report = providers.Callable(
        receive_delivery_report, callbacks=sms_callbacks, unit_of_work=unit_of_work.provider
    )
    receive_inbound_message = providers.Callable(
        receive_inbound_message, callbacks=sms_callbacks, unit_of_work=unit_of_work.provider, clock=clock, ids=ids
    )

    # A lost link.
    send_order_link = providers.Callable(
        send_order_link, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, access=access, wakeup=wakeup
    )
    use_order_link = providers.Callable(use_order_link, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)

    # What organisers' own systems are told.
    watch_stock = providers.Callable(
        watch_stock, catalogue=catalogue, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    add_endpoint = providers.Callable(add_endpoint, **_deliveries)
    change_endpoint = providers.Callable(
        change_endpoint, unit_of_work=unit_of_work.provider, sender=hook_sender, clock=clock, ids=ids
    )
    switch_endpoint = providers.Callable(switch_endpoint, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)
    rotate_secret = providers.Callable(
        rotate_secret, unit_of_work=unit_of_work.provider, access=access, clock=clock, ids=ids
    )
    _woken: ClassVar[dict[str, Any]] = {
        "unit_of_work": unit_of_work.provider,
        "clock": clock,
        "ids": ids,
        "wakeup": wakeup,
    }
    send_test = providers.Callable(send_test, **_woken)
    send_again = providers.Callable(send_again, **_woken)

    # What staff asks of the outbox.
    resend_link = providers.Callable(
        resend_link, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, access=access, wakeup=wakeup
    )
    revive_effect = providers.Callable(
        revive_effect, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    revive_effects = providers.Callable(
        revive_effects, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    discard_effect = providers.Callable(discard_effect, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)

    # Organisers and staff.
    add_venue = providers.Callable(add_venue, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)
    add_seat_map = providers.Callable(add_seat_map, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)
    create_event = providers.Callable(create_event, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)
    publish_event = providers.Callable(publish_event, unit_of_work=unit_of_work.provider, clock=clock, ids=ids)
    change_terms = providers.Callable(
        change_terms, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    _of_prices: ClassVar[dict[str, Any]] = {
        "unit_of_work": unit_of_work.provider,
        "clock": clock,
        "ids": ids,
        "wakeup": wakeup,
    }
    change_prices = providers.Callable(change_prices, **_of_prices)
    save_promotion = providers.Callable(save_promotion, **_of_prices)
    change_taxes = providers.Callable(change_taxes, **_of_prices)
    cancel_event = providers.Callable(
        cancel_event, unit_of_work=unit_of_work.provider, clock=clock, ids=ids, wakeup=wakeup
    )
    _of_stock: ClassVar[dict[str, Any]] = {
        "catalogue": catalogue,
        "inventory": inventory,
        "unit_of_work": unit_of_work.provider,
        "clock": clock,
        "ids": ids,
    }
    block_stock = providers.Callable(block_stock, **_of_stock)
    release_block = providers.Callable(release_block, **_of_stock)
    change_capacity = providers.Callable(change_capacity, **_of_stock)
    add_staff = providers.Callable(
        add_staff, unit_of_work=unit_of_work.provider, passwords=passwords, clock=clock, ids=ids
    )
    sign_in = providers.Callable(sign_in, unit_of_work=unit_of_work.provider, passwords=passwords)

    # Comparing with the provider.
    _of_comparing: ClassVar[dict[str, Any]] = {
        "unit_of_work": unit_of_work.provider,
        "provider_books": provider_books,
        "comparison": comparison,
        "clock": clock,
        "ids": ids,
    }
    compare_with_provider = providers.Callable(compare_with_provider, **_of_comparing)
    compare_daily = providers.Callable(compare_daily, **_of_comparing)

    # Looking at it all.
    order_details = providers.Callable(order_details, unit_of_work=unit_of_work.provider)
    reconcile_sale = providers.Callable(reconcile_sale, **_of_stock)
    reconcile_sales = providers.Callable(
        reconcile_sales,
        providers.Singleton(Watch),
        catalogue=catalogue,
        inventory=inventory,
        reconcile=reconcile_sale.provider,
    )
    verify = providers.Callable(
        verify,
        books=books,
        comparison=comparison,
        catalogue=catalogue,
        reconcile=providers.Callable(reconcile_sale, repair=False).provider,
        clock=clock,
    )
    verify_and_repair = providers.Callable(verify, reconcile=reconcile_sale.provider)
    readiness = providers.Callable(readiness, database=database_condition.provider, valkey=valkey_condition.provider)


def upgrade_database(settings: Settings) -> None:
    """Bring the schema to the newest migration. Safe to repeat and to do from several machines at once."""
    migrate.upgrade(settings.database_url)


def build_container(settings: Settings) -> Container:
    """The container of this process. Connects to nothing until it is used."""
    return Container(settings=settings)
