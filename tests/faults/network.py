"""Networks of their own for nodes, joined by a bridge, in which one node can be made silent for another.

Needs root and the command ``ip``. The tests themselves stand at the bridge and reach every node at any time, as clients
and operators do who are not on the side that is cut off.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

_HOLE = "02:00:00:00:00:01"
"""A hardware address that nobody has: what is sent to it is lost without a word."""

_NUMBERS = range(1, 250)

needs_networks = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None,
    reason="network namespaces need root and the command ip (iproute2)",
)


class Networks:
    """So many networks, each with one host."""

    def __init__(self, names: Sequence[str], hosts: Sequence[str]) -> None:
        self.hosts = hosts
        self._names = dict(zip(hosts, names, strict=True))

    def prefix(self, host: str) -> list[str]:
        """What stands before a command that is to run at this host."""
        return ["ip", "netns", "exec", self._names[host]]

    def silence(self, sender: str, receiver: str) -> None:
        """From now on nothing that the one sends arrives at the other; what the other sends still does."""
        self._ip(sender, "neigh", "replace", receiver, "lladdr", _HOLE, "nud", "permanent", "dev", "eth0")

    def part(self, *sides: Sequence[str]) -> None:
        """Nothing passes between hosts of different sides any more."""
        for side in sides:
            for other in sides:
                for one in side if side is not other else ():
                    for another in other:
                        self.silence(one, another)

    def heal(self) -> None:
        """Everything passes again."""
        for host in self.hosts:
            for other in self.hosts:
                if host != other:
                    self._ip(host, "neigh", "flush", "to", other, "nud", "permanent", "dev", "eth0")

    def _ip(self, host: str, *arguments: str) -> None:
        _run("ip", "-n", self._names[host], *arguments)


@contextmanager
def networks(count: int) -> Iterator[Networks]:
    """So many networks with a host each; they are gone afterwards. Skips the test where none can be made."""
    with ExitStack() as undo:
        own = secrets.token_hex(3)
        bridge, number = _bridge(own, undo)
        names, hosts = [], []
        for n in range(1, count + 1):
            name, wire, host = f"observer-{own}-{n}", f"ow{own}-{n}", f"10.231.{number}.{n}"
            _run("ip", "netns", "add", name)
            undo.callback(_run, "ip", "netns", "del", name)
            _run("ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name)
            # A namespace takes its time to go, and its end of the wire with it.
            undo.callback(_run, "ip", "link", "del", wire)
            _run("ip", "link", "set", wire, "master", bridge, "up")
            _run("ip", "-n", name, "addr", "add", f"{host}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                _run("ip", "-n", name, "link", "set", device, "up")
            names.append(name)
            hosts.append(host)
        yield Networks(names, hosts)


def _bridge(own: str, undo: ExitStack) -> tuple[str, int]:
    """A new bridge with an address for us; its name, and the number of its network."""
    bridge = f"ob{own}"
    try:
        _run("ip", "link", "add", bridge, "type", "bridge")
    except OSError as error:
        pytest.skip(f"no network can be made: {error}")
    undo.callback(_run, "ip", "link", "del", bridge)
    taken = subprocess.run(["ip", "-o", "-4", "addr"], check=True, capture_output=True).stdout.decode()
    number = next(number for number in _NUMBERS if f"10.231.{number}." not in taken)
    _run("ip", "addr", "add", f"10.231.{number}.254/24", "dev", bridge)
    _run("ip", "link", "set", bridge, "up")
    return bridge, number


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True)
    if ran.returncode:
        raise OSError(f"{' '.join(command)}: {ran.stderr.decode().strip()}")
