"""Load over HTTP: wrk where it is installed, otherwise a small generator of our own that says so.

Both keep a fixed number of connections busy, one request in flight on each, for a fixed time.
"""

import itertools
import re
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 64
SECONDS = 3
WRK_THREADS = 2
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_LUA = """
local thread_count, thread, count = 0, 0, 0
function setup(thread) thread:set('number', thread_count) thread_count = thread_count + 1 end
function request()
  count = count + 1
  return wrk.format('%s', nil, {['Content-Type'] = 'application/json', ['Accept-Encoding'] = 'gzip',
    ['User-Agent'] = 'bench/%s/' .. number .. '/' .. count}, %s)
end
"""


class HammerError(RuntimeError):
    """The server gave other answers than the ones that were to be counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to ask, again and again; each request comes from another device (its User-Agent)."""

    port: int
    method: str
    path: str
    body: str = ""

    def request(self, visitor: str) -> bytes:
        return (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUser-Agent: {visitor}\r\n"
            f"Content-Type: application/json\r\nAccept-Encoding: gzip\r\nContent-Length: {len(self.body)}\r\n\r\n"
            f"{self.body}"
        ).encode()


def generator() -> str:
    """Which load generator this machine has."""
    return "wrk" if shutil.which("wrk") else "own generator, one Python process: wrk is not installed"


def requests_per_second(target: Target, *, seconds: int = SECONDS) -> float:
    """How many were answered well. Raises HammerError when any was not."""
    wrk = shutil.which("wrk")
    return _with_wrk(wrk, target, seconds) if wrk else _with_sockets(target, seconds)


def _with_wrk(wrk: str, target: Target, seconds: int) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        body = f"[[{target.body}]]" if target.body else "nil"
        script.write(_LUA % (target.method, time.monotonic_ns(), body))
        script.flush()
        command = [wrk, "-c", str(CONNECTIONS), "-t", str(WRK_THREADS), "-d", str(seconds), "-s", script.name]
        address = f"http://127.0.0.1:{target.port}{target.path}"
        told = subprocess.run(
            [*command, address], check=True, capture_output=True, text=True, timeout=seconds + 30, cwd=Path("/")
        ).stdout
    rate = _RATE.search(told)
    if rate is None or "Non-2xx" in told or "Socket errors" in told:
        raise HammerError(told)
    return float(rate[1])


def _with_sockets(target: Target, seconds: int) -> float:
    visitors = (f"bench/{time.monotonic_ns()}/{number}" for number in itertools.count())
    links = [socket.create_connection(("127.0.0.1", target.port)) for _ in range(CONNECTIONS)]
    answered = 0
    with selectors.DefaultSelector() as selector:
        for link in links:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(link, selectors.EVENT_READ, bytearray())
            link.sendall(target.request(next(visitors)))
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            for key, _ in selector.select(timeout=1):
                link = key.fileobj  # type: ignore[assignment]  # only sockets are registered
                key.data.extend(link.recv(65_536))
                if _complete(key.data):
                    answered += 1
                    key.data.clear()
                    link.sendall(target.request(next(visitors)))
        elapsed = time.perf_counter() - started
    for link in links:
        link.close()
    return answered / elapsed


def _complete(answer: bytearray) -> bool:
    head, found, body = bytes(answer).partition(b"\r\n\r\n")
    if not found:
        return False
    if not head.startswith(b"HTTP/1.1 2"):
        raise HammerError(head.decode(errors="replace"))
    length = _LENGTH.search(head)
    if length is None:
        raise HammerError("an answer without Content-Length")
    return len(body) >= int(length[1])
