"""What organisers' systems hear, told as stories on a house in memory."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from application.commands.catalogue_changes import cancel_event
from application.commands.check_in import CheckIn, check_in
from application.commands.manage_webhooks import (
    EndpointAndSecret,
    EndpointTerms,
    add_endpoint,
    change_endpoint,
    rotate_secret,
    send_again,
    send_test,
    switch_endpoint,
)
from application.commands.tell_organisers import deliver_webhooks, watch_stock
from domain.errors import ProviderRefused, Rejection, RejectionCode
from domain.fees import FeeRule
from domain.orders import Order
from domain.outgoing_webhooks import (
    CHOOSABLE,
    FAILING_MAX,
    RETRY_SECONDS,
    ROTATION_OVERLAP,
    Answer,
    Delivery,
    DeliveryState,
    Endpoint,
    EndpointId,
    HookKind,
    headers,
)
from domain.venues import VenueId
from tests.fakes.hook_sender import OK, FakeSender
from tests.fakes.sales import general, general_sale, usd
from tests.unit.application.house import ADA, House

AWAY = Answer(milliseconds=10_000, error="No answer within 10 seconds.")
ACTOR = "grace@example.com"


@dataclass
class Organiser:
    """A house with webhooks."""

    house: House = field(default_factory=lambda: House(sale=general_sale(capacity=4, vip_capacity=None)))
    sender: FakeSender = field(default_factory=FakeSender)

    def __post_init__(self) -> None:
        self.step: dict[str, Any] = {
            "unit_of_work": self.house.uow, "clock": self.house.clock, "ids": self.house.ids,
        }  # fmt: skip

    def terms(self, *kinds: HookKind, url: str = "https://box.example.org/hooks", venue: VenueId | None = None) -> Any:
        return EndpointTerms(url=url, description="", kinds=frozenset(kinds or CHOOSABLE), venue_id=venue)

    def add(self, *kinds: HookKind, **more: Any) -> EndpointAndSecret:
        added = add_endpoint(
            self.terms(*kinds, **more), actor=ACTOR, sender=self.sender, access=self.house.access, **self.step
        )
        assert isinstance(added, EndpointAndSecret), added
        return added

    def work(self) -> None:
        """Everything that is due: effects, deliveries."""
        self.house.drain()
        for failing in (False, True):
            while deliver_webhooks(
                failing=failing, at_most=5, sender=self.sender, access=self.house.access, **self.step
            ):
                pass

    def watch(self) -> int:
        return watch_stock(catalogue=self.house.catalogue, wakeup=self.house.wakeup, **self.step)

    def told(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self.sender.sent]

    def endpoint(self, endpoint_id: EndpointId) -> Endpoint:
        with self.house.uow() as uow:
            return uow.webhooks.get_endpoint(endpoint_id)

    def deliveries(self) -> list[Delivery]:
        return list(self.house.store.state.hook_deliveries.values())

    def buy(self, units: int = 1) -> Order:
        return self.house.buy(general(self.house.sale, units))


@pytest.fixture
def organiser() -> Organiser:
    return Organiser()


def test_a_purchase_is_told_once_and_says_nothing_about_the_buyer(organiser: Organiser) -> None:
    """Thin data with money in minor units; no name, address or number of whoever bought."""
    organiser.add()
    order = organiser.buy(2)
    organiser.work()
    organiser.work()

    assert organiser.told() == ["order.confirmed"]
    ((url, sent, body),) = organiser.sender.sent
    said = json.loads(body)
    assert url == "https://box.example.org/hooks"
    assert (said["version"], said["data"]["order"], said["data"]["tickets"]) == ("v1", str(order.id), 2)
    assert said["data"]["total"] == {"amount": order.total.amount, "currency": order.total.currency}
    assert sent["webhook-id"].startswith("msg_")
    for secret in (ADA.name, ADA.email, ADA.phone or "?"):
        assert secret not in body


def test_without_endpoints_nothing_is_written(organiser: Organiser) -> None:
    """A flash sale of a house that uses none of this pays nothing for it."""
    organiser.buy()

    assert not any(entry.row.key.startswith("tell") for entry in organiser.house.store.state.outbox.values())


def test_a_refund_is_told_from_its_beginning_to_its_end(organiser: Organiser) -> None:
    """Requested, then completed."""
    organiser.add(HookKind.REFUND_REQUESTED, HookKind.REFUND_COMPLETED, HookKind.REFUND_FAILED)
    order = organiser.buy()
    organiser.house.refund(order.id)
    organiser.work()

    assert sorted(organiser.told()) == ["refund.completed", "refund.requested"]


def test_free_tickets_that_were_given_back_are_told() -> None:
    """No money moves, so it is complete at once: whoever prints lists for the door hears of it all the same."""
    sale = general_sale(capacity=4, vip_capacity=None)
    gifts = tuple(replace(tier, face=usd(0), fee=FeeRule()) for tier in sale.tiers)
    organiser = Organiser(house=House(sale=replace(sale, tiers=gifts)))
    organiser.add(HookKind.REFUND_REQUESTED, HookKind.REFUND_COMPLETED)
    order = organiser.house.place_order(general(organiser.house.sale, 2))
    organiser.work()
    organiser.house.refund(order.id)
    organiser.work()

    assert organiser.told() == ["refund.completed"]
    data = json.loads(organiser.sender.sent[0][2])["data"]
    assert (len(data["tickets"]), data["amount"]["amount"]) == (2, 0)


def test_a_refund_that_failed_is_told(organiser: Organiser) -> None:
    """With why."""
    organiser.add(HookKind.REFUND_FAILED)
    order = organiser.buy()
    organiser.house.gateway.fail_next("refund", ProviderRefused("not_refundable", "the card is gone"))
    organiser.house.refund(order.id)
    organiser.work()

    assert organiser.told() == ["refund.failed"]
    assert json.loads(organiser.sender.sent[0][2])["data"]["failure"] == "not_refundable"


def test_the_last_place_and_the_first_that_comes_back_are_told(organiser: Organiser) -> None:
    """Sold out is told once; a refund's place is back on sale, once; then sold out again."""
    organiser.add(HookKind.EVENT_SOLD_OUT, HookKind.EVENT_BACK_ON_SALE)
    order = organiser.buy(4)
    assert [organiser.watch(), organiser.watch()] == [1, 0]
    organiser.house.refund(order.id)
    organiser.house.clock.advance(seconds=60)
    assert [organiser.watch(), organiser.watch()] == [1, 0]
    organiser.work()

    assert sorted(organiser.told()) == ["event.back_on_sale", "event.sold_out"]


