"""A whole house in memory: every use case wired to the fakes, for tests that tell a purchase as a story."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from application.access import Access
from application.commands.capture_payment import capture_payment, void_payment
from application.commands.drain_outbox import drain_outbox
from application.commands.expire_order import cancel_order, expire_due_orders, expire_order
from application.commands.place_hold import PlaceHold, place_hold
from application.commands.rebuild_sale import rebuild_sale
from application.commands.receive_notice import receive_notice
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.review_order import ReviewOrder, review_order
from application.commands.send_refund import refresh_refund, send_refund
from application.commands.send_sms import send_sms
from application.commands.settle_payment import settle_payment
from application.commands.settle_stock import renew_terms, settle_stock
from application.commands.start_checkout import CheckoutStarted, StartCheckout, start_checkout
from application.handlers import effect_handlers
from domain.errors import Rejection
from domain.events import Event, EventId, EventState, Sale
from domain.holds import ActiveHold, BuyerFingerprint, HoldId, HoldLine
from domain.orders import Buyer, Order, OrderId
from domain.ports.outbox import OutboxRow
from domain.ports.payments import NoticeKind
from domain.refunds import STANDARD_POLICY, Refund, RefundReason
from domain.tickets import Ticket, TicketId
from domain.venues import Venue
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.inventory import FakeInventory
from tests.fakes.messages import FakeSms
from tests.fakes.payments import FakeGateway
from tests.fakes.sales import general_sale
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.velocity import FakeVelocity
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.fakes.world import FakeClock, FakeIds, FakeWakeup

ACCESS = Access(secrets=(b"secret of the tests",), public_url="https://shop.invalid")
ADA = Buyer(name="Ada Lovelace", email="ada@example.com", phone="+447700900123")
DEVICE = BuyerFingerprint(device="device-ada", address="address-ada")


@dataclass
class House:
    """One event on sale. ``refused`` collects what the outbox could not bring about."""

    sale: Sale = field(default_factory=general_sale)
    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    store: FakeStore = field(default_factory=FakeStore)
    gateway: FakeGateway = field(default_factory=FakeGateway)
    sms: FakeSms = field(default_factory=FakeSms)
    wakeup: FakeWakeup = field(default_factory=FakeWakeup)
    access: Access = ACCESS
    refused: list[tuple[OutboxRow, Exception]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inventory = FakeInventory(clock=self.clock.now)
        self.catalogue = FakeCatalogue(self.store)
        self.velocity = FakeVelocity(clock=self.clock.now)
        self.waiting_room = FakeWaitingRoom(clock=self.clock.now)
        self.uow = self.store
        self.settle = partial(
            settle_payment, unit_of_work=self.uow, gateway=self.gateway, velocity=self.velocity, clock=self.clock,
            ids=self.ids, access=self.access, wakeup=self.wakeup,
        )  # fmt: skip
        self.expire = partial(
            expire_order, settle=self.settle, unit_of_work=self.uow, gateway=self.gateway, clock=self.clock,
            ids=self.ids, access=self.access, wakeup=self.wakeup,
        )  # fmt: skip
        self.rebuild = partial(rebuild_sale, catalogue=self.catalogue, inventory=self.inventory, unit_of_work=self.uow)
        self.step: dict[str, Any] = {
            "unit_of_work": self.uow, "gateway": self.gateway, "clock": self.clock, "ids": self.ids,
        }  # fmt: skip
        self.refresh_refund = partial(refresh_refund, **self.step)
        self.handlers = effect_handlers(
            capture_payment=partial(capture_payment, access=self.access, **self.step),
            void_payment=partial(void_payment, unit_of_work=self.uow, gateway=self.gateway),
            send_refund=partial(send_refund, **self.step),
            send_sms=partial(send_sms, unit_of_work=self.uow, sender=self.sms),
            settle_stock=partial(settle_stock, inventory=self.inventory, rebuild=self.rebuild),
            renew_terms=partial(renew_terms, catalogue=self.catalogue, inventory=self.inventory),
        )
        self._open(self.sale)

    def _open(self, sale: Sale) -> None:
        seat_map = sale.seat_map
        venue = Venue(
            id=seat_map.venue_id, slug="small-house", name="Small House", address="1 Lane", city="Town", country="GB",
            timezone="Europe/London",
        )  # fmt: skip
        event = Event(
            id=sale.event_id, slug=sale.slug, name="Small House Night", summary="", description="", category="concert",
            artwork="", venue_id=venue.id, seat_map_id=seat_map.id, currency=sale.currency, doors_at=sale.starts_at,
            starts_at=sale.starts_at, ends_at=sale.starts_at, state=EventState.PUBLISHED, terms=sale.terms,
            tiers=sale.tiers,
        )  # fmt: skip
        with self.uow() as uow:
            uow.venues.add(venue)
            uow.venues.add_map(seat_map)
            uow.events.add(event, policy=STANDARD_POLICY)
            uow.commit()

    @property
    def event_id(self) -> EventId:
        return self.sale.event_id

    def hold(
        self, *lines: HoldLine, hold_id: HoldId | None = None, buyer: BuyerFingerprint = DEVICE
    ) -> ActiveHold | Rejection:
        command = PlaceHold(
            hold_id=hold_id or HoldId(self.event_id, uuid4()), event=self.sale.slug, lines=lines, buyer=buyer
        )
        return place_hold(
            command, catalogue=self.catalogue, inventory=self.inventory, waiting_room=self.waiting_room,
            unit_of_work=self.uow,
        )  # fmt: skip

    def checkout(self, hold_id: HoldId, buyer: Buyer = ADA) -> CheckoutStarted | Rejection:
        return start_checkout(
            StartCheckout(hold_id=hold_id, buyer=buyer), catalogue=self.catalogue, inventory=self.inventory,
            unit_of_work=self.uow, gateway=self.gateway, velocity=self.velocity, clock=self.clock, ids=self.ids,
            access=self.access, wakeup=self.wakeup,
        )  # fmt: skip

    def place_order(self, *lines: HoldLine) -> Order:
        """Hold and check out, expecting both to succeed."""
        hold = self.hold(*lines)
        assert isinstance(hold, ActiveHold), hold
        started = self.checkout(hold.id)
        assert isinstance(started, CheckoutStarted), started
        return started.order

    def buy(self, *lines: HoldLine) -> Order:
        """The whole purchase, paid with a good card."""
        order = self.place_order(*lines)
        self.gateway.pay(self.gateway.session_of(order.id))
        self.settle(order.id)
        self.drain()
        return self.order(order.id)

    def order(self, order_id: OrderId) -> Order:
        with self.uow() as uow:
            return uow.orders.get(order_id)

    def tickets(self, order_id: OrderId) -> tuple[Ticket, ...]:
        with self.uow() as uow:
            return uow.tickets.of_order(order_id)

    def free(self, pool: str = "z:floor") -> int:
        """What buyers may still hold, as Valkey believes."""
        snapshot = self.inventory.snapshot(event_id=self.event_id)
        assert snapshot is not None, "nothing is loaded"
        return snapshot.free[pool]

    def free_in_truth(self, pool: str = "z:floor") -> int:
        """What Postgres has left."""
        with self.uow() as uow:
            return uow.stock.levels(self.event_id).free[pool]

    def drain(self) -> None:
        """Bring about every effect that is due."""
        for _ in range(100):
            if not self._drain_once():
                return
        raise AssertionError("the outbox does not drain")

    def _drain_once(self) -> int:
        return drain_outbox(
            handlers=self.handlers,
            report=lambda row, failure: self.refused.append((row, failure)),
            unit_of_work=self.uow,
            clock=self.clock,
        )

    def notice(self, kind: NoticeKind, **about: str) -> bool:
        """A webhook arrives."""
        payload, signature = self.gateway.notice(kind, **about)  # type: ignore[arg-type]  # names and ids only
        return self.receive(payload, signature)

    def receive(self, payload: bytes, signature: str) -> bool:
        return receive_notice(payload, signature, settle=self.settle, refresh_refund=self.refresh_refund, **self.step)

    def cancel(self, order_id: OrderId) -> Order | Rejection:
        return cancel_order(order_id, expire=self.expire, unit_of_work=self.uow, clock=self.clock, ids=self.ids)

    def expire_due(self) -> int:
        return expire_due_orders(expire=self.expire, unit_of_work=self.uow, clock=self.clock)

    def review(self, order_id: OrderId, *, approve: bool) -> Order | Rejection:
        command = ReviewOrder(order_id=order_id, approve=approve, actor="grace@example.com")
        return review_order(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, wakeup=self.wakeup)

    def refund(self, order_id: OrderId, *tickets: TicketId) -> Refund | Rejection:
        command = RequestRefund(
            order_id=order_id, tickets=tickets or None, reason=RefundReason.BUYERS_WISH, actor="buyer"
        )
        return request_refund(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, wakeup=self.wakeup)
