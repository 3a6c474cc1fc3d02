"""How Valkey is: asked by people (``tessera doctor``) and by load balancers (``/readyz``)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from redis import Redis, RedisCluster
from redis.exceptions import RedisError

from domain.errors import InventoryUnavailable

NEVER_EVICTS = "noeviction"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyCondition:
    """What one node said of itself. ``clock`` is the server's, in UTC."""

    server: str
    clock: datetime
    is_persistent: bool
    eviction_policy: str

    @property
    def keeps_holds(self) -> bool:
        """An evicting policy silently drops holds."""
        return self.eviction_policy == NEVER_EVICTS


def valkey_condition(client: Redis | RedisCluster) -> ValkeyCondition:
    """Ask one node. Raises InventoryUnavailable with the reason when there is no answer."""
    target: dict[str, Any] = {"target_nodes": RedisCluster.RANDOM} if isinstance(client, RedisCluster) else {}
    try:
        said = cast("Mapping[str, Any]", client.info("everything", **target))
        seconds, microseconds = client.time(**target)
    except RedisError as error:
        raise InventoryUnavailable(f"{type(error).__name__}: {error}") from error
    if "valkey_version" in said:
        server = f"Valkey {said['valkey_version']}"
    else:
        server = f"Redis {said.get('redis_version', 'of unknown version')}"
    return ValkeyCondition(
        server=server,
        clock=datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds),
        is_persistent=bool(said.get("aof_enabled")),
        eviction_policy=str(said.get("maxmemory_policy", "unknown")),
    )
