"""A buyer who lost the link to an order gets another one, that works once and soon ends."""

import re
from dataclasses import dataclass
from datetime import datetime

from application import effects, letters, trail
from application.access import Access
from application.texts import text_buyer
from domain.audit import BUYER
from domain.errors import NotFound
from domain.order_links import LinkChannel, OrderLink, OrderLinkId
from domain.orders import Order, OrderId
from domain.ports.mail import LetterKind
from domain.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from domain.ports.world import Clock, Ids, Wakeup

PHONE_DIGITS_MIN = 7
_NOT_IN_NUMBERS = re.compile(r"[^0-9A-Z]")
_NOT_DIGITS = re.compile(r"[^0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOrderLink:
    """What somebody says of an order: its number, and the e-mail address or telephone it was bought with."""

    number: str
    contact: str


def send_order_link(
    command: SendOrderLink, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids, access: Access, wakeup: Wakeup
) -> None:
    """Send a one-time link to the order's own buyer, if both belong together. It answers nothing, to nobody."""
    now = clock.now()
    with unit_of_work() as uow:
        order = _named(command.number, uow)
        channel = _channel(order, command.contact, uow) if order is not None else None
        if order is None or channel is None:
            return
        link = OrderLink.fresh(OrderLinkId(ids.uuid()), order.id, channel, now=now)
        uow.order_links.add(link)
        _send(order, link, uow=uow, ids=ids, now=now, access=access)
        uow.audit.add(
            trail.entry(
                BUYER, "order.link_sent", kind="order", subject=order.id, ids=ids, now=now, channel=channel.value
            )
        )
        uow.commit()
    wakeup.outbox_filled()


def order_link_is_good(link_id: OrderLinkId, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> bool:
    """Whether a link whose signature was checked would open its order. Looking spends nothing."""
    with unit_of_work() as uow:
        try:
            return uow.order_links.get(link_id).use(now=clock.now()) is not None
        except NotFound:
            return False


def use_order_link(
    link_id: OrderLinkId, *, unit_of_work: UnitOfWorkFactory, clock: Clock, ids: Ids
) -> OrderId | None:  # fmt: skip
    """Spend a link whose signature was checked: the order that it opens, or None when it is spent or too old."""
    now = clock.now()
    with unit_of_work() as uow:
        try:
            used = uow.order_links.get(link_id, lock=True).use(now=now)
        except NotFound:
            return None
        if used is None:
            return None
        uow.order_links.save(used)
        uow.audit.add(
            trail.entry(
                BUYER, "order.link_used", kind="order", subject=used.order_id, ids=ids, now=now,
                channel=used.channel.value,
            )
        )  # fmt: skip
        uow.commit()
    return used.order_id


def _named(number: str, uow: UnitOfWork) -> Order | None:
    """The order, however its number was typed: small letters, blanks and a missing dash are forgiven."""
    plain = _NOT_IN_NUMBERS.sub("", number.upper())
    half = len(plain) // 2
    for written in dict.fromkeys((f"{plain[:half]}-{plain[half:]}", plain, number.strip())):
        if (order_id := uow.order_links.order_numbered(written)) is not None:
            return uow.orders.get(order_id)
    return None


def _channel(order: Order, contact: str, uow: UnitOfWork) -> LinkChannel | None:
    """How its buyer is reached, if the contact is the buyer's. It goes to what is stored, never to what is typed."""
    typed = contact.strip().lower()
    if typed == order.buyer.email:
        return LinkChannel.EMAIL
    digits = _NOT_DIGITS.sub("", typed).lstrip("0")
    phone = order.buyer.phone
    if phone is None or "@" in typed or len(digits) < PHONE_DIGITS_MIN or not phone.endswith(digits):
        return None
    return None if uow.messages.opted_out(phone) else LinkChannel.SMS


def _send(order: Order, link: OrderLink, *, uow: UnitOfWork, ids: Ids, now: datetime, access: Access) -> None:
    if link.channel is LinkChannel.EMAIL:
        uow.outbox.add(effects.send_email(LetterKind.ORDER_LINK, order.id, link.id, ids=ids, now=now))
        return
    text_buyer(order, letters.link_text(order, url=access.link_url(link.id)), uow=uow, ids=ids, now=now)
