"""What money goes through where two rules want it, in a test's words: gifts, pages of nobody, what banks say."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from application.commands.request_refund import RequestRefund, request_refund
from domain.errors import Rejection, RejectionCode
from domain.ledger import Account, balances
from domain.money import CurrencyCode, Money
from domain.orders import Order
from domain.payments import Payment
from domain.ports.payments import CheckoutItem, CheckoutRequest
from domain.refund_policies import RefundReason
from domain.refunds import Refund
from tests.unit.application.house import House


def gift(house: House, order: Order, minor: int) -> Refund:
    """Money out of goodwill, arrived."""
    command = RequestRefund(
        order_id=order.id, tickets=None, reason=RefundReason.GOODWILL, actor="grace@example.com",
        amount=Money(minor, order.total.currency),
    )  # fmt: skip
    refund = request_refund(
        command, unit_of_work=house.uow, clock=house.clock, ids=house.ids, wakeup=house.wakeup
    )  # fmt: skip
    assert isinstance(refund, Refund), refund
    house.drain()
    return refund


def page_of_nobody(house: House, order: Order) -> str:
    """The provider opened a page for this order, and its answer was never heard. Answers the page's name."""
    item = CheckoutItem(name="Ticket", description="", unit=order.total, quantity=1)
    request = CheckoutRequest(
        key=f"{uuid4()}-1", order_id=order.id, order_number=order.number, items=(item,), email=order.buyer.email,
        success_url="https://shop.invalid/", cancel_url="https://shop.invalid/",
        expires_at=house.clock.now() + timedelta(hours=1),
    )  # fmt: skip
    gateway, _ = house.providers
    return gateway.open_checkout(request=request).session_id


def attempts(house: House, order: Order) -> tuple[Payment, ...]:
    with house.uow() as uow:
        return uow.payments.of_order(order.id)


def paid_twice(house: House, order: Order) -> Payment:
    """Somebody pays again on such a page, and the money is taken by hand. Answers the attempt that buys nothing."""
    session_id = page_of_nobody(house, order)
    house.pay_page(session_id)
    gateway, _ = house.providers
    intent_id = gateway.look_up(session_id=session_id).intent_id
    assert intent_id is not None
    gateway.capture(intent_id=intent_id, amount=order.total, key="by hand")
    house.receive(*house.payment_notice(session_id))
    return attempts(house, order)[-1]


def owed(house: House, order: Order) -> int:
    """What the ledger says of money that a failed refund has left here."""
    with house.uow() as uow:
        return balances(uow.ledger.of_order(order.id)).get(Account.REFUNDS_OWED, 0)


def disputed(house: House, order: Order, **facts: object) -> str:
    """A chargeback that we have heard of, with the bank's ``facts``. Answers the provider's name of it."""
    dispute_id = house.dispute(order)
    bank_says(house, dispute_id, **facts)
    house.receive(*house.dispute_notice(dispute_id))
    return dispute_id


def bank_says(house: House, dispute_id: str, **facts: object) -> None:
    disputes = house.gateway._disputes  # The bank's side of it.
    disputes[dispute_id] = replace(disputes[dispute_id], **facts)  # type: ignore[arg-type]  # any of them


def postings(house: House, order: Order, account: Account) -> list[Money]:
    with house.uow() as uow:
        told = [posting for journal in uow.ledger.of_order(order.id) for posting in journal.postings]
    return [posting.amount for posting in told if posting.account is account]


def dispute_fees(house: House, order: Order) -> list[Money]:
    """What the ledger has of them, as it was told."""
    return postings(house, order, Account.DISPUTE_FEES)


def owed_by_provider(house: House, order: Order, currency: CurrencyCode) -> int:
    amounts = postings(house, order, Account.PROVIDER)
    return sum(each.amount for each in amounts if each.currency == currency)


def refused(answer: object) -> RejectionCode:
    assert isinstance(answer, Rejection), answer
    return answer.code
