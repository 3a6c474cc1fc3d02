"""Who gets into the portal, for how long, and what happens at the door."""

from dataclasses import replace

import pytest

from domain.accounts import Role
from entrypoints.admin.sessions import SHIFT
from entrypoints.admin.sign_in import TRIES_PER_ACCOUNT_AND_ADDRESS
from tests.unit.admin.desk import PASSWORD, Browser, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def is_outside(browser: Browser) -> bool:
    answer = browser.get("/")
    return answer.status_code == 303 and "/admin/sign-in" in answer.headers["Location"]


def test_the_right_password_opens_the_page_that_was_wanted(desk: Desk) -> None:
    """Signing in leads back to where somebody was going."""
    member = desk.hire(Role.SUPPORT)
    browser = desk.visitor()
    sent = browser.get("/orders?q=ada")

    answer = browser.sign_in(member.email.upper(), PASSWORD, next="/admin/orders?q=ada")

    assert "next=" in sent.headers["Location"]
    assert answer.headers["Location"] == "/admin/orders?q=ada"
    assert "Some support" in browser.page("/orders?q=ada")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/admin/",
        "//evil.example/admin/",
        "/\\evil.example",
        "/admin/../",
        "javascript:alert(1)",
        "//[evil.example",
        "/",
    ],
)
def test_nobody_is_sent_elsewhere(desk: Desk, elsewhere: str) -> None:
    """A prepared link cannot make signing in end on somebody else's page."""
    member = desk.hire(Role.SUPPORT)

    answer = desk.visitor().sign_in(member.email, PASSWORD, next=elsewhere)

    assert answer.headers["Location"].startswith("/admin/")


def test_wrong_passwords_and_unknown_people_look_alike(desk: Desk) -> None:
    """Neither says which of the two was wrong."""
    member = desk.hire(Role.SUPPORT)

    wrong = desk.visitor().sign_in(member.email, "not the password")
    unknown = desk.visitor().sign_in("nobody@example.com", PASSWORD)

    assert wrong.status_code == unknown.status_code == 401
    assert "do not belong together" in wrong.text
    assert "do not belong together" in unknown.text


def test_guessing_is_slowed_down(desk: Desk) -> None:
    """After a few tries even the right password has to wait, and the answer says how long."""
    member = desk.hire(Role.SUPPORT)
    browser = desk.visitor()
    for _ in range(TRIES_PER_ACCOUNT_AND_ADDRESS):
        assert browser.sign_in(member.email, "a guess").status_code == 401

    answer = browser.sign_in(member.email, PASSWORD)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    desk.house.clock.advance(seconds=3_600)
    assert browser.sign_in(member.email, PASSWORD).status_code == 303


def test_a_form_from_elsewhere_is_refused(desk: Desk) -> None:
    """Without our token nothing happens, not even signing in."""
    member = desk.hire(Role.SUPPORT)

    answer = desk.visitor().client.post("/admin/sign-in", data={"email": member.email, "password": PASSWORD})

    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text


def test_signing_out_ends_it(desk: Desk) -> None:
    """Nothing of the session is left."""
    browser = desk.signed_in(Role.SUPPORT)

    browser.post("/sign-out", seen_on="/")

    assert is_outside(browser)


def test_a_shift_ends(desk: Desk) -> None:
    """However busy, a session is over after a shift."""
    browser = desk.signed_in(Role.SUPPORT)

    desk.house.clock.advance(seconds=SHIFT.total_seconds() - 1)
    assert not is_outside(browser)
    desk.house.clock.advance(seconds=2)

    assert is_outside(browser)


@pytest.mark.parametrize("change", [{"disabled": True}, {"password_hash": "another"}])
def test_a_changed_account_ends_every_session(desk: Desk, change: dict[str, object]) -> None:
    """A disabled account or a new password is felt with the next request."""
    browser = desk.signed_in(Role.SUPPORT)
    staff = desk.house.store.state.staff
    for key, member in list(staff.items()):
        if "disabled" in change:
            staff[key] = replace(member, disabled_at=desk.house.clock.now())
        else:
            staff[key] = replace(member, password_hash="another")

    assert is_outside(browser)


def test_pages_are_sealed(desk: Desk) -> None:
    """No inline script or style, no framing, no caching, no search engine."""
    headers = desk.signed_in(Role.SUPPORT).get("/").headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Robots-Tag"] == "noindex"
