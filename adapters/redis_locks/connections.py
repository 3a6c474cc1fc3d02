"""One bounded pool of connections a process, with short timeouts: a hold must fail fast rather than queue."""

import re
from queue import Empty
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

from redis import BlockingConnectionPool, Redis, RedisCluster
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import ClusterNode
from redis.connection import Connection
from redis.exceptions import ClusterDownError, MaxConnectionsError, RedisClusterException, SlotNotCoveredError
from redis.exceptions import ConnectionError as ValkeyConnectionError
from redis.retry import Retry

CONNECTIONS_MAX_DEFAULT = 64
"""To each server: on a Cluster a process may have so many to every node."""
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
"""A script takes microseconds: a server that is silent for so long is not coming back in time for this buyer."""
POOL_WAIT_SECONDS = 2.0
RECONNECT_TRIES = 2
"""Only after a broken connection (a restarted server): every script is safe to repeat. Silence is not retried."""
RECONNECT_BACKOFF_SECONDS = 0.02
RECONNECT_BACKOFF_SECONDS_MAX = 0.2
PORT_DEFAULT = 6379
_CLUSTER = "+cluster"
_SCRIPTS = frozenset({"EVALSHA", "EVAL"})
_FIRST_KEY = 3
"""Where the first key of a script's command stands, after the word, the script and the number of keys."""


def connect(
    url: str, *, connections_max: int = CONNECTIONS_MAX_DEFAULT, answer_seconds: float | None = ANSWER_SECONDS
) -> Redis | RedisCluster:
    """A client for ``redis://``, ``rediss://`` or ``redis+cluster://``. Connects when first used.

    An address of a cluster names one or several of its nodes (``redis+cluster://:password@one:6379,two:6379``); any
    that answers tells of all others. Safe to share between threads and greenlets. ``answer_seconds`` of None waits
    for ever, for blocking reads.
    """
    limits: dict[str, Any] = {
        "max_connections": connections_max,
        "timeout": POOL_WAIT_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        "retry": _reconnecting(),
    }
    if url.partition("://")[0].endswith(_CLUSTER):
        return SalesCluster(url, limits)
    return Redis(connection_pool=BlockingConnectionPool.from_url(url, **limits))


class SalesCluster(RedisCluster):
    """redis-py's client of a cluster, with the manners of our client of one server.

    It finds the cluster when it is first used, not when it is made, so that a process starts while Valkey is away. It
    speaks of trouble in one word, :class:`redis.RedisError`: redis-py's own "the cluster cannot be reached" is none.
    It does not repeat what a silent server was asked. It asks living primaries while another one is away. And when
    every node that it knows is gone it asks those that it was told of in the beginning: an orchestrator may have
    started the whole cluster again at other addresses behind the same names.
    """

    ERRORS_ALLOW_RETRY = (  # type: ignore[assignment]  # redis-py's own has silence (TimeoutError) too.
        ValkeyConnectionError,
        ClusterDownError,
        SlotNotCoveredError,
    )

    def __init__(self, url: str, limits: dict[str, Any]) -> None:
        self._seeds, self._url = _nodes(url)
        self._limits = limits
        self._opening = RLock()
        self._is_opening = False

    def __getattr__(self, name: str) -> Any:
        """Whatever is missing here comes with the connection. Python asks only for what an instance does not have."""
        if name.startswith("__"):
            raise AttributeError(name)
        with self._opening:
            if name not in self.__dict__:
                self._open(name)
            return object.__getattribute__(self, name)

    def _open(self, wanted: str) -> None:
        if self._is_opening:
            raise AttributeError(wanted)
        self._is_opening = True
        try:
            super().__init__(
                url=self._url,
                startup_nodes=[ClusterNode(*seed) for seed in self._seeds],  # type: ignore[no-untyped-call]
                require_full_coverage=False,
                connection_pool_class=_PatientPool,
                **self._limits,
            )
        except RedisClusterException as error:
            raise ValkeyConnectionError(str(error)) from error
        finally:
            self._is_opening = False

    def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().execute_command(*args, **kwargs)  # type: ignore[no-untyped-call]  # redis-py's
        except RedisClusterException as error:
            self._look_around()
            raise ValkeyConnectionError(str(error)) from error

    def determine_slot(self, *args: Any) -> int | None:
        """Where a command belongs, told from one of its keys: all keys of one of ours carry one tag.

        Hashing eight keys would cost each hold more. And redis-py does not know where XREAD's keys are: it asks one
        certain node for it, each time, and when that node is away reads of no sale at all go on.
        """
        if args[0] in _SCRIPTS:
            key = args[_FIRST_KEY]
        elif args[0] == "XREAD":
            key = args[args.index(b"STREAMS") + 1]
        else:
            return super().determine_slot(*args)
        return int(self.keyslot(key))  # type: ignore[no-untyped-call]  # redis-py's

    def close(self) -> None:
        if "nodes_manager" in self.__dict__:
            super().close()

    def _look_around(self) -> None:
        """Ask the nodes of the beginning too, for the next command's sake; this one is lost."""
        try:
            self.nodes_manager.initialize(additional_startup_nodes_info=list(self._seeds))
        except RedisClusterException:
            return  # They are away as well: the next command asks again.


class _PatientPool(BlockingConnectionPool):
    """Waits for a connection of this process to come free, and does not blame the server when none does.

    RedisCluster takes a plain connection error for a dead node, and would look for another cluster.
    """

    def get_connection(self, command_name: str | None = None, *keys: Any, **options: Any) -> Connection:
        told = () if command_name is None else (command_name, *keys)  # redis-py warns of arguments that it ignores.
        try:
            return super().get_connection(*told, **options)  # type: ignore[no-any-return, no-untyped-call]  # its own
        except ValkeyConnectionError as error:
            if isinstance(error.__context__, Empty):
                raise MaxConnectionsError("every connection of this process is in use") from error
            raise


def _reconnecting() -> Retry:
    backoff = ExponentialWithJitterBackoff(base=RECONNECT_BACKOFF_SECONDS, cap=RECONNECT_BACKOFF_SECONDS_MAX)
    return Retry(backoff, RECONNECT_TRIES, supported_errors=(ValkeyConnectionError,))


def _nodes(url: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """The nodes that a cluster's address names, and the plain address of the first with everything else in it."""
    # By hand: newer Pythons refuse to split an address with brackets (of IPv6) in the middle of it.
    scheme, _, rest = url.partition("://")
    place = re.split("[/?#]", rest, maxsplit=1)[0]
    account, at, hosts = place.rpartition("@")
    named = hosts.split(",")
    plain = f"{scheme.removesuffix(_CLUSTER)}://{account}{at}{named[0]}{rest.removeprefix(place)}"
    nodes = (urlsplit(f"//{host}") for host in named)
    return tuple((node.hostname or "localhost", node.port or PORT_DEFAULT) for node in nodes), plain
