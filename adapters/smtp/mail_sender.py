"""Letters over SMTP. Every wait ends, TLS is checked, and what the server says becomes one of our two errors."""

import smtplib
import socket
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import unquote, urlsplit

from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.mail import Letter, MailSender

TIMEOUT_SECONDS = 10.0
DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
FINAL_FROM = 500
"""An SMTP reply from here on says that trying again is pointless (RFC 5321, section 4.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """``scheme``: ``smtp`` (no TLS: this machine only), ``smtp+starttls`` or ``smtps``."""

    scheme: str
    host: str
    port: int
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """``smtps://user:password@mail.example.com:465``. Raises ValueError for what is no such address."""
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
            raise ValueError(f"a mail server's address begins with {', '.join(DEFAULT_PORTS)}")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=parts.port or DEFAULT_PORTS[parts.scheme],
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


class SmtpMailSender:
    """One connection a letter: a few a second at most leave here, and a kept connection may be dead without a word."""

    def __init__(self, server: MailServer, *, sender: str) -> None:
        self._server = server
        self._sender = sender
        # Asked once: without an answer of DNS, the standard library would ask again for each letter.
        self._own_name = socket.getfqdn()

    def send(self, *, to: str, letter: Letter, key: str) -> None:
        try:
            with self._connect() as connection:
                connection.send_message(self._message(to, letter, key))
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _translated(code, said) from error
        except smtplib.SMTPAuthenticationError as error:
            # Our own mistake, not the letter's: it waits until somebody has put the right password into SMTP_URL.
            raise ProviderUnavailable(f"the mail server refuses our name or password: {error.smtp_code}") from error
        except smtplib.SMTPResponseException as error:
            raise _translated(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ProviderUnavailable(f"the mail server does not answer: {error}") from error

    def _connect(self) -> smtplib.SMTP:
        """Ready to take a letter. Certificates are checked, names too, and no password goes before that."""
        server, name = self._server, self._own_name
        if server.scheme == "smtps":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, local_hostname=name, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=TIMEOUT_SECONDS)
        try:
            if server.scheme == "smtp+starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection

    def _message(self, to: str, letter: Letter, key: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, to, letter.subject
        message["Date"] = formatdate()
        # The same letter has the same id, so a mail program shows one that was sent twice once.
        domain = parseaddr(self._sender)[1].rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<{key}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message


class NoMail:
    """Where no mail server is set, letters are not sent, and nothing else waits for them."""

    def send(self, *, to: str, letter: Letter, key: str) -> None:
        """Nothing."""


def connect(*, url: str | None, sender: str) -> MailSender:
    """The sender for a mail server's address; without one, one that sends nothing."""
    return SmtpMailSender(MailServer.parse(url), sender=sender) if url else NoMail()


def _translated(code: int, said: bytes | str) -> ProviderRefused | ProviderUnavailable:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    if code >= FINAL_FROM:
        return ProviderRefused(f"smtp_{code}", words)
    return ProviderUnavailable(f"the mail server says {code} {words}")
