"""Bookings: which journal each fact of the money's story makes.

Functions without any state; the same fact always makes the same journal under the same key, and a key is posted once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.events import EventId
from domain.ledger import Account, Journal, JournalKind, Posting
from domain.money import Money, zero
from domain.orders import Order, OrderId
from domain.payments import Payment, PaymentId
from domain.refund_policies import RefundReason
from domain.refunds import Refund, RefundedTicket, RefundState
from domain.tickets import Ticket, TicketId
from domain.tiers import UnitPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What a dispute moved at the provider, as the provider says: ``amount`` of the charge, and its own ``fee``.

    Both are positive; when a dispute is won they say what came back (the fee may stay away: then it is nothing).
    """

    amount: Money
    fee: Money


def money_captured(order: Order, payment: Payment, *, at: datetime) -> Journal:
    """The provider has the buyer's money. What it buys is told by :func:`order_confirmed`, or by a refund."""
    taken = payment.taken or payment.amount
    return _journal(
        f"captured:{payment.id}",
        JournalKind.MONEY_CAPTURED,
        order,
        at,
        _told(((Account.PROVIDER, taken), (Account.BUYERS, -taken))),
        payment_id=payment.id,
    )


def order_confirmed(order: Order, *, at: datetime) -> Journal | None:
    """Tickets were issued: what the buyer paid belongs to the organiser, to the house and to the tax office.

    None when nothing has a price. A ticket that is free by its promotion still shows its face value and discount.
    """
    sums: dict[Account, Money] = {}
    for line in order.lines:
        for account, amount in _sold(line.unit):
            sums[account] = sums.get(account, zero(amount.currency)) + amount * line.quantity
    taxes = ((line.unit.tax, line.quantity) for line in order.lines)
    postings = (*_told(((Account.BUYERS, order.total), *sums.items())), *_taxes(order, taxes, times=-1))
    if not postings:
        return None
    return Journal(
        key=f"confirmed:{order.id}",
        kind=JournalKind.ORDER_CONFIRMED,
        event_id=order.event_id,
        order_id=order.id,
        at=at,
        postings=postings,
    )


def refund_requested(order: Order, refund: Refund, tickets: tuple[Ticket, ...], *, at: datetime) -> Journal | None:
    """Money is on its way back, and is no longer the organiser's, the house's or the tax office's. None for nothing.

    ``tickets`` are at least those of the refund. A refund that is sent anew takes over what its buyer is owed. One
    without tickets gives back money that had bought nothing, or, where the order has its tickets, what the organiser
    gives as a kindness.
    """
    if refund.amount.amount == 0:
        return None
    if refund.replaces is not None:
        given = _told(((Account.REFUNDS_OWED, refund.amount),))
    elif order.confirmed_at is None or refund.reason is RefundReason.NO_TICKETS:
        given = _told(((Account.BUYERS, refund.amount),))
    else:
        given = _given_back(order, refund, {ticket.id: ticket.price for ticket in tickets})
    return _journal(
        f"refund:{refund.id}:requested",
        JournalKind.REFUND_REQUESTED,
        order,
        at,
        (*given, *_told(((Account.REFUNDS_PENDING, -refund.amount),))),
        refund=refund,
    )


def refund_moved(order: Order, before: Refund, after: Refund, *, at: datetime) -> Journal | None:
    """What the provider said of a refund, if it moves money: it arrived, or it failed, maybe after it had arrived."""
    if before.state is after.state or after.amount.amount == 0:
        return None
    if after.state is RefundState.SUCCEEDED:
        return _journal(
            f"refund:{after.id}:succeeded",
            JournalKind.REFUND_SUCCEEDED,
            order,
            at,
            _told(((Account.REFUNDS_PENDING, after.amount), (Account.PROVIDER, -after.amount))),
            refund=after,
        )
    if after.state is RefundState.FAILED:
        whence = Account.PROVIDER if before.state is RefundState.SUCCEEDED else Account.REFUNDS_PENDING
        return _journal(
            f"refund:{after.id}:failed",
            JournalKind.REFUND_FAILED,
            order,
            at,
            _told(((whence, after.amount), (Account.REFUNDS_OWED, -after.amount))),
            refund=after,
        )
    return None


