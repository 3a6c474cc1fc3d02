"""The desk after a sale: disputes, fraud warnings and refunds that hang, and who may do what about them."""

import pytest

from domain.accounts import Role
from domain.disputes import AnswerKind, DisputeState
from domain.fraud_warnings import WarningState
from domain.orders import Order, OrderState
from domain.refunds import Refund, RefundState
from tests.fakes.sales import general
from tests.unit.admin.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def disputed(desk: Desk, *, inquiry: bool = False) -> tuple[Order, str]:
    """An order whose bank disputes it, and the address of the dispute's page."""
    house = desk.house
    order = house.buy(general(house.sale, 2))
    house.receive(*house.dispute_notice(house.dispute(order, inquiry=inquiry)))
    return order, f"/disputes/{house.dispute_of(order).id}"


def owed(desk: Desk) -> tuple[Order, Refund]:
    """An order whose refund came back."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    house.refund(order.id)
    house.drain()
    (refund,) = house.refunds(order.id)
    assert refund.provider_id is not None
    house.let_refund_fail(refund.provider_id)
    house.catch_up()
    return order, refund


def test_a_dispute_is_on_the_dashboard_until_it_is_answered(desk: Desk) -> None:
    """With the time that is left; the list and the order lead to it as well."""
    order, path = disputed(desk)
    browser = desk.signed_in(Role.FINANCE)

    for page in ("/", "/disputes", f"/orders/{order.id}"):
        assert f"/admin{path}" in browser.page(page), page
    assert "in 9 days" in browser.page("/")
    assert "nobody is let in" in browser.page(f"/orders/{order.id}")

    browser.post(f"{path}/statement", seen_on=path, do="send", statement="She came.")
    desk.house.drain()

    assert "Banks that wait for an answer" not in browser.page("/")
    assert desk.house.dispute_of(order).state is DisputeState.UNDER_REVIEW
    assert "She came." in desk.house.gateway.evidence()[0]
    assert "finance@example.com</b> sent the evidence to the bank" in browser.page(f"/orders/{order.id}")


def test_a_statement_is_kept_without_being_sent(desk: Desk) -> None:
    """It is there the next time, and in the file that somebody downloads."""
    order, path = disputed(desk)
    browser = desk.signed_in(Role.FINANCE)

    browser.post(f"{path}/statement", seen_on=path, do="keep", statement="Draft <one>")
    desk.house.drain()

    assert "Draft &lt;one&gt;" in browser.page(path)
    assert desk.house.gateway.evidence() == ()
    text = browser.get(f"{path}/evidence/txt")
    assert text.headers["Content-Disposition"].startswith("attachment")
    assert text.text.startswith("Draft <one>")
    assert order.number in text.text
    assert browser.get(f"{path}/evidence/json").json["statement"] == "Draft <one>"  # type: ignore[index]
    assert browser.get(f"{path}/evidence/exe").status_code == 404


def test_nothing_is_sent_without_a_word(desk: Desk) -> None:
    """A bank reads the statement first: an empty one is refused with what to do."""
    order, path = disputed(desk)
    browser = desk.signed_in(Role.FINANCE)
    browser.post(f"{path}/statement", seen_on=path, do="send", statement=" ")
    assert "Write what the bank should know" in browser.page(path)
    assert desk.house.dispute_of(order).answer is None


def test_accepting_is_asked_twice(desk: Desk) -> None:
    """The question says what it costs; the yes ends the order."""
    order, path = disputed(desk)
    browser = desk.signed_in(Role.FINANCE)
    assert "2 unused tickets are void" in browser.page(f"{path}/accept")
    assert desk.house.dispute_of(order).answer is None
    browser.post(f"{path}/accept", seen_on=f"{path}/accept")
    desk.house.drain()
    assert desk.house.order(order.id).state is OrderState.CHARGED_BACK
    assert order.number in browser.page("/disputes?show=ended")


def test_an_inquiry_says_that_a_refund_ends_it(desk: Desk) -> None:
    """No alarm where no money has moved."""
    order, path = disputed(desk, inquiry=True)
    page = desk.signed_in(Role.FINANCE).page(path)
    assert "refunding the order ends the matter" in page
    assert "Quote a refund" in desk.signed_in(Role.ADMIN).page(f"/orders/{order.id}")


@pytest.mark.parametrize(
    ("decision", "state"), [("refund", WarningState.REFUNDED), ("dismiss", WarningState.DISMISSED)]
)
def test_a_person_decides_about_a_warning(desk: Desk, decision: str, state: WarningState) -> None:
    """Either way it is off the list, and the trail says who and why."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    house.receive(*house.warning_notice(house.warn(order)))
    browser = desk.signed_in(Role.FINANCE)
    assert order.number in browser.page("/fraud-warnings")
    (warning,) = house.warnings(order)

    browser.post(f"/fraud-warnings/{warning.id}", seen_on="/fraud-warnings", decision=decision, note="Rang her up.")

    assert [one.state for one in house.warnings(order)] == [state]
    assert "No warning waits" in browser.page("/fraud-warnings")
    assert "Rang her up." in browser.page("/fraud-warnings?show=decided")


