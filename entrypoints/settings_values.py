"""How the text of one environment variable becomes a value, or a sentence about what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_network
from urllib.parse import urlsplit

SECRET_KEY_CHARACTERS_MIN = 32
PORT_MAX = 65_535


class UnusableValueError(ValueError):
    """A value that a parser refuses; the message completes the sentence "NAME …"."""


def whole_number(*, least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise UnusableValueError(f"must be a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return parse


def address(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise UnusableValueError(f"must be an address that starts with {' or '.join(f'{s}://' for s in schemes)}")
        return text.rstrip("/")

    return parse


def matching(pattern: str, shape: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise UnusableValueError(f"must be {shape}")
        return text

    return parse


def networks(text: str) -> tuple[str, ...]:
    """Networks with commas between them, as ``ipaddress`` writes them."""
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise UnusableValueError("must be networks such as 10.0.0.0/8, with commas between them") from error


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise UnusableValueError(f"must be one of {', '.join(choices)}, not {text!r}")
        return text

    return parse


def long_secret(text: str) -> str:
    if len(text) < SECRET_KEY_CHARACTERS_MIN:
        raise UnusableValueError(
            f"must have at least {SECRET_KEY_CHARACTERS_MIN} characters; make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(48))'`"
        )
    return text


HTTP_URL = address("http", "https")
POSTGRES_URL = address("postgresql", "postgres", "postgresql+psycopg")
CLUSTER = "+cluster"
_REDIS_NODE = address("redis", "rediss", "redis+cluster", "rediss+cluster")


def _redis_url(text: str) -> str:
    """One server; or a cluster, by one or several of its nodes with commas between them."""
    scheme, _, rest = text.partition("://")
    if not scheme.endswith(CLUSTER):
        return _REDIS_NODE(text)
    # Taken apart by hand: newer Pythons refuse to split an address with brackets in the middle of it.
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    account, at, hosts = place.rpartition("@")
    for host in hosts.split(","):
        _REDIS_NODE(f"{scheme}://{account}{at}{host}{rest.removeprefix(place)}")
    return text.rstrip("/")


REDIS_URL = _redis_url
PORT = whole_number(least=1, most=PORT_MAX)
