"""Is the process alive, and can it work? Load balancers ask the first often and the second before sending buyers."""

from collections.abc import Mapping

import orjson
from flask import Blueprint, Response

from entrypoints.http.services import current

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """The process answers. Says nothing of the servers behind it, so a database outage restarts nobody."""
    return _answer({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """Database, Valkey and migration head, each ``ok`` or what is wrong with it; 503 while one is wrong."""
    checks = current().readiness()
    wrong = any(checks.values())
    body = {"status": "not ready" if wrong else "ok", "checks": {name: why or "ok" for name, why in checks.items()}}
    return _answer(body, 503 if wrong else 200)


def _answer(body: Mapping[str, object], status: int) -> Response:
    response = Response(orjson.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
