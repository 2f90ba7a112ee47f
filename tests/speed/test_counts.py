"""What is counted is seen."""

import tempfile

from tests.speed.counts import Calls, Memory


def test_system_calls_are_counted_besides_other_calls() -> None:
    calls = Calls()

    with calls.counting():
        tempfile.TemporaryFile(buffering=0).close()

    assert calls.calls > calls.system_calls > 0


def test_nothing_is_counted_afterwards() -> None:
    calls = Calls()
    with calls.counting():
        pass
    before = calls.calls

    tempfile.gettempdir()

    assert calls.calls == before


def test_a_block_that_stays_is_counted() -> None:
    memory = Memory()
    kept: list[object] = []

    with memory.keeping():
        kept.extend(object() for _ in range(100_000))  # other tests of this process may free some hundred meanwhile

    assert 95_000 <= memory.kept < 110_000


def test_a_cycle_that_is_left_is_garbage() -> None:
    memory = Memory()

    with memory.keeping():
        for _ in range(100):
            cycle: list[object] = []
            cycle.append(cycle)

    assert 99 <= memory.garbage < 200


def test_the_most_memory_is_seen_though_it_is_freed_again() -> None:
    memory = Memory()

    with memory.peaking():
        bytes(1_000_000)

    assert 1_000_000 <= memory.peak < 1_100_000
