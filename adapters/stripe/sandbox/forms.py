"""Stripe's request encoding: ``a[b][0][c]=v`` to nested dictionaries and lists."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from adapters.stripe.sandbox.errors import StripeApiError

FIELDS_MAX = 2_000
DEPTH_MAX = 12
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def parse_form(encoded: str) -> dict[str, Any]:
    """Nested values of a form body or query string; every leaf is a string.

    ``a[]=x`` appends; keys ``0, 1, …`` make a list, whatever their order of arrival.
    """
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise StripeApiError(400, "Your request has too many parameters.") from error
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _insert(tree, _path(name), value)
    return {name: _with_lists(value) for name, value in tree.items()}


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    path = [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))] if match else []
    if not path or len(path) > DEPTH_MAX:
        raise StripeApiError(400, f"Invalid parameter name: {name[:100]}", param=name[:100])
    return path


def _insert(tree: dict[str, Any], path: list[str], value: str) -> None:
    *parents, leaf = path
    for part in parents:
        child = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(child, dict):
            raise StripeApiError(400, f"Invalid hash: {'.'.join(path)[:100]}", param=path[0])
        tree = child
    tree[leaf or str(len(tree))] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(child) for key, child in value.items()}
