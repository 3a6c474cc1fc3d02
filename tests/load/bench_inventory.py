"""Hold scripts against a bare script of ten lines on the same Valkey: pipelined, over 64 connections, and in detail."""

import itertools
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

import hiredis

from adapters.redis_locks.connections import connect
from adapters.redis_locks.inventory import ValkeyInventory
from adapters.redis_locks.keys import sale_keys
from adapters.redis_locks.scripts import HOLD
from domain.demands import Demand, demand, price
from domain.events import Sale
from domain.holds import HoldLine, fingerprint
from tests.fakes.sales import (
    OPENED,
    best,
    big_reserved_sale,
    buyer,
    chosen,
    general,
    general_sale,
    new_hold_id,
    stock_of,
)
from tests.load.bench import Measurement, compare
from tests.servers import valkey_running

TEN_LINES = """
local free = tonumber(redis.call('GET', KEYS[1]))
local wanted = tonumber(ARGV[1])
if free == nil or free < wanted then
  return {'SOLD_OUT'}
end
redis.call('DECRBY', KEYS[1], wanted)
local hold = ARGV[2]
redis.call('SET', KEYS[2], hold, 'PX', ARGV[3])
local left = free - wanted
return {'HELD', left}
"""
"""The yardstick: the least that may call itself a hold. No limits, no epoch, no expiry that returns stock, no feed."""

CALLS = 20_000
PIPELINED = 200
CONNECTIONS = 64
FLOOR_CAPACITY = 500_000
ROWS, PER_ROW = 1_000, 20
SOLD_ROWS_OUT_OF_TWENTY = 19
SINGLES_LEFT = 0.03
SNAPSHOTS = 200
MILLISECONDS = 1_000

Command = bytes


def packed(*words: str | bytes | int) -> Command:
    """A command as it goes over the wire."""
    command: Command = hiredis.pack_command(words)  # type: ignore[arg-type]  # its stub asks for a tuple of one word
    return command


class _Recorder:
    """Stands in for a client: keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: Command = b""

    def execute_command(self, *arguments: Any) -> object:
        self.sent = packed(*arguments)
        return [b"HELD", 0]


@dataclass
class _Server:
    """The Valkey that is measured, from both sides."""

    client: Any
    address: tuple[str, int]
    password: str

    def __post_init__(self) -> None:
        self.bare = self.client.script_load(TEN_LINES)
        self.client.script_load(HOLD.source)
        self.client.set("stock", 1_000_000_000)

    def bare_calls(self, count: int) -> list[Command]:
        card = "x" * 300
        return [packed("EVALSHA", self.bare, 2, "stock", f"hold:{uuid4().hex}", 2, card, 600_000) for _ in range(count)]

    def hold_calls(self, sale: Sale, lines: Callable[[int], HoldLine], count: int) -> list[Command]:
        """The sale loaded anew, and the commands of so many holds of so many buyers."""
        self.client.flushdb()
        self.client.set("stock", 1_000_000_000)
        assert ValkeyInventory(self.client).load(sale=sale, stock=stock_of(sale))
        return list(_holds(sale, lines, count))

    def connected(self) -> socket.socket:
        link = socket.create_connection(self.address)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(packed("AUTH", self.password))
        assert link.recv(64).startswith(b"+OK")
        return link


def _holds(sale: Sale, lines: Callable[[int], HoldLine], count: int) -> Iterator[Command]:
    recorder = _Recorder()
    inventory = ValkeyInventory(recorder)
    for number in range(count):
        asked = (lines(number),)
        wanted = demand(sale, asked, now=OPENED)
        assert isinstance(wanted, Demand)
        inventory.hold(
            hold_id=new_hold_id(sale),
            sale=sale,
            demand=wanted,
            lines=price(sale, asked, now=OPENED),
            fingerprint=fingerprint(asked),
            buyer=buyer(str(number), network=f"network-{number}"),
        )
        yield recorder.sent


def pipelined(server: _Server, commands: Sequence[Command]) -> float:
    """Calls a second over one connection, many at a time: what the server itself can do."""
    reader = hiredis.Reader()
    with server.connected() as link:
        started = time.perf_counter()
        for start in range(0, len(commands), PIPELINED):
            batch = commands[start : start + PIPELINED]
            link.sendall(b"".join(batch))
            _answers(link, reader, len(batch))
        return len(commands) / (time.perf_counter() - started)


def per_cpu_second(server: _Server, commands: Sequence[Command]) -> float:
    """Calls for each second that the server's main thread computes: what is left when others use the machine too."""
    before = _cpu_seconds(server)
    pipelined(server, commands)
    return len(commands) / (_cpu_seconds(server) - before)


