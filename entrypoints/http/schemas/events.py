"""Events, seat maps and availability."""

from typing import Any, ClassVar

from marshmallow import fields, validate

from domain.events import EventState
from domain.ports.catalogue import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX
from domain.seat_maps import ZoneKind
from entrypoints.http.schemas import MoneySchema, PriceSchema, Strict

TEXT_LENGTH_MAX = 100
CURSOR_LENGTH_MAX = 500

_PRINTABLE = validate.Regexp(r"^[^\x00-\x1f\x7f]*$", error="Contains control characters.")


def _word(**metadata: object) -> fields.String:
    return fields.String(validate=[validate.Length(max=TEXT_LENGTH_MAX), _PRINTABLE], metadata=metadata)


class EventQuerySchema(Strict):
    """What a visitor is looking for."""

    class Meta(Strict.Meta):
        include: ClassVar = {
            "from": fields.AwareDateTime(
                format="iso", attribute="starts_from", metadata={"description": "Starts at or after this time."}
            ),
            "to": fields.AwareDateTime(
                format="iso", attribute="starts_to", metadata={"description": "Starts before this time."}
            ),
        }

    q = fields.String(
        attribute="text",
        validate=[validate.Length(max=TEXT_LENGTH_MAX), _PRINTABLE],
        metadata={"description": "Words in name, venue, city or description."},
    )
    city = _word()
    venue = _word(description="The venue's slug.")
    category = _word()
    cursor = fields.String(validate=[validate.Length(max=CURSOR_LENGTH_MAX), _PRINTABLE])
    limit = fields.Integer(
        load_default=PAGE_LIMIT_DEFAULT,
        validate=validate.Range(1, PAGE_LIMIT_MAX),
        metadata={"description": "Per page."},
    )


class VenueCardSchema(Strict):
    slug = fields.String(required=True)
    name = fields.String(required=True)
    city = fields.String(required=True)
    timezone = fields.String(required=True, metadata={"examples": ["America/New_York"]})


class VenueSchema(VenueCardSchema):
    address = fields.String(required=True)
    country = fields.String(required=True)
    description = fields.String(required=True)
    accessibility = fields.String(required=True)


class SaleWindowSchema(Strict):
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)


class SaleTermsSchema(SaleWindowSchema):
    hold_seconds = fields.Integer(required=True, metadata={"description": "How long a hold lasts."})
    hold_seconds_cap = fields.Integer(
        required=True, metadata={"description": "No hold lasts longer, however often it is extended."}
    )
    extensions_max = fields.Integer(
        required=True, metadata={"description": "How often a hold's time may be extended, each time by as much again."}
    )
    payment_seconds = fields.Integer(required=True)
    per_order_max = fields.Integer(required=True)
    per_buyer_max = fields.Integer(required=True)
    admission_required = fields.Boolean(required=True)
    may_strand_seats = fields.Boolean(
        required=True,
        metadata={"description": "When false, a choice that leaves a single free seat for nothing is refused."},
    )
    accessible_seats = fields.Integer(
        required=True, metadata={"description": "How many there are in the house, their companions' seats not counted."}
    )
    accessible_released = fields.Boolean(
        required=True, metadata={"description": "When true, they are sold like any other, and need not be asked for."}
    )


class EventOfOrderSchema(Strict):
    id = fields.UUID(required=True)
    slug = fields.String(required=True)
    name = fields.String(required=True)
    artwork = fields.String(required=True)
    state = fields.Enum(EventState, by_value=True, required=True)
    starts_at = fields.AwareDateTime(required=True)
    doors_at = fields.AwareDateTime(required=True)
    venue = fields.Nested(VenueCardSchema, required=True)


class EventCardSchema(EventOfOrderSchema):
    summary = fields.String(required=True)
    category = fields.String(required=True)
    sale = fields.Nested(SaleWindowSchema, required=True)
    price_from = fields.Nested(MoneySchema, required=True, allow_none=True)
    price_to = fields.Nested(MoneySchema, required=True, allow_none=True)
    capacity = fields.Integer(required=True)


class EventPageSchema(Strict):
    items = fields.List(fields.Nested(EventCardSchema), required=True)
    next_cursor = fields.String(
        required=True, allow_none=True, metadata={"description": "Give it as `cursor`; null on the last page."}
    )


