"""A house in memory: the real use cases and the real pages, on fakes. Four sales of different shapes.

``drama`` has 46 reserved seats in two zones, ``field`` is general admission with a locked tier, ``later`` has not
opened yet, and ``chapel`` has two rows of 8, four seats kept for who asks, and every rule of the house in force.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dependency_injector import providers
from flask import Flask

from domain.events import Event, EventId, EventState, Sale
from domain.orders import Order, OrderId
from domain.refund_policies import STANDARD_POLICY
from domain.venues import Venue
from entrypoints.container import Container, build_container
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.fakes import sales
from tests.fakes.catalogue import FakeCatalogue, FakeListings
from tests.fakes.inventory import FakeInventory
from tests.fakes.mail import FakeMail
from tests.fakes.payments import FakeGateway
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.velocity import FakeVelocity
from tests.fakes.world import START, FakeClock, FakeIds, FakeWakeup

ENVIRONMENT = {
    "TESSERA_ENV": "test",
    "TESSERA_SECRET_KEY": "k3yF0rTh3Un1tT3stsOfTh3Sh0pP4g3s",
    "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:9/none",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "STRIPE_API_KEY": "sk_test_unit",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef0123456789abcdef",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
    "TWILIO_FROM": "+15550100",
    "PUBLIC_URL": "http://shop.test",
    "SANDBOX_URL": "http://pay.test",
}
ACTOR = "organiser@example.com"
ACCESS_CODE = "Opening Night"
PROMO_CODE = "tenth off"


class FreeRateLimiter:
    """Nobody ever has to wait."""

    def wait_seconds(self, *, key: str, at_most: int, seconds: int) -> int:
        del key, at_most, seconds
        return 0


@dataclass(kw_only=True)
class House:
    """Everything a test may look at or move."""

    container: Container
    app: Flask
    store: FakeStore
    inventory: FakeInventory
    gateway: FakeGateway
    mail: FakeMail
    clock: FakeClock
    drama: Event
    field: Event
    later: Event
    chapel: Event

    def order(self) -> Order:
        """The newest order."""
        return list(self.store.state.orders.values())[-1]

    def pay(self, order_id: OrderId) -> None:
        """The buyer pays, the provider tells us, and the workers do what follows."""
        self.gateway.pay(self.gateway.session_of(order_id))
        self.container.settle_payment(order_id)
        self.work()

    def gateway_url(self) -> str:
        """The provider's page of the newest order."""
        return next(p.checkout_url for p in reversed(self.store.state.payments.values()) if p.checkout_url)

    def work(self) -> None:
        """Drain the outbox as workers do."""
        while self.container.drain_outbox():
            pass


def open_house() -> House:
    """A fresh one."""
    clock, store, gateway = FakeClock(), FakeStore(), FakeGateway()
    inventory = FakeInventory(clock.now)
    container = build_container(Settings.from_environment(ENVIRONMENT))
    mail = FakeMail()
    for provider, stand_in in (
        (container.mail_sender, mail),
        (container.clock, clock),
        (container.ids, FakeIds()),
        (container.catalogue, FakeCatalogue(store)),
        (container.listings, FakeListings(store, clock=clock)),
        (container.inventory, inventory),
        (container.gateway, gateway),
        (container.velocity, FakeVelocity(clock.now)),
        (container.rate_limiter, FreeRateLimiter()),
        (container.wakeup, FakeWakeup()),
    ):
        provider.override(providers.Object(stand_in))
    container.unit_of_work.override(providers.Callable(store))
    drama = sales.reserved_sale()
    field = sales.general_sale(capacity=500)
    locked = replace(sales.tier_of(field, "vip"), locked=True)
    field = replace(
        field,
        tiers=(sales.tier_of(field, "general"), locked),
        promotions=(sales.opening(ACCESS_CODE, locked), sales.promotion(PROMO_CODE)),
    )
    later = sales.general_sale(opens_at=START + timedelta(days=3))
    chapel = sales.accessible_sale(
        may_strand_seats=False, extensions_max=2, hold_seconds_cap=1_500, per_order_max=4, per_buyer_max=4
    )
    return House(
        container=container,
        app=create_app(container),
        store=store,
        inventory=inventory,
        gateway=gateway,
        mail=mail,
        clock=clock,
        drama=announce(container, drama, slug="drama", name="A Quiet Drama", starts_at=START + timedelta(days=60)),
        field=announce(container, field, slug="field", name="Songs in the Field", starts_at=START + timedelta(days=20)),
        later=announce(container, later, slug="later", name="Sooner or Later", starts_at=START + timedelta(days=90)),
        chapel=announce(container, chapel, slug="chapel", name="Evensong", starts_at=START + timedelta(days=30)),
    )


def announce(container: Container, sale: Sale, *, slug: str, name: str, starts_at: datetime) -> Event:
    """Put a sale on, with a venue of its own, through the use cases an organiser uses."""
    venue = Venue(
        id=sale.seat_map.venue_id,
        slug=f"hall-of-{slug}",
        name=f"Hall of {slug.title()}",
        address="1 Long Street",
        city="New York",
        country="US",
        timezone="America/New_York",
        accessibility="Step-free from the street to every row.",
        taxes=sale.prices.taxes,
    )
    event = Event(
        id=EventId(sale.event_id),
        slug=slug,
        name=name,
        summary="An evening to remember.",
        description="First part.\n\nSecond part.",
        category="theatre",
        artwork=slug,
        venue_id=venue.id,
        seat_map_id=sale.seat_map.id,
        currency=sale.currency,
        doors_at=starts_at - timedelta(hours=1),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=3),
        state=EventState.DRAFT,
        terms=sale.terms,
        tiers=sale.tiers,
        fee=sale.prices.fee,
        promotions=sale.promotions,
    )
    container.add_venue(venue, actor=ACTOR)
    container.add_seat_map(replace(sale.seat_map, code=slug.upper()), actor=ACTOR)
    container.create_event(event, policy=STANDARD_POLICY, actor=ACTOR)
    container.publish_event(event.id, actor=ACTOR)
    return replace(event, state=EventState.PUBLISHED)