def _cpu_seconds(server: _Server) -> float:
    used = server.client.info("cpu")
    return float(used["used_cpu_user_main_thread"]) + float(used["used_cpu_sys_main_thread"])


def over_connections(server: _Server, commands: Sequence[Command]) -> float:
    """Calls a second over 64 connections, one call in flight on each."""
    queue = iter(commands)
    links = [server.connected() for _ in range(CONNECTIONS)]
    with selectors.DefaultSelector() as selector:
        started = time.perf_counter()
        for link, command in zip(links, itertools.islice(queue, CONNECTIONS), strict=True):
            selector.register(link, selectors.EVENT_READ, hiredis.Reader())
            link.sendall(command)
        answered = 0
        while answered < len(commands):
            for key, _ in selector.select():
                link = key.fileobj  # type: ignore[assignment]  # only sockets are registered
                if _answers(link, key.data, 1):
                    answered += 1
                    if (following := next(queue, None)) is not None:
                        link.sendall(following)
        rate = answered / (time.perf_counter() - started)
    for link in links:
        link.close()
    return rate


def _answers(link: socket.socket, reader: Any, count: int) -> bool:
    """Read so many answers; an answer that is not a hold ends the bench."""
    for _ in range(count):
        while (answer := reader.gets()) is False:
            reader.feed(link.recv(65_536))
        if not isinstance(answer, list) or answer[0] != b"HELD":
            raise RuntimeError(f"not held: {answer!r}")
    return True