def test_whoever_is_let_in_is_told_once(organiser: Organiser) -> None:
    """The second scan is refused, and says nothing."""
    organiser.add(HookKind.TICKET_CHECKED_IN)
    order = organiser.buy()
    (ticket,) = organiser.house.tickets(order.id)
    for _ in range(2):
        check_in(CheckIn(ticket_id=ticket.id, actor=ACTOR), **organiser.step)
    organiser.work()

    assert organiser.told() == ["ticket.checked_in"]
    assert json.loads(organiser.sender.sent[0][2])["data"]["ticket"] == str(ticket.id)


def test_a_cancelled_event_is_told(organiser: Organiser) -> None:
    """Once, however often somebody presses."""
    organiser.add(HookKind.EVENT_CANCELLED)
    for _ in range(2):
        cancel_event(organiser.house.event_id, actor=ACTOR, wakeup=organiser.house.wakeup, **organiser.step)
    organiser.work()

    assert organiser.told() == ["event.cancelled"]


def test_endpoints_hear_what_they_want_of_their_venue(organiser: Organiser) -> None:
    """Other kinds, other venues and endpoints that are off stay silent."""
    venue = organiser.house.sale.seat_map.venue_id
    organiser.add(HookKind.ORDER_CONFIRMED, url="https://here.example.org/", venue=venue)
    organiser.add(HookKind.ORDER_CONFIRMED, url="https://everywhere.example.org/")
    organiser.add(HookKind.REFUND_FAILED, url="https://refunds.example.org/")
    off = organiser.add(HookKind.ORDER_CONFIRMED, url="https://off.example.org/").endpoint
    switch_endpoint(off.id, on=False, actor=ACTOR, **organiser.step)
    organiser.buy()
    organiser.work()

    assert {url for url, _, _ in organiser.sender.sent} == {
        "https://here.example.org/",
        "https://everywhere.example.org/",
    }


