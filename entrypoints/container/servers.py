"""Everything outside of the process, and who speaks with it: the world, Postgres, Valkey, the providers, the queue."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dependency_injector import containers, providers

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
from domain.ports.rate_limits import Budget, EndpointSpending
from entrypoints.settings import Settings
from entrypoints.workers.crews import Bell
from entrypoints.workers.queue import QueueWakeup, make_queue, register_wakeup


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


class Servers(containers.DeclarativeContainer):
    """What use cases work with."""

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
    _stripe: ClassVar[dict[str, Any]] = {
        "api_key": settings.provided.stripe_api_key,
        "api_base": settings.provided.stripe_api_base,
        "api_version": settings.provided.stripe_api_version,
        "budget": provider_budget,
        "calls_per_second": settings.provided.stripe_budget_per_second,
        "calls_in_all_per_second": settings.provided.stripe_budget_in_all_per_second,
    }
    gateway = providers.Singleton(connect_stripe, webhook_secret=settings.provided.stripe_webhook_secret, **_stripe)
    provider_books = providers.Singleton(connect_books, **_stripe)
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
    hook_sender = providers.Singleton(
        WebhookSender, guard=providers.Factory(AddressGuard, allowed=settings.provided.webhook_networks_allowed)
    )

    # The worker queue: a shortcut to the outbox.
    queue = providers.Singleton(make_queue, settings.provided.huey_redis_url)
    bell = providers.Singleton(Bell)
    wakeup_task = providers.Singleton(register_wakeup, queue, bell.provided.ring)
    wakeup = providers.Singleton(QueueWakeup, wakeup_task)

    # Passed on by the handful.
    step: ClassVar[dict[str, Any]] = {"unit_of_work": unit_of_work.provider, "clock": clock, "ids": ids}
    woken: ClassVar[dict[str, Any]] = {**step, "wakeup": wakeup}
