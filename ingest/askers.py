"""Who asks, when proxies stand in between, and whether that is somebody of a private network.

Every proxy adds the address of who asked it to ``X-Forwarded-For``. Only what proxies that are trusted added can be
believed: the right-most address that is none of theirs is who asks.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PRIVATE_NETWORKS = (
    "127.0.0.0/8",
    "::1/128",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "169.254.0.0/16",
    "fe80::/10",
)
"""Loopback, private use, unique local and link local: RFC 1918, 3927, 4193, 4291."""


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """Networks as ``10.0.0.0/8``, or single addresses. Raises `ValueError`."""
    return tuple(ip_network(text.strip()) for text in written)


_PRIVATE = networks(PRIVATE_NETWORKS)


def is_private(address: Address | None) -> bool:
    """Whether an address is one that the Internet does not lead to; nobody's is not."""
    return address is not None and _is_within(address, _PRIVATE)


def asker(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]) -> Address | None:
    """The address of who asks; ``None`` if it cannot be known.

    `peer` is who is connected; if that is nobody who is trusted, what it forwards says nothing.
    """
    way = [peer, *reversed((forwarded_for or "").split(","))] if forwarded_for else [peer]
    address: Address | None = None
    for step in way:
        address = _address(step)
        if address is None or not _is_within(address, trusted):
            return address
    return address


def _is_within(address: Address, wanted: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in wanted)


def _address(text: str | None) -> Address | None:
    """An address without its port and zone; one of IPv4 that is written as IPv6 is the former."""
    bare = (text or "").strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
