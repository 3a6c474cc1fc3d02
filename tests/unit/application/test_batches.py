"""A cancelled event, told as stories: a preview, a second person, thousands of refunds, and nothing twice."""

from dataclasses import replace
from typing import Any

import pytest

from application.commands.catalogue_changes import cancel_event
from application.commands.mend_refund import SendRefundAnew, send_refund_anew
from application.commands.prepare_batch import Decision
from application.commands.request_refund import begin_refund
from domain.errors import InvariantBroken, ProviderRefused, ProviderUnavailable, Rejection, RejectionCode
from domain.fees import FeeRule
from domain.orders import Order, OrderState
from domain.ports.refund_batches import Approvable
from domain.refund_batches import (
    IN_FLIGHT_MAX,
    ApprovalRule,
    BatchOrderState,
    BatchPurpose,
    BatchState,
    RefundBatch,
    Selection,
)
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundState
from domain.tickets import Ticket, TicketState
from tests.fakes.sales import general, general_sale, price_of, tier_of, usd
from tests.unit.application.batches import BOSS, FINANCE, Batches
from tests.unit.application.house import House

STRICT = ApprovalRule(orders_max=0, units_max=0)


@pytest.fixture
def house() -> House:
    return House(sale=general_sale(per_buyer_max=100, live_holds_per_buyer=20))


@pytest.fixture
def batches(house: House) -> Batches:
    return Batches(house)


@pytest.fixture
def half_free() -> House:
    """The second tier costs nothing."""
    sale = general_sale(per_buyer_max=100, live_holds_per_buyer=20)
    paid, vip = sale.tiers
    return House(sale=replace(sale, tiers=(paid, replace(vip, face=usd(0), fee=FeeRule()))))


def bought(house: House, many: int, *, tickets: int = 1) -> list[Order]:
    return [house.buy(general(house.sale, tickets)) for _ in range(many)]


def used_up(ticket: Ticket, house: House) -> Ticket:
    """As the door leaves it."""
    used = ticket.check_in(now=house.clock.now())
    assert isinstance(used, Ticket), used
    return used


def actions(house: House, actor: str) -> list[str]:
    return [entry.action for entry in house.store.state.audit.values() if entry.actor == actor]


def test_a_cancelled_event_gives_everything_back(house: House, batches: Batches) -> None:
    """Every order once, tickets void, buyers told once, and the trail says who."""
    orders = bought(house, 3, tickets=2)
    house.drain()
    said = len(house.texts())

    batch = batches.running()
    batches.complete(batch.id)
    batches.tell()

    for order in orders:
        assert house.order(order.id).state is OrderState.REFUNDED
        assert house.given_back(order) == order.total
        assert {ticket.state for ticket in house.tickets(order.id)} == {TicketState.VOID}
        assert [refund.batch_id for refund in batches.refunds(order)] == [batch.id]
    told = house.texts()[said:]
    assert len(told) == len(orders)
    assert "Small House Night is cancelled. $99.00" in told[0]
    assert actions(house, FINANCE) == ["batch.prepared", "batch.submitted"] + ["refund.requested"] * 3


def test_the_preview_moves_nothing(house: House, batches: Batches) -> None:
    """It adds up what would go back and says what would not, by the same words as a quote."""
    kept, returned, used, _ = bought(house, 4)
    house.refund(returned.id)
    with house.uow() as uow:
        (ticket,) = uow.tickets.of_order(used.id)
        uow.tickets.save(used_up(ticket, house))
        uow.commit()

    batch = batches.previewed()

    with house.uow() as uow:
        assert uow.refund_batches.approvable(batch.id) == Approvable(orders=2, amounts=(usd(9_900),))
    assert batch.state is BatchState.PREVIEWED
    assert batches.row(batch, used).why == "There is no ticket left to refund."
    assert batches.row(batch, returned).why == "There is no ticket left to refund."
    assert batches.row(batch, kept).expected == kept.total
    assert batches.refunds(kept) == ()


def test_above_the_threshold_nothing_moves_before_a_second_person(house: House, batches: Batches) -> None:
    """The requester cannot approve, the second person can; the trail names both."""
    (order,) = bought(house, 1)
    batch = batches.previewed()

    submitted = batches.submit(batch.id, STRICT)
    batches.run()
    own = batches.steer(batch.id, Decision.APPROVE, actor=FINANCE)

    assert isinstance(submitted, RefundBatch)
    assert (submitted.state, bool(submitted.approval_because)) == (BatchState.AWAITING_APPROVAL, True)
    assert isinstance(own, Rejection)
    assert batches.refunds(order) == ()
    assert isinstance(batches.steer(batch.id, Decision.APPROVE, actor=BOSS), RefundBatch)
    batches.complete(batch.id)
    assert house.order(order.id).state is OrderState.REFUNDED
    assert actions(house, BOSS) == ["batch.approved", "refund.requested"]


