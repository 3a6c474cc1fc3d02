"""The outbox, the audit trail and the staff list."""

import re
from pathlib import Path

import pytest

import application
import entrypoints.admin
from application import effects
from domain.accounts import Role, StaffMember
from domain.audit import AuditEntry
from domain.ports.backoffice import REPAIRED
from domain.ports.mail import LetterKind
from domain.ports.outbox import ATTEMPTS_MAX, BACKOFF_SECONDS_MAX, Effect
from domain.refund_requests import RequestState
from domain.refunds import RefundState
from entrypoints.admin import words
from tests.fakes.sales import general
from tests.unit.admin.desk import PASSWORD, Desk

STATIC = Path(entrypoints.admin.__file__).parent / "static"


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


def test_all_of_a_kind_are_tried_again_together(desk: Desk) -> None:
    """After an outage one press is enough; the trail says how many, and the list can be narrowed to the kind."""
    park_a_refund(desk)
    park_a_refund(desk)
    browser = desk.signed_in(Role.SUPPORT)
    assert "Try all 2 again: send a refund" in browser.page("/outbox?effect=send_refund")

    browser.post("/outbox/retry-all", seen_on="/outbox", effect="send_refund")
    desk.house.drain()

    assert {refund.state for refund in desk.house.store.state.refunds.values()} == {RefundState.SUCCEEDED}
    assert "all effects of a kind tried again" in browser.page("/audit")


def test_every_error_is_readable(desk: Desk) -> None:
    """Each attempt with its time, the newest first."""
    park_a_refund(desk)

    page = desk.signed_in(Role.SUPPORT).page("/outbox")

    assert f"Every error ({ATTEMPTS_MAX})" in page
    assert page.index(f"attempt {ATTEMPTS_MAX}") < page.index("attempt 1<")


def test_letting_an_effect_go_needs_an_administrator_and_a_reason(desk: Desk) -> None:
    """Support cannot; without a reason nothing happens; with one it is gone, and the trail has both."""
    park_a_refund(desk)
    (row_id,) = [key for key, entry in desk.house.store.state.outbox.items() if entry.parked]
    support, admin = desk.signed_in(Role.SUPPORT), desk.signed_in(Role.ADMIN)
    assert "Let it go" not in support.page("/outbox")
    assert support.post(f"/outbox/{row_id}/discard", seen_on="/", because="x").status_code == 403

    admin.post(f"/outbox/{row_id}/discard", seen_on="/outbox", because=" ")
    assert "Say why" in admin.page("/outbox")
    admin.post(f"/outbox/{row_id}/discard", seen_on="/outbox", because="settled by hand")

    assert "Nothing has given up" in admin.page("/outbox")
    assert "settled by hand" in admin.page("/audit?action=outbox")


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


def test_repairs_are_seen_where_people_look(desk: Desk) -> None:
    """The dashboard counts those of the last day and says when the last was; the trail says what was wrong."""
    house = desk.house
    browser = desk.signed_in(Role.SUPPORT)
    assert "of an inventory: never" in browser.page("/")
    entry = AuditEntry(
        id=house.ids.uuid(), at=house.clock.now(), actor="system", action=REPAIRED, subject_kind="event",
        subject_id=str(house.event_id), details={"differences": ["pool z:floor: 9 free, not 8"], "total": 1},
    )  # fmt: skip
    with house.store() as uow:
        uow.audit.add(entry)
        uow.commit()
    house.clock.advance(seconds=3 * 3_600)

    vital = re.compile(r'class="vital attention" href="[^"]*action=inventory[^"]*"><span>[^<]*</span><b>1</b>')
    for path in ("/", f"/events/{house.event_id}/stock"):
        page = browser.page(path)
        assert vital.search(page), path
        assert "last 3 hours ago" in page
    trail = browser.page("/audit?action=inventory")
    assert "put the inventory right" in trail
    assert "pool z:floor: 9 free, not 8" in trail


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"before": {"z:floor": 100}, "after": {"z:floor": 1_200}}, [("zone floor", "100 → 1,200")]),
        ({"before": {"t:vip": 20}, "after": {"t:vip": None}}, [("tier vip", "20 → none")]),
        (
            {"before": {"may_strand_seats": False}, "after": {"may_strand_seats": True}},
            [("may strand seats", "no → yes")],
        ),
        ({"before": {"limit_by": ["device"]}, "after": {"limit_by": []}}, [("limit by", "device → none")]),
        ({"label": "Press", "seats": [4, 5, 6], "reason": ""}, [("label", "Press"), ("seats", "3")]),
        (
            {"verdict": "review", "reasons": ["card_velocity", "radar_elevated"]},
            [
                ("assessment", "a person looks at it"),
                ("reasons", "many orders with one card, Radar finds the payment risky"),
            ],
        ),
        (
            {"amount": 4_950, "currency": "USD", "reason": "buyers_wish"},
            [("amount", "$49.50"), ("reason", "the buyer's wish")],
        ),
        ({"refund": "01a20614-493f-76f4-96cb-59c00f7d148b"}, [("refund", "…59c00f7d148b")]),
        ({"orders": 4, "amounts": ["586800 EUR", "9000 JPY"]}, [("orders", "4"), ("amounts", "€5,868.00, ¥9,000")]),
        ({"channel": "sms", "units": 2}, [("channel", "SMS"), ("tickets", "2")]),
        ({"failure": "declined"}, [("failure", "The buyer's bank declined it.")]),
        ({"role": "venue_manager"}, [("role", "Venue manager")]),
        ({"purpose": "venue_closed", "orders": 1_200}, [("purpose", "A venue is closed"), ("orders", "1,200")]),
        ({"refunds_until": "2026-12-01T18:30:00+00:00"}, [("refunds until", "1 Dec 2026, 18:30 UTC")]),
        ({"reason": "Settled at the door."}, [("reason", "Settled at the door.")]),
        ({"kind_of": "chargeback", "same": True}, [("kind", "Chargeback"), ("the same places", "yes")]),
        (
            {
                "currency": "USD",
                "before": {"general price": 4_500, "general then": [], "general fee basis points": 500},
                "after": {
                    "general price": 4_500,
                    "general then": ["5000 from 2026-12-01T18:30:00+00:00"],
                    "general fee basis points": 650,
                },
            },
            [("general then", "none → $50.00 from 1 Dec 2026, 18:30 UTC"), ("general fee share", "5% → 6.5%")],
        ),
        (
            {
                "version": 3,
                "currency": "GBP",
                "before": {"windows": [[720, 10_000], [168, 5_000]], "handling_minor": 0, "restock": True},
                "after": {
                    "windows": [],
                    "handling_minor": 150,
                    "restock": True,
                    "exchange": {
                        "hours_before": 36,
                        "basis_points": 9_000,
                        "fees_returned": True,
                        "fee_minor": 200,
                        "anywhere": False,
                    },
                    "reasons": [{"reason": "goodwill", "basis_points": 5_000, "fees_returned": True}],
                },
            },
            [
                ("windows", "100% until 30 days, 50% until 7 days → not refundable"),
                ("kept for handling", "£0.00 → £1.50"),
                ("exchanges", "none → 90% until 36 hours, fees too, for another date, £2.00 kept of each ticket"),
                ("reasons", "none → goodwill 50% and fees"),
                ("version", "3"),
            ],
        ),
    ],
)
def test_what_changed_is_told_as_before_and_after(values: dict[str, object], said: list[tuple[str, str]]) -> None:
    """One line for each thing that is another now, in words."""
    assert words.details(values) == said


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

    assert {name.partition("?")[0] for name in names} == {path.name for path in STATIC.iterdir()}
    for name in names:
        with browser.client.get(f"/admin/static/{name.replace('&amp;', '&')}") as answer:
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]


