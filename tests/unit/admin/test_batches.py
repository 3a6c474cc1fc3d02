"""The desk's pages about batches of refunds, as people without scripts use them."""

import csv
import re
from dataclasses import replace
from io import BytesIO, StringIO
from uuid import UUID, uuid4

import pytest

from domain.accounts import Role
from domain.errors import ProviderRefused
from domain.fees import FeeRule
from domain.orders import Buyer, Order, OrderState
from domain.refund_batches import ApprovalRule, BatchId, BatchState
from entrypoints.admin import words
from tests.fakes.sales import general, general_sale, usd
from tests.unit.admin.desk import Browser, Desk
from tests.unit.application.batches import Batches
from tests.unit.application.house import House

STRICT = ApprovalRule(orders_max=0, units_max=0)
LIST = "/refund-batches"


@pytest.fixture
def desk() -> Desk:
    return Desk(House(sale=general_sale(per_buyer_max=100, live_holds_per_buyer=20)))


def bought(desk: Desk, many: int) -> list[Order]:
    return [desk.house.buy(general(desk.house.sale, 1)) for _ in range(many)]


def filled(desk: Desk, **changes: object) -> dict[str, object]:
    """The form, filled in for the cancelled event."""
    form: dict[str, object] = {
        "batch": str(uuid4()), "purpose": "event_cancelled", "reason": "event_cancelled",
        "events": desk.house.sale.slug, "note": "The roof leaks.", "tell": "yes",
    }  # fmt: skip
    return {**form, **changes}


def prepared(desk: Desk, browser: Browser, **changes: object) -> str:
    """The path of a batch that was prepared in the browser and counted by the worker."""
    answer = browser.post(LIST, seen_on=f"{LIST}/new", **filled(desk, **changes))
    assert answer.status_code == 303, answer.text
    path = answer.headers["Location"].removeprefix("/admin")
    batches = Batches(desk.house)
    while batches.batch(batch_id(path)).state is BatchState.DRAFT:
        batches.run()
    return path


def batch_id(path: str) -> BatchId:
    return BatchId(UUID(path.rpartition("/")[2]))


def work(desk: Desk, path: str) -> None:
    Batches(desk.house).complete(batch_id(path))


def test_a_cancelled_event_offers_its_refunds(desk: Desk) -> None:
    """The form is filled in already; finance sees the total before anything moves, and presses once."""
    first, second = bought(desk, 2)
    browser = desk.signed_in(Role.ADMIN)
    event = f"/events/{desk.house.event_id}"

    cancelled = browser.post(f"{event}/cancel", seen_on=f"{event}/cancel", slug=desk.house.sale.slug)
    offered = browser.page(cancelled.headers["Location"].removeprefix("/admin"))
    assert desk.house.sale.slug in offered
    path = prepared(desk, browser)
    preview = browser.page(path)
    assert "$99.00</b> for 2 orders" in preview
    assert not desk.house.store.state.refunds
    browser.post(f"{path}/submit", seen_on=path)
    work(desk, path)

    page = browser.page(path)
    assert "100% done" in page
    assert "Finished" in page
    assert {desk.house.order(order.id).state for order in (first, second)} == {OrderState.REFUNDED}


def test_frozen_orders_are_told_before_anything_moves(desk: Desk) -> None:
    """The preview lists them with the bank's reason, and says what becomes of them."""
    order, _ = bought(desk, 2)
    desk.house.receive(*desk.house.dispute_notice(desk.house.dispute(order)))
    browser = desk.signed_in(Role.FINANCE)

    path = prepared(desk, browser)
    page = browser.page(path)

    assert "$99.00</b> for 2 orders" in page
    assert "What was frozen when it was counted" in page
    assert f">{order.number}<" in browser.page(f"{path}?outcome=frozen")


def test_a_batch_of_free_orders_promises_no_money(desk: Desk) -> None:
    """It says that tickets become void, on the page and on its button, and nothing of cards."""
    sale = desk.house.sale
    desk = Desk(House(sale=replace(sale, tiers=(replace(sale.tiers[0], face=usd(0), fee=FeeRule()),))))
    order = desk.house.place_order(general(desk.house.sale, 1))
    desk.house.drain()
    browser = desk.signed_in(Role.FINANCE)
    path = prepared(desk, browser)

    preview = browser.page(path)
    browser.post(f"{path}/submit", seen_on=path)
    work(desk, path)

    assert "No money moves: the tickets of 1 order were free of charge." in preview
    assert "Void the tickets of 1 order" in preview
    assert "100% done" in browser.page(path)
    assert desk.house.order(order.id).state is OrderState.REFUNDED