def test_what_is_not_approved_never_moves(house: House, batches: Batches) -> None:
    """Declined is over for good."""
    (order,) = bought(house, 1)
    batch = batches.previewed()
    batches.submit(batch.id, STRICT)

    batches.steer(batch.id, Decision.DECLINE)
    batches.run()

    assert batches.batch(batch.id).state is BatchState.STOPPED
    assert isinstance(batches.steer(batch.id, Decision.RESUME), Rejection)
    assert batches.refunds(order) == ()


def test_only_so_many_are_on_their_way(house: House, batches: Batches) -> None:
    """While the provider is slow no more are asked for, so a pause is a pause; the rest follows when it answers."""
    orders = bought(house, 5)
    batch = batches.running()

    batches.run(in_flight_max=2)
    batches.run(in_flight_max=2)

    assert sum(bool(batches.refunds(order)) for order in orders) == 2
    batches.steer(batch.id, Decision.PAUSE)
    house.drain()
    batches.run()
    assert sum(bool(batches.refunds(order)) for order in orders) == 2
    batches.steer(batch.id, Decision.RESUME)
    batches.complete(batch.id)
    assert {house.order(order.id).state for order in orders} == {OrderState.REFUNDED}
    assert IN_FLIGHT_MAX > 2


def test_paused_with_nothing_left_to_do_is_over(house: House, batches: Batches) -> None:
    """As soon as the provider was heard of the last refund: nobody has to press *Go on* for that."""
    house.buy(general(house.sale, 1))
    batch = batches.running()
    batches.run()
    batches.steer(batch.id, Decision.PAUSE)
    batches.run()
    assert batches.batch(batch.id).state is BatchState.PAUSED
    house.drain()
    batches.run()
    assert batches.batch(batch.id).state is BatchState.FINISHED


def test_stopped_in_the_middle_keeps_what_was_done(house: House, batches: Batches) -> None:
    """What was asked for goes on, what waited never is; a second batch takes the rest and nothing twice."""
    orders = bought(house, 4)
    batch = batches.running()
    batches.run(in_flight_max=1)
    batches.steer(batch.id, Decision.STOP)
    house.drain()
    batches.run()
    assert sum(house.order(order.id).state is OrderState.REFUNDED for order in orders) == 1

    second = batches.running()
    batches.complete(second.id)

    assert [len(batches.refunds(order)) for order in orders] == [1] * 4
    assert sum(house.given_back(order).amount for order in orders) == sum(order.total.amount for order in orders)


def test_two_batches_of_the_same_orders_give_back_once(house: House, batches: Batches) -> None:
    """Whichever comes second finds nothing left and says so."""
    orders = bought(house, 3)
    first, second = batches.previewed(), batches.previewed()
    batches.submit(first.id)
    batches.submit(second.id)

    batches.complete(first.id)
    batches.complete(second.id)

    assert [len(batches.refunds(order)) for order in orders] == [1, 1, 1]
    states = {batches.row(one, order).state for one in (first, second) for order in orders}
    assert states == {BatchOrderState.REQUESTED, BatchOrderState.SKIPPED}


def test_a_buyer_who_was_faster_gets_the_rest(house: House, batches: Batches) -> None:
    """One of two tickets was given back since the preview: the batch gives back the other."""
    (order,) = bought(house, 1, tickets=2)
    batch = batches.running()
    house.refund(order.id, house.tickets(order.id)[0].id)

    batches.complete(batch.id)

    by_buyer, by_batch = batches.refunds(order)
    assert by_buyer.amount + by_batch.amount <= order.total
    assert not set(by_buyer.tickets) & set(by_batch.tickets)
    assert house.order(order.id).state is OrderState.REFUNDED


def test_tiers_choose_tickets(house: House, batches: Batches) -> None:
    """Only the tickets of that tier go back, the others of the same order stay valid."""
    vip = tier_of(house.sale, "vip")
    order = house.buy(general(house.sale, 1), general(house.sale, 1, key="vip"))
    selection = Selection(event_ids=(house.event_id,), tier_ids=(vip.id,))

    batches.complete(batches.running(selection).id)

    states = {ticket.tier_id: ticket.state for ticket in house.tickets(order.id)}
    assert states.pop(vip.id) is TicketState.VOID
    assert set(states.values()) == {TicketState.VALID}
    assert house.given_back(order) == price_of(house.sale, "vip").total


