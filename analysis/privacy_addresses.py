"""Addresses within texts: found, and replaced by their hashes.

Found are IPv4 and IPv6 addresses anywhere in a text, the random ``.local`` names that browsers put in their place, and
whatever stands where SDP has an address (so host names as well). An address that says nothing of anybody stays: IPv4
that ends with ``.0.0.0``, which is what versions of browsers look like, and IPv6 that ends with ``::``. The time it
takes grows with the length of the text and no faster.
"""

import re
from collections.abc import Callable

_SDP = re.compile(
    r"(candidate:\S{1,64} \d{1,5} \S{1,16} \d{1,20} | raddr |IN IP[46] )([^\s\"'\\/,]{1,255})", re.IGNORECASE
)
_LOCAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.local", re.IGNORECASE)
_IPV6 = re.compile(r"(?<![0-9A-Fa-f:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}+(?![G-Zg-z])(?:%[0-9A-Za-z]{1,16})?")
_WHOLE_IPV6 = re.compile(
    r"(?:(?:H:){6}(?:H:H|V4)|(?:H(?::H){0,6})?::(?:H:){0,6}(?:H|V4))(?:%[0-9A-Za-z]{1,16})?".replace(
        "H", "[0-9A-Fa-f]{1,4}"
    ).replace("V4", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
)
_IPV4 = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\.?\d)")


_MOST_COLONS = 9
"""Fingerprints of certificates have more; an address has 8 at most, and one before or after it."""

UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 - nothing listens here
"""Addresses that stand for none."""


def without_addresses(text: str, hashed: Callable[[str], str]) -> str:
    """The text with the hash of each address in its place."""
    if " " in text:
        text = _SDP.sub(lambda found: found[1] + _host(found[2], hashed), text)
    if ".local" in text.lower():
        text = _LOCAL.sub(lambda found: hashed(found[0]), text)
    if text.count(":") > 1:
        text = _IPV6.sub(lambda found: _ipv6(found[0], hashed), text)
    if text.count(".") > 2:
        text = _IPV4.sub(lambda found: _ipv4(found[0], hashed), text)
    return text


def _host(host: str, hashed: Callable[[str], str]) -> str:
    """What stands in SDP where an address does."""
    return host if host in UNSPECIFIED else hashed(host)


def _ipv4(address: str, hashed: Callable[[str], str]) -> str:
    if address.endswith(".0.0.0") or any(int(part) > 255 for part in address.split(".")):
        return address
    return hashed(address)


def _ipv6(token: str, hashed: Callable[[str], str]) -> str:
    """The token with its address hashed, if there is one: a word may lead to it, a port or a full stop may follow."""
    colons = token.count(":")
    if colons > _MOST_COLONS or (colons < 6 and "::" not in token):
        return token
    for begin in (0, token.index(":") + 1):
        for end in (len(token), len(token.rstrip(":.")), token.rindex(":")):
            if _is_ipv6(token[begin:end]):
                return token[:begin] + hashed(token[begin:end]) + token[end:]
    return token


def _is_ipv6(text: str) -> bool:
    return _WHOLE_IPV6.fullmatch(text) is not None
