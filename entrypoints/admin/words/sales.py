"""What is on sale, on which terms, and for whom."""

from datetime import datetime

from domain.events import EventState, LimitSubject
from domain.money import CurrencyCode, Money
from domain.ports.backoffice import EventFigures
from domain.promotions import Promotion, PromotionKind
from entrypoints.admin.words.amounts import money, plain_percent
from entrypoints.admin.words.labels import Label, label
from entrypoints.admin.words.times import span

RECOGNISED_BY = {
    LimitSubject.DEVICE: "device",
    LimitSubject.ACCOUNT: "account",
    LimitSubject.EMAIL: "e-mail",
    LimitSubject.PHONE: "phone",
}


def recognised(by: frozenset[LimitSubject]) -> str:
    """``device, account, e-mail or phone``: what one person is known by when tickets are counted."""
    names = [name for subject, name in RECOGNISED_BY.items() if subject in by]
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def sale_status(event: EventFigures, now: datetime) -> Label:
    """Whether tickets can be had, and until or from when."""
    if event.state is not EventState.PUBLISHED:
        return label(event.state)
    if now < event.sale_opens_at:
        return Label(f"Opens in {span(event.sale_opens_at - now)}", "waiting")
    if now < event.sale_closes_at:
        return Label("On sale", "good")
    return Label("Sale closed", "plain")


def promotion_does(promotion: Promotion, currency: CurrencyCode) -> str:
    """``10% off``, ``$5.00 off each ticket``, ``opens what it is for``."""
    match promotion.kind:
        case PromotionKind.PERCENT:
            return f"{plain_percent(promotion.value)}% off"
        case PromotionKind.AMOUNT:
            return f"{money(Money(promotion.value, currency))} off each ticket"
        case PromotionKind.NONE:
            return "opens what it is for"


def promotion_state(promotion: Promotion, now: datetime) -> Label:
    """Whether it can be used now."""
    if not promotion.active:
        return Label("Stopped", "plain")
    if promotion.ends_at and promotion.ends_at <= now:
        return Label("Over", "plain")
    if promotion.starts_at and now < promotion.starts_at:
        return Label(f"Starts in {span(promotion.starts_at - now)}", "waiting")
    return Label("Running", "good")
