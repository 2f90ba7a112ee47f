"""Ports for programs that are started later."""

from observer.simulation.free_ports import free_ports


def test_who_asks_again_before_anybody_listens_is_given_others() -> None:
    assert len({port for _ in range(400) for port in free_ports(1)}) == 400
