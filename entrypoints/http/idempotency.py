"""Doing once what is asked twice: answers kept for a day under the caller's Idempotency-Key.

Holds and checkouts need no storage (a hold's name comes from the key, an order is unique per hold). What else
changes something is wrapped in :func:`once`.

| the same key, with…        | answer                                                  |
|----------------------------|---------------------------------------------------------|
| the same body, answered    | the first answer again, with ``Idempotent-Replayed``    |
| the same body, under way   | 409; after a minute whoever repeats it takes it over    |
| another body               | 422 ``idempotency_mismatch``                            |
| a first call that failed   | done again: errors of ours are not kept                 |
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from http import HTTPStatus
from typing import cast

import orjson
from flask import Response, request

from domain.errors import Rejection, RejectionCode, StoreUnavailable
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.front import Environ
from entrypoints.http.problems import Problem
from entrypoints.http.services import current

HEADER = "Idempotency-Key"
_REPEATED_HEADERS = ("Location", "Retry-After")
_SANE = re.compile(r"[\x21-\x7e]{1,255}").fullmatch


def key(environ: Environ) -> str | None:
    """The caller's key, or None. Raises Problem 400 for one that is empty, too long or not printable."""
    offered: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if offered is None:
        return None
    if not _SANE(offered):
        detail = f"{HEADER} needs 1 to 255 visible ASCII characters."
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_idempotency_key", detail, errors=((HEADER, detail),))
    return offered


def other_request() -> Rejection:
    """The key names a call with another body."""
    return Rejection(
        code=RejectionCode.IDEMPOTENCY_MISMATCH, message="This key was already used for a different request."
    )


def once(scope: str, request_body: object, act: Callable[[], Response]) -> Response:
    """Answer ``act()``, or what it answered before to the same key and body.

    While the first is under way, a second is told so (409). If it fails the key is free at once, and if its process
    died, after a minute; so ``act`` must itself refuse to do twice what cannot be undone, which a refund does: its
    tickets are void.
    """
    word = key(request.environ)
    if word is None:
        return act()
    digest = sha256(orjson.dumps(request_body, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
    with current().unit_of_work() as uow:
        before = uow.idempotency.begin(scope=scope, key=word, request_digest=digest, now=current().clock().now())
        if isinstance(before, Rejection):
            return refuse(before)
        if before is not None:
            return _again(before)
        uow.commit()
    try:
        response = act()
    except Exception:
        _free(scope, word)
        raise
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _free(scope, word)
        return response
    with current().unit_of_work() as uow:
        uow.idempotency.finish(scope=scope, key=word, answer=_kept(response))
        uow.commit()
    return response


def _free(scope: str, word: str) -> None:
    """Let the caller try again at once. If Postgres is what failed, the key frees itself after a minute."""
    with suppress(StoreUnavailable), current().unit_of_work() as uow:
        uow.idempotency.forget(scope=scope, key=word)
        uow.commit()


def _kept(response: Response) -> dict[str, object]:
    return {
        "status": response.status_code,
        "content_type": response.content_type,
        "body": response.get_data(as_text=True),
        "headers": {name: response.headers[name] for name in _REPEATED_HEADERS if name in response.headers},
    }


def _again(answer: Mapping[str, object]) -> Response:
    response = ok(None, int(str(answer["status"])))
    response.set_data(str(answer["body"]))
    response.content_type = str(answer["content_type"])
    response.headers.update(cast("Mapping[str, str]", answer.get("headers", {})))
    response.headers["Idempotent-Replayed"] = "true"
    return response
