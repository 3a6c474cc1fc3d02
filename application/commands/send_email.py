"""Letters to buyers: composed when they leave, so that they say what is true then and no secret waits in a table."""

from uuid import UUID

from application import letters
from application.access import Access
from domain.order_links import OrderLinkId
from domain.orders import Order, OrderId
from domain.ports.mail import Letter, LetterKind, MailSender
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock
from domain.refunds import RefundId


def send_email(
    kind: LetterKind,
    order_id: OrderId,
    about: UUID,
    *,
    unit_of_work: UnitOfWorkFactory,
    sender: MailSender,
    access: Access,
    clock: Clock,
) -> None:
    """Write to an order's buyer. ``about`` is the order, refund or link that the letter tells of.

    Raises ProviderUnavailable when the mail server cannot take it now, and ProviderRefused when it never will.
    """
    with unit_of_work() as uow:
        order = uow.orders.get(order_id)
        letter = _compose(kind, order, about, uow=uow, access=access, clock=clock)
    if letter is not None:
        sender.send(to=order.buyer.email, letter=letter, key=f"{kind.value}-{about}")


def _compose(
    kind: LetterKind, order: Order, about: UUID, *, uow: UnitOfWork, access: Access, clock: Clock
) -> Letter | None:
    event, url = uow.events.get(order.event_id), access.order_url(order.id)
    match kind:
        case LetterKind.ORDER_CONFIRMED:
            return letters.order_confirmed(order, event, uow.venues.get(event.venue_id), url=url)
        case LetterKind.REFUND_COMPLETED:
            return letters.refund_completed(order, event, uow.refunds.get(RefundId(about)), url=url)
        case LetterKind.REFUND_FAILED:
            return letters.refund_failed(order, event, uow.refunds.get(RefundId(about)), url=url)
        case LetterKind.ORDER_LINK:
            link = uow.order_links.get(OrderLinkId(about))
            # A link that is over helps nobody, and only makes people wonder.
            if link.use(now=clock.now()) is None:
                return None
            return letters.order_link(order, url=access.link_url(link.id))