def refund_paid_by_hand(order: Order, refund: Refund, *, at: datetime) -> Journal:
    """A refund that had failed was paid in another way: the buyer is owed nothing any more."""
    return _journal(
        f"refund:{refund.id}:by-hand",
        JournalKind.REFUND_PAID_BY_HAND,
        order,
        at,
        _told(((Account.REFUNDS_OWED, refund.amount), (Account.PAID_BY_HAND, -refund.amount))),
        refund=refund,
    )


def dispute_opened(order: Order, *, dispute_id: str, withdrawn: Withdrawal, at: datetime) -> Journal:
    """The buyer's bank took the money back for as long as it decides, and the provider charges for its trouble."""
    return _journal(
        f"dispute:{dispute_id}:opened",
        JournalKind.DISPUTE_OPENED,
        order,
        at,
        _told(
            (
                (Account.DISPUTES, withdrawn.amount),
                (Account.DISPUTE_FEES, withdrawn.fee),
                *_moved(withdrawn, times=-1),
            )
        ),
        dispute_id=dispute_id,
    )


def dispute_won(order: Order, *, dispute_id: str, reinstated: Withdrawal, at: datetime) -> Journal:
    """The money is back, and maybe the fee."""
    return _journal(
        f"dispute:{dispute_id}:won",
        JournalKind.DISPUTE_WON,
        order,
        at,
        _told(
            (
                *_moved(reinstated, times=1),
                (Account.DISPUTES, -reinstated.amount),
                (Account.DISPUTE_FEES, -reinstated.fee),
            )
        ),
        dispute_id=dispute_id,
    )


def dispute_lost(order: Order, *, dispute_id: str, amount: Money, owed: Money | None = None, at: datetime) -> Journal:
    """The money is gone: the organiser bears it. The fees and taxes of the sale stay as they were booked.

    ``owed`` is the part that was being given back when the dispute overtook it: the bank has paid that for us.
    """
    overtaken = owed or zero(amount.currency)
    return _journal(
        f"dispute:{dispute_id}:lost",
        JournalKind.DISPUTE_LOST,
        order,
        at,
        _told(
            ((Account.REFUNDS_OWED, overtaken), (Account.CHARGEBACKS, amount - overtaken), (Account.DISPUTES, -amount))
        ),
        dispute_id=dispute_id,
    )


def overtaken_late(order: Order, refund: Refund, *, dispute_id: str, paid: Money, at: datetime) -> Journal | None:
    """A refund is heard to have failed after the dispute that overtook it was booked as lost: the bank has ``paid`` it
    for us, so it is nothing that the organiser bears besides. None for nothing.
    """
    if paid.amount == 0:
        return None
    return _journal(
        f"dispute:{dispute_id}:lost:{refund.id}",
        JournalKind.DISPUTE_LOST,
        order,
        at,
        _told(((Account.REFUNDS_OWED, paid), (Account.CHARGEBACKS, -paid))),
        refund=refund,
        dispute_id=dispute_id,
    )


def dispute_fees_told_later(
    order: Order, *, dispute_id: str, fee: Money, returned: Money, told: Iterable[Journal], at: datetime
) -> tuple[Journal, ...]:
    """What the provider charged for a dispute, or gave back of that, where it told only after the money had moved.

    ``told`` are the order's journals: a fee that one of them has is not told again.
    """
    booked = {journal.key: journal for journal in told}
    moved = ((f"dispute:{dispute_id}:opened", "fee", fee), (f"dispute:{dispute_id}:won", "fee-returned", -returned))
    return tuple(
        _journal(
            f"dispute:{dispute_id}:{name}",
            JournalKind.PROVIDER_FEE,
            order,
            at,
            _told(((Account.DISPUTE_FEES, amount), (Account.PROVIDER, -amount))),
            dispute_id=dispute_id,
        )
        for key, name, amount in moved
        if amount.amount and key in booked and not _tells(booked[key], Account.DISPUTE_FEES)
    )


