"""A mail server that speaks TLS, at once or after STARTTLS, with certificates that are made for the occasion."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "ada", "open sesame"
IDLE_SECONDS = 10.0
POLL_SECONDS = 0.02
LINE_BYTES_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that signed itself, with its key, in one file. Whoever trusts it trusts the file."""

    path: Path

    @classmethod
    def made(cls, folder: Path, *, host: str = "127.0.0.1", days: int = 1) -> "Certificate":
        """For this address, good for so many days from now; negative: over for as many."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail server of the tests")])
        ends = now + timedelta(days=days)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, ends) - timedelta(days=1))
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
            .sign(key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = folder / f"{made.serial_number}.pem"
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        return cls(path=path)


@dataclass(slots=True, kw_only=True)
class Heard:
    """What clients said: letters with whether they came encrypted, and every password with the same."""

    letters: list[tuple[bytes, bool]] = field(default_factory=list)
    passwords: list[tuple[str, bool]] = field(default_factory=list)


class SecureMailServer(socketserver.ThreadingTCPServer):
    """``at_once``: the first byte is encrypted; else after STARTTLS, if ``offers`` it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, certificate: Certificate, *, at_once: bool, offers: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.path)
        self.at_once, self.offers, self.heard = at_once, offers, Heard()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle of a handshake is what some tests are about."""


@contextmanager
def serving(server: SecureMailServer) -> Iterator[SecureMailServer]:
    """The server, answering in a thread until the end."""
    threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), name="secure mail", daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    timeout = IDLE_SECONDS
    server: SecureMailServer

    def handle(self) -> None:
        self._encrypted = False
        if self.server.at_once:
            self._encrypt()
        self._say("220 ready")
        while (line := self.rfile.readline(LINE_BYTES_MAX)).endswith(b"\n") and self._answer(line.decode().strip()):
            pass

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def _answer(self, line: str) -> bool:
        """Whether the conversation goes on."""
        match line.split(" ", maxsplit=1)[0].upper():
            case "EHLO":
                offered = ["250-STARTTLS"] if self.server.offers and not self._encrypted else []
                self._say(*("250-ready", *offered, "250 AUTH PLAIN"))
            case "STARTTLS":
                self._say("220 go ahead")
                self._encrypt()
            case "AUTH":
                _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                self.server.heard.passwords.append((password, self._encrypted))
                self._say("235 welcome" if (user, password) == (USER, PASSWORD) else "535 who are you?")
            case "DATA":
                self._say("354 go ahead")
                lines = iter(lambda: self.rfile.readline(LINE_BYTES_MAX), b".\r\n")
                self.server.heard.letters.append((b"".join(lines), self._encrypted))
                self._say("250 kept")
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _encrypt(self) -> None:
        self.connection = self.request = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]  # what setup() makes
        self._encrypted = True

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
