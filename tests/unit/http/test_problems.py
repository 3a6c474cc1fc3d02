"""Every way the core says no has a status, a place in the documentation, and what a client needs to go on."""

import re
from datetime import datetime
from pathlib import Path

import pytest

import entrypoints
from domain.errors import RejectionCode
from domain.refusals import cooling_down
from entrypoints.http.identity import DEVICE_COOKIE, Identities
from entrypoints.http.problems import STATUS_OF_REJECTION, refused
from tests.fakes import sales
from tests.fakes.world import START
from tests.unit.http.shop import Shop, answered

API = Path(entrypoints.__file__).parent.parent / "docs" / "api.md"
NOT_OVER_THE_API = {RejectionCode.EMAIL_TAKEN, RejectionCode.NEEDS_SECOND_PERSON}
"""Accounts and approvals are a matter of pages."""


def documented() -> dict[str, set[int]]:
    """The statuses under which docs/api.md's table lists each code."""
    found: dict[str, set[int]] = {}
    for statuses, codes in re.findall(r"^\| ([\d, ]+) \| (.+) \|$", API.read_text(), re.MULTILINE):
        for code in re.findall(r"`([a-z_]+)`", codes):
            found.setdefault(code, set()).update(map(int, statuses.split(", ")))
    return found


@pytest.mark.parametrize("code", RejectionCode)
def test_every_rejection_is_mapped_and_documented(code: RejectionCode) -> None:
    """A code that nobody mapped would be a crash; one that nobody documented could not be branched on."""
    status = STATUS_OF_REJECTION[code]

    assert 400 <= status < 500
    assert code in NOT_OVER_THE_API or status in documented()[code.value]


def test_who_must_wait_is_told_how_long(shop: Shop) -> None:
    """429 ``cooling_down``: seconds in Retry-After, the moment itself in ``until``, and then it is over."""
    sale = sales.general_sale(hold_seconds=120, lapses_max=1, cooldown_seconds=90)
    shop.announce(sale, slug="calm", name="Calm")
    client = shop.client()
    cookie = f"{DEVICE_COOKIE}={Identities(shop.settings().secret_key).new_cookie()}"

    def hold(status: int) -> tuple[dict[str, object], str | None]:
        body = {"items": [{"tier": "general", "quantity": 1}]}
        response = client.post("/api/v1/events/calm/holds", json=body, headers={"Cookie": cookie})
        return answered(response, status), response.headers.get("Retry-After")

    hold(201)
    shop.fake_clock.advance(seconds=121)
    refusal, retry_after = hold(429)
    assert refusal["code"] == "cooling_down"
    assert retry_after == "90"
    until = datetime.fromisoformat(str(refusal["until"]))
    assert (until - shop.fake_clock.now()).total_seconds() == 90

    shop.fake_clock.advance(seconds=89.5)
    assert hold(429)[1] == "1"
    shop.fake_clock.advance(seconds=1)
    hold(201)


def test_the_wait_is_never_nothing() -> None:
    """A clock of ours that is ahead of the inventory's makes nobody try again at once."""
    assert refused(cooling_down(START), now=START).headers == {"Retry-After": "1"}
