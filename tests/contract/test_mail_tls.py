"""Letters over TLS, rehearsed with a real server: encrypted, checked, and never otherwise."""

from pathlib import Path

import pytest

from adapters.smtp.mail_sender import connect
from domain.errors import ProviderUnavailable
from domain.ports.mail import Letter, MailSender
from tests.contract.secure_mail_server import PASSWORD, USER, Certificate, SecureMailServer, serving

LETTER = Letter(subject="Your tickets", text="Hello Ada\n", html="<p>Hello Ada</p>")
SCHEMES = ("smtps", "smtp+starttls")


def sender_to(server: SecureMailServer, scheme: str, *, password: str = PASSWORD) -> MailSender:
    user = f"{USER}:{password.replace(' ', '%20')}"
    return connect(url=f"{scheme}://{user}@127.0.0.1:{server.port}", sender="Tessera <tickets@shop.invalid>")


def server_for(scheme: str, certificate: Certificate, *, offers: bool = True) -> SecureMailServer:
    return SecureMailServer(certificate, at_once=scheme == "smtps", offers=offers)


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """One for the server's address, which this machine trusts."""
    made = Certificate.made(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.path))
    return made


@pytest.mark.parametrize("scheme", SCHEMES)
def test_letter_and_password_travel_encrypted(scheme: str, trusted: Certificate) -> None:
    """At once at smtps, after STARTTLS at the other; nothing was said in the clear."""
    with serving(server_for(scheme, trusted)) as server:
        sender_to(server, scheme).send(to="ada@example.com", letter=LETTER, key="order_confirmed-1")

    ((letter, encrypted),) = server.heard.letters
    assert b"Hello Ada" in letter
    assert encrypted
    assert server.heard.passwords == [(PASSWORD, True)]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("host", "days", "why"),
    [("127.0.0.2", 1, "mismatch"), ("127.0.0.1", -1, "expired")],
    ids=["of another host", "that is over"],
)
def test_a_certificate_that_does_not_fit_stops_everything(
    scheme: str, host: str, days: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although its issuer is trusted. The letter waits, and the error says what is wrong with the certificate."""
    wrong = Certificate.made(tmp_path, host=host, days=days)
    monkeypatch.setenv("SSL_CERT_FILE", str(wrong.path))

    with serving(server_for(scheme, wrong)) as server, pytest.raises(ProviderUnavailable, match=why):
        sender_to(server, scheme).send(to="ada@example.com", letter=LETTER, key="k")

    assert server.heard.letters == []
    assert server.heard.passwords == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stranger_s_certificate_stops_everything(scheme: str, trusted: Certificate, tmp_path: Path) -> None:
    """It names the right host, and nobody vouches for it."""
    stranger = Certificate.made(tmp_path)

    with serving(server_for(scheme, stranger)) as server, pytest.raises(ProviderUnavailable, match="CERTIFICATE"):
        sender_to(server, scheme).send(to="ada@example.com", letter=LETTER, key="k")

    assert server.heard.letters == []
    assert server.heard.passwords == []


def test_without_the_offer_to_encrypt_nothing_is_said(trusted: Certificate) -> None:
    """Somebody on the way may have taken STARTTLS out of the answer: neither letter nor password goes in the clear."""
    with (
        serving(server_for("smtp+starttls", trusted, offers=False)) as server,
        pytest.raises(ProviderUnavailable, match="STARTTLS"),
    ):
        sender_to(server, "smtp+starttls").send(to="ada@example.com", letter=LETTER, key="k")

    assert server.heard.letters == []
    assert server.heard.passwords == []


def test_a_wrong_password_is_no_fault_of_the_letter(trusted: Certificate) -> None:
    """It is tried again until somebody has put the right one there, and the password is in no error."""
    with serving(server_for("smtps", trusted)) as server, pytest.raises(ProviderUnavailable) as refused:
        sender_to(server, "smtps", password="guessed").send(to="ada@example.com", letter=LETTER, key="k")

    assert "our name or password" in str(refused.value)
    assert "guessed" not in str(refused.value)
    assert server.heard.letters == []