def test_the_desk_and_the_shop_are_of_one_house() -> None:
    """Whatever colour, letter or measure both have a name for is the same in both, in light and in dark."""
    desk_tokens, shop_tokens = (
        _tokens(path) for path in (STATIC / "tokens.css", STATIC.parents[1] / "http/static/css/tokens.css")
    )

    shared = desk_tokens.keys() & shop_tokens.keys()

    assert len(shared) > 20
    assert {name: desk_tokens[name] for name in shared} == {name: shop_tokens[name] for name in shared}


def _tokens(path: Path) -> dict[tuple[str, str], str]:
    """Custom properties by scheme and name."""
    light, dark = path.read_text().split("prefers-color-scheme: dark")
    found = {"light": light, "dark": dark}
    return {
        (scheme, name): " ".join(value.split())
        for scheme, text in found.items()
        for name, value in re.findall(r"(--[\w-]+):([^;]+);", text)
    }


ACTION = re.compile(rf'"((?:{"|".join(words.SUBJECTS)})\.[a-z_]+)"')


@pytest.mark.parametrize(
    ("error", "said", "helps"),
    [
        (
            "ProviderRefused: no such mailbox",
            "The other side refused it: no such mailbox.",
            "something has changed there",
        ),
        ("ProviderUnavailable: gone", "The other side did not answer: gone.", "when the service is back"),
        ("StoreUnavailable", "The other side did not answer.", "when the service is back"),
        ("KeyError: 'order'", "Our own program failed: KeyError: 'order'.", "whoever looks after it"),
    ],
)
def test_what_stopped_an_effect_is_said_with_what_helps(error: str, said: str, helps: str) -> None:
    """Support reads no exceptions."""
    assert words.trouble(error).said == said
    assert helps in words.trouble(error).helps


def test_a_letter_that_was_refused_leads_to_its_order(desk: Desk) -> None:
    """Which letter, whose order, what the mail server said and what to do."""
    house = desk.house
    order = house.buy(general(house.sale, 1))
    row = effects.send_email(
        LetterKind.ORDER_CONFIRMED, order.id, house.ids.uuid(), ids=house.ids, now=house.clock.now()
    )
    with house.store() as uow:
        uow.outbox.add(row)
        (leased,) = uow.outbox.lease(now=house.clock.now(), at_most=9, effects=frozenset({Effect.SEND_EMAIL}))[-1:]
        uow.outbox.park(leased, error="ProviderRefused: no such mailbox", now=house.clock.now())
        uow.commit()

    page = desk.signed_in(Role.SUPPORT).page("/outbox")

    assert "Send an e-mail: the confirmation of an order" in page
    assert "The other side refused it: no such mailbox." in page
    assert f'href="/admin/orders/{order.id}"' in page


def test_everything_that_is_noted_has_words() -> None:
    """Whatever a use case writes into the trail by its full name is told in a sentence, never as it is written."""
    use_cases = Path(application.__file__).parent
    noted = {name for path in use_cases.rglob("*.py") for name in ACTION.findall(path.read_text())}

    assert len(noted) > 40
    assert sorted(noted - set(words.HAPPENINGS)) == []
    assert {f"refund.request_{state.value}" for state in RequestState} - {"refund.request_waiting"} <= set(
        words.HAPPENINGS
    )
