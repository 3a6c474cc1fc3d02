"""What each role may see and do: no page forgets to ask."""

from uuid import uuid4

import pytest

from domain.accounts import Action, Role, StaffMember
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