def test_while_it_is_counted_the_page_says_so(desk: Desk) -> None:
    """It reloads itself without scripts, and shows how far the count is."""
    bought(desk, 1)
    browser = desk.signed_in(Role.FINANCE)
    answer = browser.post(LIST, seen_on=f"{LIST}/new", **filled(desk))

    page = browser.page(answer.headers["Location"].removeprefix("/admin"))

    assert "0 of 1 order" in page
    assert '<meta http-equiv="refresh"' in page


def test_above_the_threshold_a_colleague_approves(desk: Desk) -> None:
    """Who prepared it sees no button to approve it, and pressing anyway does nothing; a colleague's note is kept."""
    bought(desk, 1)
    desk.approval_rule = STRICT
    browser = desk.signed_in(Role.FINANCE)
    path = prepared(desk, browser)
    browser.post(f"{path}/submit", seen_on=path)

    page = browser.page(path)
    assert "a colleague must approve it" in page
    assert 'value="approve"' not in page
    browser.post(f"{path}/decision", seen_on=path, decision="approve")
    assert not desk.house.store.state.refunds
    colleague = desk.signed_in(Role.ADMIN)
    assert "Approve $49.50" in colleague.page(path)
    assert path in colleague.page("/approvals")
    assert "$49.50" in colleague.page("/approvals")
    assert "you: somebody else decides" in browser.page("/approvals")
    colleague.post(f"{path}/decision", seen_on=path, decision="approve", note="spoke to the venue")
    work(desk, path)

    assert "approved by admin@example.com: “spoke to the venue”" in browser.page(path)
    assert "approved a batch of refunds" in browser.page("/audit?action=batch")


def test_pause_and_go_on(desk: Desk) -> None:
    """While it is paused nothing more is asked for."""
    bought(desk, 3)
    browser = desk.signed_in(Role.FINANCE)
    path = prepared(desk, browser)
    browser.post(f"{path}/submit", seen_on=path)
    Batches(desk.house).run(in_flight_max=1)

    browser.post(f"{path}/decision", seen_on=path, decision="pause")
    Batches(desk.house).run()
    paused = browser.page(path)
    browser.post(f"{path}/decision", seen_on=path, decision="resume")
    work(desk, path)

    assert "Paused" in paused
    assert "Go on" in paused
    assert "<b>2</b><small>$99.00" in paused
    assert "Finished" in browser.page(path)


def test_failures_are_tried_again_one_or_all(desk: Desk) -> None:
    """The page says what the provider said, and has a button for the one and for all."""
    house = desk.house
    (order,) = bought(desk, 1)
    browser = desk.signed_in(Role.FINANCE)
    path = prepared(desk, browser)
    browser.post(f"{path}/submit", seen_on=path)
    house.gateway.fail_next("refund", ProviderRefused("refused", "the card is closed"))
    work(desk, path)

    page = browser.page(f"{path}?outcome=failed")
    assert "the card is closed" in page
    assert "Try all of them again" in page
    browser.post(f"{path}/retry", seen_on=path, order=str(order.id))
    work(desk, path)

    assert house.order(order.id).state is OrderState.REFUNDED
    assert "What failed" not in browser.page(path)


def test_the_results_are_a_table_for_programs(desk: Desk) -> None:
    """Every order with what it gave back; a name that looks like a formula is text."""
    order, _ = bought(desk, 2)
    evil = Buyer(name='=HYPERLINK("x")', email="ada@example.com", phone=None)
    desk.house.store.state.orders[order.id] = replace(desk.house.order(order.id), buyer=evil)
    browser = desk.signed_in(Role.FINANCE)
    path = prepared(desk, browser)
    browser.post(f"{path}/submit", seen_on=path)
    work(desk, path)

    answer = browser.get(f"{path}/results.csv")
    rows = list(csv.DictReader(StringIO(answer.text)))

    assert answer.mimetype == "text/csv"
    assert {row["state"] for row in rows} == {"succeeded"}
    assert {(row["expected"], row["refunded"], row["currency"]) for row in rows} == {("49.50", "49.50", "USD")}
    assert {row["buyer"][0] for row in rows} == {"'", "A"}


