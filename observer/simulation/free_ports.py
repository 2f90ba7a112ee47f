"""Ports of this machine that nobody listens on, and that nobody will be given by chance."""

import socket
from collections import deque
from pathlib import Path
from random import SystemRandom

LOOPBACK = "127.0.0.1"
"""Where they are free."""

_LEAST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIES = 1000

_given: deque[int] = deque(maxlen=500)
"""What this process was given lately: whoever asked may not listen there yet."""


def free_ports(count: int) -> list[int]:
    """So many different ports, none of which this process was given lately; raises `OSError` when too few are free.

    They lie below those that the system gives to outgoing connections: it would give away the port of a node that is
    down for a moment, and a connection to such a port can even connect to itself.
    """
    random, found = SystemRandom(), set[int]()
    for _ in range(_TRIES):
        if len(found) == count:
            _given.extend(found)
            return list(found)
        port = random.randrange(_LEAST, _end())
        if port not in found and port not in _given and _is_free(port):
            found.add(port)
    raise OSError(f"no {count} ports are free below {_end()}")


def _end() -> int:
    """The first port of outgoing connections, where that leaves enough to choose from."""
    try:
        first = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        first = 32_768
    return first if first > 2 * _LEAST else 65_536


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
