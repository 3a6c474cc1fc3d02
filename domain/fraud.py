"""Fraud: what we and the provider noticed, weighed into a verdict that can be explained to a person."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

AssessmentId = NewType("AssessmentId", UUID)

DEVICE_ORDERS_PER_HOUR_MAX = 6
ADDRESS_ORDERS_PER_HOUR_MAX = 60
CARD_ORDERS_PER_DAY_MAX = 10


class RiskLevel(StrEnum):
    """The provider's own judgement of a card payment (Stripe Radar's levels)."""

    NORMAL = "normal"
    ELEVATED = "elevated"
    HIGHEST = "highest"
    NOT_ASSESSED = "not_assessed"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    APPROVE = "approve"
    REVIEW = "review"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What may be known of a card. ``fingerprint`` is the provider's, the same for the same card number."""

    fingerprint: str
    brand: str
    last4: str
    country: str
    funding: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """Everything that a verdict rests on. Counts include the order that is being judged."""

    risk: RiskLevel
    review_opened: bool
    device_orders_last_hour: int
    address_orders_last_hour: int
    card_orders_last_day: int
    troubled_orders: int = 0
    """Earlier orders with this card or device that a bank warned of or disputed as fraud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One observation that counted, in words for support."""

    code: str
    message: str
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A verdict and every reason for it. No reason at all means approval."""

    verdict: Verdict
    reasons: tuple[Reason, ...]


def assess(signals: Signals) -> Assessment:
    """The strictest of all rules wins; every rule that spoke is kept as a reason."""
    reasons = tuple(reason for rule in _RULES if (reason := rule(signals)))
    order = [Verdict.APPROVE, Verdict.REVIEW, Verdict.REJECT]
    verdict = max((reason.verdict for reason in reasons), key=order.index, default=Verdict.APPROVE)
    return Assessment(verdict=verdict, reasons=reasons)


def _provider_risk(signals: Signals) -> Reason | None:
    if signals.risk is RiskLevel.HIGHEST:
        return Reason(code="radar_highest", message="Radar finds this payment highly risky.", verdict=Verdict.REJECT)
    if signals.risk is RiskLevel.ELEVATED or signals.review_opened:
        return Reason(code="radar_elevated", message="Radar finds this payment risky.", verdict=Verdict.REVIEW)
    return None


def _busy_device(signals: Signals) -> Reason | None:
    count, most = signals.device_orders_last_hour, DEVICE_ORDERS_PER_HOUR_MAX
    return _busy("device_velocity", f"{count} orders from one device within an hour", count, most)


def _busy_address(signals: Signals) -> Reason | None:
    count, most = signals.address_orders_last_hour, ADDRESS_ORDERS_PER_HOUR_MAX
    return _busy("address_velocity", f"{count} orders from one address within an hour", count, most)


def _busy_card(signals: Signals) -> Reason | None:
    count, most = signals.card_orders_last_day, CARD_ORDERS_PER_DAY_MAX
    return _busy("card_velocity", f"{count} orders with one card within a day", count, most)


def _trouble_before(signals: Signals) -> Reason | None:
    count = signals.troubled_orders
    if not count:
        return None
    orders = "An earlier order" if count == 1 else f"{count} earlier orders"
    message = f"{orders} with this card or device ended in a fraud warning or a dispute."
    return Reason(code="trouble_before", message=message, verdict=Verdict.REVIEW)


def _busy(code: str, observed: str, count: int, most: int) -> Reason | None:
    if count <= most:
        return None
    return Reason(code=code, message=f"{observed} (usual: {most} at most).", verdict=Verdict.REVIEW)


_RULES = (_provider_risk, _busy_device, _busy_address, _busy_card, _trouble_before)
