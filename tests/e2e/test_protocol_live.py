"""The protocol of a purchase on the running house: real processes, servers and wires, and things going wrong."""

import json
import os
import re
import signal
from collections.abc import Iterator
from itertools import pairwise

import pytest
import redis
import zxingcpp
from PIL import Image, ImageDraw

from entrypoints.launcher.data_directory import CREDENTIALS_FILE
from tests.contract.sandboxes import Sandbox
from tests.e2e.buyers import (
    ARENA,
    FESTIVAL,
    THEATRE,
    Buyer,
    Json,
    Visitor,
    answered,
    until,
)
from tests.e2e.cards import DECLINED_CARD, RISKY_CARD
from tests.live_house import Live

pytestmark = [pytest.mark.xdist_group("house"), pytest.mark.timeout(120)]

CAPTURE = {"target": "stripe", "method": "POST", "path": "/v1/payment_intents/*/capture"}
OPEN_PAGE = {"target": "stripe", "method": "POST", "path": "/v1/checkout/sessions"}
SETTLING_SECONDS_MAX = 20.0
PIXELS_PER_MODULE = 6


@pytest.fixture
def sandbox(live: Live) -> Iterator[Sandbox]:
    """The money's and the telephones' side. Whatever a test broke there works again afterwards."""
    control = Sandbox(live.sandbox_url)
    yield control
    control.control("DELETE", "faults")
    control.close()


@pytest.fixture
def buyer(live: Live) -> Iterator[Buyer]:
    with Buyer(live) as somebody:
        yield somebody


@pytest.fixture(scope="module", autouse=True)
def _the_books_balance_afterwards(live: Live) -> Iterator[None]:
    """Whatever happened in these tests: in the end nothing that must never be false is false."""
    yield
    until(lambda: live.run("verify"), lambda checked: checked.returncode == 0, seconds=SETTLING_SECONDS_MAX)


def general(quantity: int) -> Json:
    return {"tier": "general", "quantity": quantity}


