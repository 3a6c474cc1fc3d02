"""A receiver of webhooks over a real socket, written as an organiser would: it checks signatures, and may misbehave."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

TOLERANCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``manner`` says what requests meet: ``ok``, a status, ``redirect``, ``huge``, ``trickle`` or ``silent``."""

    url: str = ""
    manner: str = "ok"
    received: list[Received] = field(default_factory=list)
    over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def verified(self, one: Received, secret: str, *, now: float) -> bool:
        """As the standard says: any of the signatures may fit, and the timestamp must be young."""
        if abs(now - int(one.headers["webhook-timestamp"])) > TOLERANCE_SECONDS:
            return False
        signed = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.body
        mine = b64encode(digest(b64decode(secret.removeprefix("whsec_")), signed, sha256)).decode()
        given = [part.partition(",") for part in one.headers["webhook-signature"].split(" ")]
        return any(version == "v1" and compare_digest(signature, mine) for version, _, signature in given)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """One, listening until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with receiver.lock:
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.path, headers, body))
            with suppress(OSError):  # Whoever asked may have gone.
                self._misbehave(receiver.manner)

        def _misbehave(self, manner: str) -> None:
            if manner == "silent":
                receiver.over.wait(TOLERANCE_SECONDS)
                return
            if manner == "trickle":
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 10_000:
                    self.wfile.write(bytes([byte]))
                    if receiver.over.wait(0.02):
                        return
            status = {"ok": 204, "redirect": 302, "huge": 200}.get(manner) or int(manner)
            text = b"x" * 5_000_000 if manner == "huge" else b"thank you" if status != 204 else b""
            self.send_response(status)
            if manner == "redirect":
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            if manner in {"429", "503"}:
                self.send_header("Retry-After", "600")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
