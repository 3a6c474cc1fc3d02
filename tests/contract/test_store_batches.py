"""What every store promises about batches of refunds: the same words on memory and Postgres."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import InvariantBroken, NotFound
from domain.events import Sale
from domain.orders import PAID, Order, OrderState
from domain.ports.outbox import Effect, OutboxRow
from domain.ports.refund_batches import Approvable, BatchLine
from domain.ports.unit_of_work import UnitOfWorkFactory
from domain.refund_batches import BatchId, BatchOrderState, BatchPurpose, BatchState, RefundBatch, Selection
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundedTicket, RefundId, RefundState
from domain.tickets import Ticket
from tests.contract.stores import (
    NOW,
    STORES,
    Wish,
    bought,
    opened,
    order_of,
    payment_of,
    placed,
    refund_of,
    store_of,
    tickets_of,
)
from tests.fakes.sales import general_sale, tier_of, usd

MANY = 100


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[UnitOfWorkFactory]:
    with store_of(request.param, request) as made:
        yield made


@pytest.fixture
def sale(store: UnitOfWorkFactory) -> Sale:
    """A floor of 100 places; two kinds of tickets."""
    made = general_sale()
    opened(store, made)
    return made


def batch_of(selection: Selection, **changes: object) -> RefundBatch:
    """A draft that finance made, unless ``changes`` say otherwise."""
    made = RefundBatch(
        id=BatchId(uuid4()),
        purpose=BatchPurpose.EVENT_CANCELLED,
        reason=RefundReason.EVENT_CANCELLED,
        selection=selection,
        note="The roof leaks.",
        tell_buyers=True,
        state=BatchState.DRAFT,
        requested_by="fin@house.example",
        requested_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # any field


def added(store: UnitOfWorkFactory, batch: RefundBatch) -> RefundBatch:
    with store() as uow:
        uow.refund_batches.add(batch, at_most=MANY)
        uow.commit()
    return batch


def chosen(store: UnitOfWorkFactory, selection: Selection) -> list[Order]:
    """The orders that a batch of this selection has, in its order."""
    batch = added(store, batch_of(selection))
    with store() as uow:
        return [uow.orders.get(row.order_id) for row in uow.refund_batches.uncounted(batch.id, at_most=MANY)]


def paid(store: UnitOfWorkFactory, sale: Sale, *, tier: str = "general", minutes: int = 0, who: str = "ada") -> Order:
    """An order of one ticket, bought so many minutes after NOW."""
    placed_at = NOW + timedelta(minutes=minutes)
    return bought(store, order_of(sale, Wish(tier=tier, quantity=1), who=who, placed_at=placed_at))


def refunded(store: UnitOfWorkFactory, order: Order, **changes: object) -> tuple[Refund, Ticket]:
    """A refund of the order's one ticket, just requested unless ``changes`` say otherwise."""
    (ticket,) = tickets_of(order)
    payment = payment_of(order)
    refund = refund_of(payment, order.total, ticket, **changes)
    with store() as uow:
        uow.payments.add(payment)
        uow.tickets.add((ticket,))
        uow.refunds.add(refund)
        uow.commit()
    return refund, ticket


def test_a_batch_comes_back_as_it_was_stored(store: UnitOfWorkFactory, sale: Sale) -> None:
    """With its selection to the last moment, and again after it changed; what was asked never changes."""
    order = paid(store, sale)
    selection = Selection(
        event_ids=(sale.event_id,),
        venue_id=sale.seat_map.venue_id,
        starts_from=NOW,
        starts_before=NOW + timedelta(days=1),
        tier_ids=(order.lines[0].tier_id,),
        placed_from=NOW - timedelta(days=3),
        placed_before=NOW,
        states=frozenset({OrderState.CONFIRMED}),
        numbers=(order.number,),
    )
    batch = added(store, batch_of(selection, state=BatchState.PREVIEWED))
    approved = replace(
        batch, state=BatchState.RUNNING, approval_because="many", approved_by="boss@house.example", approved_at=NOW,
        started_at=NOW, decision_note="go",
    )  # fmt: skip

    with store() as uow:
        assert uow.refund_batches.get(batch.id) == batch == uow.refund_batches.at_work(batch.id)
        assert uow.refund_batches.find(BatchId(uuid4())) is None
        uow.refund_batches.save(approved)
        uow.commit()
    with store() as uow:
        assert uow.refund_batches.get(batch.id, lock=True) == approved == uow.refund_batches.find(batch.id)
        assert uow.refund_batches.busy() == (batch.id,)
        with pytest.raises(NotFound):
            uow.refund_batches.get(BatchId(uuid4()))


