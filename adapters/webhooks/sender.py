"""One message on its way: connected to a checked address, sent once, and the answer read within limits.

Written on the standard library's own HTTP client, because everything that a friendlier client does by itself
(redirects, proxies of the environment, retries, looking names up again, waiting for as long as bytes trickle) is what
must not happen here.
"""

import errno
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer

import certifi

from adapters.webhooks.address_guard import AddressGuard, AddressRefused, Target
from domain.outgoing_webhooks import ANSWER_KEPT_CHARACTERS, Answer

SEND_SECONDS_MAX = 10.0
"""From looking the name up to the answer's last byte."""
CONNECT_SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 16_384
RETRY_AFTER_DIGITS_MAX = 6
TROUBLE_LENGTH_MAX = 300
USER_AGENT = "Tessera-Webhooks/1"

_REDIRECTS = range(300, 400)


class WebhookSender:
    """Implements HookSender. Safe to share between threads; keeps no connection."""

    def __init__(
        self, *, guard: AddressGuard, seconds_max: float = SEND_SECONDS_MAX, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard
        self._seconds_max = seconds_max
        self._tls = tls or ssl.create_default_context(cafile=certifi.where())

    def refuses(self, url: str) -> str | None:
        try:
            self._guard.read(url)
        except AddressRefused as refusal:
            return str(refusal)
        return None

    def send(self, *, url: str, headers: Mapping[str, str], body: str) -> Answer:
        began = time.monotonic()
        try:
            target = self._guard.target(url)
            return self._post(target, headers, body.encode(), began)
        except AddressRefused as refusal:
            return _nothing(began, str(refusal))
        except TimeoutError:
            return _nothing(began, f"No answer within {self._seconds_max:g} seconds.")
        except (OSError, http.client.HTTPException) as error:
            return _nothing(began, trouble(error))

    def _post(self, target: Target, headers: Mapping[str, str], body: bytes, began: float) -> Answer:
        left = self._seconds_max - (time.monotonic() - began)
        if left <= 0:
            raise TimeoutError
        plain = socket.create_connection((target.address, target.port), timeout=min(left, CONNECT_SECONDS_MAX))
        cut = _Cut(plain, left)
        try:
            plain.settimeout(left)
            connected = self._tls.wrap_socket(plain, server_hostname=target.host) if target.secure else plain
            cut.socket = connected
            answer = _exchange(connected, target, headers, body, began)
        except (OSError, http.client.HTTPException) as error:
            if cut.over:
                raise TimeoutError from error
            raise
        finally:
            cut.close()
        if cut.over:  # What was read until then looks like a short answer, and is none.
            raise TimeoutError
        return answer


def trouble(error: OSError | http.client.HTTPException) -> str:
    """What went wrong, and what whoever runs the receiver can do about it."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"The receiver's certificate is not good: {error.verify_message}. It needs one for this very name."
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "HTTP_REQUEST"):
            return "The receiver does not speak https at this port."
        case ssl.SSLError():
            return f"The receiver and we found no way to encrypt ({error.reason or error}). Its TLS may be too old."
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return "The name could not be looked up just now: a name server did not answer."
        case socket.gaierror():
            return "No server has this name. Look for a mistyped letter in the address, or see to the entry in DNS."
        case ConnectionRefusedError():
            return "Nothing listens there. See that the receiver runs, and that its firewall lets us in."
        case ConnectionError():
            return "The receiver hung up before it had answered. Its own log may say why."
        case http.client.HTTPException():
            return "What answered there is no web server."
        case OSError(errno=errno.EHOSTUNREACH | errno.ENETUNREACH):
            return "There is no way to this address. See that the receiver is connected to the Internet."
    return f"The connection failed: {error}"[:TROUBLE_LENGTH_MAX]


class _Cut:
    """Ends a conversation when its time is over, however steadily the other side trickles."""

    def __init__(self, connected: socket.socket, seconds: float) -> None:
        self.socket = connected
        self.over = False
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        self.over = True
        with suppress(OSError):  # It may have ended by itself in this moment.
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        self.socket.close()


def _exchange(
    connected: socket.socket, target: Target, headers: Mapping[str, str], body: bytes, began: float
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = connected
    usual = target.port == (http.client.HTTPS_PORT if target.secure else http.client.HTTP_PORT)
    name = f"[{target.host}]" if ":" in target.host else target.host
    sent = {
        "Host": name if usual else f"{name}:{target.port}",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "Connection": "close",
        **headers,
    }
    connection.request("POST", target.path, body=body, headers=sent)
    answer = connection.getresponse()
    text = answer.read(ANSWER_BYTES_MAX).decode("utf-8", errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return Answer(
        milliseconds=_since(began),
        status=answer.status,
        body=text[:ANSWER_KEPT_CHARACTERS],
        error="Redirects are not followed: name the address that it leads to." if answer.status in _REDIRECTS else None,
        retry_after_seconds=_seconds(answer.headers.get("Retry-After", "")),
    )


def _nothing(began: float, error: str) -> Answer:
    return Answer(milliseconds=_since(began), error=error)


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1_000)


def _seconds(retry_after: str) -> int:
    """Whole seconds; a date is not worth reading where a schedule of our own goes on anyway."""
    whole = retry_after.isascii() and retry_after.isdigit() and len(retry_after) <= RETRY_AFTER_DIGITS_MAX
    return int(retry_after) if whole else 0
