"""What this node proposes: its name, the numbers of its commands, and how far its outcomes have been delivered.

The registry keeps each outcome until its origin says that it was delivered. The *mark* that says so rides on the next
command; when there is none soon, an empty one carries it (`unmarked`). What is not marked is told once more by another
node if this one is lost.

A process that loses its place in the cluster goes on as a new member, under a new name: then the numbers begin anew,
and what its former self had not marked is no longer its to tell.
"""

import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import trio

from analysis.hearing import LastTouch
from cluster.machine import Reborn
from cluster.status import Status
from store.commands import (
    NO_MEMBER,
    ClientSeen,
    ClientTouch,
    Command,
    Keep,
    Leave,
    Outcome,
    SfuSeen,
    Sweep,
    Touch,
    encode,
)

_LOG = logging.getLogger(__name__)

MOST_UNDELIVERED = 10_000
"""How many outcomes the registry keeps for a node until its sinks are done with them: a bound, not a setting."""

TOO_LARGE = "it is larger than a command may be"
"""Why a command of too many bytes fails; it has not been proposed then."""

_POLL = 0.05
"""How often it looks whether there is a majority again. (s)"""

_MOST_FORMERS = 8
"""How many former names are remembered until what was told under them is marked."""

_LONGEST_REBIRTH = 60.0
"""How long a member that is gone may take to become a new one. (s)"""

Commit = Callable[[bytes], Awaitable[Outcome]]


@dataclass
class ProposalCounts:
    """What was proposed since the start; only ever counted up."""

    commands: int = 0
    commit_seconds: float = 0.0
    outcomes_not_kept: int = 0


@dataclass
class _Former:
    """What this process told under a former name: its next number there, and what the sinks are not done with."""

    next_seq: int
    mark: int
    undelivered: deque[tuple[int, int]]