def test_a_batch_has_the_orders_of_its_moment(store: UnitOfWorkFactory, sale: Sale) -> None:
    """Paid ones of the event, the first placed first. What is placed later is not in it."""
    second, first = paid(store, sale, minutes=2), paid(store, sale, minutes=1)
    unpaid = order_of(sale, Wish(tier="general", quantity=1))
    elsewhere = general_sale()
    opened(store, elsewhere)
    with store() as uow:
        placed(uow, unpaid)
        uow.commit()
    paid(store, elsewhere)
    batch = added(store, batch_of(Selection(event_ids=(sale.event_id,))))

    paid(store, sale, minutes=3)

    with store() as uow:
        rows = uow.refund_batches.uncounted(batch.id, at_most=MANY)
    assert [row.order_id for row in rows] == [first.id, second.id]
    assert {row.state for row in rows} == {BatchOrderState.WAITING}


def test_a_batch_of_too_many_orders_says_so(store: UnitOfWorkFactory, sale: Sale) -> None:
    """One more than allowed is enough to know."""
    for minutes in range(4):
        paid(store, sale, minutes=minutes)

    with store() as uow:
        assert uow.refund_batches.add(batch_of(Selection(event_ids=(sale.event_id,))), at_most=2) == 3


def test_orders_are_chosen_by_what_they_are(store: UnitOfWorkFactory, sale: Sale) -> None:
    """By tier, by when they were placed, by the venue's dates, by number: everything that is given must hold."""
    general = paid(store, sale, minutes=0)
    vip = paid(store, sale, tier="vip", minutes=10)
    vip_tier = tier_of(sale, "vip").id
    event, venue = (sale.event_id,), sale.seat_map.venue_id
    day = timedelta(days=1)

    assert chosen(store, Selection(event_ids=event, tier_ids=(vip_tier,))) == [vip]
    assert chosen(store, Selection(event_ids=event, placed_before=vip.placed_at)) == [general]
    assert chosen(store, Selection(event_ids=event, placed_from=vip.placed_at)) == [vip]
    assert chosen(store, Selection(venue_id=venue, starts_from=sale.starts_at, starts_before=sale.starts_at + day)) == [
        general,
        vip,
    ]
    assert chosen(store, Selection(venue_id=venue, starts_from=NOW, starts_before=sale.starts_at)) == []
    assert chosen(store, Selection(event_ids=event, states=PAID - {OrderState.CONFIRMED})) == []
    assert chosen(store, Selection(numbers=(vip.number, general.number))) == [general, vip]
    assert chosen(store, Selection(numbers=(vip.number,), placed_before=vip.placed_at)) == []


def test_numbers_that_no_order_has_are_named(store: UnitOfWorkFactory, sale: Sale) -> None:
    """In the order of the list, so that it can be corrected."""
    order = paid(store, sale)

    with store() as uow:
        assert uow.refund_batches.unknown_numbers(("ZZZZ-2222", order.number, "AAAA-2222")) == (
            "ZZZZ-2222",
            "AAAA-2222",
        )
        assert uow.refund_batches.unknown_numbers(()) == ()