def test_a_refusal_is_a_failure_that_can_be_tried_again(house: House, batches: Batches) -> None:
    """The provider says no, the batch goes on; tried again it is a new refund of the same parts, once."""
    both = bought(house, 2)
    batch = batches.running()
    house.gateway.fail_next("refund", ProviderRefused("refused", "the card is closed"))
    over = batches.complete(batch.id)
    assert over.state is BatchState.FINISHED
    (refused,) = (order for order in both if batches.refunds(order)[0].state is RefundState.FAILED)
    (fine,) = (order for order in both if house.order(order.id).state is OrderState.REFUNDED)

    assert batches.retry(batch.id, fine.id) != 1
    assert batches.retry(batch.id) == 1
    assert isinstance(batches.retry(batch.id), Rejection)
    batches.complete(batch.id)

    before, after = batches.refunds(refused)
    assert (before.state, after.state) == (RefundState.FAILED, RefundState.SUCCEEDED)
    assert (after.parts, after.amount) == (before.parts, before.amount)
    assert house.given_back(refused) == refused.total


def test_what_the_refund_desk_sent_anew_is_not_sent_again(house: House, batches: Batches) -> None:
    """The row follows the refund that made its failure good; the buyer has the money once."""
    (order,) = bought(house, 1)
    batch = batches.running()
    house.gateway.fail_next("refund", ProviderRefused("refused", "the card is closed"))
    batches.complete(batch.id)
    (failed,) = batches.refunds(order)
    answer = send_refund_anew(SendRefundAnew(refund_id=failed.id, actor=BOSS), wakeup=house.wakeup, **batches.step)
    assert isinstance(answer, Refund), answer

    batches.retry(batch.id)
    batches.complete(batch.id)

    assert batches.row(batch, order).refund_id == answer.id
    assert [refund.state for refund in batches.refunds(order)] == [RefundState.FAILED, RefundState.SUCCEEDED]
    assert house.given_back(order) == order.total


def free_order(house: House) -> Order:
    """Two places that cost nothing, confirmed without a provider."""
    order = house.place_order(general(house.sale, 2, key="vip"))
    house.drain()
    assert house.order(order.id).state is OrderState.CONFIRMED
    return order


def test_free_tickets_of_a_cancelled_event_are_void_too(half_free: House) -> None:
    """They count as orders of nothing, need no provider, and their buyer hears of it by text and by letter."""
    house, batches = half_free, Batches(half_free)
    free, (paid,) = free_order(house), bought(house, 1)
    said, written = len(house.texts()), len(house.mail.sent)

    batch = batches.previewed()
    with house.uow() as uow:
        assert uow.refund_batches.approvable(batch.id) == Approvable(orders=2, amounts=(usd(4_950),))
    assert batches.row(batch, free).expected == usd(0)
    batches.submit(batch.id)
    batches.run()
    with house.uow() as uow:
        assert uow.refund_batches.in_flight(batch.id) == 1
    over = batches.complete(batch.id)

    assert over.state is BatchState.FINISHED
    assert house.order(free.id).state is OrderState.REFUNDED
    assert {ticket.state for ticket in house.tickets(free.id)} == {TicketState.VOID}
    (refund,) = batches.refunds(free)
    assert (refund.batch_id, refund.payment_id, refund.state) == (batch.id, None, RefundState.SUCCEEDED)
    assert house.given_back(paid) == paid.total
    (text,) = (each for each in house.texts()[said:] if free.number in each)
    assert text.startswith(f"Small House Night is cancelled. Free tickets of order {free.number} are no longer valid.")
    assert "card" not in text
    (letter,) = (each.letter for each in house.mail.sent[written:] if free.number in each.letter.text)
    assert "no money comes back" in letter.text
    assert "card" not in letter.text


def test_free_tickets_stay_valid_where_the_event_takes_place(half_free: House) -> None:
    """A batch about money leaves alone what cost nothing, and says so."""
    batches, free = Batches(half_free), free_order(half_free)

    batch = batches.previewed(
        Selection(numbers=(free.number,)), reason=RefundReason.GOODWILL, purpose=BatchPurpose.ORDERS_CHOSEN
    )

    assert isinstance(batches.submit(batch.id), Rejection)
    assert batches.row(batch, free).why == "These tickets were free of charge, and they stay valid."
    assert {ticket.state for ticket in half_free.tickets(free.id)} == {TicketState.VALID}


