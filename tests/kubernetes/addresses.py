"""Addresses of this machine for pods. Endpoints of Kubernetes may not be of loopback, so some tests take others."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from random import SystemRandom

import pytest

from tests.services import tool

_FIRST = 2


def of_loopback() -> Iterator[str]:
    """Addresses that every Linux has."""
    return (f"127.0.0.{last}" for last in count(_FIRST))


@contextmanager
def of_no_network(size: int) -> Iterator[Iterator[str]]:
    """So many addresses out of 198.18.0.0/15, which is in no network, for as long as this lasts.

    Skips the test where this machine cannot be given any.
    """
    random = SystemRandom()
    network = f"198.{random.choice((18, 19))}.{random.randrange(256)}"
    addresses = [f"{network}.{last}" for last in range(_FIRST, _FIRST + size)]
    with ExitStack() as given:
        for address in addresses:
            try:
                _ip("add", address)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"this machine cannot be given addresses: {error.stderr.decode().strip()}")
            given.callback(_ip, "delete", address)
        yield iter(addresses)


def _ip(verb: str, address: str) -> None:
    subprocess.run([str(tool("ip")), "address", verb, f"{address}/32", "dev", "lo"], check=True, capture_output=True)
