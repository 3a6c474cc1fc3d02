"""Asking for a hold, and what one looks like."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from domain.events import EXTENSIONS_MAX
from domain.holds import LINES_PER_HOLD_MAX, SEATS_PER_HOLD_MAX
from domain.promotions import CODE_LENGTH_MAX
from entrypoints.http.schemas import MoneySchema, PriceSchema, Strict
from entrypoints.http.schemas.contacts import ContactSchema

TIER_LENGTH_MAX = 64
SEAT_ID_LENGTH_MAX = 64
TIERS_PER_ITEM_MAX = 10
WAYS = ("quantity", "seats", "best_available")

_SHAPES = {
    "oneOf": [
        {"required": ["tier", "quantity"]},
        {"required": ["tier", "seats"]},
        {"required": ["tier", "best_available"]},
        {"required": ["tiers", "best_available"]},
    ]
}
_GOES_WITH: Mapping[str, tuple[str, ...]] = {
    "tiers": ("best_available",),
    "prefer": ("tiers",),
    "split": ("best_available",),
    "accessible": ("seats", "best_available"),
}
"""Words that mean something beside others only. Sent elsewhere they are a mistake, and nobody should find out late."""


class Preference(StrEnum):
    """Which of several tiers that would do is taken first."""

    DISTANCE = "distance"
    PRICE = "price"


class Flag(fields.Boolean):
    """A JSON boolean. marshmallow's own takes "yes" and 1 as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid", input=value)
        return value


def _count(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True, validate=validate.Range(1, SEATS_PER_HOLD_MAX), metadata={"description": description}
    )


def _tier(**options: Any) -> fields.String:
    return fields.String(validate=validate.Length(1, TIER_LENGTH_MAX), **options)


class HoldItemSchema(Strict):
    """One tier, and which of its tickets: so many, these seats, or the best so many seats side by side."""

    tier = _tier(metadata={"description": "The tier's id or key.", "examples": ["general"]})
    tiers = fields.List(
        _tier(),
        validate=validate.Length(1, TIERS_PER_ITEM_MAX),
        metadata={"description": "With `best_available`, in place of `tier`: any of these will do, by id or key."},
    )
    prefer = fields.Enum(
        Preference,
        by_value=True,
        metadata={
            "description": "With `tiers`: the one with the row nearest to the stage first, or the cheapest one.",
            "default": Preference.DISTANCE.value,
        },
    )
    quantity = _count("How many, in general admission.")
    seats = fields.List(
        fields.String(validate=validate.Length(1, SEAT_ID_LENGTH_MAX)),
        validate=validate.Length(1, SEATS_PER_HOLD_MAX),
        metadata={"description": "These seats, by id."},
    )
    best_available = _count("How many seats side by side, the best there are.")
    split = Flag(
        metadata={
            "description": "With `best_available`: where no row has so many together, in as few parts as there are.",
            "default": False,
        }
    )
    accessible = Flag(
        metadata={
            "description": (
                "With `seats`: accessible seats, and their companions' seats, may be among them. With "
                "`best_available`: at least one is accessible, the others beside it."
            ),
            "default": False,
        }
    )

    @validates_schema
    def means_something(self, data: dict[str, Any], **_: object) -> None:
        """Exactly one way to say which tickets, exactly one to say of which tier, and no word where it is none."""
        errors: dict[str, list[str]] = {}
        if sum(way in data for way in WAYS) != 1:
            errors["quantity"] = ["Give exactly one of quantity, seats and best_available."]
        if ("tier" in data) is ("tiers" in data):
            errors["tier"] = ["Give exactly one of tier and tiers."]
        for word, companions in _GOES_WITH.items():
            if word in data and not any(companion in data for companion in companions):
                errors[word] = [f"Goes with {' or '.join(companions)} only."]
        if errors:
            raise ValidationError(errors)


def _code(description: str) -> fields.String:
    return fields.String(
        allow_none=True, validate=validate.Length(1, CODE_LENGTH_MAX), metadata={"description": description}
    )


class HoldRequestSchema(Strict):
    items = fields.List(
        fields.Nested(HoldItemSchema, metadata=_SHAPES), required=True, validate=validate.Length(1, LINES_PER_HOLD_MAX)
    )
    promo_code = _code("Makes tickets cheaper, opens locked tiers, or opens the sale early.")
    access_code = _code("The same by the name it had before there were other codes.")
    buyer = fields.Nested(
        ContactSchema,
        metadata={
            "description": "Limits by e-mail address and phone number hold from here on, and not only at checkout."
        },
    )

    @validates_schema
    def one_code(self, data: dict[str, Any], **_: object) -> None:
        """A hold is made under one code. Sent under both names it is the same one, or a mistake."""
        promo_code, access_code = data.get("promo_code"), data.get("access_code")
        if promo_code and access_code and promo_code != access_code:
            raise ValidationError({"access_code": ["Give one code."]})


class ExtensionRequestSchema(Strict):
    number = fields.Integer(
        strict=True,
        validate=validate.Range(1, EXTENSIONS_MAX),
        metadata={
            "description": "Which extension this is, from 1 (`extensions.used` + 1), so that a retry is not another "
            "one. Without it: the next."
        },
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
    price = fields.Nested(PriceSchema, required=True, metadata={"description": "What one ticket costs, part by part."})
    total = fields.Nested(MoneySchema, required=True)


class ExtensionsSchema(Strict):
    used = fields.Integer(
        required=True, allow_none=True, metadata={"description": "How often; null once its order is being paid."}
    )
    left = fields.Integer(
        required=True,
        metadata={
            "description": "How often more, by the sale's terms as they are now. The limit on a hold's whole time can "
            "end it sooner."
        },
    )


class HoldSchema(Strict):
    id = fields.String(required=True)
    event = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["active", "claimed"]))
    expires_at = fields.AwareDateTime(required=True)
    extensions = fields.Nested(ExtensionsSchema, required=True)
    items = fields.List(fields.Nested(HeldItemSchema), required=True)
    promotion = fields.String(
        required=True, allow_none=True, metadata={"description": "What its organiser calls the code that was used."}
    )
    total = fields.Nested(MoneySchema, required=True)


class NewHoldSchema(HoldSchema):
    token = fields.String(required=True, metadata={"description": "Opens this hold. Said only once."})
