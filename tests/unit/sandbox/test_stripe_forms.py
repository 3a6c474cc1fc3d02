"""Stripe's request encoding is understood as its SDK writes it."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stripe._encode import _api_encode

from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.forms import parse_form
from adapters.stripe.sandbox.params import Params

NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
VALUES = st.recursive(
    st.text(max_size=20),
    lambda inner: st.lists(inner, min_size=1, max_size=12) | st.dictionaries(NAMES, inner, min_size=1, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_what_the_sdk_encodes_is_what_is_read(values: dict[str, Any]) -> None:
    """Any nesting of hashes, arrays and strings survives the SDK's encoder and our decoder."""
    encoded = urlencode(list(_api_encode(values)))
    assert parse_form(encoded) == values


def test_both_array_styles_are_read() -> None:
    """Indexed entries in any order, and the empty brackets that other clients send."""
    assert parse_form("a[1]=y&a[0]=x&b[]=1&b[]=2") == {"a": ["x", "y"], "b": ["1", "2"]}


@given(st.text(max_size=200))
def test_no_body_crashes_the_decoder(body: str) -> None:
    """Whatever arrives is read or refused in Stripe's words."""
    with contextlib.suppress(StripeApiError):
        parse_form(body)


@pytest.mark.parametrize("text", ["1.0", "1e3", "٣", "--1", "9" * 13, "0x10", "-1", "100000000"])
def test_amounts_are_plain_whole_numbers(text: str) -> None:
    """What is not a number of minor units within Stripe's bound is refused with the parameter's name."""
    with pytest.raises(StripeApiError) as refused:
        Params({"amount": text}).integer("amount", least=0)
    assert refused.value.param == "amount"
