"""What every mail sender promises: the fake of the tests, and SMTP against the sandbox's mail server."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from adapters.smtp.mail_sender import MailServer, NoMail, connect
from adapters.smtp.sandbox import Mailbox, MailSandboxServer
from domain.errors import ProviderRefused, ProviderUnavailable
from domain.ports.mail import Letter, MailSender
from tests.fakes.mail import FakeMail

LETTER = Letter(
    subject="Your tickets for Café Nocturne",
    text="Hello Ada,\n\n.a line that begins with a dot\n\nOpen: https://shop.invalid/orders/1?token=abc\n",
    html="<p>Hello Ada,</p>",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A sender, and what arrived of what it sent: (recipient, subject, text)."""

    sender: MailSender
    arrived: Callable[[], list[tuple[str, str, str]]]


@pytest.fixture(params=["fake", "smtp"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    if request.param == "fake":
        fake = FakeMail()
        yield Post(sender=fake, arrived=lambda: [(s.to, s.letter.subject, s.letter.text) for s in fake.sent])
        return
    mailbox = Mailbox()
    server = MailSandboxServer("127.0.0.1", 0, mailbox.keep)
    server.start()
    yield Post(
        sender=connect(url=f"smtp://127.0.0.1:{server.port}", sender="Tessera <tickets@shop.invalid>"),
        arrived=lambda: [(kept.to, kept.subject, kept.text) for kept in mailbox.letters()],
    )
    server.stop()


def test_a_letter_arrives_as_it_was_written(post: Post) -> None:
    """Subject, text and links, beyond ASCII and with dots at the start of lines."""
    post.sender.send(to="ada@example.com", letter=LETTER, key="order_confirmed-1")
    assert post.arrived() == [("ada@example.com", LETTER.subject, LETTER.text)]


@pytest.fixture
def server() -> Iterator[tuple[MailSandboxServer, list[bytes]]]:
    """A mail server and everything that was left there, as it came over the wire."""
    raw: list[bytes] = []
    made = MailSandboxServer("127.0.0.1", 0, lambda _, letter: raw.append(letter))
    made.start()
    yield made, raw
    made.stop()


def sender_for(server: MailSandboxServer) -> MailSender:
    return connect(url=f"smtp://127.0.0.1:{server.port}", sender="Tessera <tickets@shop.invalid>")


def test_the_same_letter_has_the_same_name(server: tuple[MailSandboxServer, list[bytes]]) -> None:
    """Sent twice after a lost answer, mail programs show it once; and it comes as text and as HTML."""
    listening, raw = server
    for _ in range(2):
        sender_for(listening).send(to="ada@example.com", letter=LETTER, key="order_confirmed-1")
    names = {line for each in raw for line in each.splitlines() if line.startswith(b"Message-ID")}
    assert names == {b"Message-ID: <order_confirmed-1@shop.invalid>"}
    assert b"text/plain" in raw[0]
    assert b"text/html" in raw[0]


def test_a_refusal_is_final_and_an_absence_is_not(server: tuple[MailSandboxServer, list[bytes]]) -> None:
    """The outbox gives up on the one and tries the other again."""
    listening, raw = server
    sender = sender_for(listening)
    with pytest.raises(ProviderRefused) as refused:
        sender.send(to="refused@example.com", letter=LETTER, key="k")
    assert refused.value.code == "smtp_550"
    with pytest.raises(ProviderUnavailable):
        sender.send(to="later@example.com", letter=LETTER, key="k")
    with pytest.raises(ProviderUnavailable):
        connect(url="smtp://127.0.0.1:1", sender="x@y").send(to="ada@example.com", letter=LETTER, key="k")
    assert raw == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:8003", ("smtp", "127.0.0.1", 8003, None, None)),
        ("smtps://ada%40x:p%2Fw@mail.example.com", ("smtps", "mail.example.com", 465, "ada@x", "p/w")),
        ("smtp+starttls://mail.example.com", ("smtp+starttls", "mail.example.com", 587, None, None)),
    ],
)
def test_addresses_of_mail_servers(url: str, server: tuple[str, str, int, str | None, str | None]) -> None:
    """Scheme, host, port and who signs in, with the usual ports filled in."""
    parsed = MailServer.parse(url)
    assert (parsed.scheme, parsed.host, parsed.port, parsed.user, parsed.password) == server


def test_without_a_mail_server_nothing_is_sent_and_nothing_fails() -> None:
    """The same house runs without one."""
    sender = connect(url=None, sender="x@y")
    assert isinstance(sender, NoMail)
    sender.send(to="ada@example.com", letter=LETTER, key="k")
    with pytest.raises(ValueError, match="begins with"):
        MailServer.parse("http://mail.example.com")
