"""What each role may see and do: no page forgets to ask."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from domain.accounts import Action, Role, StaffId, StaffMember
from tests.fakes.sales import general
from tests.unit.admin.desk import Desk

OPEN = {"admin.sign_in", "admin.sign_out", "admin.static"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_every_page_asks_who_is_there(desk: Desk) -> None:
    """Each address but the door's own has an action that it needs; a new one that forgets it fails here."""
    rules = [rule for rule in desk.app.url_map.iter_rules() if rule.endpoint.startswith("admin.")]

    unguarded = {rule.endpoint for rule in rules if not hasattr(desk.app.view_functions[rule.endpoint], "admin_action")}

    assert len(rules) > len(OPEN)
    assert unguarded == OPEN


def test_strangers_see_the_door_only(desk: Desk) -> None:
    """Whatever address somebody tries, nothing is shown and nothing is done before signing in."""
    browser = desk.visitor()
    for rule in desk.app.url_map.iter_rules():
        if not rule.endpoint.startswith("admin.") or rule.endpoint in OPEN:
            continue
        path = rule.rule.removeprefix("/admin")
        for argument in rule.arguments:
            path = path.replace(f"<uuid:{argument}>", str(uuid4()))
        if "GET" in (rule.methods or ()):
            assert browser.get(path).status_code == 303, path
        if "POST" in (rule.methods or ()):
            answer = browser.post(path, seen_on="/sign-in")
            assert (answer.status_code, "/admin/sign-in" in answer.headers["Location"]) == (303, True), path


@pytest.mark.parametrize("role", list(Role))
def test_a_role_sees_what_it_may_do(desk: Desk, role: Role) -> None:
    """Buttons are there exactly for those whose role allows what they do."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    browser = desk.signed_in(role)
    member = StaffMember(
        id=next(iter(house.store.state.staff)), email="x", name="x", role=role, password_hash="x",
        created_at=house.clock.now(),
    )  # fmt: skip

    event, page, desk_page = (browser.page(path) for path in (f"/events/{house.event_id}", f"/orders/{order.id}", "/"))

    assert ("Save the terms" in event) is member.may(Action.EDIT_EVENTS)
    assert ("Quote a refund" in page) is member.may(Action.REFUND)
    assert ("/admin/staff" in desk_page) is member.may(Action.MANAGE_STAFF)


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.FINANCE])
def test_what_a_role_may_not_do_is_not_done(desk: Desk, role: Role) -> None:
    """Posting the form anyway is answered with 403, and nothing changes."""
    house = desk.house
    browser = desk.signed_in(role)

    answers = [
        browser.post(f"/events/{house.event_id}/cancel", seen_on="/", slug=house.sale.slug),
        browser.post("/staff", seen_on="/", email="a@b.example", name="A", role="admin", password="long enough 123"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Your role does not allow this" in answers[0].text
    assert len(house.store.state.staff) == 1
    assert house.store.state.events[house.event_id].state.value == "published"


MONEY_MOVERS = {
    "/orders/<order_id>/refund", "/approvals/<request_id>", "/refund-batches", "/refund-batches/<batch_id>/submit",
    "/refund-batches/<batch_id>/decision", "/refund-batches/<batch_id>/retry", "/refund-desk/<refund_id>/again",
    "/refund-desk/<refund_id>/by-hand", "/fraud-warnings/<warning_id>", "/disputes/<dispute_id>/accept",
}  # fmt: skip
"""Addresses by which money leaves. Finance may use them; support and venue managers may not."""


def somebody(role: Role) -> StaffMember:
    return StaffMember(
        id=StaffId(uuid4()),
        email="x",
        name="x",
        role=role,
        password_hash="x",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def posts(desk: Desk) -> list[tuple[str, Action]]:
    """Every address of the portal that changes something, and what one must be allowed to do for it."""
    views: dict[str, Any] = dict(desk.app.view_functions)
    return [
        (rule.rule.removeprefix("/admin"), views[rule.endpoint].admin_action)
        for rule in desk.app.url_map.iter_rules()
        if rule.endpoint.startswith("admin.") and "POST" in (rule.methods or ()) and rule.endpoint not in OPEN
    ]


def named(path: str) -> str:
    """The address with some name in each of its places."""
    return re.sub(r"<uuid:\w+>", lambda _: str(uuid4()), path)


def test_no_form_works_without_its_token(desk: Desk) -> None:
    """Another site that makes a signed-in admin's browser post anything at all changes nothing."""
    client = desk.signed_in(Role.ADMIN).client
    answers = {path: client.post(f"/admin{named(path)}").status_code for path, _ in posts(desk)}
    assert len(answers) > len(MONEY_MOVERS)
    assert set(answers.values()) == {400}, answers


@pytest.mark.parametrize("role", list(Role))
def test_every_form_asks_for_the_role(desk: Desk, role: Role) -> None:
    """403 exactly for those whose role does not allow it, whatever they post; nobody meets an error of ours."""
    browser = desk.signed_in(role)
    member = somebody(role)
    for path, action in posts(desk):
        status = browser.post(named(path), seen_on="/").status_code
        allowed = member.may(action)
        assert (status != 403) is allowed, (path, status)
        assert status < 500, (path, status)


def test_money_leaves_by_finance_only(desk: Desk) -> None:
    """Support answers questions and venue managers run events: neither sends money anywhere."""
    needed = {path.replace("uuid:", ""): action for path, action in posts(desk)}
    for path in MONEY_MOVERS:
        may = {role for role in Role if somebody(role).may(needed[path])}
        assert may == {Role.ADMIN, Role.FINANCE}, path