def test_a_preview_adds_up(store: UnitOfWorkFactory, sale: Sale) -> None:
    """Orders that were asked count, skipped ones do not; what was shown stays as it was shown."""
    orders = [paid(store, sale, minutes=minutes) for minutes in range(3)]
    batch = added(store, batch_of(Selection(event_ids=(sale.event_id,))))
    line = BatchLine(tier_id=orders[0].lines[0].tier_id, tickets=1, amount=usd(4_950))

    with store() as uow:
        first, second, third = uow.refund_batches.uncounted(batch.id, at_most=MANY)
        uow.refund_batches.save_order(first.quoted(usd(4_950)), lines=(line,))
        uow.refund_batches.save_order(second.skip("already refunded"))
        assert not uow.refund_batches.all_counted(batch.id)
        assert uow.refund_batches.approvable(batch.id) == Approvable(orders=1, amounts=(usd(4_950),))
        uow.refund_batches.save_order(third.quoted(usd(50)))
        assert uow.refund_batches.all_counted(batch.id)
        assert uow.refund_batches.approvable(batch.id) == Approvable(orders=2, amounts=(usd(5_000),))
        uow.commit()

    with store() as uow, pytest.raises(InvariantBroken):
        uow.refund_batches.save_order(first.quoted(usd(9_900)))


def test_rows_have_their_turn_when_they_are_due(store: UnitOfWorkFactory, sale: Sale) -> None:
    """An order that was busy lets others go first; a row that is done has no turn."""
    orders = [paid(store, sale, minutes=minutes) for minutes in range(2)]
    batch = added(store, batch_of(Selection(event_ids=(sale.event_id,))))

    with store() as uow:
        first, second = uow.refund_batches.due(batch.id, now=NOW, at_most=5)
        assert (first.order_id, second.order_id) == (orders[0].id, orders[1].id)
        assert uow.refund_batches.due(batch.id, now=NOW, at_most=1) == (first,)
        uow.refund_batches.save_order(first.later(seconds=5, now=NOW))
        assert uow.refund_batches.due(batch.id, now=NOW, at_most=5) == (second,)
        uow.refund_batches.save_order(second.skip("used at the door"))
        assert not uow.refund_batches.due(batch.id, now=NOW, at_most=5)
        assert uow.refund_batches.due(batch.id, now=NOW + timedelta(seconds=5), at_most=5)
        assert uow.refund_batches.unfinished(batch.id)


def test_what_is_on_its_way_is_counted(store: UnitOfWorkFactory, sale: Sale) -> None:
    """Until the provider was heard of, or the outbox gave up; then the batch can be over."""
    order = paid(store, sale)
    batch = added(store, batch_of(Selection(event_ids=(sale.event_id,))))
    refund, _ = refunded(store, order, batch_id=batch.id)
    effect = OutboxRow(
        id=uuid4(), key=f"send_refund:{refund.id}", effect=Effect.SEND_REFUND, payload={}, created_at=NOW,
        not_before=NOW,
    )  # fmt: skip
    with store() as uow:
        (row,) = uow.refund_batches.uncounted(batch.id, at_most=MANY)
        uow.refund_batches.save_order(row.requested(refund.id))
        uow.outbox.add(effect)
        assert uow.refund_batches.order(batch.id, order.id).refund_id == refund.id
        assert uow.refund_batches.in_flight(batch.id) == 1
        uow.commit()

    with store() as uow:
        (leased,) = uow.outbox.lease(now=NOW, at_most=1, effects=frozenset({Effect.SEND_REFUND}))
        uow.outbox.park(leased, error="no", now=NOW)
        assert (uow.refund_batches.in_flight(batch.id), uow.refund_batches.unfinished(batch.id)) == (0, True)
        uow.refunds.save(refund.report(RefundState.SUCCEEDED, provider_id="re_1", failure=None, now=NOW))
        assert not uow.refund_batches.unfinished(batch.id)


def test_only_failures_are_tried_again(store: UnitOfWorkFactory, sale: Sale) -> None:
    """Rows that failed by themselves and rows whose refund failed; one of them, or all."""
    done, refused, broken, skipped = (paid(store, sale, minutes=minutes) for minutes in range(4))
    batch = added(store, batch_of(Selection(event_ids=(sale.event_id,))))
    good, _ = refunded(store, done, state=RefundState.SUCCEEDED, provider_id="re_1", completed_at=NOW)
    bad, _ = refunded(store, refused, state=RefundState.FAILED, failure="card closed", completed_at=NOW)
    with store() as uow:
        rows = uow.refund_batches.uncounted(batch.id, at_most=MANY)
        for row, after in zip(
            rows,
            (rows[0].requested(good.id), rows[1].requested(bad.id), rows[2].failed("broken"), rows[3].skip("used")),
            strict=True,
        ):
            assert row.order_id == after.order_id
            uow.refund_batches.save_order(after)
        uow.commit()

    with store() as uow:
        assert uow.refund_batches.retry(batch.id, order_id=skipped.id, now=NOW) == 0
        assert uow.refund_batches.retry(batch.id, order_id=broken.id, now=NOW) == 1
        assert uow.refund_batches.retry(batch.id, order_id=None, now=NOW) == 1
        assert uow.refund_batches.retry(batch.id, order_id=None, now=NOW) == 0
        again = uow.refund_batches.order(batch.id, refused.id)
        assert (again.state, again.refund_id, again.attempts) == (BatchOrderState.WAITING, bad.id, 1)


