"""Snapshots as values, and machines that start from them."""

from collections.abc import Iterable

from store.machine import Machine
from store.registry import Registry

ROW_BY_ROW = 1
"""So few bytes in a part that it holds a single record."""


def parts_of(machine: Machine) -> list[bytes]:
    """All replicated state; the same for machines that agree."""
    return list(machine.snapshot())


def machine_of(registry: Registry, part_bytes: int = ROW_BY_ROW) -> Machine:
    """A machine around a registry."""
    machine = Machine(part_bytes)
    machine.registry = registry
    return machine


def restored(parts: Iterable[bytes], part_bytes: int = ROW_BY_ROW) -> Machine:
    """A machine that starts from the parts of a snapshot."""
    machine = Machine(part_bytes)
    restoring = machine.restoring()
    for part in parts:
        restoring.take(part)
    restoring.finish()
    return machine


def copy_of(machine: Machine) -> Machine:
    """A machine that starts from the snapshot of another."""
    return restored(machine.snapshot())
