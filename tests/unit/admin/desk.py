"""The portal in memory: its blueprint on a small application, over a house whose every port is a fake."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from application.commands.answer_dispute import AnswerDispute, WriteStatement, answer_dispute, write_statement
from application.commands.block_stock import BlockStock, ReleaseBlock, block_stock, release_block
from application.commands.catalogue_changes import cancel_event, change_terms, publish_event
from application.commands.change_capacity import (
    CapacityChanged,
    ChangeTierLimit,
    ChangeZoneCapacity,
    change_capacity,
)
from application.commands.change_prices import (
    ChangePrices,
    ChangeTaxes,
    SavePromotion,
    change_prices,
    change_taxes,
    save_promotion,
)
from application.commands.change_refund_policy import ChangeRefundPolicy, change_refund_policy
from application.commands.decide_refund import DecideRefund, decide_refund
from application.commands.follow_fraud_warning import DecideWarning, decide_warning
from application.commands.manage_webhooks import (
    EndpointAndSecret,
    EndpointTerms,
    add_endpoint,
    change_endpoint,
    rotate_secret,
    send_again,
    send_test,
    switch_endpoint,
)
from application.commands.mend_refund import (
    SendRefundAnew,
    SettleRefundByHand,
    send_refund_anew,
    settle_refund_by_hand,
)
from application.commands.postpone_event import PostponeEvent, postpone_event
from application.commands.prepare_batch import (
    PrepareBatch,
    SteerBatch,
    prepare_batch,
    retry_batch,
    steer_batch,
    submit_batch,
)
from application.commands.request_refund import RequestRefund, request_refund
from application.commands.resend_link import ResendLink, resend_link
from application.commands.review_order import ReviewOrder, review_order
from application.commands.revive_effect import discard_effect, revive_effect, revive_effects
from application.commands.staff import add_staff, sign_in
from application.queries.refund_quote import refund_quote
from domain.accounts import Role, StaffMember
from domain.disputes import Dispute
from domain.errors import Rejection
from domain.events import Event, EventId, SaleTerms
from domain.fraud_warnings import FraudWarning
from domain.money import Money
from domain.orders import Order, OrderId
from domain.outgoing_webhooks import Delivery, DeliveryId, Endpoint, EndpointId
from domain.ports.aftersales import Aftersales
from domain.ports.backoffice import Backoffice
from domain.ports.batch_desk import BatchDesk
from domain.ports.inventory import Inventory
from domain.ports.messages import Message
from domain.ports.outbox import Effect
from domain.ports.rate_limits import RateLimiter
from domain.ports.settlements import Settlements
from domain.ports.unit_of_work import UnitOfWork
from domain.ports.world import Clock, Ids
from domain.promotions import Promotion
from domain.quotes import Quote
from domain.refund_batches import ApprovalRule, BatchId, RefundBatch
from domain.refund_policies import RefundPolicy, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.stock_blocks import BlockedStock, StockBlock
from domain.tickets import TicketId
from domain.venues import Venue
from entrypoints.admin import blueprint
from entrypoints.settings import Settings
from tests.fakes.aftersales import FakeAftersales
from tests.fakes.backoffice import FakeBackoffice
from tests.fakes.batch_desk import FakeBatchDesk
from tests.fakes.hook_sender import FakeSender
from tests.fakes.rate_limits import FakeRateLimiter
from tests.fakes.settlements import FakeSettlements
from tests.fakes.world import FakePasswordHasher
from tests.unit.application.house import House

PASSWORD = "open sesame, says ali"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Desk:
    """Implements the portal's Services. ``house`` is what it looks at."""

    house: House = field(default_factory=House)
    passwords: FakePasswordHasher = field(default_factory=FakePasswordHasher)
    approval_rule: ApprovalRule = field(default_factory=ApprovalRule)
    hook_sender: FakeSender = field(default_factory=FakeSender)

    def __post_init__(self) -> None:
        house = self.house
        self._of_stock: dict[str, Any] = {
            "catalogue": house.catalogue, "inventory": house.inventory, "unit_of_work": house.store,
            "clock": house.clock, "ids": house.ids,
        }  # fmt: skip
        self._of_prices: dict[str, Any] = {
            "unit_of_work": house.store, "clock": house.clock, "ids": house.ids, "wakeup": house.wakeup,
        }  # fmt: skip
        self._limiter = FakeRateLimiter(self.house.clock.now)
        self._settlements = FakeSettlements(self.house.store)
        self._backoffice = FakeBackoffice(self.house.store)
        self._batch_desk = FakeBatchDesk(self.house.store)
        self._of_batches: dict[str, Any] = {"unit_of_work": house.store, "clock": house.clock, "ids": house.ids}
        self._aftersales = FakeAftersales(self.house.store)
        self._of_money: dict[str, Any] = {"unit_of_work": house.store, "clock": house.clock, "ids": house.ids}
        self.app = Flask("tests.desk", static_folder=None)
        self.app.config.update(SECRET_KEY="a secret of the tests", TESTING=True)
        self.app.extensions["tessera"] = self
        self.app.register_blueprint(blueprint)

    # Services.

    def settings(self) -> Settings:
        raise AssertionError("no page of the desk needs the settings")

    def clock(self) -> Clock:
        return self.house.clock

    def ids(self) -> Ids:
        return self.house.ids

    def backoffice(self) -> Backoffice:
        return self._backoffice

    def settlements(self) -> Settlements:
        return self._settlements

    def batch_desk(self) -> BatchDesk:
        return self._batch_desk

    def aftersales(self) -> Aftersales:
        return self._aftersales

    def send_refund_anew(self, command: SendRefundAnew, /) -> Refund | Rejection:
        return send_refund_anew(command, **self._of_money, wakeup=self.house.wakeup)

    def settle_refund_by_hand(self, command: SettleRefundByHand, /) -> Refund | Rejection:
        return settle_refund_by_hand(command, **self._of_money)

    def write_statement(self, command: WriteStatement, /) -> Dispute | Rejection:
        return write_statement(command, **self._of_money)

    def answer_dispute(self, command: AnswerDispute, /) -> Dispute | Rejection:
        return answer_dispute(command, **self._of_money, wakeup=self.house.wakeup)

    def decide_warning(self, command: DecideWarning, /) -> FraudWarning | Rejection:
        return decide_warning(command, **self._of_money, wakeup=self.house.wakeup)

    def inventory(self) -> Inventory:
        return self.house.inventory

    def rate_limiter(self) -> RateLimiter:
        return self._limiter

    def unit_of_work(self) -> UnitOfWork:
        return self.house.store()

    def sign_in(self, *, email: str, password: str) -> StaffMember | None:
        return sign_in(email=email, password=password, unit_of_work=self.house.store, passwords=self.passwords)

    def add_staff(self, *, email: str, name: str, role: Role, password: str, actor: str) -> StaffMember | Rejection:
        return add_staff(
            email=email, name=name, role=role, password=password, actor=actor, unit_of_work=self.house.store,
            passwords=self.passwords, clock=self.house.clock, ids=self.house.ids,
        )  # fmt: skip

    def publish_event(self, event_id: EventId, /, *, actor: str) -> Event | Rejection:
        house = self.house
        return publish_event(event_id, actor=actor, unit_of_work=house.store, clock=house.clock, ids=house.ids)

    def cancel_event(self, event_id: EventId, /, *, actor: str) -> Event:
        house = self.house
        return cancel_event(
            event_id, actor=actor, unit_of_work=house.store, clock=house.clock, ids=house.ids, wakeup=house.wakeup
        )

    def change_terms(self, event_id: EventId, /, *, terms: SaleTerms, actor: str) -> Event | Rejection:
        house = self.house
        return change_terms(
            event_id, terms=terms, actor=actor, unit_of_work=house.store, clock=house.clock, ids=house.ids,
            wakeup=house.wakeup,
        )  # fmt: skip

    def change_prices(self, command: ChangePrices, /) -> Event | Rejection:
        return change_prices(command, **self._of_prices)

    def save_promotion(self, command: SavePromotion, /) -> Promotion | Rejection:
        return save_promotion(command, **self._of_prices)

    def change_taxes(self, command: ChangeTaxes, /) -> Venue | Rejection:
        return change_taxes(command, **self._of_prices)

    def block_stock(self, command: BlockStock, /) -> StockBlock | Rejection:
        return block_stock(command, **self._of_stock)

    def release_block(self, command: ReleaseBlock, /) -> BlockedStock | Rejection:
        return release_block(command, **self._of_stock)

    def change_capacity(self, command: ChangeZoneCapacity | ChangeTierLimit, /) -> CapacityChanged | Rejection:
        return change_capacity(command, **self._of_stock)

    def review_order(self, command: ReviewOrder, /) -> Order | Rejection:
        house = self.house
        return review_order(
            command, unit_of_work=house.store, clock=house.clock, ids=house.ids, access=house.access,
            wakeup=house.wakeup,
        )  # fmt: skip

    def refund_quote(
        self, order_id: OrderId, tickets: tuple[TicketId, ...] | None, reason: RefundReason, /,
        *, amount: Money | None = None,
    ) -> Quote | Rejection:  # fmt: skip
        house = self.house
        return refund_quote(order_id, tickets, reason, amount=amount, unit_of_work=house.store, clock=house.clock)

    def decide_refund(self, command: DecideRefund, /) -> RefundRequest | Rejection:
        house = self.house
        return decide_refund(command, unit_of_work=house.store, clock=house.clock, ids=house.ids, wakeup=house.wakeup)

    def change_refund_policy(self, command: ChangeRefundPolicy, /) -> RefundPolicy | Rejection:
        house = self.house
        return change_refund_policy(command, unit_of_work=house.store, clock=house.clock, ids=house.ids)

    def request_refund(self, command: RequestRefund, /) -> Refund | RefundRequest | Rejection:
        house = self.house
        return request_refund(command, unit_of_work=house.store, clock=house.clock, ids=house.ids, wakeup=house.wakeup)

    def postpone_event(self, command: PostponeEvent, /) -> Event | Rejection:
        return postpone_event(command, wakeup=self.house.wakeup, **self._of_batches)

    def prepare_batch(self, command: PrepareBatch, /) -> RefundBatch | Rejection:
        return prepare_batch(command, **self._of_batches)

    def submit_batch(self, batch_id: BatchId, /, *, actor: str) -> RefundBatch | Rejection:
        return submit_batch(batch_id, actor=actor, rule=self.approval_rule, **self._of_batches)

    def steer_batch(self, command: SteerBatch, /) -> RefundBatch | Rejection:
        return steer_batch(command, **self._of_batches)

    def retry_batch(self, batch_id: BatchId, /, *, order_id: OrderId | None, actor: str) -> int | Rejection:
        return retry_batch(batch_id, order_id=order_id, actor=actor, **self._of_batches)

    def resend_link(self, command: ResendLink, /) -> Message | Rejection:
        house = self.house
        return resend_link(
            command, unit_of_work=house.store, clock=house.clock, ids=house.ids, access=house.access,
            wakeup=house.wakeup,
        )  # fmt: skip

    def revive_effect(self, row_id: UUID, /, *, actor: str) -> bool:
        house = self.house
        return revive_effect(
            row_id, actor=actor, unit_of_work=house.store, clock=house.clock, ids=house.ids, wakeup=house.wakeup
        )

    def revive_effects(self, effect: Effect, /, *, actor: str) -> int:
        house = self.house
        return revive_effects(
            effect, actor=actor, unit_of_work=house.store, clock=house.clock, ids=house.ids, wakeup=house.wakeup
        )

    def discard_effect(self, row_id: UUID, /, *, because: str, actor: str) -> Rejection | None:
        house = self.house
        return discard_effect(
            row_id, because=because, actor=actor, unit_of_work=house.store, clock=house.clock, ids=house.ids
        )

    # Webhooks.

    def add_endpoint(self, terms: EndpointTerms, /, *, actor: str) -> EndpointAndSecret | Rejection:
        return add_endpoint(terms, actor=actor, sender=self.hook_sender, access=self.house.access, **self._hooks)

    def change_endpoint(self, endpoint_id: EndpointId, /, *, terms: EndpointTerms, actor: str) -> Endpoint | Rejection:
        return change_endpoint(endpoint_id, terms=terms, actor=actor, sender=self.hook_sender, **self._hooks)

    def switch_endpoint(self, endpoint_id: EndpointId, /, *, on: bool, actor: str) -> Endpoint:
        return switch_endpoint(endpoint_id, on=on, actor=actor, **self._hooks)

    def rotate_secret(self, endpoint_id: EndpointId, /, *, actor: str) -> EndpointAndSecret | Rejection:
        return rotate_secret(endpoint_id, actor=actor, access=self.house.access, **self._hooks)

    def send_test(self, endpoint_id: EndpointId, /, *, actor: str) -> Delivery | Rejection:
        return send_test(endpoint_id, actor=actor, wakeup=self.house.wakeup, **self._hooks)

    def send_again(self, delivery_id: DeliveryId, /, *, actor: str) -> Delivery | Rejection:
        return send_again(delivery_id, actor=actor, wakeup=self.house.wakeup, **self._hooks)

    @property
    def _hooks(self) -> dict[str, Any]:
        return {"unit_of_work": self.house.store, "clock": self.house.clock, "ids": self.house.ids}

    # People.

    def hire(self, role: Role, *, email: str | None = None) -> StaffMember:
        """A new member of the staff with PASSWORD."""
        added = self.add_staff(
            email=email or f"{role.value}@example.com",
            name=f"Some {role.value}",
            role=role,
            password=PASSWORD,
            actor="system",
        )
        assert isinstance(added, StaffMember), added
        return added

    def visitor(self) -> "Browser":
        """Somebody whom nobody knows."""
        return Browser(self.app.test_client())

    def signed_in(self, role: Role) -> "Browser":
        """A new member of the staff, at work."""
        browser = self.visitor()
        answer = browser.sign_in(self.hire(role).email, PASSWORD)
        assert answer.status_code == 303, answer.text
        return browser


class Browser:
    """Opens pages and submits the forms on them, token and all."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/admin{path}")

    def page(self, path: str) -> str:
        """The page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.headers.get('Location')}"
        return answer.text

    def post(self, path: str, *, seen_on: str, **form: object) -> TestResponse:
        """Submit a form that was seen on a page."""
        found = _TOKEN.search(self.page(seen_on))
        assert found, f"no form on {seen_on}"
        return self.client.post(f"/admin{path}", data={"csrf_token": found[1], **form})

    def sign_in(self, email: str, password: str, **more: object) -> TestResponse:
        return self.post("/sign-in", seen_on="/sign-in", email=email, password=password, **more)
