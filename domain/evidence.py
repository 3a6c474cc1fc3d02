"""Evidence: what we know of a sale, written down for a bank that was not there.

Only what is on file is said, in plain sentences with times in UTC. Keys of devices and network addresses are hashes
(the raw ones are never kept), and are named as such.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.events import Event
from domain.fraud import Assessment
from domain.money import with_code
from domain.orders import Order
from domain.payments import Payment
from domain.ports.messages import Message
from domain.tickets import Ticket, TicketState
from domain.venues import Venue

LINES_PER_SECTION_MAX = 200
"""More than any order has; a bank reads none of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSection:
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The facts of one sale. ``activity`` is what the buyer did and when; ``terms`` is what they agreed to."""

    collected_at: datetime
    buyer_name: str
    buyer_email: str
    product: str
    service_date: str
    """The day of the event, ``2026-12-31``."""
    activity: tuple[str, ...]
    terms: str
    sections: tuple[EvidenceSection, ...]

    def text(self, statement: str) -> str:
        """Everything on one page, the statement first."""
        parts = [statement.strip()] if statement.strip() else []
        parts += ["\n".join((section.title, *(f"- {line}" for line in section.lines))) for section in self.sections]
        parts.append(f"Collected {moment(self.collected_at)}.")
        return "\n\n".join(parts)


def collect(
    order: Order,
    *,
    event: Event,
    venue: Venue,
    payment: Payment,
    tickets: Iterable[Ticket],
    messages: Iterable[Message],
    assessments: Iterable[Assessment],
    terms: str,
    now: datetime,
) -> Evidence:
    """Put together what is on file about an order that was paid."""
    activity = _activity(order, payment, tuple(tickets), tuple(messages))
    sections = (
        EvidenceSection(title=f"Order {order.number}", lines=_order(order, event, venue)),
        EvidenceSection(title="Buyer", lines=_buyer(order)),
        EvidenceSection(title="Payment", lines=_payment(payment, tuple(assessments))),
        EvidenceSection(title="What happened", lines=activity),
        EvidenceSection(title="Terms shown before the purchase", lines=(terms,)),
    )
    return Evidence(
        collected_at=now,
        buyer_name=order.buyer.name,
        buyer_email=order.buyer.email,
        product=f"{order.units} ticket{'s' if order.units > 1 else ''} for {event.name}, {venue.name}, {venue.city}",
        service_date=event.starts_at.astimezone(UTC).date().isoformat(),
        activity=activity,
        terms=terms,
        sections=sections,
    )


def moment(at: datetime) -> str:
    """``2026-11-22 12:00:05 UTC``."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _order(order: Order, event: Event, venue: Venue) -> tuple[str, ...]:
    lines = [
        f"{line.quantity} of {line.tier_name}, {with_code(line.unit.total)} each, {with_code(line.total)} together"
        for line in order.lines
    ]
    return (
        f"Event: {event.name}, {moment(event.starts_at)}, {venue.name}, {venue.address}, {venue.city}",
        *lines[:LINES_PER_SECTION_MAX],
        f"Total: {with_code(order.total)}",
        *((f"Given back so far: {with_code(order.refunded)}",) if order.refunded.amount else ()),
    )


def _buyer(order: Order) -> tuple[str, ...]:
    return (
        f"Name: {order.buyer.name}",
        f"E-mail: {order.buyer.email}",
        f"Telephone: {order.buyer.phone or 'none given'}",
        f"Device (hashed key): {order.fingerprint.device}",
        f"Network address (hashed key): {order.fingerprint.address}",
    )


def _payment(payment: Payment, assessments: tuple[Assessment, ...]) -> tuple[str, ...]:
    lines = [f"Amount: {with_code(payment.amount)}", f"Risk as the provider saw it: {payment.risk.value}"]
    if payment.card is not None:
        card = payment.card
        lines.append(f"Card: {card.brand} ending in {card.last4}, {card.funding}, issued in {card.country}")
    for assessment in assessments:
        reasons = " ".join(reason.message for reason in assessment.reasons) or "Nothing was noticed."
        lines.append(f"Our own assessment: {assessment.verdict.value}. {reasons}")
    return tuple(lines[:LINES_PER_SECTION_MAX])


def _activity(
    order: Order, payment: Payment, tickets: tuple[Ticket, ...], messages: tuple[Message, ...]
) -> tuple[str, ...]:
    """What the buyer did and what was sent to them, oldest first."""
    happened = [
        (order.placed_at, "The order was placed."),
        (payment.created_at, "The buyer was sent to the payment page."),
    ]
    if order.confirmed_at is not None:
        happened.append((order.confirmed_at, "The payment was taken and the tickets were issued."))
    happened.extend(
        (ticket.used_at, f"A ticket was used at the door: {ticket.zone}, {ticket.place}.")
        for ticket in tickets
        if ticket.state is TicketState.CHECKED_IN and ticket.used_at is not None
    )
    for message in messages:
        happened.extend(_sent(message))
    happened.sort(key=lambda each: each[0])
    return tuple(f"{moment(at)}: {what}" for at, what in happened[:LINES_PER_SECTION_MAX])


def _sent(message: Message) -> Iterable[tuple[datetime, str]]:
    """That it was sent; and, where the carrier's report is on file, when it had arrived."""
    name = f" (message {message.provider_id})" if message.provider_id else ""
    if message.delivered_at is None:
        return ((message.created_at, f"An SMS to {message.to} was {message.state.value}{name}."),)
    return (
        (message.created_at, f"An SMS to {message.to} was sent{name}."),
        (message.delivered_at, f"The carrier reported that the SMS to {message.to} had been delivered{name}."),
    )
