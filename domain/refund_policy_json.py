"""Refund policies as JSON: how they are stored and how they travel.

Reading is strict. A document that is wrong in any way raises one kind of error, ValueError, in words for people.
"""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from domain.refund_policies import ExchangeRule, ReasonRule, RefundPolicy, RefundReason, RefundWindow, TierRule
from domain.tiers import TierId

LANGUAGE = 1
"""Which language of rules a stored policy speaks, so that a later one may mean something else."""

_AMOUNTS = ("handling_minor", "kept_minor_min", "ticket_minor_max", "order_minor_max", "approval_minor_over")
_FIELDS = frozenset({"language", "windows", "fees_returned", "tiers", "reasons", "restock", "exchange", *_AMOUNTS})
_EXCHANGE_FIELDS = frozenset({"hours_before", "basis_points", "fees_returned", "fee_minor", "anywhere"})


def to_json(policy: RefundPolicy) -> dict[str, object]:
    """Everything but the version, which is the store's. A rule that is not there is not written, so that policies
    which were stored before exchanges existed read and compare as they always did.
    """
    return {
        **({"exchange": _exchange_to_json(policy.exchange)} if policy.exchange else {}),
        "language": LANGUAGE,
        "windows": _windows_to_json(policy.windows),
        "fees_returned": policy.fees_returned,
        "tiers": [
            {"tier": str(rule.tier_id), "windows": _windows_to_json(rule.windows), "fees_returned": rule.fees_returned}
            for rule in policy.tiers
        ],
        "reasons": [
            {"reason": rule.reason.value, "basis_points": rule.basis_points, "fees_returned": rule.fees_returned}
            for rule in policy.reasons
        ],
        "restock": policy.restock,
        **{name: getattr(policy, name) for name in _AMOUNTS},
    }


def from_json(document: Mapping[str, object], *, version: int = 0) -> RefundPolicy:
    """The policy that this document says. Raises ValueError, in words for people, when it says none."""
    if unknown := set(document) - _FIELDS:
        raise ValueError(f"a refund policy knows no “{min(unknown)}”")
    if document.get("language") != LANGUAGE:
        raise ValueError(f"this refund policy does not speak language {LANGUAGE}")
    return RefundPolicy(
        windows=_windows(document.get("windows")),
        fees_returned=_truth(document.get("fees_returned"), "fees_returned"),
        tiers=tuple(_tier_rule(each) for each in _list(document.get("tiers"), "tiers")),
        reasons=tuple(_reason_rule(each) for each in _list(document.get("reasons"), "reasons")),
        handling_minor=_whole(document.get("handling_minor"), "handling_minor"),
        kept_minor_min=_whole(document.get("kept_minor_min"), "kept_minor_min"),
        ticket_minor_max=_whole_or_none(document.get("ticket_minor_max"), "ticket_minor_max"),
        order_minor_max=_whole_or_none(document.get("order_minor_max"), "order_minor_max"),
        approval_minor_over=_whole_or_none(document.get("approval_minor_over"), "approval_minor_over"),
        restock=_truth(document.get("restock"), "restock"),
        exchange=_exchange_rule(document["exchange"]) if "exchange" in document else None,
        version=version,
    )


def _exchange_to_json(rule: ExchangeRule) -> dict[str, object]:
    return {
        "hours_before": rule.hours_before,
        "basis_points": rule.basis_points,
        "fees_returned": rule.fees_returned,
        "fee_minor": rule.fee_minor,
        "anywhere": rule.anywhere,
    }


def _exchange_rule(value: object) -> ExchangeRule:
    rule = _object(value, "the rule for exchanges")
    if unknown := set(rule) - _EXCHANGE_FIELDS:
        raise ValueError(f"a rule for exchanges knows no “{min(unknown)}”")
    return ExchangeRule(
        hours_before=_whole(rule.get("hours_before"), "hours_before"),
        basis_points=_whole(rule.get("basis_points"), "basis_points"),
        fees_returned=_truth(rule.get("fees_returned"), "fees_returned"),
        fee_minor=_whole(rule.get("fee_minor"), "fee_minor"),
        anywhere=_truth(rule.get("anywhere"), "anywhere"),
    )


def _windows_to_json(windows: tuple[RefundWindow, ...]) -> list[list[int]]:
    return [[window.hours_before, window.basis_points] for window in windows]


def _windows(value: object) -> tuple[RefundWindow, ...]:
    windows = []
    for each in _list(value, "windows"):
        if not isinstance(each, list) or len(each) != 2:
            raise ValueError("a window is a pair: hours before the start, basis points")
        hours, points = each
        windows.append(RefundWindow(hours_before=_whole(hours, "hours"), basis_points=_whole(points, "basis points")))
    return tuple(windows)


def _tier_rule(value: object) -> TierRule:
    rule = _object(value, "a tier's rule")
    try:
        tier_id = TierId(UUID(str(rule.get("tier"))))
    except ValueError as error:
        raise ValueError("a tier's rule names its tier by id") from error
    fees = _truth(rule.get("fees_returned"), "fees_returned")
    return TierRule(tier_id=tier_id, windows=_windows(rule.get("windows")), fees_returned=fees)


def _reason_rule(value: object) -> ReasonRule:
    rule = _object(value, "a reason's rule")
    return ReasonRule(
        reason=RefundReason(str(rule.get("reason"))),
        basis_points=_whole(rule.get("basis_points"), "basis_points"),
        fees_returned=_truth(rule.get("fees_returned"), "fees_returned"),
    )


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is an object")  # noqa: TRY004
    return cast("Mapping[str, object]", value)


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"“{name}” is a list")  # noqa: TRY004
    return cast("list[object]", value)


def _truth(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"“{name}” is true or false")  # noqa: TRY004
    return value


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"“{name}” is a whole number")  # noqa: TRY004
    return value


def _whole_or_none(value: object, name: str) -> int | None:
    return None if value is None else _whole(value, name)
