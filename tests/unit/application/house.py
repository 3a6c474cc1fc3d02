"""A whole house, every use case wired to its ports, for tests that tell a purchase as a story.

:class:`House` stands in memory. Houses on real servers (``tests/contract/purchase_houses.py``) put other ports in
place and tell the same stories, so stories speak of buyers and banks in the verbs below and never of a fake.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from application.access import Access
from application.commands.adopt_page import adopt_page
from application.commands.answer_dispute import AnswerDispute, answer_dispute, send_answer
from application.commands.capture_payment import capture_payment, void_payment
from application.commands.catalogue_changes import cancel_event
from application.commands.catch_up import catch_up
from application.commands.check_in import CheckIn, check_in
from application.commands.check_payments import check_payments
from application.commands.decide_reviews import LapseRule, decide_reviews
from application.commands.drain_outbox import drain_outbox
from application.commands.expire_order import cancel_order, expire_due_orders, expire_order
from application.commands.follow_dispute import apply_facts, check_disputes, follow_dispute
from application.commands.follow_fraud_warning import DecideWarning, decide_warning, follow_fraud_warning
from application.commands.mend_refund import (
    SendRefundAnew,
    SettleRefundByHand,
    send_refund_anew,
    settle_refund_by_hand,
)
from application.commands.place_hold import PlaceHold, place_hold
from application.commands.rebuild_sale import rebuild_sale
from application.commands.receive_notice import handle_notice, receive_notice
from application.commands.release_hold import release_hold
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.review_order import ReviewOrder, review_order
from application.commands.send_email import send_email
from application.commands.send_refund import refresh_refund, send_refund
from application.commands.send_sms import send_sms
from application.commands.settle_payment import settle_payment
from application.commands.settle_stock import renew_terms, settle_stock
from application.commands.start_checkout import CheckoutStarted, StartCheckout, start_checkout
from application.commands.tell_organisers import spread_message
from application.handlers import effect_handlers
from domain.disputes import AnswerKind, Dispute, DisputeState
from domain.errors import ProviderUnavailable, Rejection
from domain.events import Event, EventId, EventState, Sale
from domain.fraud import RiskLevel
from domain.fraud_warnings import FraudWarning, FraudWarningId, WarningRule
from domain.holds import ActiveHold, BuyerFingerprint, HoldId, HoldLine
from domain.money import Money
from domain.orders import Buyer, Order, OrderId
from domain.payments import Payment
from domain.ports.catalogue import Catalogue
from domain.ports.inventory import Inventory
from domain.ports.messages import SmsSender
from domain.ports.outbox import OutboxRow
from domain.ports.payments import CheckoutItem, CheckoutRequest, NoticeKind, PaymentGateway, ProviderPayment
from domain.ports.rate_limits import RateLimiter
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.ports.velocity import Velocity
from domain.ports.waiting_room import WaitingRoom
from domain.ports.world import Ids
from domain.refund_policies import STANDARD_POLICY, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund, RefundId, RefundState
from domain.tickets import Ticket, TicketId
from domain.venues import Venue
from tests.fakes.catalogue import FakeCatalogue
from tests.fakes.inventory import FakeInventory
from tests.fakes.mail import FakeMail
from tests.fakes.messages import FakeSms
from tests.fakes.payments import FakeGateway
from tests.fakes.rate_limits import FakeRateLimiter
from tests.fakes.sales import general_sale
from tests.fakes.unit_of_work import FakeStore
from tests.fakes.velocity import FakeVelocity
from tests.fakes.waiting_room import FakeWaitingRoom
from tests.fakes.world import FakeClock, FakeIds, FakeWakeup

ACCESS = Access(secrets=(b"secret of the tests",), public_url="https://shop.invalid")
ADA = Buyer(name="Ada Lovelace", email="ada@example.com", phone="+447700900123")
DEVICE = BuyerFingerprint(device="device-ada", address="address-ada")
CAPACITY = 100
"""Places of the event that is on sale unless a test asks for another."""


@dataclass
class House:
    """One event on sale. ``refused`` collects what the outbox could not bring about."""

    sale: Sale = field(default_factory=general_sale)
    clock: FakeClock = field(default_factory=FakeClock)
    ids: Ids = field(default_factory=FakeIds)
    store: FakeStore = field(default_factory=FakeStore)
    gateway: FakeGateway = field(default_factory=FakeGateway)
    sms: FakeSms = field(default_factory=FakeSms)
    mail: FakeMail = field(default_factory=FakeMail)
    wakeup: FakeWakeup = field(default_factory=FakeWakeup)
    access: Access = ACCESS
    refused: list[tuple[OutboxRow, Exception]] = field(default_factory=list)
    warning_rule: WarningRule = WarningRule.ASK

    uow: UnitOfWorkFactory = field(init=False)
    catalogue: Catalogue = field(init=False)
    inventory: Inventory = field(init=False)
    velocity: Velocity = field(init=False)
    waiting_room: WaitingRoom = field(init=False)
    rate_limiter: RateLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.rate_limiter = FakeRateLimiter(self.clock.now)
        self.providers: tuple[PaymentGateway, SmsSender] = (self.gateway, self.sms)
        self.furnish()
        self.wire()
        self._open(self.sale)

    def furnish(self) -> None:
        """Put the ports in place."""
        self.uow = self.store
        self.catalogue = FakeCatalogue(self.store)
        self.inventory = FakeInventory(clock=self.clock.now)
        self.velocity = FakeVelocity(clock=self.clock.now)
        self.waiting_room = FakeWaitingRoom(clock=self.clock.now)

    def wire(self) -> None:
        """Fill every use case's ports with those that are in place."""
        gateway, sms = self.providers
        self.settle = partial(
            settle_payment, unit_of_work=self.uow, gateway=gateway, inventory=self.inventory, velocity=self.velocity,
            clock=self.clock, ids=self.ids, access=self.access, wakeup=self.wakeup,
        )  # fmt: skip
        self.expire = partial(
            expire_order, settle=self.settle, unit_of_work=self.uow, gateway=gateway, clock=self.clock,
            ids=self.ids, wakeup=self.wakeup,
        )  # fmt: skip
        self.start_checkout = partial(
            start_checkout, catalogue=self.catalogue, inventory=self.inventory, unit_of_work=self.uow,
            gateway=gateway, velocity=self.velocity, clock=self.clock, ids=self.ids, access=self.access,
            wakeup=self.wakeup,
        )  # fmt: skip
        self.rebuild = partial(rebuild_sale, catalogue=self.catalogue, inventory=self.inventory, unit_of_work=self.uow)
        self.step: dict[str, Any] = {
            "unit_of_work": self.uow, "gateway": gateway, "clock": self.clock, "ids": self.ids,
        }  # fmt: skip
        self.refresh_refund = partial(refresh_refund, **self.step)
        self.follow_dispute: Callable[[str], object] = partial(
            follow_dispute, restock_lost=True, settle=self.settle, wakeup=self.wakeup, **self.step
        )
        self.follow_warning: Callable[[str], object] = partial(
            follow_fraud_warning, rule=self.warning_rule, settle=self.settle, wakeup=self.wakeup, **self.step
        )
        self.handle_notice = partial(
            handle_notice, adopt_page=partial(adopt_page, **self.step), settle=self.settle,
            refresh_refund=self.refresh_refund, follow_dispute=self.follow_dispute,
            follow_fraud_warning=self.follow_warning, unit_of_work=self.uow, clock=self.clock,
        )  # fmt: skip
        self.handlers = effect_handlers(
            capture_payment=partial(capture_payment, access=self.access, **self.step),
            void_payment=partial(void_payment, access=self.access, **self.step),
            send_refund=partial(send_refund, **self.step),
            send_email=partial(
                send_email, unit_of_work=self.uow, sender=self.mail, access=self.access, clock=self.clock
            ),
            send_sms=partial(send_sms, unit_of_work=self.uow, sender=sms, clock=self.clock),
            settle_stock=partial(settle_stock, inventory=self.inventory, rebuild=self.rebuild),
            spread_message=partial(spread_message, unit_of_work=self.uow, clock=self.clock, ids=self.ids),
            renew_terms=partial(renew_terms, catalogue=self.catalogue, inventory=self.inventory, rebuild=self.rebuild),
            answer_dispute=partial(
                send_answer,
                apply=partial(apply_facts, restock_lost=True, unit_of_work=self.uow, clock=self.clock, ids=self.ids),
                **self.step,
            ),
        )
        self.look_up = gateway.look_up

    def _open(self, sale: Sale) -> None:
        seat_map = sale.seat_map
        venue = Venue(
            id=seat_map.venue_id, slug="small-house", name="Small House", address="1 Lane", city="Town", country="GB",
            timezone="Europe/London", taxes=sale.prices.taxes,
        )  # fmt: skip
        event = Event(
            id=sale.event_id, slug=sale.slug, name="Small House Night", summary="", description="", category="concert",
            artwork="", venue_id=venue.id, seat_map_id=seat_map.id, currency=sale.currency, doors_at=sale.starts_at,
            starts_at=sale.starts_at, ends_at=sale.starts_at, state=EventState.PUBLISHED, terms=sale.terms,
            fee=sale.prices.fee, promotions=sale.promotions,
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
        self,
        *lines: HoldLine,
        hold_id: HoldId | None = None,
        buyer: BuyerFingerprint = DEVICE,
        code: str | None = None,
    ) -> ActiveHold | Rejection:
        command = PlaceHold(
            hold_id=hold_id or HoldId(self.event_id, uuid4()), event=self.sale.slug, lines=lines, buyer=buyer, code=code
        )
        return place_hold(
            command, catalogue=self.catalogue, inventory=self.inventory, waiting_room=self.waiting_room,
            unit_of_work=self.uow, rate_limiter=self.rate_limiter, clock=self.clock,
        )  # fmt: skip

    def checkout(self, hold_id: HoldId, buyer: Buyer = ADA) -> CheckoutStarted | Rejection:
        return self.start_checkout(StartCheckout(hold_id=hold_id, buyer=buyer))

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
        self.pay(order)
        self.settle(order.id)
        self.drain()
        return self.order(order.id)

    # What time, buyers, banks and networks do. Houses elsewhere do it in their own way.

    def advance(self, *, seconds: float) -> None:
        """Time passes, for everybody."""
        self.clock.advance(seconds=seconds)

    def lose_stock(self) -> None:
        """The inventory is emptied, as by a restart without its data."""
        assert isinstance(self.inventory, FakeInventory)
        self.inventory.forget(self.event_id)

    def pay(self, order: Order) -> None:
        """With a good card."""
        self.pay_page(self.session(order))

    def pay_page(self, session_id: str) -> None:
        """With a good card, on whoever's payment page this is."""
        self.gateway.pay(session_id)

    def pay_riskily(self, order: Order) -> None:
        """With a card that the provider finds risky."""
        self.gateway.pay(self.session(order), risk=RiskLevel.ELEVATED)

    def decline(self, order: Order) -> None:
        """The bank says no: there is too little money."""
        self.gateway.decline(self.session(order), failure="insufficient_funds")

    @contextmanager
    def replies_lost(self, method: str) -> Iterator[None]:
        """The provider does what this method asks, and nobody hears."""
        self.gateway.lose_next_reply(method)
        yield

    @contextmanager
    def broken(self, method: str) -> Iterator[None]:
        """The provider fails inside, and nothing happens."""
        self.gateway.fail_next(method, ProviderUnavailable("internal error"))
        yield

    def let_refunds_wait(self) -> None:
        """From the next payment on, the bank takes its time over refunds."""
        self.gateway.refunds_start = RefundState.PENDING

    def let_refund_succeed(self, provider_id: str) -> None:
        """The bank has made up its mind."""
        self.gateway.settle_refund(provider_id, RefundState.SUCCEEDED)

    def let_refund_fail(self, provider_id: str) -> None:
        """The bank sends a refund back, be it pending or thought to have arrived."""
        self.gateway.settle_refund(provider_id, RefundState.FAILED, failure="expired_or_canceled_card")

    def pay_with_card_that_closes(self, order: Order) -> None:
        """A card that pays, and whose refunds come back later."""
        self.pay(order)

    def dispute(self, order: Order, *, inquiry: bool = False) -> str:
        """The buyer's bank disputes what is left of the payment. Answers the provider's name of it."""
        return self.gateway.dispute(self.intent(order), inquiry=inquiry)

    def decide_dispute(self, dispute_id: str, *, won: bool) -> None:
        """The bank decides."""
        self.gateway.decide(dispute_id, DisputeState.WON if won else DisputeState.LOST)

    def warn(self, order: Order) -> str:
        """The card's bank suspects fraud. Answers the provider's name of the warning."""
        return self.gateway.warn(self.intent(order))

    def dispute_notice(self, dispute_id: str) -> tuple[bytes, str]:
        """The provider's webhook about this dispute."""
        return self.gateway.notice(NoticeKind.DISPUTE, dispute_id=dispute_id)

    def warning_notice(self, warning_id: str) -> tuple[bytes, str]:
        """The provider's webhook about this warning."""
        return self.gateway.notice(NoticeKind.FRAUD_WARNING, warning_id=warning_id)

    def capture_by_hand(self, order: Order) -> None:
        """Somebody takes the money in the provider's own dashboard."""
        gateway, _ = self.providers
        gateway.capture(intent_id=self.intent(order), amount=order.total, key="by hand")

    def forget_page(self, order: Order) -> None:
        """The provider has no such page (any more)."""
        payment = self.payment(order)
        with self.uow() as uow:
            uow.payments.save(replace(payment, session_id="cs_forgotten"))
            uow.commit()

    def payment_notice(self, session_id: str) -> tuple[bytes, str]:
        """The provider's webhook about the payment on this page."""
        return self.gateway.notice(NoticeKind.PAYMENT, session_id=session_id)

    def strangers_notice(self) -> tuple[bytes, str]:
        """A webhook about a payment that somebody else takes through the same account."""
        gateway, _ = self.providers
        item = CheckoutItem(name="A vase", description="", unit=Money(4_950, self.sale.currency), quantity=1)
        request = CheckoutRequest(
            key=f"{uuid4()}-1", order_id=OrderId(uuid4()), order_number="VASE-0001", items=(item,),
            email="somebody@example.com", success_url="https://vases.invalid/", cancel_url="https://vases.invalid/",
            expires_at=self.clock.now() + timedelta(hours=1),
        )  # fmt: skip
        session_id = gateway.open_checkout(request=request).session_id
        self.pay_page(session_id)
        return self.payment_notice(session_id)

    def refund_notice(self, provider_id: str) -> tuple[bytes, str]:
        """The provider's webhook about this refund."""
        return self.gateway.notice(NoticeKind.REFUND, refund_id=provider_id)

    def pages(self) -> int:
        """How many payment pages were ever opened."""
        return len(self.gateway.sessions())

    def captures(self) -> int:
        """How often the provider was asked to take money."""
        return self.gateway.calls.count("capture")

    def given_back(self, order: Order) -> Money:
        """Money that the provider returned, or is returning, for this order."""
        return self.gateway.refunded(self.intent(order))

    def texts(self, phone: str | None = ADA.phone) -> list[str]:
        """Every message that left for this telephone."""
        return [sent.body for sent in self.sms.sent if sent.to == phone]

    # What anybody may look at.

    def seen(self, order: Order) -> ProviderPayment:
        """The payment, as the provider sees it."""
        return self.look_up(session_id=self.session(order))

    def payment(self, order: Order) -> Payment:
        """The newest attempt."""
        with self.uow() as uow:
            payment = uow.payments.latest(order.id)
        assert payment is not None
        return payment

    def session(self, order: Order) -> str:
        """The provider's name of the page where this order is paid."""
        session_id = self.payment(order).session_id
        assert session_id is not None, "no page was opened"
        return session_id

    def intent(self, order: Order) -> str:
        intent_id = self.payment(order).intent_id
        assert intent_id is not None, "nobody has tried to pay"
        return intent_id

    def order(self, order_id: OrderId) -> Order:
        with self.uow() as uow:
            return uow.orders.get(order_id)

    def order_of(self, hold_id: HoldId) -> Order:
        with self.uow() as uow:
            order = uow.orders.of_hold(hold_id)
        assert order is not None
        return order

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

    def receive(self, payload: bytes, signature: str) -> bool:
        return receive_notice(payload, signature, handle=self.handle_notice, gateway=self.providers[0])

    def dispute_of(self, order: Order) -> Dispute:
        """The one dispute that is on file."""
        with self.uow() as uow:
            (found,) = uow.disputes.of_order(order.id)
        return found

    def warnings(self, order: Order) -> tuple[FraudWarning, ...]:
        with self.uow() as uow:
            return uow.fraud_warnings.of_order(order.id)

    def obey(self, rule: WarningRule) -> None:
        """From now on fraud warnings are treated so."""
        self.warning_rule = rule
        self.wire()

    def decide_warning(self, warning_id: FraudWarningId, *, refund: bool) -> FraudWarning | Rejection:
        command = DecideWarning(warning_id=warning_id, refund=refund, actor="grace@example.com", note="Knows her.")
        return decide_warning(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, wakeup=self.wakeup)

    def check_disputes(self) -> int:
        return check_disputes(follow=self.follow_dispute, unit_of_work=self.uow, clock=self.clock)

    def refunds(self, order_id: OrderId) -> tuple[Refund, ...]:
        with self.uow() as uow:
            return uow.refunds.of_order(order_id)

    def let_in(self, ticket_id: TicketId) -> Ticket | Rejection:
        command = CheckIn(ticket_id=ticket_id, actor="door@example.com")
        return check_in(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids)

    def catch_up(self) -> int:
        return catch_up(
            handle=self.handle_notice, unit_of_work=self.uow, gateway=self.providers[0], clock=self.clock
        )  # fmt: skip

    def send_anew(self, refund_id: RefundId) -> Refund | Rejection:
        command = SendRefundAnew(refund_id=refund_id, actor="grace@example.com")
        return send_refund_anew(
            command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, wakeup=self.wakeup
        )  # fmt: skip

    def settle_by_hand(self, refund_id: RefundId) -> Refund | Rejection:
        command = SettleRefundByHand(refund_id=refund_id, reference="transfer 17", actor="grace@example.com")
        return settle_refund_by_hand(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids)

    def answer_dispute(self, order: Order, kind: AnswerKind, statement: str = "") -> Dispute | Rejection:
        command = AnswerDispute(
            dispute_id=self.dispute_of(order).id, kind=kind, statement=statement, actor="grace@example.com"
        )
        return answer_dispute(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, wakeup=self.wakeup)

    def cancel(self, order_id: OrderId) -> Order | Rejection:
        return cancel_order(order_id, expire=self.expire, unit_of_work=self.uow, clock=self.clock, ids=self.ids)

    def release(self, hold_id: HoldId) -> bool:
        return release_hold(hold_id, inventory=self.inventory)

    def check_payments(self) -> int:
        return check_payments(
            settle=self.settle, inventory=self.inventory, unit_of_work=self.uow, clock=self.clock
        )  # fmt: skip

    def expire_due(self) -> int:
        return expire_due_orders(expire=self.expire, unit_of_work=self.uow, clock=self.clock)

    def review(self, order_id: OrderId, *, approve: bool) -> Order | Rejection:
        command = ReviewOrder(order_id=order_id, approve=approve, actor="grace@example.com")
        return self.decide(command)

    def decide(self, command: ReviewOrder) -> Order | Rejection:
        return review_order(
            command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, access=self.access, wakeup=self.wakeup
        )

    def decide_reviews(self, rule: LapseRule = LapseRule.REJECT) -> int:
        return decide_reviews(rule=rule, review=self.decide, unit_of_work=self.uow, clock=self.clock)

    def cancel_event(self) -> None:
        """The organiser calls it off."""
        cancel_event(
            self.event_id, actor="grace@example.com", unit_of_work=self.uow, clock=self.clock, ids=self.ids,
            wakeup=self.wakeup,
        )  # fmt: skip

    def refund(self, order_id: OrderId, *tickets: TicketId) -> Refund | RefundRequest | Rejection:
        command = RequestRefund(
            order_id=order_id, tickets=tickets or None, reason=RefundReason.BUYERS_WISH, actor="buyer"
        )
        return request_refund(command, unit_of_work=self.uow, clock=self.clock, ids=self.ids, wakeup=self.wakeup)


OpenHouse = Callable[[Sale], House]
