"""Refund policies as forms, and refunds that wait for somebody else at the desk."""

import re
from dataclasses import replace
from html import unescape

import pytest

from application.commands.request_refund import RequestRefund
from domain.accounts import Role
from domain.audit import BUYER
from domain.orders import OrderState
from domain.refund_policies import (
    STANDARD_POLICY,
    WINDOWS_MAX,
    ExchangeRule,
    RefundPolicy,
    RefundReason,
    RefundWindow,
    TierRule,
)
from domain.refund_requests import RefundRequest, RequestState
from tests.fakes.sales import general
from tests.unit.admin.desk import Browser, Desk

FORM = {
    "percent-all-0": "100", "before-all-0": "30", "unit-all-0": "days",
    "percent-all-1": "50", "before-all-1": "7", "unit-all-1": "days",
    "percent-postponed": "100", "fees-postponed": "yes", "percent-goodwill": "100", "fees-goodwill": "yes",
    "restock": "yes", "version": "1",
}  # fmt: skip
"""The standard policy, as its form says it."""


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def manager(desk: Desk) -> Browser:
    return desk.signed_in(Role.VENUE_MANAGER)


def in_force(desk: Desk) -> RefundPolicy:
    with desk.house.uow() as uow:
        return uow.events.policy(desk.house.event_id)


def save(desk: Desk, browser: Browser, **changes: str) -> int:
    path = f"/events/{desk.house.event_id}/refund-policy"
    return browser.post(path, seen_on=path, **{**FORM, **changes}).status_code


def test_the_form_says_the_policy_and_saving_it_changes_nothing(desk: Desk, manager: Browser) -> None:
    """What is shown is what is in force; the same rules again make no new version."""
    page = manager.page(f"/events/{desk.house.event_id}/refund-policy")
    assert "50% of the ticket price until 7 days before the start" in page
    assert 'value="30"' in page
    assert save(desk, manager) == 303
    assert (in_force(desk), in_force(desk).version) == (STANDARD_POLICY, 1)


def test_every_rule_can_be_typed(desk: Desk, manager: Browser) -> None:
    """Windows in days and hours in any order, a tier's own rules, amounts with their decimals."""
    tier = desk.house.sale.tiers[1]
    changes = {
        "percent-all-2": "12.5", "before-all-2": "36", "unit-all-2": "hours", "fees-all": "yes",
        f"own-{tier.id}": "yes", f"percent-{tier.id}-0": "80", f"before-{tier.id}-0": "0", f"unit-{tier.id}-0": "days",
        "percent-postponed": "90", "handling_minor": "2.50", "ticket_minor_max": "80", "order_minor_max": "200,00",
        "approval_minor_over": "0", "restock": "",
    }  # fmt: skip
    assert save(desk, manager, **changes) == 303
    policy = in_force(desk)
    assert policy.version == 2
    assert policy.windows[2] == RefundWindow(hours_before=36, basis_points=1_250)
    assert policy.tiers == (
        TierRule(tier_id=tier.id, windows=(RefundWindow(hours_before=0, basis_points=8_000),)),
    )  # fmt: skip
    assert policy.reasons[0].basis_points == 9_000
    amounts = (policy.handling_minor, policy.ticket_minor_max, policy.order_minor_max, policy.approval_minor_over)
    assert amounts == (250, 8_000, 20_000, 0)
    assert not policy.restock
    page = manager.page(f"/events/{desk.house.event_id}/refund-policy")
    assert 'value="2.50"' in page
    assert 'value="12.5"' in page


def test_a_rule_for_exchanges_can_be_typed(desk: Desk, manager: Browser) -> None:
    """Switched on it is stored, worded and shown; what cannot be is said at its field; switched off it is gone."""
    rule = {
        "exchange": "yes", "percent-exchange": "90", "before-exchange": "36", "unit-exchange": "hours",
        "fees-exchange": "yes", "exchange_fee_minor": "2.50", "anywhere": "yes",
    }  # fmt: skip
    assert save(desk, manager, **{**rule, "percent-exchange": "0"}) == 422
    assert save(desk, manager, **{**rule, "before-exchange": "soon"}) == 422
    assert save(desk, manager, **rule) == 303
    assert in_force(desk).exchange == ExchangeRule(
        hours_before=36, basis_points=9_000, fee_minor=250, fees_returned=True, anywhere=True
    )
    page = manager.page(f"/events/{desk.house.event_id}/refund-policy")
    assert "tickets of any other event of the house until 36 hours before the start" in page
    assert "In an exchange, every ticket" in page
    assert save(desk, manager, version="2") == 303
    assert in_force(desk).exchange is None


