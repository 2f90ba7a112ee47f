"""Ports for programs that are started later."""

import subprocess
import sys

from observer.simulation.free_ports import free_ports

ASK = "from observer.simulation.free_ports import free_ports; print(*free_ports(300), flush=True); input()"


def test_who_asks_again_before_anybody_listens_is_given_others() -> None:
    assert len({port for _ in range(400) for port in free_ports(1)}) == 400


def test_many_at_once_are_different_ones() -> None:
    assert len(set(free_ports(250))) == 250


def test_no_two_processes_are_given_the_same() -> None:
    others = [
        subprocess.Popen([sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)
    ]
    given: list[int] = []
    for one in others:
        assert one.stdout
        given += map(int, one.stdout.readline().split())
    for one in others:
        one.communicate(b"\n")

    assert len(set(given)) == len(given) == 4 * 300