def test_a_receiver_that_is_away_is_asked_for_days(organiser: Organiser) -> None:
    """Each pause longer than the one before; after the last try it stays in the log as failed."""
    organiser.add(HookKind.ORDER_CONFIRMED)
    organiser.sender.answer = Answer(milliseconds=3, status=500)
    organiser.buy()
    began = organiser.house.clock.now()
    for _ in range(60):
        organiser.work()
        organiser.house.clock.advance(seconds=7_200)

    (delivery,) = organiser.deliveries()
    assert delivery.state is DeliveryState.FAILED
    assert delivery.attempts == len(RETRY_SECONDS) + 1
    times = [int(sent["webhook-timestamp"]) for _, sent, _ in organiser.sender.sent]
    assert times[-1] - began.timestamp() >= 3 * 86_400 - 7_200
    assert len({sent["webhook-id"] for _, sent, _ in organiser.sender.sent}) == 1
    assert len({body for _, _, body in organiser.sender.sent}) == 1


def test_after_days_of_silence_an_endpoint_is_turned_off_and_the_trail_says_why(organiser: Organiser) -> None:
    """What waits is kept; turned on again, everything that waited arrives."""
    endpoint = organiser.add(HookKind.ORDER_CONFIRMED).endpoint
    organiser.sender.answer = AWAY
    organiser.buy()
    organiser.work()
    organiser.house.clock.advance(seconds=FAILING_MAX.total_seconds())
    organiser.buy()
    organiser.work()

    assert not organiser.endpoint(endpoint.id).enabled
    assert "5 days" in (organiser.endpoint(endpoint.id).disabled_because or "")
    assert [one.action for one in organiser.house.store.state.audit.values()].count("webhook.disabled") == 1
    before = len(organiser.sender.sent)
    organiser.house.clock.advance(seconds=86_400 * 2)
    organiser.work()
    assert len(organiser.sender.sent) == before
    organiser.sender.answer = OK
    switch_endpoint(endpoint.id, on=True, actor=ACTOR, **organiser.step)
    organiser.work()
    assert {one.state for one in organiser.deliveries()} == {DeliveryState.DELIVERED}


def test_gone_means_gone(organiser: Organiser) -> None:
    """410 turns the endpoint off at once."""
    endpoint = organiser.add(HookKind.ORDER_CONFIRMED).endpoint
    organiser.sender.answer = Answer(milliseconds=3, status=410)
    organiser.buy()
    organiser.work()

    assert not organiser.endpoint(endpoint.id).enabled


def test_a_receiver_that_asks_for_time_gets_it(organiser: Organiser) -> None:
    """Retry-After is longer than our own pause: it is kept."""
    organiser.add(HookKind.ORDER_CONFIRMED)
    organiser.sender.answer = Answer(milliseconds=3, status=429, retry_after_seconds=900)
    organiser.buy()
    now = organiser.house.clock.now()
    organiser.work()

    (delivery,) = organiser.deliveries()
    assert delivery.next_try_at == now + timedelta(seconds=900)


def test_a_new_secret_overlaps_with_the_old_one(organiser: Organiser) -> None:
    """For a day both sign, so the receiver may change over in its time; afterwards only the new one does."""
    added = organiser.add(HookKind.ORDER_CONFIRMED)
    rotate = partial(rotate_secret, added.endpoint.id, actor=ACTOR, access=organiser.house.access, **organiser.step)
    rotated = rotate()
    assert isinstance(rotated, EndpointAndSecret)
    assert rotated.secret != added.secret
    assert isinstance(rotate(), Rejection), "never three secrets at once"

    def signatures() -> tuple[str, list[str]]:
        organiser.buy()
        organiser.work()
        _, sent, body = organiser.sender.sent[-1]
        expected = [
            headers(webhook_id=sent["webhook-id"], at=organiser.house.clock.now(), body=body, secrets=(secret,))[
                "webhook-signature"
            ]
            for secret in (rotated.secret, added.secret)
        ]
        return sent["webhook-signature"], expected

    given, expected = signatures()
    assert given == " ".join(expected)
    organiser.house.clock.advance(seconds=ROTATION_OVERLAP.total_seconds())
    given, expected = signatures()
    assert given == expected[0]


