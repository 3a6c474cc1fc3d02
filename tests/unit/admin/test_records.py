"""The outbox, the audit trail and the staff list."""

import pytest

from domain.accounts import Role, StaffMember
from domain.ports.outbox import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX
from domain.refunds import RefundState
from tests.fakes.sales import general
from tests.unit.admin.desk import PASSWORD, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def park_a_refund(desk: Desk) -> None:
    """The provider stays away for so long that the effect gives up."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    house.refund(order.id)
    for _ in range(ATTEMPTS_MAX):
        house.gateway.fail_next("refund", RuntimeError("nobody <b>answers</b>"))
    for _ in range(ATTEMPTS_MAX):
        house.drain()
        house.clock.advance(seconds=BACKOFF_SECONDS_MAX)


def test_what_gave_up_is_readable_and_can_be_tried_again(desk: Desk) -> None:
    """Effect, error, attempts and payload are shown; one press starts it anew, and the refund arrives."""
    park_a_refund(desk)
    browser = desk.signed_in(Role.SUPPORT)

    page = browser.page("/outbox")
    assert "Send a refund" in page
    assert "nobody &lt;b&gt;answers" in page
    assert f"{ATTEMPTS_MAX} attempts" in page
    (row_id,) = [key for key, entry in desk.house.store.state.outbox.items() if entry.parked]
    browser.post(f"/outbox/{row_id}/retry", seen_on="/outbox")
    desk.house.drain()

    (refund,) = desk.house.store.state.refunds.values()
    assert refund.state is RefundState.SUCCEEDED
    assert "Nothing has given up" in browser.page("/outbox")
    assert "had an effect tried again" in browser.page("/audit?actor=support@example.com")


def test_trying_again_what_is_not_parked_says_so(desk: Desk) -> None:
    """The second of two presses finds nothing to do."""
    browser = desk.signed_in(Role.SUPPORT)

    browser.post(f"/outbox/{desk.house.ids.uuid()}/retry", seen_on="/")

    assert "not parked any more" in browser.page("/outbox")


def test_the_dashboard_shows_what_needs_a_person(desk: Desk) -> None:
    """A parked effect is seen at once."""
    park_a_refund(desk)

    page = desk.signed_in(Role.SUPPORT).page("/")

    assert 'class="vital bad" href="/admin/outbox"' in page


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("?action=refund", "requested a refund", "placed the order"),
        ("?action=order.placed", "placed the order", "confirmed the order"),
        ("?actor=system", "confirmed the order", "placed the order"),
    ],
)
def test_the_trail_is_filtered(desk: Desk, query: str, there: str, not_there: str) -> None:
    """By who, by what, by a whole action or its noun."""
    order = desk.house.buy(general(desk.house.sale, 1))
    desk.house.refund(order.id)

    page = desk.signed_in(Role.ADMIN).page(f"/audit{query}")

    assert there in page
    assert not_there not in page


def test_the_trail_goes_on_page_by_page(desk: Desk) -> None:
    """Fifty at a time, nothing twice, nothing missing."""
    for number in range(120):
        desk.hire(Role.SUPPORT, email=f"person{number:03d}@example.com")
    browser = desk.signed_in(Role.ADMIN)
    seen: list[str] = []
    path = "/audit?action=staff"
    for _ in range(3):
        page = browser.page(path)
        seen += [part.split('"')[0] for part in page.split("subject=")[1:]]
        path = (
            page.split('rel="next" href="/admin')[1].split('"')[0].replace("&amp;", "&") if 'rel="next"' in page else ""
        )

    assert path == ""
    assert len(seen) == len(set(seen)) == 121


def test_an_administrator_adds_somebody_who_can_sign_in(desk: Desk) -> None:
    """The new member gets in with the role that was chosen."""
    browser = desk.signed_in(Role.ADMIN)

    answer = browser.post(
        "/staff", seen_on="/staff", email=" New@Example.com ", name="New", role="finance", password=PASSWORD
    )

    assert answer.status_code == 303
    member = desk.sign_in(email="new@example.com", password=PASSWORD)
    assert isinstance(member, StaffMember)
    assert member.role is Role.FINANCE
    assert PASSWORD not in browser.page("/staff")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": "nonsense"}, "not an e-mail address"),
        ({"email": "admin@example.com"}, "already"),
        ({"name": " "}, "Their name."),
        ({"role": "emperor"}, "Choose a role"),
        ({"password": "short"}, "12 to 200 characters"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "repeats itself"),
    ],
)
def test_a_new_account_is_checked(desk: Desk, change: dict[str, str], said: str) -> None:
    """Each field says what is wrong with it, and nobody is added."""
    browser = desk.signed_in(Role.ADMIN)
    form = {"email": "new@example.com", "name": "New", "role": "support", "password": PASSWORD, **change}

    answer = browser.post("/staff", seen_on="/staff", **form)

    assert answer.status_code == 422
    assert said in answer.text
    assert form["password"] not in answer.text
    assert len(desk.house.store.state.staff) == 1


def test_the_static_files_are_there(desk: Desk) -> None:
    """Style, script and icon that pages name exist, and are kept by browsers under their version."""
    browser = desk.signed_in(Role.SUPPORT)
    page = browser.page("/")
    names = {part.split('"')[0] for part in page.split('="/admin/static/')[1:]}

    assert len(names) == 3
    for name in names:
        with browser.client.get(f"/admin/static/{name.replace('&amp;', '&')}") as answer:
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]
