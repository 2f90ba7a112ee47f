"""The names of members.

An *address* is ``host:port`` (``[::1]:5601`` for IPv6): where a process listens for its peers. A *member* is one life
of the process there: ``address#incarnation``. A process that starts again, or that lost its place in the cluster, is a
new member: under its old name it would be taken to remember what it has forgotten, and the cluster would forget too.
"""

import re


def member_name(address: str, incarnation: str) -> str:
    """The name of one life of the process at an address."""
    return f"{address}#{incarnation}"


def address_of(member: str) -> str:
    """Where a member listens."""
    return member.rpartition("#")[0]


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of an address; raises `ValueError` with words for the operator if it is none."""
    host, colon, port = address.rpartition(":")
    if not (colon and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise ValueError(f"{address!r} is no address such as host:5601")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{address!r}: an IPv6 address stands in brackets, such as [::1]:5601")
    if not 0 < len(host) <= _LONGEST_HOST or "#" in host:
        raise ValueError(f"{address!r} names no host")
    return host, int(port)


def address(host: str, port: int) -> str:
    """The address of a host and port."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(text: str) -> bool:
    """Whether it is one."""
    try:
        host_and_port(text)
    except ValueError:
        return False
    return True


def is_member(text: str) -> bool:
    """Whether it is the name of a member."""
    at, _, incarnation = text.rpartition("#")
    return _INCARNATION.fullmatch(incarnation) is not None and is_address(at)


_LONGEST_HOST = 253
"""RFC 1035: no name of a host is longer."""

_INCARNATION = re.compile(r"[0-9a-f]{16}", re.ASCII)
