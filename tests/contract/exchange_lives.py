"""Lives of an exchange: somebody has tickets for one night, and moves some of them to another.

Both orders are looked at in the end. Whatever is interrupted, either the new tickets are valid and the old ones void,
or the old ones are as they were and nothing was taken.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from domain.orders import Order, OrderState, StockState
from domain.payments import PaymentState
from domain.refund_policies import STANDARD_POLICY, ExchangeRule
from domain.refunds import RefundState
from domain.tickets import TicketState
from tests.contract.lives import (
    CAPTURED_BY_HAND,
    CHECK_OUT,
    LET_GO,
    PAGE_EXPIRES,
    PAY,
    SENT_BACK,
    SETTLED,
    SWEEP,
    TAKEN,
    TIME_IS_UP,
    WEBHOOK,
    WORKERS,
    Act,
    Life,
    Play,
    click,
)
from tests.contract.mortal_house import End, MortalHouse
from tests.unit.application.test_exchanges import TwoNights

FLOOR = "z:floor"
HAD, MOVED = 3, 2
"""Tickets of the old order, and those of them that are exchanged."""
FEE = 450
OLD_PRICE = 4_500 + FEE
POLICY = replace(STANDARD_POLICY, exchange=ExchangeRule(hours_before=48))
"""All of the price counts, so that another night at the same price is an even exchange."""
BEFORE = End(
    order=OrderState.CONFIRMED,
    stock=StockState.ALLOCATED,
    payments=(PaymentState.CAPTURED,),
    tickets=(TicketState.VALID,) * HAD,
    taken=HAD * OLD_PRICE,
)
GIVEN_BACK = replace(
    BEFORE,
    order=OrderState.PARTIALLY_REFUNDED,
    tickets=(TicketState.VOID,) * MOVED + (TicketState.VALID,) * (HAD - MOVED),
    refunds=(RefundState.SUCCEEDED,),
    returned=MOVED * OLD_PRICE,
)
USED = replace(BEFORE, tickets=(TicketState.CHECKED_IN,) + (TicketState.VALID,) * (HAD - 1))


@dataclass(slots=True, kw_only=True)
class Moving(Play):
    """``old`` is bought and paid for before the life begins."""

    nights: TwoNights
    old: Order

    def ends(self) -> tuple[End, ...]:
        return self.house.end(self.order), self.house.end(self.old)

    def wrongs(self) -> list[str]:
        wrongs = self.house.wrongs(self.nights.second.id)
        return wrongs + self._unsold(self.old) + self._unsold(self.order)

    def _unsold(self, order: Order) -> list[str]:
        """Every place is free but those of the tickets that are good for it, or were."""
        snapshot = self.house.inventory.snapshot(event_id=order.event_id)
        assert snapshot is not None
        with self.house.uow() as uow:
            levels, tickets = uow.stock.levels(order.event_id), uow.tickets.of_order(order.id)
        due = self.house.sale.capacities()[FLOOR] - sum(ticket.state is not TicketState.VOID for ticket in tickets)
        found = (snapshot.free[FLOOR], levels.free[FLOOR])
        return [] if found == (due, due) else [f"order {order.number}: {due} places should be free, not {found}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeLife(Life):
    """``end`` is the new order's; ``old`` is what became of the old one. ``dearer``: what the new night costs more."""

    old: End
    dearer: int = 0

    @property
    def ends(self) -> tuple[End, ...]:
        return self.end, self.old

    def begin(self, house: MortalHouse) -> Moving:
        nights = TwoNights(house, POLICY, dearer=self.dearer)
        return Moving(house, nights=nights, old=nights.buy(HAD))


def _moving(does: Callable[[Moving], object]) -> Callable[[Play], object]:
    def act(play: Play) -> object:
        assert isinstance(play, Moving)
        return does(play)

    return act


def _reserve(tier: str) -> Act:
    def reserve(play: Moving) -> None:
        play.hold_id = play.nights.reserve(tier, MOVED).id

    return click(_moving(reserve))


def _exchange(play: Moving) -> None:
    assert play.hold_id is not None
    play.nights.check_out(play.hold_id, play.old, MOVED)


