"""An order's page: what state it is in, in plain words, and what can be done about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from application.queries.order_details import OrderDetails
from domain.events import Event, EventState
from domain.orders import PAID, Order, OrderState, StockState
from domain.payments import Payment, PaymentState
from domain.quotes import Quote
from domain.refund_policies import RefundReason
from domain.refund_requests import RefundRequest, RequestState
from domain.refunds import Refund, RefundState, exchanged
from domain.tickets import Ticket, TicketState
from domain.venues import Venue
from entrypoints.http.documents.qr import QUIET_ZONE_MODULES, qr
from entrypoints.http.storefront import wording
from entrypoints.http.storefront.presenters import order_ends
from entrypoints.http.storefront.presenters.order_ends import Telling

CODE_GROUP_LENGTH = 4
_REFUNDED, _EXCHANGED = "refunded", "exchanged"


class Stage(StrEnum):
    """What the buyer is looking at: finer than the order's state, because the payment moves too."""

    TO_PAY = "to_pay"
    SETTLING = "settling"
    RELEASING = "releasing"
    LATE = "late"
    """Back on sale, while the payment provider has not said whether it was paid in time."""
    IN_REVIEW = "in_review"
    CONFIRMED = "confirmed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCard:
    id: str
    tier: str
    zone: str
    place: str
    price: str
    code: str
    qr: str
    valid: bool
    void: bool
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    amount: str
    tickets: str
    when: str
    state: str
    waiting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteStep:
    what: str
    amount: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRow:
    ticket_id: str
    place: str
    paid: str
    amount: str
    nothing: bool
    why: str
    steps: tuple[QuoteStep, ...]
    until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """Everything on the page that is worked out. ``facts_tag`` changes when anything a buyer can see does."""

    stage: Stage
    telling: Telling
    waiting: bool
    facts_tag: str
    tickets: tuple[TicketCard, ...]
    refunds: tuple[RefundRow, ...]
    refundable: bool
    refunded: str | None
    day: str
    doors: str
    starts: str
    placed_at: str
    deadline: str
    card: str | None
    calendar_link: str


def view(details: OrderDetails, *, calendar_link: str) -> OrderView:
    """The page of an order as it is now."""
    order, payment, event, venue = details.order, details.payment, details.event, details.venue
    zone = venue.timezone
    card = payment.card if payment else None
    return OrderView(
        stage=stage(order, payment),
        telling=telling(order, payment, details.refunds, event=event, venue=venue),
        waiting=waiting(order, payment, details.refunds),
        facts_tag=facts_tag(details),
        tickets=tuple(
            ticket_card(ticket, details.refunds, frozen=order.frozen_because is not None) for ticket in details.tickets
        ),
        refunds=(
            *(refund_row(refund, timezone=zone) for refund in standing(details.refunds)),
            *(
                request_row(request, timezone=zone)
                for request in details.refund_requests
                if request.state is not RequestState.APPROVED
            ),
        ),
        refundable=refundable(details),
        refunded=wording.money(order.refunded) if order.refunded.amount else None,
        day=wording.day(event.starts_at, zone),
        doors=wording.clock(event.doors_at, zone),
        starts=wording.clock(event.starts_at, zone),
        placed_at=wording.day_and_clock(order.placed_at, zone),
        deadline=order.deadline_at.isoformat(),
        card=f"{card.brand.capitalize()} ending in {card.last4}" if card else None,
        calendar_link=calendar_link,
    )


def refundable(details: OrderDetails) -> bool:
    """Whether there is a ticket left to ask about, and nobody is deciding about others already."""
    valid = any(ticket.state is TicketState.VALID for ticket in details.tickets)
    deciding = any(request.state is RequestState.WAITING for request in details.refund_requests)
    return details.order.state in PAID and valid and not deciding and details.order.frozen_because is None


def standing(refunds: Iterable[Refund]) -> tuple[Refund, ...]:
    """Refunds as their buyer counts them: one that failed and was made good since is told by what replaced it."""
    every = tuple(refunds)
    made_good = {refund.replaces for refund in every}
    return tuple(refund for refund in every if refund.id not in made_good)


def facts_tag(details: OrderDetails) -> str:
    """A digest of every state on the page: cheap to compare, and the same until something happens."""
    order, payment = details.order, details.payment
    facts = (
        order.state,
        order.stock,
        order.deadline_at,
        order.frozen_because,
        payment and (payment.state, payment.failure, payment.checkout_url),
        [(ticket.id, ticket.state) for ticket in details.tickets],
        [(refund.id, refund.state) for refund in details.refunds],
        [(request.id, request.state) for request in details.refund_requests],
        [(other.id, other.state) for other in details.exchanged_by],
    )
    return sha256(repr(facts).encode()).hexdigest()[:20]


