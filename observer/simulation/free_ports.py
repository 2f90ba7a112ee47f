"""Ports of this machine that nobody listens on, and that nobody will be given by chance."""

import socket
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

LOOPBACK = "127.0.0.1"
"""Where they are free."""

_LEAST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_BLOCK = 100
"""Whoever asks may not listen at once: so each process gives ports of blocks that it has alone, of so many ports."""

_blocks: list[int] = []
_given: deque[int] = deque(maxlen=500)
"""What was given lately, and is not given again."""


def free_ports(count: int) -> list[int]:
    """So many different ports, of which no other process is given one; raises `OSError` when too few are free.

    They lie below those that the system gives to outgoing connections: it would give away the port of a node that is
    down for a moment, and a connection to such a port can even connect to itself.
    """
    found: list[int] = []
    untried = _shuffled(_blocks)
    while len(found) < count:
        block = untried.pop() if untried else _another_block()
        for port in _shuffled(range(block * _BLOCK, (block + 1) * _BLOCK)):
            if len(found) < count and port not in _given and _is_free(port):
                found.append(port)
                _given.append(port)
    return found


def _another_block() -> int:
    for block in _shuffled(range(_LEAST // _BLOCK, _end() // _BLOCK)):
        if block not in _blocks and _taken(block):
            _blocks.append(block)
            return block
    raise OSError(f"too few ports are free below {_end()}")


def _taken(block: int) -> bool:
    """Take a block until this process ends, by a name that two processes cannot have; only Linux has such names."""
    if sys.platform != "linux":
        return True
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0webrtc-observer-ports-{block}")
    except OSError:
        name.close()
        return False
    name.detach()
    return True


def _shuffled(some: Sequence[int]) -> list[int]:
    return SystemRandom().sample(some, len(some))


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
