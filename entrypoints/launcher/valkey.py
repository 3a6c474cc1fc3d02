"""An embedded Valkey server: loopback only, with a password, an append-only file and no eviction."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from entrypoints.launcher.binaries import valkey_server
from entrypoints.launcher.process import ProcessSpec

ANSWER_SECONDS_MAX = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedValkey:
    """A Valkey of ours. An evicting policy would silently drop holds, so it is off whatever the memory."""

    directory: Path
    port: int
    password: str
    log_path: Path
    durable: bool = True

    def url(self, database: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> ProcessSpec:
        """Write the configuration (the password must not show in a process list) and say how to run it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = self.directory / "valkey.conf"
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._configuration())
        return ProcessSpec(
            name="valkey",
            command=(str(valkey_server()), str(configuration)),
            log_path=self.log_path,
            working_directory=self.directory,
            is_ready=lambda _pid: self._answers(),
            remedy="Its data can be rebuilt: delete the valkey folder in the data directory, and start again.",
        )

    def _configuration(self) -> str:
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"appendonly {'yes' if self.durable else 'no'}",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "maxclients 10000",
            "daemonize no",
        ]
        return "\n".join(lines) + "\n"

    def _answers(self) -> bool:
        """PONG, with our password: neither still loading its file nor somebody else's server."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS_MAX) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                reply = b""
                while reply.count(b"\r\n") < 2 and (chunk := connection.recv(256)):
                    reply += chunk
        except OSError:
            return False
        return reply == b"+OK\r\n+PONG\r\n"
