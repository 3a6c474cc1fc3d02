"""Which addresses stand for somebody on the internet."""

import pytest

from entrypoints.http.identity import Identities

IDENTITIES = Identities("a secret of the tests")


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001:81b::200e", "::ffff:8.8.8.8"])
def test_a_public_address_is_a_network(address: str) -> None:
    """It is counted under the same key as everywhere, so one household's IPv6 addresses are one."""
    buyer = IDENTITIES.buyer({"REMOTE_ADDR": address})

    assert buyer.network == buyer.address


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.7", "fd00::1", "::1", "169.254.1.1", "", "unix:"]
)
def test_a_private_address_is_nobodys(address: str) -> None:
    """It is a proxy's, or our own: to count under it would be to count everybody together."""
    assert IDENTITIES.buyer({"REMOTE_ADDR": address}).network is None
