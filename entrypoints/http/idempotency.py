"""Doing once what is asked twice: answers kept under the caller's Idempotency-Key.

Holds and checkouts need no storage (a hold's name comes from the key, an order is unique per hold). What else
changes something is wrapped in :func:`once`.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256

import orjson
from flask import Response, request

from domain.errors import Rejection
from entrypoints.http.api.answers import ok, refuse
from entrypoints.http.front import Environ
from entrypoints.http.problems import invalid
from entrypoints.http.services import current

HEADER = "Idempotency-Key"
_SANE = re.compile(r"[\x21-\x7e]{1,255}").fullmatch


def key(environ: Environ) -> str | None:
    """The caller's key, or None. Raises Problem 422 for one that is empty, too long or not printable."""
    offered: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if offered is None:
        return None
    if not _SANE(offered):
        raise invalid([(HEADER, "Give 1 to 255 visible ASCII characters.")])
    return offered


def once(scope: str, request_body: object, act: Callable[[], Response]) -> Response:
    """Answer ``act()``, or what it answered before to the same key and body.

    While the first is under way, a second is told so (409). If the first never finishes, because it raised or its
    process died, the key is free again after a minute; so ``act`` must itself refuse to do twice what cannot be
    undone, which a refund does: its tickets are void.
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
    response = act()
    with current().unit_of_work() as uow:
        uow.idempotency.finish(scope=scope, key=word, answer=_kept(response))
        uow.commit()
    return response


def _kept(response: Response) -> dict[str, object]:
    return {
        "status": response.status_code,
        "content_type": response.content_type,
        "body": response.get_data(as_text=True),
    }


def _again(answer: Mapping[str, object]) -> Response:
    response = ok(None, int(str(answer["status"])))
    response.set_data(str(answer["body"]))
    response.content_type = str(answer["content_type"])
    response.headers["Idempotent-Replayed"] = "true"
    return response
