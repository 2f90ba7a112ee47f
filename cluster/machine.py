"""What can be replicated, and how a change of it is committed."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

Answer = TypeVar("Answer", covariant=True)


class Machine(Protocol[Answer]):
    """A deterministic state machine: the same commands in the same order give the same state and answers everywhere."""

    def apply(self, command: bytes) -> Answer:
        """Applies one command. Never raises: a command that cannot be applied gives an answer that says so."""

    def snapshot(self) -> bytes:
        """All state, for a node that joins."""

    def restore(self, data: bytes) -> None:
        """Replaces all state by that of a snapshot."""


Commit = Callable[[bytes], Awaitable[Answer]]
"""Commits a command: returns its answer once it is applied *here*, so that the caller reads its own write."""
