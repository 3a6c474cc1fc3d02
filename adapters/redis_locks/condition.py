"""How Valkey is: asked by people (``tessera doctor``) and by load balancers (``/readyz``)."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from redis import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from adapters.redis_locks.keys import feed_key
from domain.errors import InventoryUnavailable
from domain.events import EventId

NEVER_EVICTS = "noeviction"
ONLY_SERVER = "the only one"
NODE_SECONDS = 0.5
"""How long a node of a cluster may take to say how it is."""
_NO_TIME = timedelta(0)
_LIFE = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
return run .. '-' .. history
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyCondition:
    """What a server said of itself; of a cluster, the worst that any node said, for each may serve a sale tomorrow.

    ``clock`` is the server's, in UTC; of a cluster, the one that is furthest from ours. ``nodes`` answered, ``away``
    are the addresses of those that did not: their sales are closed until a replica takes over.
    """

    server: str
    clock: datetime
    is_persistent: bool
    eviction_policy: str
    nodes: int = 1
    away: tuple[str, ...] = ()

    @property
    def keeps_holds(self) -> bool:
        """An evicting policy silently drops holds."""
        return self.eviction_policy == NEVER_EVICTS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one server said. ``skew`` is how far its clock is from ours, either way; a replica decides nothing."""

    server: str
    clock: datetime
    skew: timedelta
    is_persistent: bool
    eviction_policy: str
    decides: bool


def valkey_condition(client: Redis | RedisCluster) -> ValkeyCondition:
    """Ask the server, or each node of a cluster. Raises InventoryUnavailable, with the reason, when no sale can go on.

    That is: the server does not answer, or none of a cluster's primaries does.
    """
    trouble: dict[str, Exception] = {}
    try:
        answers = _ask_all(client, trouble) if isinstance(client, RedisCluster) else [_ask(client)]
    except RedisError as error:
        raise InventoryUnavailable(f"{type(error).__name__}: {error}") from error
    if not any(answer.decides for answer in answers):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in trouble.items())
        raise InventoryUnavailable(f"no primary of the cluster answers. {reasons}")
    policies = [answer.eviction_policy for answer in answers]
    return ValkeyCondition(
        server=answers[0].server,
        clock=max(answers, key=lambda answer: answer.skew).clock,
        is_persistent=all(answer.is_persistent for answer in answers),
        eviction_policy=next((policy for policy in policies if policy != NEVER_EVICTS), NEVER_EVICTS),
        nodes=len(answers),
        away=tuple(trouble),
    )


def serving(client: Any, event_ids: Iterable[EventId]) -> Mapping[EventId, str]:
    """A word for each sale that stays the same as long as one server has served it without a break.

    Another word means that acknowledged writes may be missing: the server was started again (``run_id`` is new), or a
    replica has taken over (``master_replid`` is new), which follows its primary a little behind. It may also change
    without a loss, when a server gets its first replica. Sales whose server does not answer are left out.
    """
    words: dict[EventId, str] = {}
    silent: set[str] = set()
    known: dict[str, str] = {}
    for event_id in event_ids:
        server = ONLY_SERVER
        try:
            if isinstance(client, RedisCluster):
                server = str(client.get_node_from_key(feed_key(event_id)).name)  # type: ignore[no-untyped-call]
            elif server in known:
                words[event_id] = known[server]
                continue
            if server not in silent:
                # Asked as a script with the sale's key, so that it reaches whoever a hold would reach.
                word = client.execute_command("EVAL", _LIFE, 1, feed_key(event_id))
                words[event_id] = known[server] = cast("bytes", word).decode()
        except (RedisError, RedisClusterException):
            # Waited for once and not for each of its sales.
            silent.add(server)
    return words


def _ask_all(client: RedisCluster, trouble: dict[str, Exception]) -> list[_Answer]:
    """All nodes at once. ``trouble`` is told what is wrong with those that say nothing.

    A node that hangs must not make this machine look ill: a load balancer would take every web server away at once.
    """
    nodes = client.get_nodes()  # type: ignore[no-untyped-call]  # redis-py's
    threads = ThreadPoolExecutor(len(nodes), thread_name_prefix="valkey-condition")
    asked = {node.name: threads.submit(_ask, client, target_nodes=node) for node in nodes}
    done, _ = wait(asked.values(), timeout=NODE_SECONDS)
    threads.shutdown(wait=False)
    answers: list[_Answer] = []
    for name, answer in asked.items():
        if answer not in done:
            trouble[name] = TimeoutError(f"silent for {NODE_SECONDS:g} s")
            continue
        try:
            answers.append(answer.result())
        except RedisError as error:
            trouble[name] = error
    return answers


def _ask(client: Redis | RedisCluster, **target: Any) -> _Answer:
    said = cast("Mapping[str, Any]", client.info("everything", **target))
    before = datetime.now(UTC)
    seconds, microseconds = client.time(**target)
    after = datetime.now(UTC)
    clock = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
    if "valkey_version" in said:
        server = f"Valkey {said['valkey_version']}"
    else:
        server = f"Redis {said.get('redis_version', 'of unknown version')}"
    return _Answer(
        server=server,
        clock=clock,
        skew=max(before - clock, clock - after, _NO_TIME),
        is_persistent=bool(said.get("aof_enabled")),
        eviction_policy=str(said.get("maxmemory_policy", "unknown")),
        decides=not isinstance(client, RedisCluster) or said.get("role") == "master",
    )