class NextPriceSchema(Strict):
    class Meta(Strict.Meta):
        include: ClassVar = {"from": fields.AwareDateTime(required=True)}

    total = fields.Nested(MoneySchema, required=True)


class TierSchema(Strict):
    id = fields.UUID(required=True)
    key = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.Enum(ZoneKind, by_value=True, required=True)
    description = fields.String(required=True)
    zones = fields.List(fields.String(), required=True)
    price = fields.Nested(PriceSchema, required=True)
    next_price = fields.Nested(
        NextPriceSchema,
        required=True,
        allow_none=True,
        metadata={
            "description": "When a ticket costs something else, and what; a hold keeps the price it was made at."
        },
    )
    per_order_min = fields.Integer(required=True)
    per_order_max = fields.Integer(required=True)
    access_code_required = fields.Boolean(required=True)
    accessible = fields.Boolean(required=True)
    opens_after = fields.UUID(
        required=True,
        allow_none=True,
        metadata={"description": "Not sold before this tier is sold out; null when nothing keeps it."},
    )


class EventSchema(EventCardSchema):
    venue = fields.Nested(VenueSchema, required=True)
    sale = fields.Nested(SaleTermsSchema, required=True)
    description = fields.String(required=True)
    ends_at = fields.AwareDateTime(required=True)
    currency = fields.String(required=True)
    tiers = fields.List(fields.Nested(TierSchema), required=True)
    refund_terms = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "Changes when anything here does."})


class SeatMapNameSchema(Strict):
    id = fields.UUID(required=True)
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)


def _outline() -> fields.List[Any]:
    return fields.List(fields.List(fields.Integer()), required=True, metadata={"description": "Corners, as [x, y]."})


class AreaSchema(Strict):
    label = fields.String(required=True)
    kind = fields.String(required=True)
    outline = _outline()


class ZoneSchema(Strict):
    key = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.Enum(ZoneKind, by_value=True, required=True)
    capacity = fields.Integer(required=True)
    outline = _outline()
    first = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Position of its first seat; null without seats."}
    )
    count = fields.Integer(required=True)
    tiers = fields.List(fields.UUID(), required=True)


class SeatsSchema(Strict):
    """One entry a seat in each list, in the same order."""

    id = fields.List(fields.String(), required=True)
    zone = fields.List(fields.Integer(), required=True, metadata={"description": "Position in `zones`."})
    row = fields.List(fields.String(), required=True)
    number = fields.List(fields.String(), required=True)
    x = fields.List(fields.Integer(), required=True)
    y = fields.List(fields.Integer(), required=True)
    features = fields.List(
        fields.Integer(),
        required=True,
        metadata={"description": "Sum of 1 accessible, 2 companion, 4 restricted view."},
    )


class SeatMapSchema(Strict):
    event = fields.UUID(required=True)
    seat_map = fields.Nested(SeatMapNameSchema, required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    focal = fields.List(fields.Integer(), required=True, metadata={"description": "[x, y] of what people look at."})
    areas = fields.List(fields.Nested(AreaSchema), required=True)
    zones = fields.List(fields.Nested(ZoneSchema), required=True)
    tiers = fields.List(fields.Nested(TierSchema), required=True)
    seats = fields.Nested(SeatsSchema, required=True)


class AvailabilitySchema(Strict):
    event = fields.UUID(required=True)
    epoch = fields.Integer(required=True, metadata={"description": "Rises when the sale's stock is loaded anew."})
    version = fields.Integer(required=True, metadata={"description": "Rises with every change within an epoch."})
    zones = fields.Dict(
        fields.String(), fields.Integer(), required=True, metadata={"description": "Free to anybody, by zone key."}
    )
    accessible = fields.Dict(
        fields.String(),
        fields.Integer(),
        required=True,
        metadata={
            "description": "Accessible seats that are free to who asks for them, by zone key: not counted in `zones`. "
            "Only zones that have such seats, and none once they are released to everybody."
        },
    )
    tiers = fields.Dict(
        fields.String(),
        fields.Integer(),
        required=True,
        metadata={"description": "Free, by tier id. Seats that are kept for who asks count in accessible tiers only."},
    )
    seats = fields.String(
        required=True,
        metadata={
            "description": (
                "One letter a seat in map order: f free; a free, an accessible seat for who asks for one; c free, for "
                "who comes with them; h held, s sold, b blocked."
            ),
            "pattern": "^[fachsb]*$",
        },
    )
