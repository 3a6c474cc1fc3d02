"""What every store promises about refunds that wait for a second person, and about links that open an order once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvariantBroken, NotFound
from domain.order_links import LINK_MINUTES, LinkChannel, OrderLink, OrderLinkId
from domain.orders import Order, OrderId
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_policies import STANDARD_POLICY, ReasonRule, RefundReason, TierRule
from domain.refund_requests import RefundRequest, RefundRequestId, RequestState
from tests.contract.stores import NOW, STORES, Wish, bought, opened, order_of, payment_of, refund_of, store_of
from tests.fakes.sales import general_sale, usd


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


@pytest.fixture
def order(store: UnitOfWorkFactory) -> Order:
    sale = general_sale()
    opened(store, sale)
    return bought(store, order_of(sale, Wish(tier="general", quantity=2)))


def asked(order: Order, **changes: object) -> RefundRequest:
    made = RefundRequest(
        id=RefundRequestId(uuid4()),
        order_id=order.id,
        tickets=(),
        amount=usd(1_000),
        reason=RefundReason.GOODWILL,
        state=RequestState.WAITING,
        requested_by="grace@example.com",
        requested_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def test_a_request_is_kept_until_it_is_decided_and_after(store: UnitOfWorkFactory, order: Order) -> None:
    """Found by its id, by its order, and by whoever looks for work; a decision is made once."""
    request = asked(order)
    declined = request.decline(by="lin@example.com", note="Not now.", now=NOW)
    assert isinstance(declined, RefundRequest)
    with store() as uow:
        uow.refund_requests.add(request)
        uow.commit()
    with store() as uow:
        assert uow.refund_requests.get(request.id, lock=True) == request
        assert uow.refund_requests.waiting_of(order.id) == request
        assert uow.refund_requests.waiting(at_most=5) == (request,)
        uow.refund_requests.save(declined)
        uow.commit()
    with store() as uow:
        assert uow.refund_requests.of_order(order.id) == (declined,)
        assert uow.refund_requests.waiting_of(order.id) is None
        assert uow.refund_requests.waiting(at_most=5) == ()
        with pytest.raises(NotFound):
            uow.refund_requests.get(RefundRequestId(uuid4()))
    with store() as uow, pytest.raises(InvariantBroken):
        uow.refund_requests.save(request)


def test_one_request_of_an_order_waits_at_a_time(store: UnitOfWorkFactory, order: Order) -> None:
    """So nobody approves the same ticket twice; a new one may follow a decision."""
    first = asked(order)
    with store() as uow:
        uow.refund_requests.add(first)
        uow.commit()
    with store() as uow, pytest.raises(InvariantBroken):
        uow.refund_requests.add(asked(order))
    with store() as uow:
        uow.refund_requests.save(first.lapse(because="Used at the door.", now=NOW))
        uow.refund_requests.add(asked(order, requested_at=NOW + timedelta(seconds=1)))
        uow.commit()


def test_an_approved_request_names_its_refund(store: UnitOfWorkFactory, order: Order) -> None:
    """The refund that it began."""
    request, payment = asked(order), payment_of(order)
    refund = refund_of(payment, usd(1_000))
    approved = request.approve(by="lin@example.com", refund_id=refund.id, note=None, now=NOW)
    assert isinstance(approved, RefundRequest)
    with store() as uow:
        uow.payments.add(payment)
        uow.refund_requests.add(request)
        uow.refunds.add(refund)
        uow.refund_requests.save(approved)
        uow.commit()
    with store() as uow:
        assert uow.refund_requests.get(request.id) == approved


def test_a_link_is_used_once(store: UnitOfWorkFactory, order: Order) -> None:
    """Until its time is over; its order is found by the number that the buyer was told."""
    link = OrderLink.fresh(OrderLinkId(uuid4()), order.id, LinkChannel.SMS, now=NOW)
    used = link.use(now=NOW + timedelta(minutes=LINK_MINUTES - 1))
    assert used is not None
    with store() as uow:
        assert uow.order_links.order_numbered(order.number) == order.id
        assert uow.order_links.order_numbered("NOBODY") is None
        uow.order_links.add(link)
        uow.commit()
    with store() as uow:
        assert uow.order_links.get(link.id, lock=True) == link
        uow.order_links.save(used)
        uow.commit()
    with store() as uow:
        assert uow.order_links.get(link.id) == used
        with pytest.raises(NotFound):
            uow.order_links.get(OrderLinkId(uuid4()))
    with store() as uow, pytest.raises(InvariantBroken):
        uow.order_links.save(replace(used, used_at=NOW + timedelta(minutes=3)))


def test_a_link_needs_its_order(store: UnitOfWorkFactory) -> None:
    """A constraint, not a check."""
    link = OrderLink.fresh(OrderLinkId(uuid4()), OrderId(uuid4()), LinkChannel.EMAIL, now=NOW)
    with store() as uow, pytest.raises(InvariantBroken):
        uow.order_links.add(link)


def test_an_order_keeps_the_policy_it_was_sold_under(store: UnitOfWorkFactory) -> None:
    """A newer version is for whoever buys from then on; every rule comes back as it was worded."""
    sale = general_sale()
    event = opened(store, sale)
    worded = replace(
        STANDARD_POLICY,
        tiers=(TierRule(tier_id=sale.tiers[0].id, windows=(), fees_returned=True),),
        reasons=(ReasonRule(reason=RefundReason.POSTPONED, basis_points=9_000),),
        handling_minor=100, kept_minor_min=200, ticket_minor_max=3_000, order_minor_max=5_000, approval_minor_over=1,
        restock=False,
    )  # fmt: skip
    before = bought(store, order_of(sale, Wish(tier="general", quantity=1)))
    with store() as uow:
        uow.events.get(event.id, lock=True)
        assert uow.events.policy(event.id).version == 1
        assert uow.events.replace_policy(event.id, worded) == 2
        uow.commit()
    with store() as uow:
        after = order_of(sale, Wish(tier="general", quantity=1))
        uow.orders.add(after, policy=uow.events.policy(event.id))
        uow.stock.claim(after)
        uow.commit()
    with store() as uow:
        old, new = uow.orders.policy(before.id), uow.orders.policy(after.id)
    assert (old, old.version) == (STANDARD_POLICY, 1)
    assert (new, new.version) == (worded, 2)
