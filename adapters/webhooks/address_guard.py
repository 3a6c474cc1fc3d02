"""Where a message may be sent: to the public Internet, and nowhere else.

An organiser types an address, and our server calls it. Without a guard anybody who may add a webhook could reach what
only our server can: a cloud's metadata service, databases on the private network, ourselves. So every address of the
name is checked, in whatever disguise it comes (IPv4 written inside IPv6, translated by NAT64, tunnelled by 6to4), and
the connection is made to an address that was checked, never to the name again: a name server that changes its mind
between the check and the call (rebinding) changes nothing.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""All addresses of a name. Raises OSError."""

PORTS = frozenset({443, 8443})
HTTPS_PORT, HTTP_PORT = 443, 80
NAME_LENGTH_MAX = 253

_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_NEVER = (
    IPv4Network("192.88.99.0/24"),  # Relays of 6to4: whatever is behind them is not known.
    IPv4Network("192.0.0.0/24"),
    IPv6Network("64:ff9b:1::/48"),  # NAT64 prefixes for local use.
    IPv6Network("2001::/23"),  # Teredo and other protocol assignments.
    IPv6Network("::/96"),  # IPv4 written inside IPv6, the old way.
    IPv6Network("fec0::/10"),  # Site-local addresses, abandoned and still routed by some.
    IPv6Network("5f00::/16"),
    IPv6Network("3fff::/20"),
)
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_IPV4_BITS = 32


class AddressRefused(Exception):
    """Nothing is sent there; the message says why, for whoever typed the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A checked address: connect to ``address``, and speak to ``host`` there."""

    secure: bool
    host: str
    address: str
    port: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an address asks for, before any name is looked up."""

    secure: bool
    host: str
    port: int
    path: str


def all_addresses(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver, once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class AddressGuard:
    """``allowed``: networks that may be reached although they are not public, by http and at any port as well.

    That is for development and tests, where receivers live on this machine.
    """

    def __init__(self, *, allowed: tuple[str, ...] = (), resolve: Resolver = all_addresses) -> None:
        self._allowed: tuple[Network, ...] = tuple(map(ip_network, allowed))
        self._resolve = resolve

    def read(self, url: str) -> Wish:
        """What can be said about an address without looking anything up. Raises AddressRefused."""
        if any(ord(character) <= ord(" ") or ord(character) == 0x7F for character in url) or "\\" in url:
            raise AddressRefused("An address has no blanks, control characters or backslashes.")
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise AddressRefused("This is not an address such as https://tickets.example.org/hooks.") from error
        secure = parts.scheme == "https"
        if not host or not (secure or (parts.scheme == "http" and self._allowed)):
            raise AddressRefused("The address must begin with https://.")
        if parts.username is not None or parts.password is not None:
            raise AddressRefused("Leave name and password out: messages are signed instead.")
        if parts.fragment:
            raise AddressRefused("Leave out what follows the #: it would never be sent.")
        try:
            plain = host if ":" in host else host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise AddressRefused("This host name cannot be written in the way that name servers want it.") from error
        if len(plain) > NAME_LENGTH_MAX or "%" in plain:
            raise AddressRefused("This host name cannot be used.")
        path = parts.path or "/"
        wish = Wish(
            secure=secure,
            host=plain,
            port=port or (HTTPS_PORT if secure else HTTP_PORT),
            path=f"{path}?{parts.query}" if parts.query else path,
        )
        if (literal := _literal(plain)) is not None:
            self._check(literal, wish)
        elif not self._allowed and wish.port not in PORTS:
            raise AddressRefused(_wrong_port())
        elif not self._allowed and ("." not in plain or plain.endswith((".localhost", ".local", ".internal"))):
            raise AddressRefused("This name is not one of the public Internet.")
        return wish

    def target(self, url: str) -> Target:
        """The address to connect to. Raises AddressRefused, and OSError when the name has none.

        One private address among the public ones is enough to refuse them all: whoever mixes them means no good.
        """
        wish = self.read(url)
        literal = _literal(wish.host)
        found = [str(literal)] if literal is not None else list(self._resolve(wish.host, wish.port))
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, f"{wish.host} has no address")
        for address in found:
            self._check(ip_address(address), wish)
        return Target(secure=wish.secure, host=wish.host, address=found[0], port=wish.port, path=wish.path)

    def _check(self, address: Address, wish: Wish) -> None:
        if any(address in network for network in self._allowed if network.version == address.version):
            return
        if not is_public(address):
            raise AddressRefused("This address belongs to a private or special network. It must be a public one.")
        if not wish.secure:
            raise AddressRefused("The address must begin with https://.")
        if wish.port not in PORTS:
            raise AddressRefused(_wrong_port())


def is_public(address: Address) -> bool:
    """Whether an address is somebody's on the public Internet, whatever it is wrapped in."""
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    if isinstance(address, IPv6Address):
        inner = _inside(address)
        if inner is not None:
            return is_public(inner)
        if (int(address) >> _IPV4_BITS) & 0xFFFF_FFFF in _ISATAP:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return address.sixtofour
    return None


def _literal(host: str) -> Address | None:
    """The address that a host is, where it is not a name. Old notations (0x7f.1, 2130706433) count as addresses."""
    try:
        return ip_address(host)
    except ValueError:
        pass
    if host and host[0].isdigit() and all(character in "0123456789abcdefABCDEFxX." for character in host):
        try:
            return IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return None


def _wrong_port() -> str:
    return f"The port must be {' or '.join(str(port) for port in sorted(PORTS))}."
