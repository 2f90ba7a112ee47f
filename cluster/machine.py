"""What can be replicated, and how a change of it is committed."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")
Told = TypeVar("Told", covariant=True)


class Parts(Protocol):
    """A snapshot under way: its parts, one after the other, as of the moment when it was asked for.

    The machine goes on applying commands meanwhile; that changes no part. A part is made when it is asked for, in a few
    milliseconds, and is some 64 to 128 KiB.
    """

    def __iter__(self) -> Iterator[bytes]:
        """Itself."""

    def __next__(self) -> bytes:
        """The next part; raises `StopIteration` behind the last."""

    def close(self) -> None:
        """Ends it, early or not, and frees what it holds."""


class Restoring(Protocol):
    """A state that is put together beside the present one."""

    def take(self, part: bytes) -> None:
        """Takes the next part of a snapshot; raises `ValueError` for bytes that no snapshot gives."""

    def finish(self) -> None:
        """Replaces all state of the machine by this one at once; the empty state if no part was taken."""


class Machine(Protocol[Told]):
    """A deterministic state machine: the same commands in the same order give the same state and answers everywhere."""

    def apply(self, command: bytes) -> Told:
        """Applies one command. Never raises: a command that cannot be applied gives an answer that says so."""

    def snapshot(self) -> Parts:
        """All state as of now."""

    def restoring(self) -> Restoring:
        """A new state to be put together from the parts of a snapshot."""


class Reborn(Exception):
    """This process lost its place in the cluster and joined it anew.

    Whether the command that waited was applied is unknown. The proposer goes on under its new name, from number 1, with
    a command that it makes anew from the state as it is now.
    """


Commit = Callable[[bytes], Awaitable[Answer]]
"""Commits a command: returns its answer once it is applied *here*, so that the caller reads its own write.

It waits as long as it takes, also for a quorum, and proposes the same bytes again until they are applied: it never
gives up a number for the next, for a command that comes late would then pass for its successor. It raises `Reborn`.
One command at a time for each origin.
"""
