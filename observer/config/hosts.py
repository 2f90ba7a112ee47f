"""Hosts as an operator writes them: names and IP addresses, each in one spelling, so that they can be compared.

The readers raise ValueError with words for the operator, which never repeat the text.
"""

import re
from ipaddress import ip_address

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_LONGEST_NAME = 253
_ADDRESS = re.compile(r"[0-9a-f.:]+(?:%[a-z0-9_.-]{1,15})?", re.ASCII)


def host(text: str) -> str:
    """A host to listen on: a name in lower case, or an IP address, IPv6 without its brackets."""
    name = text.strip().lower()
    bare = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    if _is_address(bare):
        return str(ip_address(bare))
    # To a resolver, `0` and `127.1` are addresses as well: what they stand for is for the operator to say.
    if len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) and not name.rpartition(".")[2].isdecimal():
        return name
    raise ValueError("expected the name or IP address of a host")


def reachable_host(text: str) -> str:
    """A host that others can connect to: not an address that stands for all of a machine."""
    name = host(text)
    if is_wildcard(name):
        raise ValueError("expected a host that others can connect to")
    return name


def is_wildcard(name: str) -> bool:
    """Whether the host stands for all addresses of a machine."""
    return _is_address(name) and ip_address(name).is_unspecified


def is_loopback(name: str) -> bool:
    """Whether the host can be reached from its own machine only. No name but `localhost` is believed to be one."""
    return name == "localhost" or (_is_address(name) and ip_address(name).is_loopback)


def is_name(host: str) -> bool:
    """Whether the host is a name, and no IP address."""
    return not _is_address(host)


def overlap(one: str, other: str) -> bool:
    """Whether it is certain that one port cannot be listened on at both hosts."""
    if is_wildcard(one) or is_wildcard(other) or one == other:
        return True
    return is_loopback(one) and is_loopback(other) and "localhost" in (one, other)


def _is_address(text: str) -> bool:
    try:
        return bool(_ADDRESS.fullmatch(text)) and bool(ip_address(text))
    except ValueError:
        return False
