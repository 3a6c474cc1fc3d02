"""Holds: what a buyer asks for becomes demand for stock, or a refusal that says which rule forbids it."""

from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.demands import BestAvailable, Choice, Demand, demand, price
from domain.errors import Rejection, RejectionCode
from domain.events import EventId, EventState, Sale
from domain.holds import LINES_PER_HOLD_MAX, HoldId, HoldLine, SeatsLine, fingerprint
from domain.promotions import Promotion
from domain.seat_maps import ZoneKind
from domain.tiers import TierId, tier_pool, zone_pool
from tests.fakes.sales import (
    OPENED,
    best,
    chosen,
    general,
    general_sale,
    mixed_sale,
    opening,
    promotion,
    reserved_sale,
    tier_of,
    usd,
)

nonces = st.uuids()


def wanted(sale: Sale, *lines: HoldLine, promotion: Promotion | None = None) -> Demand:
    answer = demand(sale, lines, now=OPENED, promotion=promotion)
    assert isinstance(answer, Demand), answer
    return answer


def refused(sale: Sale, *lines: HoldLine, promotion: Promotion | None = None) -> Rejection:
    answer = demand(sale, lines, now=OPENED, promotion=promotion)
    assert isinstance(answer, Rejection), answer
    return answer


@given(event=nonces, nonce=nonces)
def test_a_hold_id_survives_being_written_down(event: object, nonce: object) -> None:
    """Text to id and back is the same id: a link is enough to find a hold."""
    hold_id = HoldId(EventId(event), nonce)  # type: ignore[arg-type]  # hypothesis makes UUIDs
    assert HoldId.parse(str(hold_id)) == hold_id


@given(text=st.text(max_size=60))
def test_other_text_is_no_hold_id(text: str) -> None:
    """Anything parses to an id that writes the same text, or to None; nothing raises."""
    parsed = HoldId.parse(text)
    assert parsed is None or str(parsed) == text


