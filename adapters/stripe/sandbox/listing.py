"""Cursor-paged lists and ``expand[]``: how objects leave the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.stripe.sandbox import sessions
from adapters.stripe.sandbox.errors import StripeApiError
from adapters.stripe.sandbox.ledger import KIND_BY_PREFIX, Ledger
from adapters.stripe.sandbox.params import Params
from adapters.stripe.sandbox.ports import Document

PAGE_DEFAULT = 10
PAGE_MAX = 100
EXPAND_DEPTH_MAX = 4

FILTERS: Mapping[str, tuple[str, ...]] = {
    "checkout.session": ("payment_intent", "status", "customer"),
    "payment_intent": ("customer",),
    "charge": ("payment_intent", "customer", "transfer_group"),
    "refund": ("payment_intent", "charge"),
    "dispute": ("payment_intent", "charge"),
    "review": (),
    "radar.early_fraud_warning": ("payment_intent", "charge"),
    "balance_transaction": ("source", "type", "currency"),
    "event": (),
    "webhook_endpoint": (),
    "customer": ("email",),
}


def page(
    ledger: Ledger,
    params: Params,
    *,
    kind: str,
    url: str,
    where: Document | None = None,
    any_of: Mapping[str, list[str]] | None = None,
) -> Document:
    """One page of a kind, newest first. ``any_of``: values of which a field must be one, each may end in ``*``."""
    limit = params.integer("limit", least=1, most=PAGE_MAX) or PAGE_DEFAULT
    after, before = params.text("starting_after"), params.text("ending_before")
    if after is not None and before is not None:
        raise params.wrong("ending_before", "You may only specify one of ending_before and starting_after.")
    for name, anchor in (("starting_after", after), ("ending_before", before)):
        if anchor is not None and ledger.documents.get(kind, anchor) is None:
            raise params.wrong(name, f"No such {kind}: '{anchor}'", code="resource_missing")
    conditions = dict(where or {})
    conditions.update({name: params.text(name) for name in FILTERS[kind] if params.text(name) is not None})
    found = ledger.documents.select(
        kind,
        where=conditions,
        any_of=any_of,
        between=_created(params),
        limit=limit + 1,
        after=after,
        before=before,
    )
    more = len(found) > limit
    # One too many was asked for to learn whether there is more; it is the one farthest from the anchor.
    if more:
        found = found[1:] if before is not None else found[:limit]
    return {"object": "list", "data": [present(ledger, one) for one in found], "has_more": more, "url": url}


def _created(params: Params) -> dict[str, tuple[int | None, int | None]]:
    if "created" not in params:
        return {}
    if isinstance(params.raw()["created"], str):
        exact = params.integer("created", most=2**40)
        return {"created": (exact, exact)}
    bounds = params.nested("created")
    bounds.only(("gt", "gte", "lt", "lte"))
    low, high = bounds.integer("gte", most=2**40), bounds.integer("lte", most=2**40)
    above, below = bounds.integer("gt", most=2**40), bounds.integer("lt", most=2**40)
    return {
        "created": (
            low if above is None else above + 1,
            high if below is None else below - 1,
        )
    }


def present(ledger: Ledger, document: Document) -> Document:
    """The object as the API shows it now."""
    if document["object"] == "checkout.session":
        return sessions.paid_status(ledger, document)
    if document["object"] == "charge":
        refunds = ledger.documents.select("refund", where={"charge": document["id"]}, limit=PAGE_DEFAULT)
        document["refunds"]["data"] = refunds
    return document


def session_line_items(ledger: Ledger, session_id: str, *, limit: int = PAGE_MAX) -> Document:
    """What ``line_items`` expands to."""
    items = [
        {name: value for name, value in item.items() if not name.startswith("_")}
        for item in sessions.line_items(ledger, session_id)
    ]
    return {
        "object": "list",
        "data": items[:limit],
        "has_more": len(items) > limit,
        "url": f"/v1/checkout/sessions/{session_id}/line_items",
    }


def expand(ledger: Ledger, document: Document, paths: list[str]) -> Document:
    """Replace ids by the objects they name. Paths are dotted; lists start with ``data``."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > EXPAND_DEPTH_MAX + (document["object"] == "list"):
            message = f"You cannot expand more than {EXPAND_DEPTH_MAX} levels of a property ({path})."
            raise StripeApiError(400, message, param="expand")
        _expand_into(ledger, document, parts, path=path)
    return document


def _expand_into(ledger: Ledger, document: Document, parts: list[str], *, path: str) -> None:
    name, rest = parts[0], parts[1:]
    virtual = _VIRTUAL.get((document.get("object", ""), name))
    if virtual is not None and not isinstance(document.get(name), dict):
        document[name] = virtual(ledger, document)
    elif name not in document:
        raise _not_expandable(path)
    value = document[name]
    if isinstance(value, str):
        value = document[name] = _object_named(ledger, value, path=path)
    for child in value if isinstance(value, list) else [value]:
        if rest and isinstance(child, dict):
            _expand_into(ledger, child, rest, path=path)
        elif not isinstance(child, dict | None):
            raise _not_expandable(path)


def _object_named(ledger: Ledger, object_id: str, *, path: str) -> Any:
    kind = KIND_BY_PREFIX.get(object_id.partition("_")[0])
    found = ledger.documents.get(kind, object_id) if kind is not None else None
    if found is None:
        raise _not_expandable(path)
    return present(ledger, found)


def _not_expandable(path: str) -> StripeApiError:
    return StripeApiError(400, f"This property cannot be expanded ({path}).", param="expand")


def _line_items_of(ledger: Ledger, session: Document) -> Document:
    return session_line_items(ledger, session["id"])


# Properties that exist only once they are asked for.
_VIRTUAL: Mapping[tuple[str, str], Callable[[Ledger, Document], Document]] = {
    ("checkout.session", "line_items"): _line_items_of,
}