def _slowest(server: _Server, sale: Sale, houses: Sequence[str], quantity: int, calls: int) -> float:
    """The 99th percentile, in ms, of best-available calls one after another, the network included."""
    inventory = ValkeyInventory(server.client)
    reader = hiredis.Reader()
    times = []
    for seats in houses:
        server.client.flushdb()
        assert inventory.load(sale=sale, stock=stock_of(sale, seats=seats, free={"z:house": seats.count("f")}))
        with server.connected() as link:
            for command in _holds(sale, lambda _: best(sale, quantity, "seat"), calls):
                started = time.perf_counter()
                link.sendall(command)
                _answers(link, reader, 1)
                times.append(time.perf_counter() - started)
    return sorted(times)[len(times) * 99 // 100] * MILLISECONDS


def _scattered(seed: int) -> str:
    """A house of which 95% is sold at random: single seats everywhere, and a group of four in one row of ten."""
    chance = Random(seed)
    rows = []
    for number in range(ROWS):
        row = ["f" if chance.random() < SINGLES_LEFT else "s" for _ in range(PER_ROW)]
        if number % 10 == seed % 10:
            start = chance.randrange(PER_ROW - 4)
            row[start : start + 4] = "ffff"
        rows.append("".join(row))
    return "".join(rows)


WAYS = {"pipelined": pipelined, "server CPU": per_cpu_second, f"{CONNECTIONS} connections": over_connections}


def measure() -> Iterator[Measurement]:
    """Ratios of rates; best-available is told as a latency against its bound of 2 ms."""
    with valkey_running() as running:
        client = connect(running.url())
        options = client.get_connection_kwargs()
        server = _Server(client, (options["host"], options["port"]), options["password"])
        floor = general_sale(capacity=FLOOR_CAPACITY, vip_capacity=None)
        house = big_reserved_sale(rows=ROWS, per_row=PER_ROW)
        kinds: tuple[tuple[str, Sale, Callable[[int], HoldLine], int, float], ...] = (
            ("2 general-admission tickets", floor, lambda _: general(floor, 2), CALLS, 0.4),
            (
                "4 chosen seats of 20,000",
                house,
                lambda n: chosen(house, *range(4 * n, 4 * n + 4), key="seat"),
                ROWS * PER_ROW // 4,
                0.3,
            ),
        )
        for name, sale, lines, count, goal in kinds:
            for way, run in WAYS.items():
                yield compare(
                    f"{name}, {way}",
                    ours=partial(_ours, server, run, sale, lines, count),
                    yardstick=partial(_bare, server, run, count),
                    goal=goal,
                )
        whole_rows = ("s" * PER_ROW * SOLD_ROWS_OUT_OF_TWENTY + "f" * PER_ROW) * (ROWS // 20)
        for name, houses, calls in (
            ("empty", ["f" * ROWS * PER_ROW], 2_500),
            ("95% sold, row by row", [whole_rows] * 5, 125),
            ("95% sold at random", [_scattered(seed) for seed in range(5)], 80),
        ):
            slowest_ms = _slowest(server, house, houses, 4, calls)
            yield Measurement(
                name=f"best-available 4 of 20,000, {name}",
                ours=MILLISECONDS / slowest_ms,
                yardstick=MILLISECONDS / 2,
                goal=1.0,
                note=f"(99% within {slowest_ms:.2f} ms; bound 2 ms)",
            )
        yield from _sizes(server)
        client.close()


def _ours(
    server: _Server,
    run: Callable[[_Server, Sequence[Command]], float],
    sale: Sale,
    lines: Callable[[int], HoldLine],
    count: int,
) -> float:
    return run(server, server.hold_calls(sale, lines, count))


def _bare(server: _Server, run: Callable[[_Server, Sequence[Command]], float], count: int) -> float:
    return run(server, server.bare_calls(count))


def _sizes(server: _Server) -> Iterator[Measurement]:
    """How things grow with the house, from 1,000 seats to 100,000: flat is a ratio of one."""
    houses = {seats: big_reserved_sale(rows=seats // 20, per_row=20) for seats in (1_000, 10_000, 100_000)}
    small = houses[1_000]

    def rate(sale: Sale) -> float:
        return per_cpu_second(
            server, server.hold_calls(sale, lambda n: chosen(sale, 2 * n, 2 * n + 1, key="seat"), 450)
        )

    for seats, sale in list(houses.items())[1:]:
        yield compare(
            f"2 chosen seats, server CPU: {seats:,} to 1,000",
            ours=partial(rate, sale),
            yardstick=partial(rate, small),
            rounds=9,
        )
    weights = {seats: _weigh(server, sale) for seats, sale in houses.items()}
    for seats, weight in list(weights.items())[1:]:
        yield Measurement(
            name=f"bytes a hold of 2 chosen seats: {seats:,} to 1,000", ours=weight.hold, yardstick=weights[1_000].hold
        )
        yield Measurement(name=f"bytes a seat: {seats:,} to 1,000", ours=weight.seat, yardstick=weights[1_000].seat)
        yield Measurement(
            name=f"snapshots a second: {seats:,} to 1,000",
            ours=weight.snapshots,
            yardstick=weights[1_000].snapshots,
            note=f"({MILLISECONDS / weight.snapshots:.2f} ms each, decoded)",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weight:
    """What a sale costs: bytes a seat when all are free, bytes a hold, snapshots a second."""

    seat: float
    hold: float
    snapshots: float


def _weigh(server: _Server, sale: Sale) -> _Weight:
    holds = server.hold_calls(sale, lambda n: chosen(sale, 2 * n, 2 * n + 1, key="seat"), 450)
    before = _bytes(server, sale)
    pipelined(server, holds)
    inventory = ValkeyInventory(server.client)
    started = time.perf_counter()
    for _ in range(SNAPSHOTS):
        inventory.snapshot(event_id=sale.event_id)
    return _Weight(
        seat=before / len(sale.seat_map.seats),
        hold=(_bytes(server, sale) - before) / len(holds),
        snapshots=SNAPSHOTS / (time.perf_counter() - started),
    )


def _bytes(server: _Server, sale: Sale) -> float:
    keys = sale_keys(sale.event_id)
    return sum(server.client.memory_usage(key, samples=0) or 0 for key in (*keys.stock, keys.settled))