RESERVE, RESERVE_FREE = _reserve("general"), _reserve("vip")
EXCHANGE = click(_moving(_exchange))
USE_AN_OLD_ONE = click(_moving(lambda play: play.house.let_in(play.house.tickets(play.old.id)[0].id)))


def _confirmed(dearer: int) -> End:
    return End(
        order=OrderState.CONFIRMED,
        stock=StockState.ALLOCATED,
        payments=(PaymentState.CAPTURED,),
        tickets=(TicketState.VALID,) * MOVED,
        taken=MOVED * (OLD_PRICE + dearer),
    )


_ACTS = (RESERVE, EXCHANGE, PAY, WEBHOOK, WORKERS)
_LATER = ("capture_payment._record", "refund")
"""The moments after the one in which old tickets end and new ones begin."""
_NOTHING = End(order=OrderState.CANCELLED, stock=StockState.RELEASED, payments=(PaymentState.VOIDED,))

EXCHANGE_LIVES = (
    ExchangeLife(
        name="another night that costs more",
        dearer=1_500,
        acts=_ACTS,
        deaths=(
            "start_checkout._place_order", "open_checkout", "start_checkout._open_page", *SETTLED,
            "drain_outbox.drain_outbox", *TAKEN, "drain_outbox._account", "drain_outbox.drain_outbox 2",
            "drain_outbox._account 2", *SENT_BACK, "drain_outbox._account 3",
        ),
        end=_confirmed(1_500),
        old=GIVEN_BACK,
    ),
    ExchangeLife(
        name="another night that costs less", dearer=-1_500, acts=_ACTS, deaths=_LATER, end=_confirmed(-1_500),
        old=GIVEN_BACK,
    ),
    ExchangeLife(
        name="another night at the same price", acts=_ACTS, deaths=_LATER, end=_confirmed(0), old=GIVEN_BACK
    ),
    ExchangeLife(
        name="places that cost nothing",
        acts=(RESERVE_FREE, EXCHANGE, WORKERS),
        deaths=("start_checkout._place_order", "refund"),
        end=End(
            order=OrderState.CONFIRMED, stock=StockState.ALLOCATED, payments=(), tickets=(TicketState.VALID,) * MOVED
        ),
        old=GIVEN_BACK,
    ),
    ExchangeLife(
        name="nobody pays",
        acts=(RESERVE, EXCHANGE, TIME_IS_UP, SWEEP, WORKERS),
        deaths=("close_checkout", "expire_order._end"),
        end=End(order=OrderState.EXPIRED, stock=StockState.RELEASED, payments=(PaymentState.EXPIRED,)),
        old=BEFORE,
    ),
    ExchangeLife(
        name="another page for another night",
        acts=(RESERVE, EXCHANGE, PAGE_EXPIRES, CHECK_OUT, PAY, WEBHOOK, WORKERS),
        deaths=("pay_again._next_attempt", "open_checkout 2"),
        end=replace(_confirmed(0), payments=(PaymentState.EXPIRED, PaymentState.CAPTURED)),
        old=GIVEN_BACK,
    ),
    ExchangeLife(
        name="an old ticket is used before the money is taken",
        acts=(RESERVE, EXCHANGE, PAY, WEBHOOK, USE_AN_OLD_ONE, WORKERS),
        deaths=("check_in.check_in", "capture_payment._let_go_instead", *LET_GO),
        end=_NOTHING,
        old=USED,
    ),
    ExchangeLife(
        name="an old ticket is used when the money was taken by hand",
        acts=(RESERVE, EXCHANGE, PAY, WEBHOOK, CAPTURED_BY_HAND, USE_AN_OLD_ONE, WEBHOOK, WORKERS),
        deaths=("look_up 2", "settle_payment._apply 2", "refund"),
        end=replace(
            _NOTHING, payments=(PaymentState.CAPTURED,), refunds=(RefundState.SUCCEEDED,), taken=MOVED * OLD_PRICE,
            returned=MOVED * OLD_PRICE,
        ),
        old=USED,
    ),
)  # fmt: skip
