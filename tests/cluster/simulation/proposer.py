"""What a node does with its cluster: one command at a time, and each of its events told once, then marked."""

from collections import deque
from typing import TYPE_CHECKING, Any

from tests.cluster.simulation.application import Change

if TYPE_CHECKING:
    from tests.cluster.simulation.process import Process


class Proposer:
    """Proposes under the name that its process has; after a rebirth it begins anew under the new one."""

    def __init__(self, process: "Process", pace: float) -> None:
        self.origin = ""
        self.quiet = False
        """Whether it proposes no more than it must."""
        self.in_flight = False
        self.heard = 0
        """How many answers it got."""
        self.refused = 0
        self._process, self._pace = process, pace
        self._seq = self._mark = self._marked = 0
        self._untold: deque[list[Any]] = deque()
        self._step_in(process.random.uniform(0, pace))

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to tell or mark."""
        return not self.in_flight and not self._untold and self._marked == self._mark

    def _step_in(self, delay: float) -> None:
        self._process.schedule.after(delay, self._step)

    def _step(self) -> None:
        process = self._process
        if not process.alive:
            return
        if process.paused_since is not None:
            self._step_in(0.1)
            return
        process.do(self._propose)
        if not self.in_flight:
            self._step_in(self._process.random.uniform(0.01, 0.1))

    def _propose(self, now: float) -> None:
        process = self._process
        if self.origin != process.member.name:
            self._begin_anew()
        gone: tuple[str, ...] = ()
        if process.status.leads:
            members = process.status.members
            gone = tuple(name for name in process.witness.application.origins() if name not in members)
        if self.quiet and not gone and self._mark == self._marked:
            return
        self._seq += 1
        change = Change(self.origin, self._seq, self._mark, gone)
        clock = int(process.schedule.now * 1_000_000)
        command = process.witness.application.command(change, None if self.quiet else process.random, clock)
        origin, mark = self.origin, self._mark
        self.in_flight = True

        def done(answer: Any) -> None:
            self._done(origin, change, mark, answer)

        process.member.propose(command, done, now)

    def _begin_anew(self) -> None:
        self.origin = self._process.member.name
        self._seq = self._mark = self._marked = 0
        self._untold.clear()

    def _done(self, origin: str, change: Change, mark: int, answer: Any) -> None:
        process = self._process
        self.in_flight = False
        self._step_in(process.random.uniform(0, self._pace))
        if answer is None:
            self._begin_anew()
            return
        application = process.witness.application
        if application.refused(answer):
            self.refused += 1
            return
        self.heard += 1
        self._marked = mark
        events = application.events(answer)
        process.answered_to(origin, change.seq, events)
        if events:
            entry = [change.seq, False]
            self._untold.append(entry)
            process.schedule.after(process.random.uniform(0, 0.3), lambda: self._tell(origin, entry, events))

    def _tell(self, origin: str, entry: list[Any], events: list[str]) -> None:
        process = self._process
        if not process.alive or origin != process.member.name:
            return
        if process.paused_since is not None:
            process.schedule.after(0.1, lambda: self._tell(origin, entry, events))
            return
        process.court.tells(origin, events)
        entry[1] = True
        while self._untold and self._untold[0][1]:
            self._mark = self._untold.popleft()[0]