def stage(order: Order, payment: Payment | None) -> Stage:
    """Where the purchase stands for its buyer."""
    if order.state in PAID:
        return Stage.CONFIRMED
    if order.state is OrderState.IN_REVIEW:
        return Stage.IN_REVIEW
    if order.state is not OrderState.AWAITING_PAYMENT:
        return Stage.ENDED
    if payment is not None and payment.has_money:
        return Stage.SETTLING
    if order.stock is StockState.RELEASED:
        return Stage.LATE
    return Stage.RELEASING if order.stock is StockState.RELEASING else Stage.TO_PAY


def waiting(order: Order, payment: Payment | None, refunds: Iterable[Refund]) -> bool:
    """Whether the page may change by itself soon, so that looking again makes sense."""
    if any(refund.state in {RefundState.REQUESTED, RefundState.PENDING} for refund in refunds):
        return True
    return stage(order, payment) not in {Stage.CONFIRMED, Stage.ENDED}


def telling(
    order: Order, payment: Payment | None, refunds: tuple[Refund, ...], *, event: Event, venue: Venue
) -> Telling:
    """The headline for the page as it is now."""
    now_at = stage(order, payment)
    if now_at is Stage.TO_PAY:
        return _to_pay(payment, wording.clock(order.deadline_at, venue.timezone), venue, order)
    if now_at is Stage.CONFIRMED and order.frozen_because is not None:
        return _DISPUTED
    if now_at is Stage.CONFIRMED:
        text = f"Show the code at the door. Doors open at {wording.clock(event.doors_at, venue.timezone)}."
        if order.state is OrderState.PARTIALLY_REFUNDED:
            text = f"{text} Some of your tickets were {_gone(order, refunds)}; the others stay valid."
        if order.retaken_epoch is not None:
            text = f"{text} {order_ends.OTHER_SEATS if order.seats else order_ends.LATE_AND_FINE}"
        return Telling(title="See you there.", text=text, mood="good")
    # A batch gives back the tickets of an order like this only where its event does not take place.
    off = event.state is EventState.CANCELLED or any(refund.batch_id is not None for refund in refunds)
    return _TELLINGS.get(now_at) or order_ends.ending(
        order, payment, cancelled=off, exchanged=_gone(order, refunds) == _EXCHANGED
    )


def _gone(order: Order, refunds: tuple[Refund, ...]) -> str:
    """What became of the tickets of this order that are valid no more."""
    moved = exchanged(refunds)
    back = _REFUNDED if order.total.amount else "given back"
    if not moved:
        return back
    others = any(ticket_id not in moved for refund in refunds for ticket_id in refund.tickets)
    return f"{_EXCHANGED} or {back}" if others else _EXCHANGED


def ticket_card(ticket: Ticket, refunds: tuple[Refund, ...], *, frozen: bool) -> TicketCard:
    """One ticket with its code as QR. Black on white in every theme: scanners need it.

    A code that the door would refuse, because the order is frozen, is not shown as if it were good.
    """
    groups = [ticket.code[i : i + CODE_GROUP_LENGTH] for i in range(0, len(ticket.code), CODE_GROUP_LENGTH)]
    return TicketCard(
        id=str(ticket.id),
        tier=ticket.tier_name,
        zone=ticket.zone,
        place=ticket.place,
        price=wording.price(ticket.price.total),
        code=" ".join(groups),
        qr=qr_svg(ticket.code, label=f"QR code of the ticket for {ticket.zone}, {ticket.place}"),
        valid=ticket.state is TicketState.VALID and not frozen,
        void=ticket.state is TicketState.VOID,
        state="On hold" if frozen and ticket.state is TicketState.VALID else _standing(ticket, refunds),
    )


def _standing(ticket: Ticket, refunds: tuple[Refund, ...]) -> str:
    """What became of a ticket. Void without a refund is what a dispute leaves: the bank returned the money, not we."""
    if ticket.state is TicketState.CHECKED_IN:
        return "Used at the door"
    if ticket.state is TicketState.VALID:
        return "Valid"
    if not any(ticket.id in refund.tickets for refund in refunds):
        return "No longer valid"
    if ticket.id in exchanged(refunds):
        return "Exchanged"
    return "Refunded" if ticket.price.total.amount else "Given back"


def qr_svg(code: str, *, label: str) -> str:
    """The code as an inline SVG; attributes only, because the policy forbids styles."""
    text: str = qr(code).svg_inline(border=QUIET_ZONE_MODULES, omitsize=True, title=label, light="#fff", svgclass="qr")
    return text.replace("<svg ", '<svg role="img" ', 1)