def provider_fee(
    *, event_id: EventId, order_id: OrderId, payment_id: PaymentId, entry_id: str, fee: Money, at: datetime
) -> Journal | None:
    """What the provider kept for a charge or a refund, as its own books (entry ``entry_id``) say. None for nothing."""
    if fee.amount == 0:
        return None
    return Journal(
        key=f"fee:{entry_id}",
        kind=JournalKind.PROVIDER_FEE,
        event_id=event_id,
        order_id=order_id,
        payment_id=payment_id,
        at=at,
        postings=_told(((Account.PROVIDER_FEES, fee), (Account.PROVIDER, -fee))),
    )


def _sold(price: UnitPrice) -> tuple[tuple[Account, Money], ...]:
    """One ticket's price, part by part, without the buyer's side and what the tax office is owed."""
    nothing = zero(price.face.currency)
    return (
        (Account.FACE_VALUES, -price.face),
        (Account.DISCOUNTS, price.discount),
        (Account.FEES_BORNE, price.absorbed_fee),
        (Account.TAXES_INCLUDED, nothing if price.tax_added else price.tax),
        (Account.FEES_PASSED_ON, -price.fee),
        (Account.FEES_ABSORBED, -price.absorbed_fee),
    )


def _given_back(order: Order, refund: Refund, prices: dict[TicketId, UnitPrice]) -> tuple[Posting, ...]:
    """A refund part by part. What goes beyond its tickets' parts is the organiser's kindness.

    Taxes inside a price are owed no longer in the share in which the price came back.
    """
    nothing = zero(refund.amount.currency)
    admission, fee, included, taxes = refund.amount, nothing, nothing, []
    for part in refund.parts:
        inside = _included_tax(part, prices[part.ticket_id])
        admission, fee, included = admission - part.fee - part.tax, fee + part.fee, included + inside
        taxes.append((part.tax + inside, 1))
    return (
        *_told(
            (
                (Account.ADMISSION_RETURNED, admission),
                (Account.FEES_RETURNED, fee),
                (Account.TAXES_INCLUDED, -included),
            )
        ),
        *_taxes(order, taxes),
    )


def _taxes(order: Order, taxes: Iterable[tuple[Money, int]], *, times: int = 1) -> tuple[Posting, ...]:
    """Each tax by its name and rate: so many tickets' taxes, divided by the rates they were sold under."""
    sums: dict[str, Money] = {}
    for tax, quantity in taxes:
        parts = [(f"{one.name} {one.basis_points / 100:g}%", one.amount) for one in order.price_terms.taxes.parts(tax)]
        for name, amount in parts or [("", tax)]:
            sums[name] = sums.get(name, zero(tax.currency)) + amount * (quantity * times)
    return tuple(
        Posting(account=Account.TAXES, amount=amount, detail=name) for name, amount in sums.items() if amount.amount
    )


def _included_tax(part: RefundedTicket, price: UnitPrice) -> Money:
    given = part.admission + part.fee
    whole = price.admission + price.fee
    if price.tax_added or given.amount == 0:
        return zero(price.tax.currency)
    return price.tax.split((given.amount, max(whole.amount - given.amount, 0)))[0]


def _moved(moved: Withdrawal, *, times: int) -> tuple[tuple[Account, Money], ...]:
    """The provider's side of a dispute. It may charge its fee in the currency that it settles in."""
    if moved.amount.currency == moved.fee.currency:
        return ((Account.PROVIDER, (moved.amount + moved.fee) * times),)
    return ((Account.PROVIDER, moved.amount * times), (Account.PROVIDER, moved.fee * times))


def _journal(
    key: str,
    kind: JournalKind,
    order: Order,
    at: datetime,
    postings: tuple[Posting, ...],
    *,
    payment_id: PaymentId | None = None,
    refund: Refund | None = None,
    dispute_id: str | None = None,
) -> Journal:
    return Journal(
        key=key,
        kind=kind,
        event_id=order.event_id,
        order_id=order.id,
        at=at,
        postings=postings,
        payment_id=refund.payment_id if refund else payment_id,
        refund_id=refund.id if refund else None,
        dispute_id=dispute_id,
    )


def _tells(journal: Journal, account: Account) -> bool:
    return any(posting.account is account for posting in journal.postings)


def _told(postings: Iterable[tuple[Account, Money]]) -> tuple[Posting, ...]:
    """Only what moves something."""
    return tuple(Posting(account=account, amount=amount) for account, amount in postings if amount.amount)
