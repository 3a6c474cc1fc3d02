"""Why a message did not arrive, as whoever runs the receiver reads it."""

import errno
import http.client
import socket
import ssl

import pytest

from adapters.webhooks.sender import TROUBLE_LENGTH_MAX, trouble


def of_tls(reason: str) -> ssl.SSLError:
    made = ssl.SSLError(1, f"[SSL: {reason}]")
    made.reason = reason
    return made


def of_certificate(said: str) -> ssl.SSLCertVerificationError:
    made = ssl.SSLCertVerificationError(1, "certificate verify failed")
    made.verify_message = said
    return made


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "No server has this name. Look for"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "could not be looked up just now"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Nothing listens there. See that"),
        (ConnectionResetError(errno.ECONNRESET, "reset by peer"), "hung up before it had answered"),
        (http.client.RemoteDisconnected("closed"), "hung up before it had answered"),
        (http.client.BadStatusLine("220 mail ready"), "no web server"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no way to this address"),
        (of_tls("WRONG_VERSION_NUMBER"), "does not speak https at this port"),
        (of_tls("UNSUPPORTED_PROTOCOL"), "no way to encrypt (UNSUPPORTED_PROTOCOL)"),
        (of_certificate("certificate has expired"), "not good: certificate has expired. It needs one for this very"),
    ],
)
def test_trouble_says_what_to_do(error: OSError | http.client.HTTPException, said: str) -> None:
    """Neither the name of an exception nor the number of an error, which say nothing to an organiser."""
    words = trouble(error)

    assert said in words
    assert "Errno" not in words
    assert type(error).__name__ not in words


def test_what_nobody_foresaw_is_told_as_it_is() -> None:
    """Within bounds."""
    assert trouble(OSError("something else")) == "The connection failed: something else"
    assert len(trouble(OSError("x" * 1_000))) == TROUBLE_LENGTH_MAX