def test_the_free_tickets_of_a_paid_order_are_void_too(half_free: House) -> None:
    """With the others in one refund; or alone, where only their tier was chosen."""
    house, batches = half_free, Batches(half_free)
    vip = tier_of(house.sale, "vip")
    first, second = (house.buy(general(house.sale, 1), general(house.sale, 1, key="vip")) for _ in range(2))

    batches.complete(batches.running(Selection(numbers=(first.number,))).id)
    selection = Selection(numbers=(second.number,), tier_ids=(vip.id,))
    batches.complete(batches.running(selection).id)

    assert {ticket.state for ticket in house.tickets(first.id)} == {TicketState.VOID}
    assert house.given_back(first) == first.total
    states = {ticket.tier_id: ticket.state for ticket in house.tickets(second.id)}
    assert states.pop(vip.id) is TicketState.VOID
    assert set(states.values()) == {TicketState.VALID}
    assert house.order(second.id).state is OrderState.PARTIALLY_REFUNDED


def test_a_cancelled_event_has_nothing_to_sell_again(house: House, batches: Batches) -> None:
    """Its places stay where they are, and the inventory is not told of every single one."""
    (order,) = bought(house, 1)
    free = house.free_in_truth()
    cancel_event(house.event_id, actor=BOSS, wakeup=house.wakeup, **batches.step)
    house.drain()

    batches.complete(batches.running().id)

    assert house.order(order.id).state is OrderState.REFUNDED
    assert house.free_in_truth() == free


def test_one_broken_order_holds_up_nobody(house: House, batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails with what went wrong, the others are refunded, and it can be tried again."""
    broken, *fine = bought(house, 3)
    batch = batches.running()

    def begin(order: Order, *given: Any, **more: Any) -> Any:
        if order.id == broken.id:
            raise InvariantBroken("the books disagree")
        return begin_refund(order, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr("application.commands.run_batches.begin_refund", begin)
        batches.complete(batch.id)

    assert {house.order(order.id).state for order in fine} == {OrderState.REFUNDED}
    row = batches.row(batch, broken)
    assert (row.state, row.why) == (BatchOrderState.FAILED, "InvariantBroken: the books disagree")
    assert batches.retry(batch.id) == 1
    batches.complete(batch.id)
    assert house.order(broken.id).state is OrderState.REFUNDED


def test_a_provider_that_is_away_is_waited_for(house: House, batches: Batches) -> None:
    """Nothing fails, nothing is skipped; the batch ends when the provider is back."""
    (order,) = bought(house, 1)
    batch = batches.running()
    house.gateway.fail_next("refund", ProviderUnavailable("away"))
    batches.run()
    house.drain()
    batches.run()
    assert batches.batch(batch.id).state is BatchState.RUNNING

    house.advance(seconds=3_600)
    batches.complete(batch.id)

    assert house.given_back(order) == order.total


def test_never_more_than_was_shown(house: House, batches: Batches) -> None:
    """The preview promised half by the policy's window; what is due when its turn comes may be less, never more."""
    (order,) = bought(house, 1)
    batch = batches.running()
    row = batches.row(batch, order)
    house.store.state.batch_orders[batch.id, order.id] = replace(row, expected=usd(10))

    batches.complete(batch.id)

    assert batches.refunds(order) == ()
    assert "more than the preview showed" in str(batches.row(batch, order).why)


def test_the_buyers_wish_follows_the_policy(house: House, batches: Batches) -> None:
    """A batch for another reason gives back what that reason gives, and tells nobody unless asked to."""
    (order,) = bought(house, 1)
    house.drain()
    said = len(house.texts())

    batch = batches.running(
        reason=RefundReason.BUYERS_WISH, purpose=BatchPurpose.ORDERS_CHOSEN, tell_buyers=False,
        selection=Selection(numbers=(order.number,)),
    )  # fmt: skip
    batches.complete(batch.id)

    assert house.given_back(order) == house.sale.tiers[0].face
    assert house.texts()[said:] == []


def test_the_same_form_twice_is_one_batch(house: House, batches: Batches) -> None:
    """A double click finds what the first one made."""
    bought(house, 1)
    first = batches.prepare()
    assert isinstance(first, RefundBatch)

    assert batches.prepare(batch_id=first.id) == first
    assert len(house.store.state.batches) == 1


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (Selection(), "Choose an event"),
        (Selection(numbers=("ZZZZ-2222",)), "There is no order ZZZZ-2222"),
    ],
)
def test_a_batch_of_nothing_is_refused(house: House, batches: Batches, selection: Selection, says: str) -> None:
    """With words that say what to do, and nothing is stored."""
    answer = batches.prepare(selection)

    assert isinstance(answer, Rejection)
    assert answer.code is RejectionCode.INVALID_REQUEST
    assert says in answer.message
    assert not house.store.state.batches