def test_as_many_windows_as_the_language_allows(desk: Desk, manager: Browser) -> None:
    """A policy that was made otherwise loses none when its form is saved, and has room for more."""
    path = f"/events/{desk.house.event_id}/refund-policy"
    windows = tuple(RefundWindow(hours_before=24 * (20 - n), basis_points=10_000 - n * 500) for n in range(WINDOWS_MAX))
    with desk.house.uow() as uow:
        uow.events.get(desk.house.event_id, lock=True)
        uow.events.replace_policy(desk.house.event_id, replace(STANDARD_POLICY, windows=windows[:-3]))
        uow.commit()

    page = manager.page(path)
    assert 'name="before-all-8"' in page
    assert 'name="before-all-9"' not in page
    full = {"version": "2"}
    for row, window in enumerate(windows):
        full |= {
            f"before-all-{row}": str(window.hours_before // 24), f"percent-all-{row}": f"{window.basis_points / 100:g}",
            f"unit-all-{row}": "days",
        }  # fmt: skip
    assert save(desk, manager, **full) == 303

    assert in_force(desk).windows == windows
    page = manager.page(path)
    assert f'name="before-all-{WINDOWS_MAX - 1}"' in page
    assert f'name="before-all-{WINDOWS_MAX}"' not in page


def test_nobody_overwrites_rules_they_have_not_seen(desk: Desk, manager: Browser) -> None:
    """The later of two managers is told who worded what, keeps what was typed, and may put it in force."""
    path = f"/events/{desk.house.event_id}/refund-policy"
    carried = hidden(manager.page(path), "seen")
    admin = desk.signed_in(Role.ADMIN)
    assert save(desk, admin, **{"percent-all-1": "40", "handling_minor": "1.50"}) == 303

    mine = {**FORM, "percent-all-1": "25", "seen": carried}
    answer = manager.post(path, seen_on=path, **mine)

    assert answer.status_code == 409
    assert "admin@example.com saved something else" in answer.text
    assert "<b>For everybody, window 2, percent</b>: 50 → 40; you typed 25" in answer.text
    assert "<b>Kept of each ticket for handling</b>: empty → 1.50</li>" in answer.text
    assert in_force(desk).windows[1].basis_points == 4_000
    goes_on = {"seen": hidden(answer.text, "seen"), "version": hidden(answer.text, "version"), "handling_minor": "1.50"}
    assert manager.post(path, seen_on=path, **{**mine, **goes_on}).status_code == 303
    assert (in_force(desk).windows[1].basis_points, in_force(desk).handling_minor) == (2_500, 150)


def hidden(page: str, name: str) -> str:
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


def test_a_preview_says_it_and_changes_nothing(desk: Desk, manager: Browser) -> None:
    """The text that buyers would read, from the rules as they are typed."""
    path = f"/events/{desk.house.event_id}/refund-policy"
    answer = manager.post(path, seen_on=path, **{**FORM, "percent-all-1": "25", "preview": "yes"})
    assert "25% of the ticket price until 7 days before the start" in answer.text
    assert "This is a preview" in answer.text
    assert in_force(desk) == STANDARD_POLICY


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"percent-all-1": "110"}, "0 to 100 percent"),
        ({"percent-all-0": "20"}, "waiting must not pay"),
        ({"before-all-1": "30"}, "each at another time"),
        ({"before-all-0": "soon"}, "A whole number"),
        ({"handling_minor": "2.505"}, "An amount in USD"),
        ({"handling_minor": "-1"}, "An amount in USD"),
        ({"percent-goodwill": ""}, "0 to 100 percent"),
        ({"version": "7"}, "Somebody saved something else"),
    ],
)
def test_rules_that_make_no_sense_are_explained(
    desk: Desk, manager: Browser, changes: dict[str, str], said: str
) -> None:
    """Nothing is changed, and what was typed is still there."""
    path = f"/events/{desk.house.event_id}/refund-policy"
    answer = manager.post(path, seen_on=path, **{**FORM, "ticket_minor_max": "77.70", **changes})
    assert answer.status_code in {409, 422}
    assert said in answer.text
    assert 'value="77.70"' in answer.text
    assert in_force(desk) == STANDARD_POLICY


