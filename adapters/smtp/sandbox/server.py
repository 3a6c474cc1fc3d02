"""The smallest SMTP server that takes a letter (RFC 5321): for one machine, without TLS or passwords.

An address that begins with ``refused`` is refused for good and one that begins with ``later`` for now, so that both
ways of failing can be seen.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable

LINE_BYTES_MAX = 1_000
LETTER_BYTES_MAX = 2_000_000
LINES_MAX = 100_000
IDLE_SECONDS = 30.0

Keep = Callable[[str, bytes], None]


class MailSandboxServer(socketserver.ThreadingTCPServer):
    """Listens until it is stopped; every letter is handed to ``keep`` with its recipient, as it came."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, keep: Keep) -> None:
        super().__init__((host, port), _Conversation)
        self.keep = keep

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread of its own."""
        threading.Thread(target=self.serve_forever, name="sandbox-mail", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Conversation(socketserver.StreamRequestHandler):
    timeout = IDLE_SECONDS
    server: MailSandboxServer

    def handle(self) -> None:
        self._recipients: list[str] = []
        self._say(220, "sandbox ready")
        for _ in range(LINES_MAX):
            line = self.rfile.readline(LINE_BYTES_MAX)
            if not line.endswith(b"\n") or not self._answer(line.decode("utf-8", "replace").strip()):
                return

    def _answer(self, line: str) -> bool:
        """Whether the conversation goes on."""
        verb = line[:4].upper()
        if verb == "QUIT":
            self._say(221, "bye")
            return False
        if verb == "RCPT":
            self._take_recipient(line)
        elif verb == "DATA":
            self._take_letter()
        elif verb in {"EHLO", "HELO", "MAIL", "NOOP", "RSET"}:
            if verb in {"MAIL", "RSET"}:
                self._recipients = []
            self._say(250, "ok")
        else:
            self._say(502, "not here")
        return True

    def _take_recipient(self, line: str) -> None:
        address = line.partition("<")[2].partition(">")[0]
        if address.startswith("refused"):
            self._say(550, "no such mailbox")
        elif address.startswith("later"):
            self._say(451, "try again later")
        else:
            self._recipients.append(address)
            self._say(250, "ok")

    def _take_letter(self) -> None:
        if not self._recipients:
            self._say(503, "who is it for?")
            return
        self._say(354, "go ahead, end with a dot")
        lines: list[bytes] = []
        size = 0
        while (line := self.rfile.readline(LINE_BYTES_MAX)) not in {b".\r\n", b""}:
            size += len(line)
            if size <= LETTER_BYTES_MAX:
                lines.append(line[1:] if line.startswith(b"..") else line)
        if size > LETTER_BYTES_MAX:
            self._say(552, "too long")
            return
        for recipient in self._recipients:
            self.server.keep(recipient, b"".join(lines))
        self._say(250, "kept")

    def _say(self, code: int, words: str) -> None:
        self.wfile.write(f"{code} {words}\r\n".encode())