def test_the_signature_is_the_standards() -> None:
    """The worked example of the specification's own libraries: id, timestamp and body, joined by dots."""
    signed = headers(
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1_614_265_330, UTC),
        body='{"test": 2432232314}',
        secrets=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",),
    )

    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def resting(organiser: Organiser) -> Endpoint:
    """An endpoint that has failed so often that nothing is tried for a while, with a message that waits."""
    endpoint = organiser.add(HookKind.ORDER_CONFIRMED).endpoint
    organiser.sender.answer = Answer(milliseconds=3, status=500)
    organiser.buy()
    while not organiser.endpoint(endpoint.id).rests(now=organiser.house.clock.now()):
        organiser.work()
        organiser.house.clock.advance(seconds=RETRY_SECONDS[-1] * 2)
        organiser.work()
    organiser.sender.answer = Answer(milliseconds=3, status=204)
    return endpoint


def test_a_test_ends_the_rest_of_an_endpoint_that_failed(organiser: Organiser) -> None:
    """Whoever has mended the receiver sees at once that it works, and what waited arrives with the test."""
    endpoint = resting(organiser)
    organiser.sender.sent.clear()
    organiser.work()
    assert organiser.told() == []

    send_test(endpoint.id, actor=ACTOR, wakeup=organiser.house.wakeup, **organiser.step)
    organiser.work()

    assert "endpoint.test" in organiser.told()
    assert organiser.endpoint(endpoint.id).failures == 0


def test_another_address_has_not_failed_yet(organiser: Organiser) -> None:
    """It begins anew; a change of wishes alone forgets nothing."""
    endpoint = resting(organiser)
    change = partial(change_endpoint, endpoint.id, actor=ACTOR, sender=organiser.sender, **organiser.step)

    change(terms=organiser.terms(HookKind.ORDER_CANCELLED))
    assert organiser.endpoint(endpoint.id).failures
    change(terms=organiser.terms(HookKind.ORDER_CANCELLED, url="https://new.example.org/hooks"))

    moved = organiser.endpoint(endpoint.id)
    assert (moved.failures, moved.failing_since, moved.quiet_until) == (0, None, None)


def test_a_test_message_and_sending_again(organiser: Organiser) -> None:
    """By hand, under the same id as before; not while the endpoint is off."""
    endpoint = organiser.add(HookKind.REFUND_FAILED).endpoint
    tested = send_test(endpoint.id, actor=ACTOR, wakeup=organiser.house.wakeup, **organiser.step)
    assert isinstance(tested, Delivery)
    organiser.work()
    again = partial(send_again, tested.id, actor=ACTOR, wakeup=organiser.house.wakeup, **organiser.step)
    assert isinstance(again(), Delivery)
    organiser.work()

    assert organiser.told() == ["endpoint.test"] * 2
    assert len({sent["webhook-id"] for _, sent, _ in organiser.sender.sent}) == 1
    switch_endpoint(endpoint.id, on=False, actor=ACTOR, **organiser.step)
    assert isinstance(again(), Rejection)


@pytest.mark.parametrize(
    ("changes", "field_name"),
    [
        ({"url": "http://box.example.org/"}, "url"),
        ({"url": ""}, "url"),
        ({"url": f"https://box.example.org/{'x' * 600}"}, "url"),
        ({"description": "x" * 300}, "description"),
        ({"kinds": frozenset()}, "kinds"),
        ({"kinds": frozenset({HookKind.TEST})}, "kinds"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_field(
    organiser: Organiser, changes: dict[str, Any], field_name: str
) -> None:
    """Adding and changing alike."""
    wanted: dict[str, Any] = {
        "url": "https://box.example.org/", "description": "", "kinds": frozenset({HookKind.REFUND_FAILED}),
        "venue_id": None, **changes,
    }  # fmt: skip
    endpoint = organiser.add().endpoint
    terms = EndpointTerms(**wanted)

    for refused in (
        add_endpoint(terms, actor=ACTOR, sender=organiser.sender, access=organiser.house.access, **organiser.step),
        change_endpoint(endpoint.id, terms=terms, actor=ACTOR, sender=organiser.sender, **organiser.step),
    ):
        assert isinstance(refused, Rejection)
        assert (refused.code, refused.details["field"]) == (RejectionCode.INVALID_REQUEST, field_name)