def test_dismissing_needs_a_word(desk: Desk) -> None:
    """Without one it stays where it is."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    house.receive(*house.warning_notice(house.warn(order)))
    (warning,) = house.warnings(order)
    browser = desk.signed_in(Role.FINANCE)
    browser.post(f"/fraud-warnings/{warning.id}", seen_on="/fraud-warnings", decision="dismiss", note="")
    assert "Write why the sale stands" in browser.page("/fraud-warnings")
    assert [one.state for one in house.warnings(order)] == [WarningState.WAITING]


def test_a_failed_refund_is_sent_anew_from_the_desk(desk: Desk) -> None:
    """The reason in words, one button, and the list is empty again."""
    order, refund = owed(desk)
    browser = desk.signed_in(Role.FINANCE)
    assert "The card has expired or was closed." in browser.page("/refund-desk")
    assert "Refunds owed" in browser.page("/")

    browser.post(f"/refund-desk/{refund.id}/again", seen_on="/refund-desk")
    desk.house.drain()

    assert "Every refund has arrived" in browser.page("/refund-desk")
    assert [one.state for one in desk.house.refunds(order.id)] == [RefundState.FAILED, RefundState.SUCCEEDED]
    assert "makes a failed one good" in browser.page(f"/orders/{order.id}")


def test_paying_by_hand_needs_a_reference(desk: Desk) -> None:
    """Without one nothing happens; with one the buyer is owed nothing."""
    order, refund = owed(desk)
    browser = desk.signed_in(Role.FINANCE)
    path = f"/refund-desk/{refund.id}/by-hand"
    browser.post(path, seen_on="/refund-desk", reference="")
    assert "how to find the payment" in browser.page("/refund-desk")
    assert len(desk.house.refunds(order.id)) == 1

    browser.post(path, seen_on="/refund-desk", reference="SEPA 2026-11-22/7")

    assert "Every refund has arrived" in browser.page("/refund-desk")
    assert "SEPA 2026-11-22/7" in browser.page(f"/orders/{order.id}")


def test_a_pending_refund_is_flagged_after_a_week(desk: Desk) -> None:
    """Before that it is merely pending."""
    house = desk.house
    house.let_refunds_wait()
    order = house.buy(general(house.sale, 1))
    house.refund(order.id)
    house.drain()
    browser = desk.signed_in(Role.SUPPORT)
    assert order.number in browser.page("/refund-desk?queue=pending")
    assert order.number not in browser.page("/refund-desk?queue=late")
    house.advance(seconds=8 * 86_400)
    browser = desk.visitor()
    browser.sign_in("support@example.com", "open sesame, says ali")
    assert order.number in browser.page("/refund-desk?queue=late")
    assert browser.get("/refund-desk?queue=nowhere").status_code == 404


def test_orders_of_one_buyer_find_each_other(desk: Desk) -> None:
    """By what they share, and with what a bank said of them: that is why a person had to look."""
    first, _ = disputed(desk)
    second = desk.house.buy(general(desk.house.sale, 1))
    page = desk.signed_in(Role.SUPPORT).page(f"/orders/{second.id}")
    assert first.number in page
    assert "same e-mail, telephone, card, device" in page
    assert "disputed" in page
    assert "ended in a fraud warning or a dispute" in page


def test_support_looks_and_does_not_touch(desk: Desk) -> None:
    """Money is finance's: support sees everything, without buttons, and posting anyway is refused."""
    order, path = disputed(desk)
    _, refund = owed_by_another(desk)
    browser = desk.signed_in(Role.SUPPORT)
    for page, button in ((path, "Send to the bank"), ("/refund-desk", "Send it anew")):
        assert button not in browser.page(page)
    refused = [
        browser.post(f"{path}/statement", seen_on="/", do="send", statement="x"),
        browser.post(f"{path}/accept", seen_on="/"),
        browser.post(f"/refund-desk/{refund.id}/again", seen_on="/"),
        browser.post(f"/refund-desk/{refund.id}/by-hand", seen_on="/", reference="x"),
    ]
    assert [answer.status_code for answer in refused] == [403] * 4
    assert desk.house.dispute_of(order).answer is None


def test_an_answer_that_did_not_arrive_is_told(desk: Desk) -> None:
    """The bank closed the dispute a moment before: the desk says how it ended."""
    order, path = disputed(desk)
    house = desk.house
    house.answer_dispute(order, AnswerKind.EVIDENCE, "Too slow.")
    house.decide_dispute(house.dispute_of(order).facts.provider_id, won=True)
    house.drain()
    assert house.dispute_of(order).state is DisputeState.WON
    assert "Won" in desk.signed_in(Role.SUPPORT).page(path)


def owed_by_another(desk: Desk) -> tuple[Order, Refund]:
    """Somebody whose order a person had to wave through, because the card is known by now."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    house.review(order.id, approve=True)
    house.drain()
    house.refund(order.id)
    house.drain()
    (refund,) = house.refunds(order.id)
    assert refund.provider_id is not None
    house.let_refund_fail(refund.provider_id)
    house.catch_up()
    return order, refund