def waiting(desk: Desk, actor: str) -> RefundRequest:
    """A refund of two tickets that somebody asked for and nobody may give alone."""
    house = desk.house
    with house.uow() as uow:
        uow.events.get(house.event_id, lock=True)
        uow.events.replace_policy(house.event_id, replace(STANDARD_POLICY, approval_minor_over=0))
        uow.commit()
    order = house.buy(general(house.sale, 2))
    answer = desk.request_refund(
        RequestRefund(order_id=order.id, tickets=None, reason=RefundReason.GOODWILL, actor=actor)
    )
    assert isinstance(answer, RefundRequest)
    return answer


def test_somebody_else_approves_with_one_press(desk: Desk) -> None:
    """The page shows what waits; the yes begins the refund."""
    request = waiting(desk, BUYER)
    browser = desk.signed_in(Role.FINANCE)
    assert desk.house.order(request.order_id).number in browser.page("/approvals")
    browser.post(f"/approvals/{request.id}", seen_on="/approvals", verdict="approve")
    desk.house.drain()
    assert desk.house.order(request.order_id).state is OrderState.REFUNDED
    assert "Nothing waits for an approval." in browser.page("/approvals")


def test_the_order_says_what_waits_and_who_may_decide(desk: Desk) -> None:
    """Finance gets a link to the decision, support hears whose it is, whoever asked that it is a colleague's."""
    request = waiting(desk, "finance@example.com")
    path = f"/orders/{request.order_id}"
    said = "A refund of $99.00 for 2 tickets waits for a second person, asked for by finance@example.com"

    browsers = {role: desk.signed_in(role) for role in (Role.ADMIN, Role.SUPPORT, Role.FINANCE)}
    for role, way in (
        (Role.ADMIN, f"/admin/approvals#request-{request.id}"),
        (Role.SUPPORT, "Finance or an administrator decides."),
        (Role.FINANCE, "so a colleague decides"),
    ):
        page = browsers[role].page(path)
        assert said in page
        assert way in page

    admin = browsers[Role.ADMIN]
    admin.post(f"/approvals/{request.id}", seen_on="/approvals", verdict="decline", note="Agreed otherwise.")
    page = admin.page(path)
    assert said not in page
    assert "Agreed otherwise." in page
    assert "Not approved" in page


def test_the_dashboard_counts_what_waits_for_whoever_may_decide(desk: Desk) -> None:
    """Others are not bothered."""
    waiting(desk, BUYER)
    sign = 'class="vital attention" href="/admin/approvals"><span>To approve</span><b>1</b>'
    assert sign in desk.signed_in(Role.FINANCE).page("/")
    assert "To approve" not in desk.signed_in(Role.SUPPORT).page("/")


def test_a_no_needs_a_note(desk: Desk) -> None:
    """Without one nothing is decided."""
    request = waiting(desk, BUYER)
    browser = desk.signed_in(Role.FINANCE)
    browser.post(f"/approvals/{request.id}", seen_on="/approvals", verdict="decline")
    assert desk.house.store.state.refund_requests[request.id].state is RequestState.WAITING
    assert "the buyer reads it" in browser.page("/approvals")
    browser.post(f"/approvals/{request.id}", seen_on="/approvals", verdict="decline", note="Agreed otherwise.")
    assert desk.house.store.state.refund_requests[request.id].note == "Agreed otherwise."


def test_ones_own_request_is_somebody_elses_to_decide(desk: Desk) -> None:
    """There is no button, and a forged press changes nothing."""
    request = waiting(desk, "finance@example.com")
    browser = desk.signed_in(Role.FINANCE)
    page = browser.page("/approvals")
    assert "somebody else decides" in page
    assert 'value="approve"' not in page
    browser.post(f"/approvals/{request.id}", seen_on="/approvals", verdict="approve")
    assert desk.house.store.state.refund_requests[request.id].state is RequestState.WAITING