class TestTheStraightWay:
    def test_general_admission_from_hold_to_scanned_ticket(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """Two tickets: paid, confirmed, told by SMS, and a scanner reads from the drawing what the door will check."""
        hold = buyer.hold(FESTIVAL, general(2))
        checkout = buyer.check_out(hold)
        back = buyer.pay(checkout)
        order = checkout["order"]
        confirmed = buyer.sees(order, "confirmed")

        assert back.startswith(f"{buyer.live.url}/orders/{order['id']}?token={order['token']}")
        assert confirmed["total"] == hold["total"]
        assert confirmed["payment"]["state"] == "paid"
        assert captures_of(sandbox, order) == [confirmed["total"]["amount"]]
        tickets = buyer.tickets(order)
        assert len({ticket["code"] for ticket in tickets}) == 2
        for ticket in tickets:
            drawing = buyer.get(f"/tickets/{ticket['id']}.svg", token=order["token"])
            assert scanned(drawing.text) == ticket["code"]
            printed = buyer.get(f"/tickets/{ticket['id']}.pdf", token=order["token"])
            assert printed.headers["Content-Type"] == "application/pdf"
            assert printed.content.startswith(b"%PDF-")

    def test_the_message_opens_the_order(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """The link in the SMS is the key: it opens the order's page, and its cookie keeps it open."""
        order = buyer.buy(FESTIVAL, general(1))
        text = until(lambda: texts_to(sandbox, buyer), lambda texts: len(texts) == 1)[0]
        link = re.search(r"https?://\S+", text)
        assert link, text

        with Visitor(buyer.live.url) as visitor:
            number = buyer.order(order)["number"]
            assert number in visitor.open(link[0])
            assert number in visitor.open(f"/orders/{order['id']}")
        with Visitor(buyer.live.url) as stranger:
            assert stranger.http.get(f"{buyer.live.url}/orders/{order['id']}", timeout=10).status_code == 404

    def test_chosen_seats_are_sold_as_chosen(self, buyer: Buyer) -> None:
        """Two seats side by side in the theatre are on the tickets, and on nobody's map any more."""
        plan = buyer.plan(THEATRE)
        seats = free_neighbours(buyer, THEATRE, plan.in_zone("front-stalls"))
        order = buyer.buy(THEATRE, {"tier": "premium", "seats": plan.ids(seats)})

        (line,) = buyer.order(order)["lines"]
        assert [seat["id"] for seat in line["seats"]] == plan.ids(seats)
        until(lambda: seats_now(buyer, THEATRE, seats), lambda now: now == "ss")

    def test_the_best_seats_are_side_by_side(self, buyer: Buyer) -> None:
        """Three seats in a bowl of 12,000, chosen and taken in one step: one row, consecutive places."""
        plan = buyer.plan(ARENA)
        hold = buyer.hold(ARENA, {"tier": "lower", "best_available": 3})
        checkout = buyer.check_out(hold)
        buyer.pay(checkout)
        buyer.sees(checkout["order"], "confirmed")

        indexes = [plan.index(seat["id"]) for seat in hold["items"][0]["seats"]]
        assert indexes == list(range(indexes[0], indexes[0] + 3))
        assert len({plan.told["seats"]["row"][index] for index in indexes}) == 1
        assert len(buyer.tickets(checkout["order"])) == 3


class TestCards:
    def test_a_declined_card_and_then_a_good_one(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """The page stays open and the places stay kept; only the second card is charged."""
        checkout = buyer.check_out(buyer.hold(FESTIVAL, general(1)))
        declined = buyer.submit(checkout["checkout_url"], DECLINED_CARD)
        assert declined.status_code == 402
        assert buyer.order(checkout["order"])["state"] == "awaiting_payment"

        buyer.pay(checkout)
        confirmed = buyer.sees(checkout["order"], "confirmed")
        assert captures_of(sandbox, checkout["order"]) == [confirmed["total"]["amount"]]

    def test_a_risky_card_waits_for_a_person(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """In review nothing is charged; approved at the desk, the money is taken and the tickets follow."""
        checkout = buyer.check_out(buyer.hold(FESTIVAL, general(1)))
        order = checkout["order"]
        buyer.pay(checkout, RISKY_CARD)
        buyer.sees(order, "in_review")
        assert captures_of(sandbox, order) == []
        assert buyer.tickets(order) == []

        with staff(buyer.live) as desk:
            page = desk.open(f"/admin/orders/{order['id']}")
            after = desk.send(page, f"/admin/orders/{order['id']}/review", verdict="approve", note="Called her.")
            assert "Approved" in after
        buyer.sees(order, "confirmed")
        assert len(captures_of(sandbox, order)) == 1

    def test_a_rejected_review_charges_nobody(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """Rejected at the desk, the authorisation is let go and the places are for others."""
        before = buyer.availability(FESTIVAL)["zones"]
        checkout = buyer.check_out(buyer.hold(FESTIVAL, general(2)))
        order = checkout["order"]
        buyer.pay(checkout, RISKY_CARD)
        buyer.sees(order, "in_review")

        with staff(buyer.live) as desk:
            page = desk.open(f"/admin/orders/{order['id']}")
            desk.send(page, f"/admin/orders/{order['id']}/review", verdict="reject", note="A stolen card.")
        buyer.sees(order, "cancelled")
        until(lambda: intents_of(sandbox, order)[0]["status"], lambda status: status == "canceled")
        until(lambda: buyer.availability(FESTIVAL)["zones"], lambda zones: zones == before)


class TestWebhooks:
    def test_without_any_the_poller_confirms(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """Every webhook is lost and the buyer does not come back: the order is confirmed all the same."""
        arm(sandbox, target="stripe_webhooks", kind="drop", times=None)
        order = buyer.buy(FESTIVAL, general(1))
        assert hits(sandbox) > 1
        assert len(captures_of(sandbox, order)) == 1

    def test_doubled_and_disordered_they_confirm_once(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """Each arrives twice, the next before the last: one capture, one set of tickets, one message."""
        arm(sandbox, target="stripe_webhooks", kind="reorder", seconds=1, type="checkout.session.completed")
        arm(sandbox, target="stripe_webhooks", kind="duplicate", times=None)
        order = buyer.buy(FESTIVAL, general(2))
        until(lambda: sandbox.control("GET", "state"), lambda state: bool(state["deliveries_idle"]))

        reordered, doubled = sandbox.control("GET", "faults")["data"]
        assert (reordered["hits"], doubled["hits"] > 1) == (1, True)
        assert len(captures_of(sandbox, order)) == 1
        assert capture_requests(sandbox, order) == 1
        assert len(buyer.tickets(order)) == 2
        until(lambda: texts_to(sandbox, buyer), lambda texts: len(texts) == 1)


class TestAProviderInTrouble:
    def test_a_capture_whose_reply_is_lost_charges_once(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """Nobody knows whether the money was taken, so the provider is asked again, and it was taken once."""
        arm(sandbox, **CAPTURE, kind="lost_reply")
        order = buyer.buy(FESTIVAL, general(1))
        assert hits(sandbox) == 1
        assert len(captures_of(sandbox, order)) == 1
        assert len(buyer.tickets(order)) == 1

    def test_a_capture_that_fails_inside_is_tried_again(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """A stored server error is not the last word."""
        arm(sandbox, **CAPTURE, kind="500")
        order = buyer.buy(FESTIVAL, general(1))
        assert len(captures_of(sandbox, order)) == 1

    @pytest.mark.parametrize("kind", ["500", "503", "429", "connection_reset"])
    def test_a_page_that_does_not_open_opens_when_asked_again(self, buyer: Buyer, sandbox: Sandbox, kind: str) -> None:
        """The buyer is told that the tickets are kept, asks once more, and pays."""
        hold = buyer.hold(FESTIVAL, general(1))
        arm(sandbox, **OPEN_PAGE, kind=kind, times=2)  # The adapter repeats some of them once by itself.
        problem = answered(buyer.ask_to_check_out(hold), 503)
        assert problem["code"] == "provider_unavailable"
        sandbox.control("DELETE", "faults")

        checkout = buyer.check_out(hold)
        buyer.pay(checkout)
        buyer.sees(checkout["order"], "confirmed")


class TestGivingUp:
    def test_a_cancelled_order_frees_its_seats_at_once(self, buyer: Buyer) -> None:
        """Before paying, one click gives the seats to others; the payment page accepts nothing any more."""
        seats = free_neighbours(buyer, THEATRE, buyer.plan(THEATRE).in_zone("rear-stalls"))
        ids = buyer.plan(THEATRE).ids(seats)
        checkout = buyer.check_out(buyer.hold(THEATRE, {"tier": "standard", "seats": ids}))
        order = checkout["order"]
        assert "f" not in seats_now(buyer, THEATRE, seats)

        with Visitor(buyer.live.url) as visitor:
            page = visitor.open(f"/orders/{order['id']}?token={order['token']}")
            visitor.send(page, f"/orders/{order['id']}/cancel")
        assert buyer.sees(order, "expired")["payment"]["state"] == "expired"
        until(lambda: seats_now(buyer, THEATRE, seats), lambda now: now == "ff", seconds=5)
        assert buyer.submit(checkout["checkout_url"]).status_code == 410
        with Buyer(buyer.live) as other:
            other.release(other.hold(THEATRE, {"tier": "standard", "seats": ids}))

    def test_one_of_two_tickets_is_given_back(self, buyer: Buyer, sandbox: Sandbox) -> None:
        """What was quoted is refunded, that seat is free again, and the other ticket is still good."""
        plan = buyer.plan(THEATRE)
        seats = free_neighbours(buyer, THEATRE, plan.in_zone("balcony"))
        order = buyer.buy(THEATRE, {"tier": "balcony", "seats": plan.ids(seats)})
        first, second = buyer.tickets(order)
        path = f"/orders/{order['id']}"
        quote = answered(buyer.get(f"{path}/refund-quote?ticket={first['id']}", token=order["token"]), 200)
        refund = answered(buyer.post(f"{path}/refunds", {"tickets": [first["id"]]}, token=order["token"]), 201)
        assert refund["amount"] == quote["total"]

        after = buyer.sees(order, "partially_refunded")
        assert after["refunded"] == quote["total"]
        assert refunds_of(sandbox, order) == [quote["total"]["amount"]]
        assert [ticket["state"] for ticket in buyer.tickets(order)] == ["void", "valid"]
        assert second["id"] == buyer.tickets(order)[1]["id"]
        until(lambda: seats_now(buyer, THEATRE, seats), lambda now: now == "fs")
        again = buyer.post(f"{path}/refunds", {"tickets": [first["id"]]}, token=order["token"])
        assert answered(again, 409)["code"] == "already_refunded"


class TestLosses:
    def test_an_emptied_valkey_is_rebuilt_with_what_is_sold(self, buyer: Buyer, live: Live) -> None:
        """Holds are lost with it, orders are not: what was sold or is being paid stays taken."""
        plan = buyer.plan(THEATRE)
        sold = free_neighbours(buyer, THEATRE, plan.in_zone("front-stalls"))
        buyer.buy(THEATRE, {"tier": "premium", "seats": plan.ids(sold)})
        paying = free_neighbours(buyer, THEATRE, plan.in_zone("front-stalls"))
        checkout = buyer.check_out(buyer.hold(THEATRE, {"tier": "premium", "seats": plan.ids(paying)}))
        held = free_neighbours(buyer, THEATRE, plan.in_zone("front-stalls"))
        hold = buyer.hold(THEATRE, {"tier": "premium", "seats": plan.ids(held)})

        with redis.Redis.from_url(live.environment()["REDIS_URL"]) as valkey:
            valkey.flushall()

        with Buyer(live) as other:
            refused = other.ask_for(THEATRE, {"tier": "premium", "seats": plan.ids([*sold, *paying])})
            assert sorted(answered(refused, 409)["seats"]) == sorted(plan.ids([*sold, *paying]))
            other.release(other.hold(THEATRE, {"tier": "premium", "seats": plan.ids(held)}))
        assert "f" not in seats_now(buyer, THEATRE, [*sold, *paying])
        assert seats_now(buyer, THEATRE, held) == "ff"
        assert answered(buyer.ask_to_check_out(hold), 409)["code"] == "hold_lapsed"
        buyer.pay(checkout)
        buyer.sees(checkout["order"], "confirmed")
        until(lambda: seats_now(buyer, THEATRE, paying), lambda now: now == "ss")

    def test_a_worker_killed_over_a_capture_comes_back(self, buyer: Buyer, live: Live, sandbox: Sandbox) -> None:
        """SIGKILL while its question to the provider is under way: another worker finds out how it ended."""
        (worker,) = live.processes("worker")
        checkout = buyer.check_out(buyer.hold(FESTIVAL, general(2)))
        arm(sandbox, **CAPTURE, kind="delay", seconds=2)
        buyer.pay(checkout)
        until(lambda: hits(sandbox), lambda count: count == 1)

        os.kill(worker, signal.SIGKILL)

        buyer.sees(checkout["order"], "confirmed")
        assert len(captures_of(sandbox, checkout["order"])) == 1
        assert len(buyer.tickets(checkout["order"])) == 2
        until(lambda: live.processes("worker"), lambda workers: len(workers) == 1 and worker not in workers)


def staff(live: Live) -> Visitor:
    """The administrator, signed in at the desk."""
    known = json.loads((live.data_dir / CREDENTIALS_FILE).read_text())
    desk = Visitor(live.url)
    page = desk.open("/admin/sign-in")
    desk.send(page, "/admin/sign-in", email=known["admin_email"], password=known["admin_password"])
    return desk


def arm(sandbox: Sandbox, **fault: object) -> None:
    """Something goes wrong, once unless ``times`` says otherwise."""
    sandbox.control("POST", "faults", fault)


def hits(sandbox: Sandbox) -> int:
    """How often an armed fault has struck."""
    return sum(fault["hits"] for fault in sandbox.control("GET", "faults")["data"])


def intents_of(sandbox: Sandbox, order: Json) -> list[Json]:
    """The provider's payments for an order."""
    found = sandbox.control("GET", "payment_intents?limit=1000")["data"]
    return [intent for intent in found if intent["metadata"].get("order_id") == order["id"]]


def captures_of(sandbox: Sandbox, order: Json) -> list[int]:
    """Every sum that was really taken for an order, in minor units."""
    return [intent["amount_received"] for intent in intents_of(sandbox, order) if intent["amount_received"]]


def capture_requests(sandbox: Sandbox, order: Json) -> int:
    """How often we asked for an order's money."""
    paths = {f"/v1/payment_intents/{intent['id']}/capture" for intent in intents_of(sandbox, order)}
    seen = sandbox.control("GET", "requests?method=POST&path=/v1/payment_intents&limit=1000")["data"]
    return sum(request["path"] in paths for request in seen)


def refunds_of(sandbox: Sandbox, order: Json) -> list[int]:
    """Every sum that was given back, in minor units."""
    intents = {intent["id"] for intent in intents_of(sandbox, order)}
    refunds = sandbox.control("GET", "refunds?limit=1000")["data"]
    return [refund["amount"] for refund in refunds if refund["payment_intent"] in intents]


def texts_to(sandbox: Sandbox, buyer: Buyer) -> list[str]:
    """Every SMS to this buyer's telephone."""
    found = sandbox.control("GET", f"messages?to={buyer.phone.replace('+', '%2B')}")["data"]
    return [message["body"] for message in found]


def seats_now(buyer: Buyer, event: str, indexes: list[int]) -> str:
    """One letter a seat: f(ree), h(eld), s(old)."""
    seats = buyer.availability(event)["seats"]
    return "".join(seats[index] for index in indexes)


def free_neighbours(buyer: Buyer, event: str, among: list[int]) -> list[int]:
    """Two free seats of one row, side by side."""
    plan, seats = buyer.plan(event).told["seats"], buyer.availability(event)["seats"]
    for first, second in pairwise(among):
        if seats[first] == seats[second] == "f" and plan["row"][first] == plan["row"][second]:
            return [first, second]
    raise AssertionError("no two free neighbours are left")


def scanned(svg: str) -> str:
    """What a scanner reads from a ticket's drawing, rendered here: modules are strokes of one unit's height."""
    (size,) = {int(side) for side in re.findall(r'viewBox="0 0 (\d+) \d+"', svg)}
    image = Image.new("L", (size * PIXELS_PER_MODULE, size * PIXELS_PER_MODULE), 255)
    draw = ImageDraw.Draw(image)
    strokes = re.search(r'class="qrline"[^>]* d="([^"]+)"', svg)
    assert strokes, svg
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", strokes[1]):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            box = (x, y - 0.5, x + values[0], y + 0.5)
            left, top, right, bottom = (round(side * PIXELS_PER_MODULE) for side in box)
            draw.rectangle((left, top, right - 1, bottom - 1), fill=0)
            x += values[0]
    (found,) = zxingcpp.read_barcodes(image)
    return str(found.text)
