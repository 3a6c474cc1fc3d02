"""Asking for a hold, and what one looks like."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from domain.holds import LINES_PER_HOLD_MAX, SEATS_PER_HOLD_MAX
from domain.promotions import ACCESS_CODE_LENGTH_MAX
from entrypoints.http.schemas import MoneySchema, Strict

TIER_LENGTH_MAX = 64
SEAT_ID_LENGTH_MAX = 64
WAYS = ("quantity", "seats", "best_available")

_ONE_WAY = {"oneOf": [{"required": [way]} for way in WAYS]}


def _count(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True, validate=validate.Range(1, SEATS_PER_HOLD_MAX), metadata={"description": description}
    )


class HoldItemSchema(Strict):
    """One tier, and which of its tickets: so many, these seats, or the best so many seats side by side."""

    tier = fields.String(
        required=True,
        validate=validate.Length(1, TIER_LENGTH_MAX),
        metadata={"description": "The tier's id or key.", "examples": ["general"]},
    )
    quantity = _count("How many, in general admission.")
    seats = fields.List(
        fields.String(validate=validate.Length(1, SEAT_ID_LENGTH_MAX)),
        validate=validate.Length(1, SEATS_PER_HOLD_MAX),
        metadata={"description": "These seats, by id."},
    )
    best_available = _count("How many seats side by side, the best there are.")

    @validates_schema
    def one_way_only(self, data: dict[str, Any], **_: object) -> None:
        """Exactly one of the three ways to say which tickets."""
        if sum(way in data for way in WAYS) != 1:
            raise ValidationError("Give exactly one of quantity, seats and best_available.", "quantity")


class HoldRequestSchema(Strict):
    items = fields.List(
        fields.Nested(HoldItemSchema, metadata=_ONE_WAY), required=True, validate=validate.Length(1, LINES_PER_HOLD_MAX)
    )
    access_code = fields.String(
        allow_none=True,
        validate=validate.Length(1, ACCESS_CODE_LENGTH_MAX),
        metadata={"description": "Opens tiers that are sold to those who know the word."},
    )


class HeldSeatSchema(Strict):
    id = fields.String(required=True)
    zone = fields.String(required=True)
    row = fields.String(required=True)
    number = fields.String(required=True)


class HeldItemSchema(Strict):
    tier = fields.UUID(required=True)
    tier_name = fields.String(required=True)
    quantity = fields.Integer(required=True)
    seats = fields.List(fields.Nested(HeldSeatSchema), required=True)
    unit = fields.Nested(MoneySchema, required=True)
    total = fields.Nested(MoneySchema, required=True)


class HoldSchema(Strict):
    id = fields.String(required=True)
    event = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["active", "claimed"]))
    expires_at = fields.AwareDateTime(required=True)
    items = fields.List(fields.Nested(HeldItemSchema), required=True)
    total = fields.Nested(MoneySchema, required=True)


class NewHoldSchema(HoldSchema):
    token = fields.String(required=True, metadata={"description": "Opens this hold. Said only once."})
