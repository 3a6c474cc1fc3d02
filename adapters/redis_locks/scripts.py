"""The Lua scripts as Python sees them: what each is given and may answer, and how it is run in one round trip.

The declaration repeats the header of the script's file; a test holds both, and the script's text, to each other.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib.resources import files
from typing import Protocol

from redis import RedisError
from redis.exceptions import NoScriptError

from domain.errors import InventoryUnavailable

Argument = str | int | bytes
"""What may be sent to a script."""

_STOCK = "_stock"
_STOCK_KEYS = ("state", "seats", "deadlines", "feed")


class Client(Protocol):
    """What scripts need of redis-py: satisfied by Redis, RedisCluster and fakeredis, with ``decode_responses`` off."""

    def execute_command(self, *args: Argument) -> object:
        """Send one command, wait for its answer. Raises RedisError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Script:
    """One file of lua/, found by ``name``. ``prelude`` is the shared text that is put before it."""

    name: str
    keys: tuple[str, ...]
    arguments: tuple[str, ...]
    replies: tuple[str, ...]
    prelude: str | None = None

    @cached_property
    def source(self) -> str:
        """What the server is given."""
        folder = files("adapters.redis_locks") / "lua"
        names = (self.prelude, self.name) if self.prelude else (self.name,)
        return "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)

    @cached_property
    def digest(self) -> str:
        """What the server knows it by."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def head(self, keys: tuple[str, ...]) -> tuple[Argument, ...]:
        """The command up to its keys: worth keeping where the same keys are used again and again."""
        assert len(keys) == len(self.keys), f"{self.name} takes {self.keys}"
        return ("EVALSHA", self.digest, len(keys), *keys)

    def run(self, client: Client, keys: tuple[str, ...], *arguments: Argument) -> list[object]:
        """The script's answer, its first item the word as bytes. Raises InventoryUnavailable."""
        return self.send(client, self.head(keys), arguments)

    def send(self, client: Client, head: tuple[Argument, ...], arguments: tuple[Argument, ...]) -> list[object]:
        """Like :meth:`run`, from a kept head. A server that lost the script (restart, flush) is taught it again."""
        try:
            try:
                answer = client.execute_command(*head, *arguments)
            except NoScriptError:
                answer = client.execute_command("EVAL", self.source, *head[2:], *arguments)
        except RedisError as error:
            raise InventoryUnavailable(f"Valkey did not answer {self.name}") from error
        assert isinstance(answer, list), "every script answers a list"
        return answer


HOLD = Script(
    name="hold",
    keys=_STOCK_KEYS,
    arguments=(
        "shift_ms",
        "stamp",
        "change_id",
        "opens_at_ms",
        "closes_at_ms",
        "hold_ms",
        "rules",
        "nonce",
        "units",
        "tail",
        "buyer_count",
        "pool_count",
    ),
    replies=(
        "HELD",
        "FOUND",
        "CLAIMED",
        "OVER",
        "MISMATCH",
        "REBUILD",
        "STALE",
        "EARLY",
        "LATE",
        "TOO_MANY",
        "LIMIT",
        "COOLING",
        "TAKEN",
        "STRANDED",
        "SHORT",
        "APART",
    ),
    prelude=_STOCK,
)
FIND = Script(
    name="find",
    keys=_STOCK_KEYS,
    arguments=("shift_ms", "nonce"),
    replies=("HELD", "CLAIMED", "NONE"),
    prelude=_STOCK,
)
RELEASE = Script(
    name="release",
    keys=_STOCK_KEYS,
    arguments=("shift_ms", "nonce"),
    replies=("RELEASED", "NONE"),
    prelude=_STOCK,
)
EXTEND = Script(
    name="extend",
    keys=_STOCK_KEYS,
    arguments=("shift_ms", "nonce", "number", "hold_ms", "cap_ms", "extensions_max"),
    replies=("EXTENDED", "NO_MORE", "CLAIMED", "OVER"),
    prelude=_STOCK,
)
BEGIN_CLAIM = Script(
    name="begin_claim",
    keys=_STOCK_KEYS,
    arguments=("shift_ms", "nonce", "until_ms", "buyer_count"),
    replies=("CLAIMED", "LIMIT", "OVER"),
    prelude=_STOCK,
)
SETTLE = Script(
    name="settle",
    keys=(*_STOCK_KEYS, "settled"),
    arguments=("shift_ms", "epoch", "key", "nonce", "outcome", "buyers", "units", "pool_count"),
    replies=("SETTLED", "KNOWN", "REBUILD"),
    prelude=_STOCK,
)
LOAD = Script(
    name="load",
    keys=(*_STOCK_KEYS, "settled"),
    arguments=(
        "shift_ms",
        "epoch",
        "version",
        "seat_states",
        "pool_count",
        "plan_count",
        "special_count",
        "claim_count",
    ),
    replies=("LOADED", "KNOWN"),
    prelude=_STOCK,
)
RENEW_TERMS = Script(name="renew_terms", keys=("state",), arguments=("epoch", "version"), replies=("RENEWED", "KNOWN"))
SWEEP = Script(name="sweep", keys=_STOCK_KEYS, arguments=("shift_ms", "at_most"), replies=("SWEPT",), prelude=_STOCK)
SNAPSHOT = Script(name="snapshot", keys=("state", "seats", "feed"), arguments=(), replies=("STOCK", "NONE"))
ACCOUNT = Script(
    name="account",
    keys=_STOCK_KEYS,
    arguments=("live_max",),
    replies=("ACCOUNT", "BUSY", "NONE"),
    prelude=_STOCK,
)
RATE_LIMIT = Script(
    name="rate_limit",
    keys=("full_at",),
    arguments=("shift_ms", "interval_us", "burst_us"),
    replies=("PASS", "WAIT"),
)
BUDGET = Script(
    name="budget",
    keys=("endpoint", "everywhere"),
    arguments=(
        "shift_ms",
        "urgency",
        "interval_us",
        "burst_us",
        "tolerance_us",
        "all_interval_us",
        "all_burst_us",
        "all_tolerance_us",
        "turn_us",
        "within_us",
        "waited_us",
    ),
    replies=("SLOT", "LATER", "FULL"),
)
BUDGET_COOL = Script(
    name="budget_cool",
    keys=("cell",),
    arguments=("shift_ms", "least_us", "burst_us", "first_us", "longest_us", "forgotten_us"),
    replies=("COOLING",),
)
VELOCITY = Script(name="velocity", keys=("seen",), arguments=("shift_ms", "window_ms", "order"), replies=("COUNT",))
WAITING_ROOM = Script(
    name="waiting_room",
    keys=("state", "queue", "admitted"),
    arguments=("shift_ms", "visitor", "action", "per_second", "admission_ms"),
    replies=("WAITING", "ADMITTED", "NOBODY", "LEFT"),
)

ALL_SCRIPTS = (
    HOLD,
    FIND,
    RELEASE,
    EXTEND,
    BEGIN_CLAIM,
    SETTLE,
    LOAD,
    RENEW_TERMS,
    SWEEP,
    SNAPSHOT,
    ACCOUNT,
    RATE_LIMIT,
    BUDGET,
    BUDGET_COOL,
    VELOCITY,
    WAITING_ROOM,
)
