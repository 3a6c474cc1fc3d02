"""One bounded pool of connections a process, with short timeouts: a hold must fail fast rather than queue."""

from urllib.parse import urlsplit, urlunsplit

from redis import BlockingConnectionPool, Redis, RedisCluster
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as ValkeyConnectionError
from redis.retry import Retry

CONNECTIONS_MAX_DEFAULT = 64
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
"""A script takes microseconds: a server that is silent for so long is not coming back in time for this buyer."""
POOL_WAIT_SECONDS = 2.0
RECONNECT_TRIES = 2
"""Only after a broken connection (a restarted server): every script is safe to repeat. Silence is not retried."""
RECONNECT_BACKOFF_SECONDS = 0.02
RECONNECT_BACKOFF_SECONDS_MAX = 0.2
_CLUSTER = "+cluster"


def connect(
    url: str, *, connections_max: int = CONNECTIONS_MAX_DEFAULT, answer_seconds: float | None = ANSWER_SECONDS
) -> Redis | RedisCluster:
    """A client for ``redis://``, ``rediss://`` or ``redis+cluster://`` (any node will do). Connects when first used.

    Safe to share between threads and greenlets. ``answer_seconds`` of None waits for ever, for blocking reads.
    """
    scheme = urlsplit(url).scheme
    if scheme.endswith(_CLUSTER):
        return RedisCluster.from_url(
            _plain(url),
            max_connections=connections_max,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=answer_seconds,
            retry=_reconnecting(),
        )
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections_max,
        timeout=POOL_WAIT_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=answer_seconds,
        retry=_reconnecting(),
    )
    return Redis(connection_pool=pool)


def _reconnecting() -> Retry:
    backoff = ExponentialWithJitterBackoff(base=RECONNECT_BACKOFF_SECONDS, cap=RECONNECT_BACKOFF_SECONDS_MAX)
    return Retry(backoff, RECONNECT_TRIES, supported_errors=(ValkeyConnectionError,))


def _plain(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.removesuffix(_CLUSTER)))
