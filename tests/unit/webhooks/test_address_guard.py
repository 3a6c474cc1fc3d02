"""Where organisers' webhooks may go. Nothing is looked up here: the resolver is the test's."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from adapters.webhooks.address_guard import AddressGuard, AddressRefused, is_public

PUBLIC = "93.184.216.34"
PUBLIC_SIX = "2606:2800:220:1:248:1893:25c8:1946"


def guard(*addresses: str, allowed: tuple[str, ...] = ()) -> AddressGuard:
    """A guard in a world where every name has these addresses."""

    def resolve(host: str, port: int) -> Sequence[str]:
        del host, port
        return addresses or (PUBLIC,)

    return AddressGuard(allowed=allowed, resolve=resolve)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::8.8.8.8",
        "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "2001::1", "2001:db8::1", "2001:10::1", "100::1",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
        "2606:4700::5efe:a00:1", "2606:4700::200:5efe:a00:1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    """Loopback, private, shared, link-local, metadata, reserved, multicast; plain or wrapped in IPv6."""
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused, match="public"):
        guard(address).target("https://tickets.example.org/hooks")


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", PUBLIC_SIX, "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2a00:1450::1"]
)
def test_what_is_public_is_reached(address: str) -> None:
    """Also where a public IPv4 address is written inside an IPv6 one."""
    assert guard(address).target("https://tickets.example.org/hooks").address == address


@pytest.mark.parametrize(
    "url",
    [
        "http://tickets.example.org/", "ftp://tickets.example.org/", "tickets.example.org/hooks", "https://",
        "https:///hooks", "https://user:secret@tickets.example.org/", "https://user@tickets.example.org/",
        "https://tickets.example.org/#part", "https://tickets.example.org:22/", "https://tickets.example.org:6379/",
        "https://tickets.example.org:99999/", "https://localhost/", "https://intranet/", "https://a.localhost/",
        "https://printer.local/", "https://metadata.google.internal/", "https://127.0.0.1/", "https://2130706433/",
        "https://0x7f.1/", "https://017700000001/", "https://127.1/", "https://[::1]/", "https://[fe80::1%25eth0]/",
        "https://[::ffff:10.0.0.1]/", "https://10.0.0.1./", "https://tickets.example.org\\@10.0.0.1/",
        "https://tickets example.org/", "https://tickets.example.org/\r\nHost: evil", f"https://{'a' * 300}.org/",
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_meant_are_refused_when_typed(url: str) -> None:
    """Without looking anything up, with a sentence that says what to do."""
    with pytest.raises(AddressRefused) as refusal:
        guard().read(url)
    assert str(refusal.value).endswith(".") or "https://" in str(refusal.value)


def test_what_is_typed_well_is_understood() -> None:
    """Host, port and path; names of other alphabets as name servers want them; a public address as it stands."""
    target = guard().target("https://tickets.example.org:8443/hooks?house=1")
    assert (target.host, target.port, target.path) == ("tickets.example.org", 8443, "/hooks?house=1")
    assert guard().target("https://münchen.example.org").host == "xn--mnchen-3ya.example.org"
    assert guard().target("https://tickets.example.org").path == "/"
    assert guard("10.0.0.1").target(f"https://{PUBLIC}/").address == PUBLIC


def test_one_private_address_among_public_ones_refuses_all() -> None:
    """A name that points both ways is no accident."""
    with pytest.raises(AddressRefused):
        guard(PUBLIC, "10.0.0.1").target("https://tickets.example.org/")


def test_a_name_is_looked_up_once_and_the_checked_address_is_used() -> None:
    """A name server that answers differently a moment later (rebinding) is never asked again."""
    answers = [["127.0.0.1"], [PUBLIC]]
    rebinding = AddressGuard(resolve=lambda host, port: answers.pop())

    target = rebinding.target("https://tickets.example.org/")

    assert target.address == PUBLIC
    assert len(answers) == 1


def test_a_name_without_an_address_is_an_error_of_the_network() -> None:
    """It may have one tomorrow: tried again, not refused."""
    with pytest.raises(OSError, match="no address"):
        AddressGuard(resolve=lambda host, port: ()).target("https://tickets.example.org/")


def test_development_may_allow_its_own_networks() -> None:
    """By http and at any port, but those networks only."""
    own = guard("127.0.0.1", allowed=("127.0.0.0/8",))

    assert own.target("http://localhost:5000/hooks").address == "127.0.0.1"
    assert own.read("http://127.0.0.1:5000/").port == 5_000
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", f"http://{PUBLIC}/", f"https://{PUBLIC}:22/"):
        with pytest.raises(AddressRefused):
            own.read(url)
    with pytest.raises(AddressRefused):
        guard("10.0.0.1", allowed=("127.0.0.0/8",)).target("https://tickets.example.org/")
