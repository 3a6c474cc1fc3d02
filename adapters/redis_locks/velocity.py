"""Order velocity on Valkey: one sorted set of recent orders for each device and each address."""

import logging

from adapters.redis_locks import keys
from adapters.redis_locks.scripts import VELOCITY, Client
from domain.errors import InventoryUnavailable
from domain.ports.velocity import WINDOW_SECONDS, OrderCounts

_LOOK_ONLY = ""
_log = logging.getLogger(__name__)


class ValkeyVelocity:
    """Implements ``domain.ports.velocity.Velocity``. Fails open and says so. ``shift_ms`` moves time in tests."""

    def __init__(self, client: Client, *, shift_ms: int = 0) -> None:
        self._client = client
        self._shift_ms = shift_ms

    def record(self, *, device: str, address: str, order: str) -> None:
        self._both(device, address, order)

    def counts(self, *, device: str, address: str) -> OrderCounts:
        return self._both(device, address, _LOOK_ONLY)

    def _both(self, device: str, address: str, order: str) -> OrderCounts:
        try:
            return OrderCounts(
                device=self._count(keys.velocity("device", device), order),
                address=self._count(keys.velocity("address", address), order),
            )
        except InventoryUnavailable:
            _log.warning("velocity counters are away: everybody counts as new", exc_info=True)
            return OrderCounts(device=0, address=0)

    def _count(self, key: str, order: str) -> int:
        reply = VELOCITY.run(self._client, (key,), self._shift_ms, WINDOW_SECONDS * 1_000, order)
        assert isinstance(reply[1], int)
        return reply[1]
