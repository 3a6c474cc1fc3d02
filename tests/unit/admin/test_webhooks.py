"""The pages about webhooks: added, changed, tried out, read, and turned off."""

import re
from functools import partial

import pytest

from application.commands.tell_organisers import deliver_webhooks
from domain.accounts import Role
from domain.outgoing_webhooks import FAILING_MAX, Answer, EndpointId
from tests.fakes.sales import general
from tests.unit.admin.desk import PASSWORD, Browser, Desk

URL = "https://box.example.org/hooks"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def add(browser: Browser, **more: object) -> str:
    """Fill in the form; answers the page that shows the secret."""
    form = {"url": URL, "description": "Box office", "kinds": ["order.confirmed", "refund.failed"], **more}
    return browser.post("/webhooks", seen_on="/webhooks", **form).text


def endpoint_id(desk: Desk) -> EndpointId:
    (only,) = desk.house.store.state.hook_endpoints
    return only


def work(desk: Desk) -> None:
    """Whatever is due leaves the house."""
    desk.house.drain()
    deliver = partial(
        deliver_webhooks, at_most=9, sender=desk.hook_sender, access=desk.house.access, unit_of_work=desk.house.store,
        clock=desk.house.clock, ids=desk.house.ids,
    )  # fmt: skip
    while deliver(failing=False) or deliver(failing=True):
        pass


def test_a_secret_is_shown_once(desk: Desk) -> None:
    """When it is made, and on no page afterwards; a new one is another."""
    browser = desk.signed_in(Role.VENUE_MANAGER)
    page = add(browser)
    (secret,) = re.findall(r"whsec_[0-9A-Za-z+/=]+", page)
    detail = f"/webhooks/{endpoint_id(desk)}"
    for path in ("/webhooks", detail, "/"):
        assert "whsec_" not in browser.page(path)

    rotated = browser.post(f"{detail}/secret", seen_on=detail).text

    (other,) = re.findall(r"whsec_[0-9A-Za-z+/=]+", rotated)
    assert other != secret
    assert "signs along until" in browser.page(detail)
    assert "gave a webhook a new secret" in desk.signed_in(Role.ADMIN).page("/audit?action=webhook")


def test_a_mistake_is_named_and_what_was_typed_is_kept(desk: Desk) -> None:
    """Next to its field, and nothing is stored."""
    browser = desk.signed_in(Role.ADMIN)

    page = add(browser, url="http://box.example.org/plain", description="Kept words")

    assert "must begin with https://" in page
    assert 'value="http://box.example.org/plain"' in page
    assert "Kept words" in page
    assert "Choose at least one" in add(browser, kinds=[])
    assert desk.house.store.state.hook_endpoints == {}


def test_messages_are_read_with_every_try(desk: Desk) -> None:
    """The log, one message with what was said, and sending it again."""
    browser = desk.signed_in(Role.ADMIN)
    add(browser)
    desk.hook_sender.answer = Answer(milliseconds=321, status=500, body="<b>out of order</b>")
    desk.house.buy(general(desk.house.sale, 1))
    work(desk)

    log = browser.page(f"/webhooks/{endpoint_id(desk)}?state=waiting")
    (link,) = re.findall(r'href="/admin(/webhooks/deliveries/[^"]+)"', log)
    page = browser.page(link)
    assert "321 ms" in page
    assert "&lt;b&gt;out of order" in page
    assert "order.confirmed" in page
    desk.hook_sender.answer = Answer(milliseconds=5, status=200)
    browser.post(f"{link}/again", seen_on=link)
    work(desk)
    assert "Taken" in browser.page(link)


def test_a_webhook_that_was_turned_off_is_seen_at_once(desk: Desk) -> None:
    """On the dashboard of whoever can do something about it, until it is turned on again."""
    browser = desk.signed_in(Role.ADMIN)
    add(browser)
    desk.hook_sender.answer = Answer(milliseconds=5, error="The connection failed.")
    for _ in range(2):
        desk.house.buy(general(desk.house.sale, 1))
        work(desk)
        desk.house.clock.advance(seconds=FAILING_MAX.total_seconds())
    browser.sign_in("admin@example.com", PASSWORD)  # The shift was over long ago.

    assert "Nothing was taken for 5 days." in browser.page("/")
    assert "Nothing was taken" not in desk.signed_in(Role.SUPPORT).page("/")
    detail = f"/webhooks/{endpoint_id(desk)}"
    browser.post(f"{detail}/switch", seen_on=detail, on="yes")
    assert "Nothing was taken" not in browser.page("/")


def test_a_webhook_is_changed_tested_and_turned_off(desk: Desk) -> None:
    """Each with its form, and each in the trail."""
    browser = desk.signed_in(Role.ADMIN)
    add(browser)
    detail = f"/webhooks/{endpoint_id(desk)}"
    browser.post(detail, seen_on=detail, url="https://new.example.org/", kinds=["event.sold_out"])
    assert "https://new.example.org/" in browser.page("/webhooks")
    browser.post(f"{detail}/test", seen_on=detail)
    work(desk)
    assert [url for url, _, _ in desk.hook_sender.sent] == ["https://new.example.org/"]
    browser.post(f"{detail}/switch", seen_on=detail, on="no")

    assert "Turned off by hand" in browser.page(detail)
    trail = browser.page("/audit?action=webhook")
    for said in ("added a webhook", "changed a webhook", "sent a test", "turned a webhook off"):
        assert said in trail


@pytest.mark.parametrize("path", ["/webhooks/{0}", "/webhooks/deliveries/{0}"])
def test_what_is_not_there_is_not_found(desk: Desk, path: str) -> None:
    """Old links say so."""
    assert desk.signed_in(Role.ADMIN).get(path.format(desk.house.ids.uuid())).status_code == 404
