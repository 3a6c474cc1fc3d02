"""The OpenAPI 3.1 document, made from the routes and their schemas, and a page to read it on without the internet.

:func:`operation` says in one place what a route takes and gives. It only documents: parsing and presenting are the
view's own, and the tests hold both against this document.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeVar

import orjson
from flask import Blueprint as FlaskBlueprint
from flask import Flask, Response, current_app, render_template, send_from_directory
from flask_smorest import Api, Blueprint  # type: ignore[import-untyped]  # it has no types
from flask_swagger_ui import flask_swagger_ui
from marshmallow import Schema

from entrypoints.http.problems import MEDIA_TYPE
from entrypoints.http.schemas import ProblemSchema

API_VERSION = "1.0.0"
OPENAPI_VERSION = "3.1.0"

View = TypeVar("View", bound=Callable[..., object])

docs = FlaskBlueprint("api_docs", __name__)

_EXTENSION = "tessera.openapi"

IDEMPOTENCY_KEY: Mapping[str, object] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
    "description": "Repeat a call with the same key and it is answered, not done, again. Good for 24 hours.",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}
_PROBLEM_MEANINGS: Mapping[int, str] = {
    400: "The request is broken.",
    401: "No token was shown.",
    402: "The payment provider refused.",
    403: "Not allowed; `code` says why.",
    404: "There is no such thing.",
    409: "Not possible now; `code` says why.",
    410: "It is over.",
    413: "The body is too long.",
    415: "The body is not JSON.",
    422: "Fields are wrong; `errors` names them.",
    429: "Too many requests.",
    503: "Something we lean on is away. Trying again is right.",
}


class TesseraApi(Api):  # type: ignore[misc]  # untyped base
    """flask-smorest's document, with our own error handling in place of its own."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """Problems answer every error (see problems.py)."""


class ApiBlueprint(Blueprint):  # type: ignore[misc]  # untyped base
    """flask-smorest's blueprint, whose ``route`` keeps the types of views."""

    def route(self, rule: str, *, methods: Iterable[str] = ("GET",)) -> Callable[[View], View]:
        """Serve the view at this address and put it into the document."""
        decorator: Callable[[View], View] = super().route(rule, methods=list(methods))
        return decorator


def operation(
    summary: str,
    *,
    success: Mapping[int, Mapping[str, object]],
    problems: Iterable[int] = (),
    body: type[Schema] | None = None,
    body_required: bool = True,
    query: type[Schema] | None = None,
    parameters: Sequence[Mapping[str, object]] = (),
    security: str | None = None,
    description: str = "",
) -> Callable[[View], View]:
    """Document a view. ``success`` maps statuses to response objects (see :func:`answers`)."""
    responses: dict[str, object] = {str(status): dict(response) for status, response in success.items()}
    responses.update({str(status): _problem(status) for status in problems})
    if IDEMPOTENCY_KEY in parameters:
        responses["400"] = _problem(HTTPStatus.BAD_REQUEST)
    listed: list[object] = [dict(each) for each in parameters]
    if query is not None:
        listed.append({"in": "query", "schema": query})
    document: dict[str, Any] = {"summary": summary, "responses": responses, "parameters": listed}
    if description:
        document["description"] = description
    if body is not None:
        document["requestBody"] = {"required": body_required, "content": {"application/json": {"schema": body}}}
    if security is not None:
        document["security"] = [{security: []}]

    def note(view: View) -> View:
        view._apidoc = {"manual_doc": document}  # type: ignore[attr-defined]  # noqa: SLF001  (where flask-smorest looks)
        return view

    return note


def answers(
    description: str,
    schema: type[Schema] | None = None,
    *,
    media_type: str = "application/json",
    headers: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """One response object."""
    response: dict[str, object] = {"description": description}
    if schema is not None:
        response["content"] = {media_type: {"schema": schema}}
    elif media_type != "application/json":
        response["content"] = {media_type: {"schema": {"type": "string"}}}
    if headers:
        response["headers"] = headers
    return response


def install(app: Flask, blueprints: Iterable[ApiBlueprint]) -> None:
    """Register the API's blueprints, and publish their document."""
    app.config.update(API_TITLE="Tessera", API_VERSION=API_VERSION, OPENAPI_VERSION=OPENAPI_VERSION)
    documented = tuple(blueprints)
    for blueprint in documented:
        app.register_blueprint(blueprint)
    app.register_blueprint(docs)
    app.extensions[_EXTENSION] = lru_cache(1)(lambda: _written(app, documented))


def document(app: Flask) -> bytes:
    """The OpenAPI document of an application, as JSON. Written when it is first asked for, and kept."""
    write: Callable[[], bytes] = app.extensions[_EXTENSION]
    return write()


def _written(app: Flask, blueprints: Iterable[ApiBlueprint]) -> bytes:
    licence = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    api = TesseraApi(app, spec_kwargs={"info": {"description": _ABOUT, "license": licence}})
    for word, about in _TOKENS.items():
        api.spec.components.security_scheme(word, {"type": "http", "scheme": "bearer", "description": about})
    for word, header in _SIGNATURES.items():
        api.spec.components.security_scheme(word, {"type": "apiKey", "in": "header", "name": header})
    for blueprint in blueprints:
        blueprint.register_views_in_doc(api, app, api.spec, name=blueprint.name, parameters=None)
        api.spec.tag({"name": blueprint.name, "description": blueprint.description})
    return orjson.dumps(api.spec.to_dict(), option=orjson.OPT_INDENT_2)


@docs.get("/openapi.json")
def openapi_json() -> Response:
    """The document, made once when the process starts."""
    return Response(document(current_app), mimetype="application/json")


@docs.get("/docs")
def swagger_page() -> str:
    """Swagger UI from our own host: nothing is loaded from elsewhere, and our policy stays as strict as it is."""
    return render_template("api_docs.html")


@docs.get("/docs/assets/<path:name>")
def swagger_asset(name: str) -> Response:
    """Swagger UI's own files, as its package ships them."""
    return send_from_directory(flask_swagger_ui._DIST_DIR, name, max_age=86_400)  # noqa: SLF001  (its only name)


def _problem(status: int) -> dict[str, object]:
    response = answers(_PROBLEM_MEANINGS.get(status, HTTPStatus(status).phrase), ProblemSchema, media_type=MEDIA_TYPE)
    if status in {429, 503}:
        response["headers"] = _RETRY_AFTER
    return response


_TOKENS = {
    "holdToken": "The `token` that the answer to making the hold gave.",
    "orderToken": "The `token` that the answer to checking out gave, or the one in the order's secret link.",
}

_SIGNATURES = {"stripeSignature": "Stripe-Signature", "twilioSignature": "X-Twilio-Signature"}

_ABOUT = """\
Money is in minor units with its currency; times are RFC 3339 in UTC. Errors are RFC 9457 problems: branch on `code`.
Calls that change something take an `Idempotency-Key`. A 429 or 503 says in `Retry-After` when to try again.
"""
