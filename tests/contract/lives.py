"""Lives of a purchase, told as acts: what buyers and staff do, what the world does, and what happens by itself.

When the process dies in an act, buyers and staff do theirs again (a click that was not answered), and what happens by
itself is left to the restart: a webhook that was lost stays lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.errors import ProviderUnavailable
from domain.holds import HoldId
from domain.orders import PROVIDER_SILENCE_SECONDS_MAX as SILENCE_SECONDS
from domain.orders import Order, OrderState, StockState
from domain.payments import PaymentState
from domain.refunds import RefundState
from domain.tickets import TicketState
from tests.contract.mortal_house import End, Killed, MortalHouse
from tests.fakes.sales import general

UNITS = 2
TOTAL = UNITS * (4_500 + 450)


@dataclass(slots=True)
class Play:
    """One life under way."""

    house: MortalHouse
    hold_id: HoldId | None = None
    refunded: bool = False

    @property
    def order(self) -> Order:
        assert self.hold_id is not None
        return self.house.order_of(self.hold_id)

    def ends(self) -> tuple[End, ...]:
        return (self.house.end(self.order),)

    def wrongs(self) -> list[str]:
        """What somebody would have to look into."""
        return self.house.wrongs()


@dataclass(frozen=True, slots=True)
class Act:
    """``again``: whoever did it does it again when nobody answered."""

    does: Callable[[Play], object]
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    name: str
    acts: tuple[Act, ...]
    end: End
    deaths: tuple[str, ...] = field(default=())
    """The steps after which it is cut short."""

    @property
    def ends(self) -> tuple[End, ...]:
        """Of every order that it is about."""
        return (self.end,)

    def begin(self, house: MortalHouse) -> Play:
        """What happened before, without any trouble."""
        return Play(house)

    def live(self, play: Play) -> None:
        """All acts, with a death on the way if the house has one coming, and then time to come to rest."""
        house = play.house
        for act in self.acts:
            try:
                act.does(play)
            except (Killed, ProviderUnavailable):
                house.restart()
                if act.again:
                    act.does(play)
        house.restart()


def click(does: Callable[[Play], object]) -> Act:
    return Act(does, again=True)


def by_itself(does: Callable[[Play], object]) -> Act:
    return Act(does, again=False)


def _hold(play: Play) -> None:
    hold = play.house.hold(general(play.house.sale, UNITS))
    play.hold_id = hold.id  # type: ignore[union-attr]  # a refusal would fail here as well


def _checkout(play: Play) -> None:
    assert play.hold_id is not None
    play.house.checkout(play.hold_id)


def _refund(play: Play) -> None:
    play.house.refund(play.order.id)


def _let_the_bank_take_its_time(play: Play) -> None:
    play.house.let_refunds_wait()


def _page_expires(play: Play) -> None:
    play.house.money.gateway.close_checkout(session_id=play.house.session(play.order))


def _captured_by_hand(play: Play) -> None:
    house = play.house
    house.money.gateway.capture(intent_id=house.intent(play.order), amount=play.order.total, key="by hand")


def _time_is_up(play: Play) -> None:
    play.house.advance(seconds=play.house.sale.terms.payment_seconds)


def _bank_decides(play: Play) -> None:
    play.house.sandbox.advance(2 * 3_600)


HOLD = click(_hold)
CHECK_OUT = click(_checkout)
PAGE_EXPIRES = by_itself(_page_expires)
CAPTURED_BY_HAND = by_itself(_captured_by_hand)
PAY = by_itself(lambda play: play.house.pay(play.order))
PAY_RISKILY = by_itself(lambda play: play.house.pay_riskily(play.order))
WEBHOOK = by_itself(lambda play: play.house.settle(play.order.id))
WORKERS = by_itself(lambda play: play.house.drain())
SWEEP = by_itself(lambda play: play.house.expire_due())
TIME_IS_UP = by_itself(_time_is_up)
APPROVE = click(lambda play: play.house.review(play.order.id, approve=True))
REJECT = click(lambda play: play.house.review(play.order.id, approve=False))
CANCEL_EVENT = click(lambda play: play.house.cancel_event())
REFUND = click(_refund)

_CONFIRMED = End(
    order=OrderState.CONFIRMED,
    stock=StockState.ALLOCATED,
    payments=(PaymentState.CAPTURED,),
    tickets=(TicketState.VALID,) * UNITS,
    taken=TOTAL,
)
_VOIDED = End(order=OrderState.CANCELLED, stock=StockState.RELEASED, payments=(PaymentState.VOIDED,))

PURCHASE = (HOLD, CHECK_OUT, PAY, WEBHOOK, WORKERS)

ORDERED = ("rebuild_sale._raise_epoch", "start_checkout._place_order", "open_checkout", "start_checkout._open_page")
SETTLED = ("look_up", "settle_payment._apply")
TAKEN = ("capture", "capture_payment._record")
LET_GO = ("void", "capture_payment._end_void")
SENT_BACK = ("refund", "send_refund._report")

LIVES = (
    Life(name="purchase", acts=PURCHASE, deaths=(
            *ORDERED, *SETTLED, "drain_outbox.drain_outbox", *TAKEN, "drain_outbox._account",
            "drain_outbox.drain_outbox 2", "drain_outbox._account 2", "send_sms.send_sms", "send_sms.send_sms 2",
            "drain_outbox._account 3",
        ),
        end=_CONFIRMED),
    Life(
        name="approved",
        acts=(HOLD, CHECK_OUT, PAY_RISKILY, WEBHOOK, APPROVE, WORKERS),
        deaths=(*SETTLED, "review_order._decide", *TAKEN),
        end=_CONFIRMED,
    ),
    Life(name="rejected", acts=(HOLD, CHECK_OUT, PAY_RISKILY, WEBHOOK, REJECT, WORKERS),
        deaths=("review_order._decide", "drain_outbox.drain_outbox", *LET_GO, "drain_outbox._account"),
        end=_VOIDED),
    Life(
        name="abandoned",
        acts=(HOLD, CHECK_OUT, TIME_IS_UP, SWEEP, WORKERS),
        deaths=(
            "start_checkout._open_page", "expire_order._begin", "close_checkout", "expire_order._end",
            "drain_outbox.drain_outbox", "drain_outbox._account",
        ),
        end=End(order=OrderState.EXPIRED, stock=StockState.RELEASED, payments=(PaymentState.EXPIRED,)),
    ),
    Life(name="paid in the last moment", acts=(HOLD, CHECK_OUT, TIME_IS_UP, PAY, SWEEP, WORKERS),
        deaths=("expire_order._begin", "close_checkout", *SETTLED, *TAKEN),
        end=_CONFIRMED),
    Life(
        name="paid while the provider was silent",
        acts=(
            HOLD, CHECK_OUT, PAY, by_itself(lambda play: play.house.silence_provider()), TIME_IS_UP, SWEEP,
            by_itself(lambda play: play.house.advance(seconds=SILENCE_SECONDS)), SWEEP, WORKERS,
            by_itself(lambda play: play.house.provider_speaks()), WEBHOOK, WORKERS,
        ),
        deaths=(
            "expire_order._begin", "expire_order._begin 2", "expire_order._let_places_go",
            "drain_outbox.drain_outbox", "drain_outbox._account", *SETTLED, "drain_outbox._account 2", *TAKEN,
        ),
        end=_CONFIRMED,
    ),
    Life(
        name="a second page",
        acts=(HOLD, CHECK_OUT, PAGE_EXPIRES, CHECK_OUT, PAY, WEBHOOK, WORKERS),
        deaths=(
            "look_up", "pay_again._next_attempt", "open_checkout 2", "start_checkout._open_page 2", "look_up 2",
            "settle_payment._apply", *TAKEN,
        ),
        end=End(
            order=OrderState.CONFIRMED, stock=StockState.ALLOCATED, tickets=(TicketState.VALID,) * UNITS, taken=TOTAL,
            payments=(PaymentState.EXPIRED, PaymentState.CAPTURED),
        ),
    ),
    Life(name="event cancelled", acts=(HOLD, CHECK_OUT, PAY, WEBHOOK, CANCEL_EVENT, WORKERS),
        deaths=("catalogue_changes.cancel_event", "capture_payment._let_go_instead", *LET_GO),
        end=_VOIDED),
    Life(
        name="event cancelled before payment",
        acts=(HOLD, CHECK_OUT, CANCEL_EVENT, SWEEP, WORKERS),
        deaths=("catalogue_changes.cancel_event", "expire_order._begin", "close_checkout", "expire_order._end"),
        end=End(order=OrderState.CANCELLED, stock=StockState.RELEASED, payments=(PaymentState.EXPIRED,)),
    ),
    Life(
        name="taken by hand after it was let go",
        acts=(HOLD, CHECK_OUT, PAY_RISKILY, WEBHOOK, REJECT, CAPTURED_BY_HAND, WORKERS),
        deaths=("look_up 2", "capture_payment._end_void", *SENT_BACK),
        end=End(
            order=OrderState.CANCELLED, stock=StockState.RELEASED, payments=(PaymentState.CAPTURED,),
            refunds=(RefundState.SUCCEEDED,), taken=TOTAL, returned=TOTAL,
        ),
    ),
    Life(
        name="refund",
        acts=(*PURCHASE, REFUND, WORKERS),
        deaths=("request_refund._request", "drain_outbox.drain_outbox 4", *SENT_BACK, "drain_outbox._account 5"),
        end=End(
            order=OrderState.REFUNDED, stock=StockState.ALLOCATED, payments=(PaymentState.CAPTURED,),
            tickets=(TicketState.VOID,) * UNITS, refunds=(RefundState.SUCCEEDED,), taken=TOTAL, returned=UNITS * 4_500,
        ),
    ),
    Life(
        name="refund that the bank thinks about",
        acts=(by_itself(_let_the_bank_take_its_time), *PURCHASE, REFUND, WORKERS, by_itself(_bank_decides)),
        deaths=(*SENT_BACK, "find_refund", "send_refund._report 2"),
        end=End(
            order=OrderState.REFUNDED, stock=StockState.ALLOCATED, payments=(PaymentState.CAPTURED,),
            tickets=(TicketState.VOID,) * UNITS, refunds=(RefundState.SUCCEEDED,), taken=TOTAL, returned=UNITS * 4_500,
        ),
    ),
)  # fmt: skip
