"""From bytes and query strings to values, or to a problem that names every wrong field."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask import request
from marshmallow import Schema, ValidationError
from marshmallow.fields import List

from entrypoints.http.problems import CODE_OF_STATUS, Problem, invalid

BODY_FIELD = "body"
_JSON = "application/json"


def json_bytes() -> bytes:
    """The raw body of a JSON request. Raises Problem 415 for anything that is not declared as JSON."""
    media_type = request.environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type != _JSON and not (media_type.startswith("application/") and media_type.endswith("+json")):
        raise Problem(415, CODE_OF_STATUS[415], f"Send the body as {_JSON}.", headers={"Accept": _JSON})
    return request.get_data(cache=False)


def decoded(body: bytes) -> Any:
    """The JSON value in ``body``. Raises Problem 422 when it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid([(BODY_FIELD, f"Not valid JSON: {error.msg}.")]) from error


def load(schema: Schema, value: Any) -> Any:
    """What the schema makes of a value. Raises Problem 422 naming each wrong field by its path."""
    try:
        return schema.load(value)
    except ValidationError as error:
        messages = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow leaves it untyped
        raise invalid(_flattened(messages)) from error


def load_json(schema: Schema) -> Any:
    """The request's body, as its schema understands it."""
    return load(schema, decoded(json_bytes()))


def load_query(schema: Schema) -> Any:
    """The query string, as its schema understands it. A parameter that is no list may be given once."""
    values: dict[str, object] = {}
    for name, given in request.args.lists():
        if isinstance(schema.fields.get(name), List):
            values[name] = given
        elif len(given) == 1:
            values[name] = given[0]
        else:
            raise invalid([(name, "Given more than once.")])
    return load(schema, values)


def _flattened(messages: Mapping[Any, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for key, value in messages.items():
        here = path if key == "_schema" else (*path, str(key))
        if isinstance(value, Mapping):
            yield from _flattened(value, here)
        else:
            for message in value if isinstance(value, list) else [value]:
                yield ".".join(here) or BODY_FIELD, str(message)
