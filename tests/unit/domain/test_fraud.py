"""Fraud: the strictest rule decides, and every rule that spoke can be told to a person."""

from dataclasses import replace
from typing import Any

import pytest

from domain.fraud import (
    ADDRESS_ORDERS_PER_HOUR_MAX,
    CARD_ORDERS_PER_DAY_MAX,
    DEVICE_ORDERS_PER_HOUR_MAX,
    RiskLevel,
    Signals,
    Verdict,
    assess,
)

QUIET = Signals(
    risk=RiskLevel.NORMAL,
    review_opened=False,
    device_orders_last_hour=1,
    address_orders_last_hour=1,
    card_orders_last_day=1,
)


def test_an_ordinary_payment_is_approved_without_a_reason() -> None:
    """Nothing noticed, nothing said."""
    assessment = assess(QUIET)
    assert (assessment.verdict, assessment.reasons) == (Verdict.APPROVE, ())


@pytest.mark.parametrize(
    ("field", "most", "code"),
    [
        ("device_orders_last_hour", DEVICE_ORDERS_PER_HOUR_MAX, "device_velocity"),
        ("address_orders_last_hour", ADDRESS_ORDERS_PER_HOUR_MAX, "address_velocity"),
        ("card_orders_last_day", CARD_ORDERS_PER_DAY_MAX, "card_velocity"),
    ],
)
def test_a_count_is_looked_at_above_its_limit_only(field: str, most: int, code: str) -> None:
    """The limit itself is still usual; one more waits for a person, who is told the number."""
    usual: dict[str, Any] = {field: most}
    too_many: dict[str, Any] = {field: most + 1}
    assert assess(replace(QUIET, **usual)).verdict is Verdict.APPROVE
    above = assess(replace(QUIET, **too_many))
    assert above.verdict is Verdict.REVIEW
    assert [reason.code for reason in above.reasons] == [code]
    assert str(most + 1) in above.reasons[0].message


def test_the_strictest_rule_decides_and_all_are_kept() -> None:
    """A rejection is not softened by a review, and both reasons are there to be read."""
    signals = replace(QUIET, risk=RiskLevel.HIGHEST, device_orders_last_hour=DEVICE_ORDERS_PER_HOUR_MAX + 1)
    assessment = assess(signals)
    assert assessment.verdict is Verdict.REJECT
    assert {reason.code for reason in assessment.reasons} == {"radar_highest", "device_velocity"}


def test_a_review_that_radar_opened_counts_at_any_level() -> None:
    """Radar's own rules may open a review of a payment that it scores as normal."""
    assert assess(replace(QUIET, review_opened=True)).verdict is Verdict.REVIEW
