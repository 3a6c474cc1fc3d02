"""From bytes and query strings to values, or to a problem that names every wrong field."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask import request
from marshmallow import Schema, ValidationError
from marshmallow.fields import List
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_input_stream

from entrypoints.http.answer import JSON
from entrypoints.http.front import Environ
from entrypoints.http.problems import CODE_OF_STATUS, Problem, invalid

BODY_BYTES_MAX = 64 * 1024
BODY_FIELD = "body"


def json_bytes(environ: Environ) -> bytes:
    """The raw body of a JSON request. Raises Problem 415 unless it is declared as JSON, and 413 when it is too long."""
    declared = environ.get("CONTENT_TYPE", "")
    if declared != JSON and not _is_json(declared):
        raise Problem(415, CODE_OF_STATUS[415], f"Send the body as {JSON}.", headers={"Accept": JSON})
    length = environ.get("CONTENT_LENGTH")
    try:
        if length and length.isdecimal() and int(length) <= BODY_BYTES_MAX:
            body: bytes = environ["wsgi.input"].read(int(length))
        else:
            body = get_input_stream(environ, max_content_length=BODY_BYTES_MAX).read()
    except RequestEntityTooLarge as error:
        raise Problem(413, CODE_OF_STATUS[413], f"A body has at most {BODY_BYTES_MAX} bytes.") from error
    return body


def _is_json(declared: str) -> bool:
    media_type = declared.partition(";")[0].strip().lower()
    return media_type == JSON or (media_type.startswith("application/") and media_type.endswith("+json"))


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
    return load(schema, decoded(json_bytes(request.environ)))


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