class Proposals:
    """Commits one command at a time.

    `commit` makes a command true and answers with its outcome; `status` tells under which name this node proposes;
    `settled` is the position up to which all sinks are done. No command is longer than `longest` bytes.
    """

    def __init__(
        self,
        commit: Commit,
        status: Callable[[], Status],
        settled: Callable[[], int],
        longest: float,
        counts: ProposalCounts,
    ) -> None:
        self.counts = counts
        self._commit = commit
        self._status = status
        self._settled = settled
        self._longest = longest
        self.name = status().member
        """Under which name the commands are numbered."""
        self._seq = 0
        self._mark = 0
        self._marked = 0
        self._undelivered: deque[tuple[int, int]] = deque()
        self._formers: dict[str, _Former] = {}
        self._waits_since: float | None = None

    def follow_name(self) -> None:
        """Begins anew if this process has become a new member."""
        if self._status().member != self.name:
            self._begin_anew()

    async def propose(
        self,
        now: int,
        *,
        touches: Sequence[LastTouch] = (),
        seen: Sequence[ClientSeen] = (),
        sfus: Sequence[SfuSeen] = (),
        leaves: Sequence[Leave] = (),
        sweep: Sweep | None = None,
        gone: Sequence[str] = (),
        keep: Sequence[Keep] = (),
        forget: int | None = None,
    ) -> Outcome:
        """Commits one command; its number goes up by one and it tells how far this node's outcomes were delivered.

        The outcome of a command that could not be applied says why, in `Outcome.failed`. Raises `Reborn` when this
        process has become a new member, before or meanwhile: the caller makes the command anew, under the new name.
        """
        clients = [touch for touch in touches if isinstance(touch, ClientTouch)]
        rows = [touch for touch in touches if isinstance(touch, Touch)]
        mark = self._delivered()
        head = (self.name, self._seq + 1, now, mark)
        command = Command(*head, rows, seen, sfus, leaves, sweep, gone, clients, keep, forget)
        data = encode(command)
        if len(data) > self._longest:
            return self._failed(TOO_LARGE, len(seen))
        if self._status().member != self.name:
            self._begin_anew()
            raise Reborn
        self._seq += 1
        self.counts.commands += 1
        started, self._waits_since = time.perf_counter(), trio.current_time()
        try:
            outcome = await self._commit(data)
        except Reborn:
            self._begin_anew()
            raise
        finally:
            self._waits_since = None
            self.counts.commit_seconds += time.perf_counter() - started
        if outcome.failed == NO_MEMBER:
            await self._become_another()
            raise Reborn
        if outcome.failed is None and len(outcome.calls) != len(seen):
            outcome = Outcome(failed=f"number {command.seq} of {command.origin} was given twice")
        if outcome.failed is not None:
            return self._failed(outcome.failed, len(seen))
        self._marked = command.mark
        return outcome

    def told(self, outcome: Outcome, position: int) -> None:
        """Remembers where in the sinks' stream the end of the events of the last outcome stands.

        While a sink is stuck outcomes gather in the registry of every node; the oldest of too many are no longer kept.
        """
        if any((outcome.opened, outcome.closed, outcome.sfus_opened, outcome.sfus_closed)):
            self._undelivered.append((self._seq, position))
        if len(self._undelivered) > MOST_UNDELIVERED:
            self._mark = self._undelivered.popleft()[0]
            self.counts.outcomes_not_kept += 1

    @property
    def outstanding(self) -> bool:
        """Whether there are outcomes that the sinks are not done with, or of which no command has told."""
        return bool(self._undelivered) or self._mark > self._marked

    @property
    def unmarked(self) -> bool:
        """Whether something was delivered of which no command has told."""
        return self._delivered() > self._marked

    @property
    def formers(self) -> Collection[str]:
        """Former names whose outcomes this process is about to mark: nobody needs to inherit those yet."""
        return self._formers

    async def mark_formers(self, now: int) -> None:
        """Tells the cluster what this process delivered under former names, so that no heir tells it again.

        If such a name was declared gone already, its heir has told it. Raises `Reborn`.
        """
        for name, former in list(self._formers.items()):
            former.mark = _delivered(former.mark, former.undelivered, self._settled())
            if not former.undelivered:
                del self._formers[name]
                await self._commit(encode(Command(name, former.next_seq, now, former.mark)))

    async def wait_for_majority(self) -> None:
        """Waits until the cluster has one."""
        self._waits_since = trio.current_time()
        try:
            while not self._status().quorum:  # noqa: ASYNC110 - a cluster tells when it is asked
                await trio.sleep(_POLL)
        finally:
            self._waits_since = None

    def waiting(self) -> float | None:
        """How long it has been waiting for the cluster, ``None`` if it is not. (s)"""
        return None if self._waits_since is None else trio.current_time() - self._waits_since

    def _delivered(self) -> int:
        """The highest number up to which all outcomes are delivered."""
        self._mark = _delivered(self._mark, self._undelivered, self._settled())
        return self._mark

    async def _become_another(self) -> None:
        """Waits until this process is a new member: it was told that the old one is gone.

        A node whose name stays would never be heard again; it crashes, and is started anew.
        """
        with trio.fail_after(_LONGEST_REBIRTH):
            while self._status().member == self.name:  # noqa: ASYNC110 - a cluster tells when it is asked
                await trio.sleep(_POLL)
        self._begin_anew()

    def _begin_anew(self) -> None:
        name = self._status().member
        if self._undelivered or self._mark > self._marked:
            self._formers[self.name] = _Former(self._seq + 1, self._mark, self._undelivered)
        while len(self._formers) > _MOST_FORMERS:
            del self._formers[next(iter(self._formers))]
        _LOG.warning("This node goes on as %s; it was %s", name, self.name)
        self.name = name
        self._seq = self._mark = self._marked = 0
        self._undelivered = deque()

    def _failed(self, why: str, seen: int) -> Outcome:
        _LOG.error("A command could not be applied: %s", why)
        return Outcome(failed=why, calls=[None] * seen)


def _delivered(mark: int, undelivered: deque[tuple[int, int]], settled: int) -> int:
    """How far outcomes are delivered, once the sinks are done up to `settled`; takes those off `undelivered`."""
    while undelivered and undelivered[0][1] <= settled:
        mark = undelivered.popleft()[0]
    return mark