def test_a_list_of_numbers_may_be_pasted_or_uploaded(desk: Desk) -> None:
    """With or without hyphens, as a column of a table, with a heading; only these orders are refunded."""
    first, second, third = bought(desk, 3)
    browser = desk.signed_in(Role.FINANCE)
    table = f"number;name\n{second.number};Ada\n".encode()

    path = prepared(
        desk, browser, purpose="orders_chosen", reason="goodwill", events="",
        numbers=first.number.replace("-", "").lower(), file=(BytesIO(table), "orders.csv"),
    )  # fmt: skip

    page = browser.page(path)
    assert first.number in page
    assert second.number in page
    assert third.number not in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"purpose": ""}, "Say what happened"),
        ({"note": " "}, "Tell your colleagues"),
        ({"reason": "fraud"}, "Choose what the buyers are entitled to"),
        ({"events": ""}, "Name the event"),
        ({"events": "no-such-night"}, "There is no event “no-such-night”"),
        ({"events": "a\x00b"}, "There is no event"),
        ({"venue": "nowhere"}, "There is no venue “nowhere”"),
        ({"purpose": "venue_closed", "events": "", "venue": "small-house"}, "from when until when"),
        ({"purpose": "venue_closed", "events": "", "venue": ""}, "Name the venue"),
        ({"starts_from": "tomorrow"}, "A date"),
        ({"numbers": "ABCD-2345\nhello"}, "Line 2: “hello” is not an order number"),
        ({"numbers": "ZZZZ-2222"}, "There is no order ZZZZ-2222"),
        ({"placed_from": "2027-01-02T10:00", "placed_before": "2027-01-01T10:00"}, "The end comes before"),
        ({"placed_before": "2001-01-01T10:00"}, "No order is like that"),
        ({"tier": "x"}, "not an id"),
        ({"state": "refunded"}, "not one of the choices"),
    ],
)
def test_a_form_that_cannot_be_used_comes_back(desk: Desk, changes: dict[str, str], says: str) -> None:
    """With what is wrong, and what was typed still there; nothing is stored."""
    bought(desk, 1)
    browser = desk.signed_in(Role.FINANCE)

    answer = browser.post(LIST, seen_on=f"{LIST}/new", **filled(desk, **changes))

    assert answer.status_code == 422
    assert says in answer.text
    assert ("The roof leaks." in answer.text) is ("note" not in changes)
    assert not desk.house.store.state.batches


def test_a_batch_of_everything_at_a_venue(desk: Desk) -> None:
    """The form of an event offers its venue's day as well."""
    bought(desk, 1)
    browser = desk.signed_in(Role.FINANCE)
    page = browser.page(f"{LIST}/new?event={desk.house.event_id}&purpose=venue_closed")
    day = re.search(r'name="starts_from" type="date" value="([^"]+)"', page)
    assert day

    path = prepared(
        desk, browser, purpose="venue_closed", events="", venue="small-house", starts_from=day[1], starts_until=day[1]
    )

    assert "$49.50</b> for 1 order" in browser.page(path)


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.VENUE_MANAGER])
def test_who_may_not_refund_may_look(desk: Desk, role: Role) -> None:
    """They see how far it is; every button is missing, and posting anyway is refused."""
    bought(desk, 1)
    path = prepared(desk, desk.signed_in(Role.FINANCE))
    browser = desk.signed_in(role)

    page = browser.page(path)

    assert "Give this back?" in page
    assert "Refund 1 order" not in page
    for step in ("submit", "decision", "retry"):
        assert browser.post(f"{path}/{step}", seen_on=path, decision="stop").status_code == 403
    assert browser.get(f"{LIST}/new").status_code == 403


@pytest.mark.parametrize("query", ["outcome=odd", "from=-1", "from=x"])
def test_addresses_that_nobody_wrote_are_not_found(desk: Desk, query: str) -> None:
    """A broken link is a 404, not a crash."""
    bought(desk, 1)
    browser = desk.signed_in(Role.FINANCE)

    assert browser.get(f"{prepared(desk, browser)}?{query}").status_code == 404
    assert browser.get(f"{LIST}/{uuid4()}").status_code == 404
    assert browser.get(f"{LIST}/{uuid4()}/results.csv").status_code == 404
    assert browser.get(f"{LIST}?cursor=x").status_code == 404


def test_an_empty_list_helps_on(desk: Desk) -> None:
    """And a batch that was discarded is still in it."""
    browser = desk.signed_in(Role.FINANCE)
    assert "No batch yet" in browser.page(LIST)
    bought(desk, 1)
    path = prepared(desk, browser)

    browser.post(f"{path}/decision", seen_on=path, decision="stop")

    assert "Stopped" in browser.page(LIST)
    assert "The roof leaks." in browser.page(LIST)


def test_what_a_bank_said_is_told_in_words() -> None:
    """The provider's codes are for machines; sentences of ours and others' stay as they are."""
    assert words.batch_why("expired_or_canceled_card") == "The card has expired or was closed."
    assert words.batch_why("Nothing is left to give back.") == "Nothing is left to give back."
    assert words.batch_why(None) == ""
