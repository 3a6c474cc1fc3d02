"""Whom tickets are counted under."""

from dataclasses import replace

import pytest

from domain.events import LimitSubject
from domain.limits import UNLIMITED, counted_under, email_key, limits, phone_key, recognised
from tests.fakes.sales import buyer, terms


@pytest.mark.parametrize(
    "variant", ["Ada@Example.com", " ada@example.com ", "ada+tickets@example.com", "ADA+x+y@EXAMPLE.COM"]
)
def test_variants_of_an_email_address_are_one_person(variant: str) -> None:
    """Letters' case and what follows a plus reach the same mailbox."""
    assert email_key(variant) == email_key("ada@example.com")


def test_dots_matter_except_where_they_do_not() -> None:
    """One provider ignores them; elsewhere they tell people apart."""
    assert email_key("a.d.a@gmail.com") == email_key("ada@googlemail.com")
    assert email_key("a.da@example.com") != email_key("ada@example.com")


def test_keys_do_not_give_away_whose_they_are() -> None:
    """They are kept in Valkey and beside orders: digests, without white space, of one length."""
    for key in (email_key("ada@example.com"), phone_key("+447700900123")):
        assert len(key) == 32
        assert key.isalnum()


def test_a_buyer_is_counted_under_everything_known_and_read_back() -> None:
    """What an order keeps is enough to recognise its buyer again."""
    ada = buyer("ada", account="ACC", email="MAIL", phone="TEL")

    assert counted_under(ada) == ("a:ACC", "d:device-ada", "e:MAIL", "p:TEL")
    assert recognised(counted=counted_under(ada), address=ada.address) == ada
    assert recognised(counted=counted_under(buyer()), address="address-ada") == buyer()


def test_limits_follow_the_terms_of_the_sale() -> None:
    """Who is not limited by is counted without a bound; an address bounds live holds only, unless that is off."""
    rules = terms(per_buyer_max=12, live_holds_per_address=7, limit_by=frozenset({LimitSubject.EMAIL}))

    device, email, address = limits(rules, buyer("ada", network="NET", email="MAIL"))

    assert (device.units_max, device.live_max) == (UNLIMITED, UNLIMITED)
    assert (email.units_max, email.live_max) == (12, rules.live_holds_per_buyer)
    assert (address.key, address.units_max, address.live_max) == ("i:NET", UNLIMITED, 7)
    assert len(limits(replace(rules, live_holds_per_address=0), buyer("ada", network="NET"))) == 1
    assert len(limits(rules, buyer("ada"))) == 1, "a private address is a proxy's: everybody would share it"
