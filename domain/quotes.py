"""Quotes: what a policy gives back for tickets now, line by line, and why.

The same function quotes and decides, so what a buyer is shown is what a buyer gets.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from domain.errors import Rejection, RejectionCode
from domain.money import CurrencyCode, Money, charge_step, in_words, zero
from domain.orders import PAID, Order
from domain.refund_policies import RefundPolicy, RefundReason, Share
from domain.refunds import Refund, RefundedTicket, RefundState, frozen, given_back
from domain.tickets import Ticket, TicketId, TicketState

DIGEST_LENGTH = 24
"""Characters of a quote's digest: 96 bits, which nobody meets by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteItem:
    """One step of a quote: ``what``, how much it adds (or, negative, takes off), and why."""

    what: str
    amount: Money
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """One ticket of a quote. ``kept`` is what was paid for it and does not come back; ``items`` lead to the amount.

    ``until``: when this offer ends, where the policy names a time.
    """

    part: RefundedTicket
    kept: Money
    why: str
    items: tuple[QuoteItem, ...] = ()
    until: datetime | None = None

    @property
    def ticket_id(self) -> TicketId:
        return self.part.ticket_id

    @property
    def amount(self) -> Money:
        return self.part.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What each ticket would give back now, line by line. ``total`` may be nothing.

    A quote without lines is money that goes back while no ticket changes. ``needs_approval``: it is more than one
    person may decide; ``restock``: the places go back on sale; both as ``policy_version`` of the event says.
    """

    lines: tuple[QuoteLine, ...]
    total: Money
    restock: bool = True
    needs_approval: bool = False
    policy_version: int = 0

    def __post_init__(self) -> None:
        if self.lines and sum((line.amount for line in self.lines), zero(self.total.currency)) != self.total:
            raise ValueError("a quote's total is the sum of its lines")

    @property
    def parts(self) -> tuple[RefundedTicket, ...]:
        return tuple(line.part for line in self.lines)

    @property
    def digest(self) -> str:
        """Names what was offered: show it with the quote, give it back with the yes, and nothing else is done."""
        offer = [f"{line.ticket_id}={line.amount.amount}" for line in self.lines]
        facts = [str(self.policy_version), self.total.currency, str(self.total.amount), *sorted(offer)]
        return sha256(" ".join(facts).encode()).hexdigest()[:DIGEST_LENGTH]


def quote(
    order: Order,
    tickets: tuple[Ticket, ...],
    *,
    policy: RefundPolicy,
    reason: RefundReason,
    starts_at: datetime,
    now: datetime,
    refunds: tuple[Refund, ...] = (),
) -> Quote | Rejection:
    """What these tickets of a paid order give back now, under the policy they were sold under.

    ``refunds`` are all that the order ever had: together with them no more goes back than was paid.
    """
    if refusal := _refusal(order, tickets):
        return refusal
    if reason is RefundReason.BUYERS_WISH and now > starts_at and all(not t.price.total.amount for t in tickets):
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="The event has begun.")
    room = _room(order, refunds)
    room_at_wish = _room_at_wish(policy, refunds, order.total.currency)
    lines = []
    for ticket in tickets:
        line = _best_line(ticket, policy, reason=reason, starts_at=starts_at, now=now)
        if reason is RefundReason.BUYERS_WISH and room_at_wish is not None:
            line = _at_most(line, room_at_wish, "Most per order", "No order gives back more than this.")
            room_at_wish = room_at_wish - line.amount
        line = _at_most(line, room, "Given back before", "No more goes back than was paid.")
        line = _at_most(line, _chargeable(line.amount), "Rounding", "Banks move thousandths by tens only.")
        room = room - line.amount
        lines.append(line)
    total = sum((line.amount for line in lines), zero(order.total.currency))
    return Quote(
        lines=tuple(lines),
        total=total,
        restock=policy.restock,
        needs_approval=policy.needs_approval(_with_earlier(total, refunds, reason), reason=reason),
        policy_version=policy.version,
    )


def quote_money(
    order: Order, amount: Money, *, policy: RefundPolicy, refunds: tuple[Refund, ...] = ()
) -> Quote | Rejection:
    """Money that goes back out of goodwill while every ticket stays as it is."""
    if refusal := _refusal(order, ()):
        return refusal
    room = _room(order, refunds)
    if amount.currency == order.total.currency and amount != _chargeable(amount):
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="Banks move thousandths by tens only.")
    if amount.currency != order.total.currency or not 0 < amount.amount <= room.amount:
        return Rejection(
            code=RejectionCode.NOT_REFUNDABLE,
            message=f"Give an amount of at most {in_words(room)}: more was not paid, or went back before.",
        )
    approval = policy.needs_approval(
        _with_earlier(amount, refunds, RefundReason.GOODWILL), reason=RefundReason.GOODWILL
    )
    return Quote(lines=(), total=amount, needs_approval=approval, policy_version=policy.version)


def _room(order: Order, refunds: tuple[Refund, ...]) -> Money:
    """What may still be promised. Tickets whose refund failed are void, so their money is owed and not to be spent."""
    currency = order.total.currency
    mended = {refund.replaces for refund in refunds}
    owed = (r.amount for r in refunds if r.state is RefundState.FAILED and r.parts and r.id not in mended)
    left = order.total - given_back(refunds, currency) - sum(owed, zero(currency))
    return max(left, zero(currency), key=lambda amount: amount.amount)


def _chargeable(amount: Money) -> Money:
    """As much of it as a bank can move."""
    return Money(amount.amount - amount.amount % charge_step(amount.currency), amount.currency)


def _with_earlier(amount: Money, refunds: tuple[Refund, ...], reason: RefundReason) -> Money:
    """Together with what went back for the same reason: many small refunds of an order are one large one."""
    return amount + given_back((each for each in refunds if each.reason is reason), amount.currency)


def _room_at_wish(policy: RefundPolicy, refunds: tuple[Refund, ...], currency: CurrencyCode) -> Money | None:
    if policy.order_minor_max is None:
        return None
    at_wish = (each for each in refunds if each.reason is RefundReason.BUYERS_WISH)
    left = policy.order_minor_max - given_back(at_wish, currency).amount
    return Money(max(0, left), currency)


def _refusal(order: Order, tickets: tuple[Ticket, ...]) -> Rejection | None:
    """Why nothing of this order, or not these of its tickets, can be given back, whatever any policy says."""
    if order.frozen_because is not None:
        return frozen(order.frozen_because)
    if order.state not in PAID:
        return Rejection(code=RejectionCode.NOT_REFUNDABLE, message="Only a confirmed order can be refunded.")
    for ticket in tickets:
        if refusal := _ticket_refusal(order, ticket):
            return refusal
    return None


def _ticket_refusal(order: Order, ticket: Ticket) -> Rejection | None:
    if ticket.order_id != order.id:
        return Rejection(code=RejectionCode.UNKNOWN_TICKET, message="This ticket is not part of the order.")
    if ticket.state is TicketState.VOID:
        return Rejection(
            code=RejectionCode.ALREADY_REFUNDED,
            message="This ticket has been refunded already.",
            details={"tickets": [str(ticket.id)]},
        )
    if ticket.state is TicketState.CHECKED_IN:
        return Rejection(
            code=RejectionCode.NOT_REFUNDABLE,
            message="A ticket that was used at the door is not refunded.",
            details={"tickets": [str(ticket.id)]},
        )
    return None


def _best_line(
    ticket: Ticket, policy: RefundPolicy, *, reason: RefundReason, starts_at: datetime, now: datetime
) -> QuoteLine:
    """What the reason grants. Who is owed more by the windows anyway, long before a postponed event, gets that."""
    line = _line(ticket, policy, policy.share_of(ticket.tier_id, reason=reason, starts_at=starts_at, now=now))
    if reason is not RefundReason.POSTPONED:
        return line
    wish = policy.share_of(ticket.tier_id, reason=RefundReason.BUYERS_WISH, starts_at=starts_at, now=now)
    return max(line, _line(ticket, policy, wish), key=lambda each: each.amount.amount)


def _line(ticket: Ticket, policy: RefundPolicy, share: Share) -> QuoteLine:
    price, points = ticket.price, share.basis_points
    nothing = zero(price.total.currency)
    if price.total == nothing:
        part = RefundedTicket(ticket_id=ticket.id, admission=nothing, fee=nothing, tax=nothing)
        return QuoteLine(part=part, kept=nothing, why="This ticket was free: it is given back and no money moves.")
    # A tax goes the way of what it was paid on.
    taxed = (price.admission.amount, price.fee.amount)
    on_admission, on_fee = price.added_tax.split(taxed if any(taxed) else (1, 0))
    part = RefundedTicket(
        ticket_id=ticket.id,
        admission=price.admission.percent(points),
        fee=price.fee.percent(points) if share.fees_returned else nothing,
        tax=on_admission.percent(points) + (on_fee.percent(points) if share.fees_returned else nothing),
    )
    items = [
        QuoteItem(what=what, amount=amount, why=f"{points / 100:g}% of {in_words(paid)}")
        for what, amount, paid in (
            ("Ticket", part.admission, price.admission),
            ("Fee", part.fee, price.fee),
            ("Tax", part.tax, on_admission + on_fee if share.fees_returned else on_admission),
        )
        if amount.amount
    ]
    kept_fee = bool(points and price.fee.amount and not share.fees_returned)
    line = QuoteLine(
        part=part,
        kept=price.total - part.amount,
        why=f"{share.why} The fee is kept." if kept_fee else share.why,
        items=tuple(items),
        until=share.until,
    )
    if share.exchange_fee_minor:
        fee = Money(share.exchange_fee_minor, line.amount.currency)
        left = Money(max(0, line.amount.amount - fee.amount), fee.currency)
        return _at_most(line, left, "Exchange", f"{in_words(fee)} is kept for the exchange.")
    return _bounded(line, policy) if share.bounded else line


def _bounded(line: QuoteLine, policy: RefundPolicy) -> QuoteLine:
    """The line within the policy's amounts, each of which is said where it changes something."""
    currency = line.amount.currency
    paid = line.amount + line.kept
    if policy.handling_minor:
        left = Money(max(0, line.amount.amount - policy.handling_minor), currency)
        line = _at_most(line, left, "Handling", f"{in_words(Money(policy.handling_minor, currency))} is kept.")
    if policy.kept_minor_min:
        left = Money(max(0, paid.amount - policy.kept_minor_min), currency)
        least = in_words(Money(policy.kept_minor_min, currency))
        line = _at_most(line, left, "Minimum kept", f"At least {least} is kept.")
    if policy.ticket_minor_max is not None:
        most = Money(policy.ticket_minor_max, currency)
        line = _at_most(line, most, "Most per ticket", f"No ticket gives back more than {in_words(most)}.")
    return line


def _at_most(line: QuoteLine, most: Money, what: str, why: str) -> QuoteLine:
    """The line cut down to ``most``: the admission first, then the fee, then the tax."""
    too_much = line.amount - most
    if too_much.amount <= 0:
        return line
    left, part = too_much.amount, line.part
    cut = []
    for amount in (part.admission, part.fee, part.tax):
        less = min(left, amount.amount)
        left -= less
        cut.append(Money(amount.amount - less, amount.currency))
    admission, fee, tax = cut
    return replace(
        line,
        part=RefundedTicket(ticket_id=part.ticket_id, admission=admission, fee=fee, tax=tax),
        kept=line.kept + too_much,
        why=f"{line.why} {why}",
        items=(*line.items, QuoteItem(what=what, amount=zero(most.currency) - too_much, why=why)),
    )