def test_buyers_are_told_of_money_that_the_provider_has(store: UnitOfWorkFactory, sale: Sale) -> None:
    """Not before, not after a failure, and once."""
    sent, pending, failed = (paid(store, sale, minutes=minutes) for minutes in range(3))
    batch = added(store, batch_of(Selection(event_ids=(sale.event_id,))))
    quiet = added(store, batch_of(Selection(event_ids=(sale.event_id,)), tell_buyers=False))
    refunds = [
        refunded(store, sent)[0],
        refunded(store, pending, state=RefundState.PENDING, provider_id="re_2")[0],
        refunded(store, failed, state=RefundState.FAILED)[0],
    ]
    with store() as uow:
        for row, refund in zip(uow.refund_batches.uncounted(batch.id, at_most=MANY), refunds, strict=True):
            uow.refund_batches.save_order(row.requested(refund.id))
        assert quiet.tell_buyers is False
        (row,) = uow.refund_batches.to_tell(at_most=MANY)
        assert row.order_id == pending.id
        uow.refund_batches.save_order(replace(row, told_at=NOW))
        assert uow.refund_batches.to_tell(at_most=MANY) == ()


def test_a_stopped_batch_stays_stopped_and_needs_a_second_person(store: UnitOfWorkFactory, sale: Sale) -> None:
    """Whoever writes, however: the store itself refuses."""
    paid(store, sale)
    selection = Selection(event_ids=(sale.event_id,))
    stopped = added(store, batch_of(selection, state=BatchState.STOPPED))
    waiting = added(store, batch_of(selection, state=BatchState.AWAITING_APPROVAL, approval_because="many"))

    for wrong in (
        replace(stopped, state=BatchState.RUNNING),
        replace(waiting, state=BatchState.RUNNING),
        replace(waiting, approved_by=waiting.requested_by),
    ):
        with store() as uow, pytest.raises(InvariantBroken):
            uow.refund_batches.save(wrong)


def test_those_that_wait_for_a_second_person_are_found(store: UnitOfWorkFactory, sale: Sale) -> None:
    """The longest waiting first, no more than are wanted, and none that waits for something else."""
    paid(store, sale)
    selection = Selection(event_ids=(sale.event_id,))
    added(store, batch_of(selection))
    waits = {"state": BatchState.AWAITING_APPROVAL, "approval_because": "many"}
    later = added(store, batch_of(selection, requested_at=NOW + timedelta(minutes=1), **waits))
    first = added(store, batch_of(selection, **waits))

    with store() as uow:
        assert uow.refund_batches.awaiting_approval(at_most=MANY) == (first, later)
        assert uow.refund_batches.awaiting_approval(at_most=1) == (first,)


def test_a_ticket_has_one_live_refund(store: UnitOfWorkFactory, sale: Sale) -> None:
    """A second one is refused by the store itself, until the first has failed."""
    order = paid(store, sale, who="ada")
    refund, ticket = refunded(store, order)
    nothing = usd(0)
    share = RefundedTicket(ticket_id=ticket.id, admission=usd(1), fee=nothing, tax=nothing)

    def another() -> Refund:
        return replace(refund, id=RefundId(uuid4()), amount=usd(1), parts=(share,))

    with store() as uow:
        uow.refunds.save(refund.report(RefundState.FAILED, provider_id="re_1", failure="closed", now=NOW))
        uow.refunds.add(replace(another(), provider_id=None))
        uow.commit()
    with store() as uow, pytest.raises(InvariantBroken):
        uow.refunds.add(another())