def refund_row(refund: Refund, *, timezone: str) -> RefundRow:
    """Money on its way back, or arrived. What was free has nothing to wait for."""
    free = refund.payment_id is None
    return RefundRow(
        amount="Given back" if free else wording.money(refund.amount),
        tickets="a payment that bought no tickets"
        if refund.reason is RefundReason.NO_TICKETS
        else _tickets(len(refund.tickets)),
        when=wording.day_and_clock(refund.completed_at or refund.requested_at, timezone),
        state="Nothing was paid, so no money moves"
        if free
        else {
            RefundState.REQUESTED: "On its way to your bank",
            RefundState.PENDING: "On its way to your bank",
            RefundState.SUCCEEDED: "Paid to you in another way"
            if refund.by_hand
            else "Sent to your card; banks show it within 5 to 10 days",
            RefundState.FAILED: "Your bank did not take it. We will contact you to find another way",
        }[refund.state],
        waiting=refund.state in {RefundState.REQUESTED, RefundState.PENDING},
    )


def request_row(request: RefundRequest, *, timezone: str) -> RefundRow:
    """A refund that somebody has to agree to first, or did not."""
    return RefundRow(
        amount=wording.money(request.amount),
        tickets=_tickets(len(request.tickets)),
        when=wording.day_and_clock(request.decided_at or request.requested_at, timezone),
        state={
            RequestState.WAITING: "Waiting for approval. Your tickets stay valid until then",
            RequestState.DECLINED: f"Not granted: {request.note}",
            RequestState.LAPSED: f"Withdrawn: {request.note}",
            RequestState.APPROVED: "Approved",
        }[request.state],
        waiting=request.state is RequestState.WAITING,
    )


def _tickets(count: int) -> str:
    return wording.count(count, "ticket") if count else "your order, out of goodwill"


def quote_rows(quote: Quote, tickets: Iterable[Ticket], *, timezone: str) -> tuple[QuoteRow, ...]:
    """What each ticket would give back, how that adds up, and until when."""
    every = tuple(tickets)
    by_id = {ticket.id: ticket for ticket in every}
    number = {ticket.id: position for position, ticket in enumerate(every, start=1)}
    return tuple(
        QuoteRow(
            ticket_id=str(line.ticket_id),
            place=_place(by_id[line.ticket_id], number[line.ticket_id]),
            paid=wording.money(by_id[line.ticket_id].price.total),
            amount=wording.money(line.amount),
            nothing=line.amount.amount == 0,
            why=line.why,
            steps=tuple(
                QuoteStep(what=step.what, amount=wording.money(step.amount), why=step.why) for step in line.items
            ),
            until=wording.day_and_clock(line.until, timezone) if line.until and line.amount.amount else None,
        )
        for line in quote.lines
    )


def _place(ticket: Ticket, number: int) -> str:
    """Tickets without a seat look alike, so they are counted."""
    if ticket.seat is None:
        return f"{ticket.tier_name}, ticket {number}"
    return f"{ticket.tier_name}: {ticket.zone}, {ticket.place}"


def _to_pay(payment: Payment | None, until: str, venue: Venue, order: Order) -> Telling:
    kept = f"Your places are kept until {until}, {wording.zone_name(order.deadline_at, venue.timezone)}."
    if payment is not None and payment.state in {PaymentState.EXPIRED, PaymentState.LOST}:
        return Telling(
            title="The payment page has expired.",
            text=f"No money was taken. {kept} Continue, and you get a new one.",
            mood="calm",
        )
    if payment is not None and payment.failure:
        return Telling(
            title="That card was declined.",
            text=f"No money was taken. {kept} Please try again, perhaps with another card.",
            mood="sorry",
        )
    return Telling(title="One step left: payment.", text=kept, mood="calm")


_TELLINGS = {
    Stage.SETTLING: Telling(
        title="Your payment arrived.",
        text="We are writing your tickets. This takes a few seconds, and this page shows them by itself.",
        mood="calm",
    ),
    Stage.RELEASING: Telling(
        title="The time to pay is over.",
        text="We are asking the payment provider whether you were just in time. This page tells you by itself.",
        mood="calm",
    ),
    Stage.LATE: order_ends.LATE,
    Stage.IN_REVIEW: Telling(
        title="We are looking at your order.",
        text="A person checks some payments by hand. Your places are safe and no money has been taken yet. "
        "You may close this page and come back by its link.",
        mood="calm",
    ),
}

_DISPUTED = Telling(
    title="Your bank disputes this payment.",
    text="Until it has decided, these tickets cannot be used and nothing can be refunded. If you did not mean to "
    "dispute the payment, please tell your bank, and write to us.",
    mood="sorry",
)
