"""How an order ended, in words: exactly what happened, where the money is, and what comes next."""

from dataclasses import dataclass

from domain.orders import Order, OrderState
from domain.payments import Payment, PaymentState
from entrypoints.http.storefront import wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The headline of a state, what it means, and in which mood it is said: calm, good or sorry."""

    title: str
    text: str
    mood: str


LATE = Telling(
    title="We are still waiting for the payment provider.",
    text="It cannot tell us at the moment whether you paid in time, so your places have gone back on sale. "
    "If you did, you get them, or others as good; if there are none left, your money goes back by itself. "
    "There is nothing you need to do: this page tells you by itself.",
    mood="sorry",
)

LATE_AND_FINE = "The payment provider told us late that you had paid in time, and your tickets are safe."
OTHER_SEATS = f"{LATE_AND_FINE} Please look at your seats: they may be others than those you chose."

_GIVEN_BACK = Telling(
    title="You gave your tickets back.",
    text="They are no longer valid, and somebody else can have your places. Nothing was paid, so no money moves.",
    mood="calm",
)

_OFF_AND_FREE = Telling(
    title="Your tickets are no longer valid.",
    text="The event does not take place. Nothing was paid for them, so no money comes back.",
    mood="sorry",
)

_REFUNDED = Telling(
    title="This order was refunded.",
    text="Its tickets are no longer valid. The money goes back to the card you paid with.",
    mood="calm",
)

_EXCHANGED = Telling(
    title="These tickets were exchanged.",
    text="They are no longer valid: the new ones have an order of their own. What was paid for the old ones goes back "
    "to the card you paid with, less what the terms keep of an exchange.",
    mood="calm",
)

_CHARGED_BACK = Telling(
    title="This order was charged back.",
    text="Your bank returned the payment to you, so the tickets are no longer valid.",
    mood="sorry",
)

_TITLES = {
    OrderState.EXPIRED: "This order has expired.",
    OrderState.CANCELLED: "This order was cancelled.",
    OrderState.PAYMENT_FAILED: "The payment did not succeed.",
}


def ending(order: Order, payment: Payment | None, *, cancelled: bool, exchanged: bool = False) -> Telling:
    """What to say of an order that is over. ``cancelled``: so is its event; ``exchanged``: so were all its tickets."""
    if order.state is OrderState.CHARGED_BACK:
        return _CHARGED_BACK
    if order.state is OrderState.REFUNDED:
        if exchanged:
            return _EXCHANGED
        if not order.free_of_charge:
            return _REFUNDED
        return _OFF_AND_FREE if cancelled else _GIVEN_BACK
    places = "" if cancelled else " Its places are back on sale."
    return Telling(title=_TITLES[order.state], text=f"{_why(order)} {_money(payment)}{places}", mood="sorry")


def _why(order: Order) -> str:
    if order.state is OrderState.EXPIRED:
        return "It was not paid in time."
    if order.state is OrderState.PAYMENT_FAILED or not order.ended_because:
        # The bank's own words are for support: they say little to the owner of the card.
        return "Your bank did not hand over the money."
    return f"{order.ended_because[0].upper()}{order.ended_because[1:]}."


def _money(payment: Payment | None) -> str:
    """Where the money is. Nobody should have to ask."""
    if payment is None or payment.state in {PaymentState.STARTING, PaymentState.OPEN, PaymentState.EXPIRED}:
        return "No money was taken."
    if payment.in_vain:
        taken = wording.money(payment.taken or payment.amount)
        return f"The {taken} that were taken go back to your card by themselves; below you see where they are."
    if payment.state is PaymentState.LOST:
        return "No money was taken. Should a payment arrive all the same, it goes back by itself."
    return "No money was taken. If your bank shows an amount as reserved, it lets it go within a few days."