def test_a_hold_id_has_one_spelling() -> None:
    """The last character's spare bits may not make a second name for the same hold."""
    hold_id = HoldId(EventId(uuid4()), uuid4())
    text = str(hold_id)
    spellings = [text[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    assert [spelling for spelling in spellings if HoldId.parse(spelling) == hold_id] == [text]


def test_lines_of_one_pool_are_summed() -> None:
    """Two tiers of one floor ask it for their sum; a tier's own pool counts its own tickets only."""
    sale = general_sale()

    asked = wanted(sale, general(sale, 2), general(sale, 3, "vip"), general(sale, 1))

    assert asked.pools == {zone_pool("floor"): 6, tier_pool("vip"): 3}
    assert (asked.units, asked.seats, asked.best) == (6, {}, ())


def test_chosen_seats_are_counted_in_their_own_zones() -> None:
    """A tier over two zones takes from each zone what was chosen there."""
    sale = reserved_sale()

    asked = wanted(sale, chosen(sale, 3, 31, key="anywhere"), chosen(sale, 4))

    assert asked.pools == {zone_pool("stalls"): 2, zone_pool("balcony"): 1}
    assert asked.seats == {0: (3, 31), 1: (4,)}


def test_best_available_is_a_wish_not_yet_a_zone() -> None:
    """Its zone is known only once it is chosen; its tier's own pool is known now."""
    sale = mixed_sale()

    asked = wanted(sale, best(sale, 3, "anywhere"))

    assert asked.best == (
        BestAvailable(line=0, quantity=3, choices=(Choice(tier_key="anywhere", zones=("stalls", "balcony")),)),
    )
    assert asked.pools == {tier_pool("anywhere"): 3}


@given(quantities=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_units_are_the_sum_of_all_lines(quantities: list[int]) -> None:
    """However an order is cut into lines, its units and pools are the same."""
    sale = general_sale(per_order_max=20, per_buyer_max=20)
    lines = [general(sale, quantity) for quantity in quantities]
    answer = demand(sale, tuple(lines), now=OPENED)
    if sum(quantities) > tier_of(sale, "general").per_order_max:
        assert isinstance(answer, Rejection)
    else:
        assert isinstance(answer, Demand)
        assert answer.units == answer.pools[zone_pool("floor")] == sum(quantities)


@pytest.mark.parametrize(
    ("state", "code"),
    [(EventState.DRAFT, RejectionCode.NOT_ON_SALE), (EventState.CANCELLED, RejectionCode.EVENT_CANCELLED)],
)
def test_only_published_events_are_sold(state: EventState, code: RejectionCode) -> None:
    """Drafts are not on sale and cancelled events say so."""
    sale = replace(general_sale(), state=state)
    assert refused(sale, general(sale, 1)).code is code


def test_a_tier_of_another_event_is_refused() -> None:
    """Ids are not guessed into meaning."""
    sale, other = general_sale(), general_sale()
    rejection = refused(sale, general(other, 1))
    assert (rejection.code, rejection.details["tier"]) == (
        RejectionCode.UNKNOWN_TIER,
        str(tier_of(other, "general").id),
    )


@pytest.mark.parametrize("seat", [-1, 30, 46, 10**9])
def test_a_seat_that_is_not_the_tiers_is_refused(seat: int) -> None:
    """Out of the map, or in a zone the tier does not cover: both are unknown seats."""
    sale = reserved_sale()
    assert refused(sale, chosen(sale, 3, seat)).code is RejectionCode.UNKNOWN_SEAT


def test_a_seat_named_twice_is_refused() -> None:
    """Within a line and across lines."""
    sale = reserved_sale()
    assert refused(sale, chosen(sale, 3, 3)).code is RejectionCode.INVALID_REQUEST
    assert refused(sale, chosen(sale, 3), chosen(sale, 3, key="anywhere")).code is RejectionCode.INVALID_REQUEST


@pytest.mark.parametrize("quantity", [0, -1])
def test_nothing_is_not_an_order(quantity: int) -> None:
    """Zero or fewer tickets are refused as a bad request, not counted."""
    floor, reserved = general_sale(), reserved_sale()
    assert refused(floor, general(floor, quantity)).code is RejectionCode.INVALID_REQUEST
    assert refused(reserved, chosen(reserved)).code is RejectionCode.INVALID_REQUEST


def test_a_quantity_is_not_asked_of_seats_nor_seats_of_a_floor() -> None:
    """A line must fit its tier's kind, and the refusal says which kind that is."""
    reserved, floor = reserved_sale(), general_sale()
    of_seats = refused(reserved, general(reserved, 2, "stalls"))
    of_floor = refused(floor, best(floor, 2, "general"))
    assert of_seats.details["kind"] == ZoneKind.RESERVED
    assert of_floor.details["kind"] == ZoneKind.GENERAL_ADMISSION


def test_limits_per_tier_and_per_order_count_all_lines() -> None:
    """Splitting an order into lines does not get around a limit."""
    sale = general_sale(per_order_max=12, per_buyer_max=12)
    of_tier = refused(sale, general(sale, 6), general(sale, 5))
    of_order = refused(sale, general(sale, 7), general(sale, 6, "vip"))
    assert (of_tier.code, of_tier.details["maximum"]) == (RejectionCode.LIMIT_REACHED, 10)
    assert (of_order.code, of_order.details["requested"]) == (RejectionCode.LIMIT_REACHED, 13)


def test_an_order_has_a_bounded_number_of_lines() -> None:
    """None at all and too many are both refused."""
    sale = general_sale()
    assert refused(sale).code is RejectionCode.INVALID_REQUEST
    many = [general(sale, 1)] * (LINES_PER_HOLD_MAX + 1)
    assert refused(sale, *many).code is RejectionCode.INVALID_REQUEST


def test_a_locked_tier_needs_a_promotion_that_opens_it() -> None:
    """Without one, or with one that is good for everything but locked tiers, nothing of it is sold."""
    sale = general_sale()
    sale = replace(sale, tiers=(tier_of(sale, "general"), replace(tier_of(sale, "vip"), locked=True)))
    opens = opening("sesame", tier_of(sale, "vip"))

    for others in (None, promotion("for everything")):
        rejection = refused(sale, general(sale, 1, "vip"), promotion=others)
        assert rejection.code is RejectionCode.ACCESS_CODE_REQUIRED
    assert wanted(sale, general(sale, 1, "vip"), promotion=opens).units == 1


def test_lines_are_priced_from_the_sale_never_from_the_caller() -> None:
    """Each line at its tier's price, face and fee; the total is their sum."""
    sale = reserved_sale()
    lines = (chosen(sale, 3, 4), best(sale, 2, "balcony"))

    priced = price(sale, lines, now=OPENED)

    assert [(line.quantity, line.total, line.seats) for line in priced] == [
        (2, usd(2 * 9_900), (3, 4)),
        (2, usd(2 * 5_500), ()),
    ]


def test_a_fingerprint_tells_requests_apart() -> None:
    """Other tiers, quantities, seats or order of lines are another request."""
    sale = mixed_sale()
    requests: list[tuple[HoldLine, ...]] = [
        (general(sale, 1),),
        (general(sale, 2),),
        (general(sale, 1, "vip"),),
        (chosen(sale, 1, 2),),
        (chosen(sale, 2, 1),),
        (best(sale, 2, "stalls"),),
        (general(sale, 1), general(sale, 2)),
        (general(sale, 2), general(sale, 1)),
    ]
    assert Counter(map(fingerprint, requests)).most_common(1)[0][1] == 1
    assert fingerprint(requests[0]) == fingerprint((general(sale, 1),))


def test_a_seats_line_counts_its_seats() -> None:
    """Quantity is not said twice."""
    assert SeatsLine(tier_id=TierId(uuid4()), seats=(4, 5, 6)).quantity == 3


def test_whichever_tier_it_becomes_there_are_enough_of_it() -> None:
    """A tier sold two at a time is not sold once beside a line that may become another; naming one twice is once."""
    sale = reserved_sale()
    pairs = replace(sale, tiers=tuple(replace(t, per_order_min=2) if t.key == "stalls" else t for t in sale.tiers))

    refused = demand(pairs, (best(pairs, 1, "balcony", "stalls"), best(pairs, 1, "stalls")), now=OPENED)

    assert isinstance(refused, Rejection)
    assert refused.code is RejectionCode.LIMIT_REACHED
    assert isinstance(demand(sale, (best(sale, 6, "stalls", "balcony", "balcony"),), now=OPENED), Demand)
