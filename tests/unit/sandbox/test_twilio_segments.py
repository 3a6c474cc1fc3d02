"""SMS segments are counted as carriers count them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.twilio.sandbox.segments import GSM_BASIC, GSM_EXTENDED, segments


def test_the_alphabets_have_their_published_sizes() -> None:
    """3GPP TS 23.038: 127 characters besides the escape, ten in the extension; they share none."""
    assert len(GSM_BASIC) == 127
    assert len(GSM_EXTENDED) == 10
    assert not GSM_BASIC & GSM_EXTENDED


@given(st.text(max_size=700))
def test_segments_never_shrink_and_always_suffice(body: str) -> None:
    """Adding a character never needs fewer segments, and the segments' room holds the text."""
    units = len(body.encode("utf-16-be", errors="surrogatepass")) // 2
    count = segments(body)
    assert count >= 1
    assert units <= (160 if count == 1 else 153 * count)
    assert segments(body + "a") >= count


def test_a_two_unit_character_is_not_split() -> None:
    """152 units and a euro sign do not fit into 153, so the sign opens the next segment."""
    assert segments("a" * 152 + "€" + "a" * 151 + "€") == 3
    assert segments("a" * 151 + "€" + "a" * 151 + "€") == 2
