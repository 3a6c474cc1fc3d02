"""What a buyer has or bought, line by line: places in words, prices with their fees."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from domain.money import Money, zero
from domain.prices import PriceTerms, tax_parts
from domain.seat_maps import SeatFeature, SeatIndex, SeatMap
from domain.tiers import UnitPrice
from entrypoints.http.storefront import wording
from entrypoints.http.storefront.presenters.seat_lists import FEATURE_WORDS


class Line(Protocol):
    """A line of a hold or of an order."""

    @property
    def tier_name(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit(self) -> UnitPrice: ...
    @property
    def seats(self) -> tuple[SeatIndex, ...]: ...
    @property
    def total(self) -> Money: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketLine:
    """``total`` is what its places cost before anything is taken off or added, which the basket says further down."""

    name: str
    quantity: int
    places: tuple[str, ...]
    unit: str
    total: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePart:
    """Something that makes the total more or less. ``note`` is what is to be known about it."""

    name: str
    amount: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Lines and ``parts`` sum to ``total``. ``included`` are taxes that are inside it already."""

    lines: tuple[BasketLine, ...]
    tickets: str
    parts: tuple[PricePart, ...]
    total: str
    included: tuple[PricePart, ...]
    free: bool


def basket(lines: Iterable[Line], seat_map: SeatMap, terms: PriceTerms) -> Basket:
    """Lines with their seats named as on a ticket, and every part of the price under its name."""
    kept = tuple(lines)
    currency = kept[0].unit.face.currency
    total = sum((line.total for line in kept), zero(currency))
    discount = sum((line.unit.discount * line.quantity for line in kept), zero(currency))
    fees = sum((line.unit.fee * line.quantity for line in kept), zero(currency))
    taxes = tuple(
        PricePart(name=f"{part.name}, {wording.percent(part.basis_points)}", amount=wording.money(part.amount))
        for part in tax_parts(((line.unit, line.quantity) for line in kept), terms.taxes)
        if part.amount.amount
    )
    parts = []
    if discount.amount:
        parts.append(
            PricePart(name="Discount", note=terms.promotion, amount=f"\N{MINUS SIGN}{wording.money(discount)}")
        )
    if fees.amount:
        parts.append(PricePart(name="Fees", amount=wording.money(fees)))
    return Basket(
        lines=tuple(
            BasketLine(
                name=line.tier_name,
                quantity=line.quantity,
                places=places(line.seats, seat_map),
                unit=wording.price(line.unit.face),
                total=wording.price(line.unit.face * line.quantity),
            )
            for line in kept
        ),
        tickets=wording.count(sum(line.quantity for line in kept), "ticket"),
        total=wording.price(total),
        parts=(*parts, *(taxes if terms.taxes.added else ())),
        included=() if terms.taxes.added else taxes,
        free=total.amount == 0,
    )


def places(seats: tuple[SeatIndex, ...], seat_map: SeatMap) -> tuple[str, ...]:
    """``Stalls, row C, seats 14 and 15``, one phrase a row, each with what must be known of its seats."""
    found = []
    ordered = [seat_map.seats[index] for index in sorted(seats)]
    for (zone_key, row), group in groupby(ordered, key=lambda seat: (seat.zone, seat.row)):
        of_row = tuple(group)
        word = "seat" if len(of_row) == 1 else "seats"
        phrase = f"{seat_map.zone(zone_key).name}, row {row}, {word} {wording.join(seat.number for seat in of_row)}"
        marks = [FEATURE_WORDS[mark] for mark in SeatFeature if any(mark in seat.features for seat in of_row)]
        found.append(f"{phrase} ({wording.join(marks)})" if marks else phrase)
    return tuple(found)
