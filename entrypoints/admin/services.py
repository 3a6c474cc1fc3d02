"""What the portal needs from the composition root, and where a view finds it."""

from datetime import timedelta
from typing import Protocol, cast
from uuid import UUID

from flask import current_app

from application.commands.answer_dispute import AnswerDispute, WriteStatement
from application.commands.block_stock import BlockStock, ReleaseBlock
from application.commands.change_capacity import CapacityChanged, ChangeTierLimit, ChangeZoneCapacity
from application.commands.change_prices import ChangePrices, ChangeTaxes, SavePromotion
from application.commands.change_refund_policy import ChangeRefundPolicy
from application.commands.decide_refund import DecideRefund
from application.commands.follow_fraud_warning import DecideWarning
from application.commands.manage_webhooks import EndpointAndSecret, EndpointTerms
from application.commands.mend_refund import SendRefundAnew, SettleRefundByHand
from application.commands.postpone_event import PostponeEvent
from application.commands.prepare_batch import PrepareBatch, SteerBatch
from application.commands.request_refund import RequestRefund
from application.commands.resend_link import ResendLink
from application.commands.review_order import ReviewOrder
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
from domain.refund_batches import BatchId, RefundBatch
from domain.refund_policies import RefundPolicy, RefundReason
from domain.refund_requests import RefundRequest
from domain.refunds import Refund
from domain.stock_blocks import BlockedStock, StockBlock
from domain.tickets import TicketId
from domain.venues import Venue
from entrypoints.settings import Settings

RECENT = timedelta(hours=24)
"""What the portal calls recent."""

_EXTENSION = "tessera"


class Services(Protocol):
    """One process's application, as far as the portal uses it."""

    def settings(self) -> Settings: ...

    def change_refund_policy(self, command: ChangeRefundPolicy, /) -> RefundPolicy | Rejection: ...

    def decide_refund(self, command: DecideRefund, /) -> RefundRequest | Rejection: ...

    def clock(self) -> Clock: ...

    def ids(self) -> Ids: ...

    def backoffice(self) -> Backoffice: ...

    def settlements(self) -> Settlements: ...
    def batch_desk(self) -> BatchDesk: ...

    def aftersales(self) -> Aftersales: ...

    def inventory(self) -> Inventory: ...

    def rate_limiter(self) -> RateLimiter: ...

    def unit_of_work(self) -> UnitOfWork: ...

    def sign_in(self, *, email: str, password: str) -> StaffMember | None: ...

    def add_staff(self, *, email: str, name: str, role: Role, password: str, actor: str) -> StaffMember | Rejection: ...

    def publish_event(self, event_id: EventId, /, *, actor: str) -> Event | Rejection: ...

    def cancel_event(self, event_id: EventId, /, *, actor: str) -> Event: ...

    def change_terms(self, event_id: EventId, /, *, terms: SaleTerms, actor: str) -> Event | Rejection: ...

    def change_prices(self, command: ChangePrices, /) -> Event | Rejection: ...

    def save_promotion(self, command: SavePromotion, /) -> Promotion | Rejection: ...

    def change_taxes(self, command: ChangeTaxes, /) -> Venue | Rejection: ...

    def block_stock(self, command: BlockStock, /) -> StockBlock | Rejection: ...

    def release_block(self, command: ReleaseBlock, /) -> BlockedStock | Rejection: ...

    def change_capacity(self, command: ChangeZoneCapacity | ChangeTierLimit, /) -> CapacityChanged | Rejection: ...

    def review_order(self, command: ReviewOrder, /) -> Order | Rejection: ...

    def refund_quote(
        self,
        order_id: OrderId,
        tickets: tuple[TicketId, ...] | None,
        reason: RefundReason,
        /,
        *,
        amount: Money | None = None,
    ) -> Quote | Rejection: ...

    def request_refund(self, command: RequestRefund, /) -> Refund | RefundRequest | Rejection: ...

    def postpone_event(self, command: PostponeEvent, /) -> Event | Rejection: ...

    def prepare_batch(self, command: PrepareBatch, /) -> RefundBatch | Rejection: ...

    def submit_batch(self, batch_id: BatchId, /, *, actor: str) -> RefundBatch | Rejection: ...

    def steer_batch(self, command: SteerBatch, /) -> RefundBatch | Rejection: ...

    def retry_batch(self, batch_id: BatchId, /, *, order_id: OrderId | None, actor: str) -> int | Rejection: ...

    def send_refund_anew(self, command: SendRefundAnew, /) -> Refund | Rejection: ...

    def settle_refund_by_hand(self, command: SettleRefundByHand, /) -> Refund | Rejection: ...

    def write_statement(self, command: WriteStatement, /) -> Dispute | Rejection: ...

    def answer_dispute(self, command: AnswerDispute, /) -> Dispute | Rejection: ...

    def decide_warning(self, command: DecideWarning, /) -> FraudWarning | Rejection: ...

    def resend_link(self, command: ResendLink, /) -> Message | Rejection: ...

    def revive_effect(self, row_id: UUID, /, *, actor: str) -> bool: ...

    def revive_effects(self, effect: Effect, /, *, actor: str) -> int: ...

    def add_endpoint(self, terms: EndpointTerms, /, *, actor: str) -> EndpointAndSecret | Rejection: ...

    def change_endpoint(
        self, endpoint_id: EndpointId, /, *, terms: EndpointTerms, actor: str
    ) -> Endpoint | Rejection: ...

    def switch_endpoint(self, endpoint_id: EndpointId, /, *, on: bool, actor: str) -> Endpoint: ...

    def rotate_secret(self, endpoint_id: EndpointId, /, *, actor: str) -> EndpointAndSecret | Rejection: ...

    def send_test(self, endpoint_id: EndpointId, /, *, actor: str) -> Delivery | Rejection: ...

    def send_again(self, delivery_id: DeliveryId, /, *, actor: str) -> Delivery | Rejection: ...

    def discard_effect(self, row_id: UUID, /, *, because: str, actor: str) -> Rejection | None: ...


def current() -> Services:
    """The services of the application that handles this request."""
    return cast("Services", current_app.extensions[_EXTENSION])
