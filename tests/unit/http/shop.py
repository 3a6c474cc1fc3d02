"""A shop in memory: the real HTTP room and the real use cases on fakes, without a socket and without a container.

It has two events: ``field`` (general admission, one tier behind an access code) and ``drama`` (reserved seats), and
a ``stranger``: another event whose tiers and seats must never be sold under the first two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from application.access import Access
from application.commands.adopt_page import adopt_page
from application.commands.answer_dispute import send_answer
from application.commands.capture_payment import capture_payment, void_payment
from application.commands.drain_outbox import drain_outbox
from application.commands.extend_hold import extend_hold
from application.commands.follow_dispute import apply_facts, follow_dispute
from application.commands.follow_fraud_warning import follow_fraud_warning
from application.commands.order_links import SendOrderLink, order_link_is_good, send_order_link, use_order_link
from application.commands.place_hold import PlaceHold, place_hold
from application.commands.rebuild_sale import rebuild_sale
from application.commands.receive_notice import handle_notice, receive_notice
from application.commands.release_hold import release_hold
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.send_email import send_email
from application.commands.send_refund import refresh_refund, send_refund
from application.commands.send_sms import receive_delivery_report, receive_inbound_message, send_sms
from application.commands.settle_payment import settle_payment
from application.commands.settle_stock import renew_terms, settle_stock
from application.commands.start_checkout import CheckoutStarted, StartCheckout, start_checkout
from application.commands.tell_organisers import spread_message
from application.handlers import effect_handlers
from application.queries.availability import Availability, availability
from application.queries.order_details import OrderDetails, order_details
from application.queries.refund_quote import refund_quote
from domain.errors import Rejection
from domain.events import Event, EventState, Sale
from domain.fraud_warnings import WarningRule
from domain.holds import ActiveHold, HoldId
from domain.order_links import OrderLinkId
from domain.orders import Order, OrderId
from domain.ports.rate_limits import EndpointSpending
from domain.quotes import Quote
from domain.refund_policies import STANDARD_POLICY, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.tickets import TicketId
from domain.venues import Venue
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.fakes import sales
from tests.fakes.backoffice import FakeBackoffice
from tests.fakes.catalogue import FakeCatalogue, FakeListings
from tests.fakes.inventory import FakeInventory
from tests.fakes.mail import FakeMail
from tests.fakes.messages import FakeSms
from tests.fakes.payments import VISA, FakeGateway
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.velocity import FakeVelocity
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.fakes.world import START, FakeClock, FakeIds, FakeWakeup

PUBLIC_URL = "http://shop.test"
STREAM_URL = "http://stream.test"
ACCESS_CODE = "Opening Night"
PROMO_CODE = "tenth off"
ENVIRONMENT = {
    "TESSERA_ENV": "test",
    "TESSERA_SECRET_KEY": "a secret of the tests, long enough to be one",
    "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:9/none",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "STRIPE_API_KEY": "sk_test_unit",
    "STRIPE_WEBHOOK_SECRET": "whsec_0123456789abcdef0123456789abcdef",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
    "TWILIO_FROM": "+15550100",
    "PUBLIC_URL": PUBLIC_URL,
    "STREAM_URL": STREAM_URL,
}


class FakeRateLimiter:
    """Lets everybody pass, unless ``wait`` says how long to wait. ``asked`` remembers the keys."""

    def __init__(self) -> None:
        self.wait = 0
        self.asked: list[str] = []

    def wait_seconds(self, *, key: str, at_most: int, seconds: int) -> int:
        self.asked.append(key)
        return self.wait


@dataclass(kw_only=True)
class Shop:
    """Implements entrypoints.http.services.Services on fakes that a test may look at and move."""

    environment: Mapping[str, str] = field(default_factory=dict)
    fake_clock: FakeClock = field(default_factory=FakeClock)
    store: FakeStore = field(default_factory=FakeStore)
    gateway: FakeGateway = field(default_factory=FakeGateway)
    sms: FakeSms = field(default_factory=FakeSms)
    mail: FakeMail = field(default_factory=FakeMail)
    limiter: FakeRateLimiter = field(default_factory=FakeRateLimiter)
    ready: dict[str, str | None] = field(default_factory=lambda: {"database": None, "valkey": None, "migrations": None})

    def __post_init__(self) -> None:
        self._settings = Settings.from_environment({**ENVIRONMENT, **self.environment})
        self._access = Access(secrets=(self._settings.secret_key.encode(),), public_url=PUBLIC_URL)
        self.fake_inventory = FakeInventory(clock=self.fake_clock.now)
        self.fake_catalogue = FakeCatalogue(self.store)
        self.fake_backoffice = FakeBackoffice(self.store)
        self.spending: Mapping[str, EndpointSpending] = {}
        self._listings = FakeListings(self.store, clock=self.fake_clock)
        self._velocity = FakeVelocity(clock=self.fake_clock.now)
        ids, wakeup, uow = FakeIds(), FakeWakeup(), self.store
        step: dict[str, Any] = {"unit_of_work": uow, "clock": self.fake_clock, "ids": ids}
        paid: dict[str, Any] = {**step, "gateway": self.gateway}
        stock: dict[str, Any] = {"catalogue": self.fake_catalogue, "inventory": self.fake_inventory}
        self._rebuild = partial(rebuild_sale, unit_of_work=uow, **stock)
        self._place_hold: Callable[[PlaceHold], ActiveHold | Rejection] = partial(
            place_hold,
            unit_of_work=uow,
            waiting_room=FakeWaitingRoom(clock=self.fake_clock.now),
            rate_limiter=self.limiter,
            clock=self.fake_clock,
            **stock,
        )
        self._availability: Callable[[str], Availability] = partial(availability, rebuild=self._rebuild, **stock)
        money: dict[str, Any] = {**paid, "velocity": self._velocity, "access": self._access, "wakeup": wakeup}
        self._start_checkout: Callable[[StartCheckout], CheckoutStarted | Rejection] = partial(
            start_checkout, **stock, **money
        )
        self._settle: Callable[[OrderId], Order] = partial(settle_payment, inventory=self.fake_inventory, **money)
        self._request_refund: Callable[[RequestRefund], Refund | RefundRequest | Rejection] = partial(
            request_refund, wakeup=wakeup, **step
        )
        self._receive_notice: Callable[[bytes, str], bool] = partial(
            receive_notice,
            gateway=self.gateway,
            handle=partial(
                handle_notice,
                adopt_page=partial(adopt_page, **paid),
                settle=self._settle,
                refresh_refund=partial(refresh_refund, **paid),
                follow_dispute=partial(follow_dispute, restock_lost=True, settle=self._settle, wakeup=wakeup, **paid),
                follow_fraud_warning=partial(
                    follow_fraud_warning, rule=WarningRule.ASK, settle=self._settle, wakeup=wakeup, **paid
                ),
                unit_of_work=uow,
                clock=self.fake_clock,
            ),
        )
        self._handlers = effect_handlers(
            capture_payment=partial(capture_payment, access=self._access, **paid),
            void_payment=partial(void_payment, access=self._access, **paid),
            send_refund=partial(send_refund, **paid),
            send_email=partial(
                send_email, unit_of_work=uow, sender=self.mail, access=self._access, clock=self.fake_clock
            ),
            send_sms=partial(send_sms, unit_of_work=uow, sender=self.sms, clock=self.fake_clock),
            settle_stock=partial(settle_stock, inventory=self.fake_inventory, rebuild=self._rebuild),
            spread_message=partial(spread_message, unit_of_work=self.store, clock=self.fake_clock, ids=ids),
            renew_terms=partial(renew_terms, **stock),
            answer_dispute=partial(
                send_answer,
                apply=partial(apply_facts, restock_lost=True, **step),
                **paid,
            ),
        )
        self._ids = ids
        self._put_on_sale()
        self.app: Flask = create_app(self)

    def _put_on_sale(self) -> None:
        general = sales.general_sale(capacity=500)
        locked = replace(sales.tier_of(general, "vip"), locked=True)
        general = replace(
            general,
            tiers=(sales.tier_of(general, "general"), locked),
            promotions=(sales.opening(ACCESS_CODE, locked), sales.promotion(PROMO_CODE)),
        )
        self.field = self.announce(general, slug="field", name="Songs in the Field")
        self.drama = self.announce(sales.reserved_sale(), slug="drama", name="A Quiet Drama")
        self.stranger = self.announce(sales.reserved_sale(), slug="stranger", name="Someone Else's Evening")

    def announce(self, sale: Sale, *, slug: str, name: str) -> Event:
        """Put a sale on, with a venue of its own."""
        plan = replace(
            sale.seat_map,
            code=slug.upper(),
            seats=tuple(replace(seat, id=seat.id.replace("SH", slug.upper())) for seat in sale.seat_map.seats),
        )
        starts_at = START + timedelta(days=60)
        venue = Venue(
            id=plan.venue_id,
            slug=f"hall-of-{slug}",
            name=f"Hall of {slug.title()}",
            address="1 Long Street",
            city="New York",
            country="US",
            timezone="America/New_York",
            taxes=sale.prices.taxes,
        )
        event = Event(
            id=sale.event_id,
            slug=slug,
            name=name,
            summary="An evening to remember.",
            description="First part, second part.",
            category="theatre",
            artwork=slug,
            venue_id=venue.id,
            seat_map_id=plan.id,
            currency=sale.currency,
            doors_at=starts_at - timedelta(hours=1),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=3),
            state=EventState.PUBLISHED,
            terms=sale.terms,
            tiers=sale.tiers,
            fee=sale.prices.fee,
            promotions=sale.promotions,
        )
        with self.store() as uow:
            uow.venues.add(venue)
            uow.venues.add_map(plan)
            uow.events.add(event, policy=STANDARD_POLICY)
            uow.commit()
        return event

    # What a test does with it.

    def client(self, **options: Any) -> FlaskClient:
        """A program on the network: it keeps no cookies unless told so."""
        return self.app.test_client(**{"use_cookies": False, **options})

    def hold(self, client: FlaskClient | None = None, *, event: str = "field", quantity: int = 2) -> dict[str, Any]:
        """Hold that many general-admission tickets, expecting it to succeed."""
        client = client or self.client()
        items = [{"tier": "general", "quantity": quantity}]
        return answered(client.post(f"/api/v1/events/{event}/holds", json={"items": items}), 201)

    def checkout(self, hold: dict[str, Any], client: FlaskClient | None = None, **buyer: str | None) -> dict[str, Any]:
        """Turn a hold into an order, expecting it to succeed. The buyer is Ada, but for what is said."""
        client = client or self.client()
        body = {"buyer": {**BUYER, **buyer}}
        response = client.post(f"/api/v1/holds/{hold['id']}/checkout", json=body, headers=bearer(hold))
        return answered(response, 201)

    def buy(self, *, quantity: int = 2, **buyer: str | None) -> dict[str, Any]:
        """A whole purchase: the order as checking out answered it, paid and confirmed since."""
        order: dict[str, Any] = self.checkout(self.hold(quantity=quantity), None, **buyer)["order"]
        self.pay(order)
        return order

    def pay(self, order: dict[str, Any]) -> None:
        """The buyer pays, and the workers do what follows."""
        from uuid import UUID

        order_id = OrderId(UUID(order["id"]))
        # A card of its own for each order: one that buys too often would be looked at by a person.
        card = replace(VISA, fingerprint=f"fp_{order_id}")
        self.gateway.pay(self.gateway.session_of(order_id), card=card)
        self._settle(order_id)
        self.work()

    def work(self) -> None:
        """Bring about every effect that is due."""
        while drain_outbox(
            handlers=self._handlers,
            report=lambda row, failure: None,
            unit_of_work=self.store,
            clock=self.fake_clock,
        ):
            pass

    # Services.

    def settings(self) -> Settings:
        return self._settings

    def access(self) -> Access:
        return self._access

    def clock(self) -> FakeClock:
        return self.fake_clock

    def catalogue(self) -> FakeCatalogue:
        return self.fake_catalogue

    def listings(self) -> FakeListings:
        return self._listings

    def backoffice(self) -> FakeBackoffice:
        return self.fake_backoffice

    def inventory(self) -> FakeInventory:
        return self.fake_inventory

    def rate_limiter(self) -> FakeRateLimiter:
        return self.limiter

    def provider_spending(self) -> Mapping[str, EndpointSpending]:
        return self.spending

    def unit_of_work(self) -> Any:
        return self.store()

    def place_hold(self, command: PlaceHold, /) -> ActiveHold | Rejection:
        return self._place_hold(command)

    def release_hold(self, hold_id: HoldId, /) -> bool:
        return release_hold(hold_id, inventory=self.fake_inventory)

    def extend_hold(self, hold_id: HoldId, /, *, number: int | None) -> ActiveHold | Rejection:
        return extend_hold(hold_id, number=number, catalogue=self.fake_catalogue, inventory=self.fake_inventory)

    def start_checkout(self, command: StartCheckout, /) -> CheckoutStarted | Rejection:
        return self._start_checkout(command)

    def settle_payment(self, order_id: OrderId, /) -> Order:
        return self._settle(order_id)

    def send_order_link(self, command: SendOrderLink, /) -> None:
        send_order_link(
            command, unit_of_work=self.store, clock=self.fake_clock, ids=FakeIds(), access=self._access,
            wakeup=FakeWakeup(),
        )  # fmt: skip

    def order_link_is_good(self, link_id: OrderLinkId, /) -> bool:
        return order_link_is_good(link_id, unit_of_work=self.store, clock=self.fake_clock)

    def use_order_link(self, link_id: OrderLinkId, /) -> OrderId | None:
        return use_order_link(link_id, unit_of_work=self.store, clock=self.fake_clock, ids=FakeIds())

    def request_refund(self, command: RequestRefund, /) -> Refund | RefundRequest | Rejection:
        return self._request_refund(command)

    def refund_quote(
        self, order_id: OrderId, tickets: tuple[TicketId, ...] | None, reason: RefundReason, /
    ) -> Quote | Rejection:
        return refund_quote(order_id, tickets, reason, unit_of_work=self.store, clock=self.fake_clock)

    def order_details(self, order_id: OrderId, /) -> OrderDetails:
        return order_details(order_id, unit_of_work=self.store)

    def availability(self, event: str, /) -> Availability:
        return self._availability(event)

    def receive_notice(self, payload: bytes, signature: str, /) -> bool:
        return self._receive_notice(payload, signature)

    def receive_delivery_report(self, *, url: str, form: dict[str, str], signature: str) -> object:
        return receive_delivery_report(
            url=url, form=form, signature=signature, callbacks=self.sms, unit_of_work=self.store, clock=self.clock()
        )

    def receive_inbound_message(self, *, url: str, form: dict[str, str], signature: str) -> object:
        return receive_inbound_message(
            url=url,
            form=form,
            signature=signature,
            callbacks=self.sms,
            unit_of_work=self.store,
            clock=self.fake_clock,
            ids=self._ids,
        )

    def readiness(self) -> Mapping[str, str | None]:
        return self.ready


BUYER = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+447700900123"}


def bearer(opened: Mapping[str, Any]) -> dict[str, str]:
    """The header that shows a hold's or an order's token."""
    return {"Authorization": f"Bearer {opened['token']}"}


def answered(response: TestResponse, status: int) -> dict[str, Any]:
    """The JSON body, once the status is as expected."""
    assert response.status_code == status, response.get_data(as_text=True)
    return cast("dict[str, Any]", response.get_json())
