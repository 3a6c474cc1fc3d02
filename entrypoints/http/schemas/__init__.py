"""What requests must look like and what answers do look like, from which the OpenAPI document is made.

Requests are loaded through their schemas: strict numbers, no unknown fields. Answers are built by hand for speed
(see ``representations``); a test holds every answer against its schema here.
"""

from typing import ClassVar

from marshmallow import INCLUDE, RAISE, Schema, fields, validate


class Strict(Schema):
    """Refuses fields it does not know, so that a price sent by a client is an error and never a suggestion."""

    class Meta:
        unknown = RAISE


class MoneySchema(Strict):
    amount = fields.Integer(required=True, strict=True, metadata={"description": "Minor units.", "examples": [4500]})
    currency = fields.String(required=True, validate=validate.Length(equal=3), metadata={"examples": ["USD"]})


class TaxLineSchema(Strict):
    name = fields.String(required=True, metadata={"examples": ["VAT"]})
    basis_points = fields.Integer(required=True, metadata={"description": "Hundredths of a percent."})
    amount = fields.Nested(MoneySchema, required=True)


class PriceSchema(Strict):
    """One ticket: `total` is face - discount + fee, and the taxes on top where they are added."""

    face = fields.Nested(MoneySchema, required=True)
    discount = fields.Nested(MoneySchema, required=True)
    fee = fields.Nested(MoneySchema, required=True)
    taxes = fields.List(fields.Nested(TaxLineSchema), required=True)
    taxes_added = fields.Boolean(
        required=True, metadata={"description": "When false, the taxes are inside the other parts already."}
    )
    total = fields.Nested(MoneySchema, required=True)


class ProblemErrorSchema(Strict):
    field = fields.String(required=True, metadata={"description": "Path of the field, such as `items.0.quantity`."})
    message = fields.String(required=True)


class ProblemSchema(Schema):
    """RFC 9457. Problems of one code may carry more members, such as the seats that are taken."""

    class Meta:
        unknown = INCLUDE
        include: ClassVar = {"type": fields.String(required=True, metadata={"format": "uri"})}

    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable word to branch on."})
    instance = fields.String(required=True, metadata={"description": "Id of the request."})
    errors = fields.List(fields.Nested(ProblemErrorSchema))
