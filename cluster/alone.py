"""A cluster of one: what is proposed is committed."""

from typing import TypeVar

import trio

from cluster.machine import Commit, Machine

Answer = TypeVar("Answer")


def alone(machine: Machine[Answer]) -> Commit[Answer]:
    """The commit of a node that has no peers."""

    async def commit(command: bytes) -> Answer:
        await trio.lowlevel.checkpoint()
        return machine.apply(command)

    return commit
