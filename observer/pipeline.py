"""One sample's way: batch, look, commit, events and reports, sinks.

All that this node proposes goes through here, one command at a time: what samples show, clients that leave, exact last
touches, sweeps, what nodes that are gone left untold. It takes plain callables and knows neither sockets nor sinks.

Wherever it waits for a commit, and wherever it lets others run, the registry may change, it may be replaced by another,
and this process may become a new member of the cluster, under a new name.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

import trio

from analysis import events
from analysis.client_reports import ClientSamplesAnalyser
from analysis.hearing import Hearing, LastTouch, settling
from analysis.observe import Batch, Observing
from analysis.patience import Patience
from analysis.sfu_reports import SfuSamplesAnalyser
from cluster.machine import Reborn
from cluster.status import Status
from observer.clock import Clock
from observer.departures import MOST_LEAVING, Departures, Part, Who, last_touches_of_all, parts, row_of
from observer.evaluating import look, reports_of_samples
from observer.intake import Departed
from observer.keeping import Keeping
from observer.proposals import TOO_LARGE, Commit, ProposalCounts, Proposals
from observer.stint import LONGEST, Stint
from schemas.messages import Samples
from schemas.reports import Report
from schemas.samples import Tally
from store.commands import ClientTouch, Leave, Outcome, Sweep
from store.entities import Entity
from store.registry import MOST_CLOSED, Registry

_LOG = logging.getLogger(__name__)

_TICK = 0.5
"""How often it looks for clients that leave and for what is idle. (s)"""

_MARK = 0.05
"""How often it looks whether the sinks are done with events, while they are not. (s)"""

_MOST_TOUCHED = 1000
"""How many rows one command touches, or a client more: more would hold everybody up when it is applied."""

_MOST_GONE, _MOST_INHERITED = 16, 1000
"""How many nodes that are gone one command names, and after how many of their untold outcomes it names no more."""

Receive = Callable[[float, bool], Awaitable[list[Samples | Departed]]]
"""Gives the next batch, or nothing when a time has passed; and is told whether it may be a small one."""

Send = Callable[[Sequence[Report]], int]


@dataclass
class Counts(ProposalCounts):
    """What the pipeline has done since it started; only ever counted up. Times are in s."""

    batches: int = 0
    messages: int = 0
    client_samples: int = 0
    sfu_samples: int = 0
    turn_samples: int = 0
    last_batch: int = 0
    look_seconds: float = 0.0
    report_seconds: float = 0.0
    sweeps: int = 0
    inherited: int = 0
    rejected: Tally = field(default_factory=Tally)


class Pipeline:
    """Turns batches of samples into commands and reports.

    `registry` gives the local replica, `commit` makes a command true and answers with its outcome, `send` hands reports
    to the sinks and tells their position, `settled` the position up to which all sinks are done. `now` is the clock on
    the wall (ms since the epoch), `steady` one that nobody sets (s). `status` is how this node stands to the others:
    its name, whether there is a majority, whether it decides for all, and who they are. No command has more bytes than
    `longest_command`.
    """

    def __init__(
        self,
        *,
        registry: Callable[[], Registry],
        commit: Commit,
        send: Send,
        settled: Callable[[], int],
        observing: Observing,
        analyser: ClientSamplesAnalyser,
        sfu_analyser: SfuSamplesAnalyser = SfuSamplesAnalyser(),  # noqa: B008 - frozen
        leave_grace: int,
        now: Callable[[], int],
        steady: Callable[[], float] = trio.current_time,
        fresh_id: Callable[[], str],
        status: Callable[[], Status],
        longest_command: float = math.inf,
    ) -> None:
        self.counts = Counts()
        self.hearing = Hearing()
        self.departures = Departures(leave_grace)
        self.proposals = Proposals(commit, status, settled, longest_command, self.counts)
        self.drained = False
        """Whether all that came was committed and reported."""
        self._registry = registry
        self._known = registry()
        self._send = send
        self._observing = observing
        self._analyser = analyser
        self._sfu_analyser = sfu_analyser
        self._clock = Clock(now, steady)
        self._patience = Patience(observing.limits)
        self.keeping = Keeping(registry, lambda: self._clock.now(at_least=registry().now))
        self._fresh_id = fresh_id
        self._status = status
        self._scan_period = _scan_period(observing.limits)
        self._next_scan = 0.0
        self._round_at: float | None = None

    async def run(self, receive: Receive, exhausted: Callable[[], bool]) -> None:
        """Works until the intake is exhausted; at the end, others know all that this node heard."""
        next_tick = trio.current_time() + _TICK
        small = True
        while not exhausted():
            self._round_at = trio.current_time()
            outstanding = self.proposals.outstanding
            deadline = min(next_tick, trio.current_time() + _MARK) if outstanding else next_tick
            batch = await receive(deadline, small)
            before = self.counts.commands
            if batch:
                await self.process(batch)
            small = before == self.counts.commands
            del batch  # while the next one gathers, nothing of it is held
            await self._mark()
            if trio.current_time() >= next_tick:
                await self.tick()
                next_tick = trio.current_time() + _TICK
        self._round_at = None
        self.drained = True
        await self._settle_all()
        await self._inherit_all()

    async def mark_delivered(self) -> None:
        """Tells the cluster of all that was delivered; to be called once `run` has returned and the sinks are done."""
        if self.proposals.unmarked:
            await self.proposals.propose(self._time())

    async def _mark(self) -> None:
        """Tells the cluster of what was delivered, if no other command did: until then it would be told once more if
        this node were lost."""
        if self.proposals.unmarked and self._status().quorum:
            with suppress(Reborn):
                await self.proposals.propose(self._time())

    def scan_at_next_tick(self) -> None:
        """Lets the next tick look through all rows, whenever that is."""
        self._next_scan = 0.0

    def round_age(self) -> float | None:
        """How long ago it last waited for samples; many seconds mean that it is stuck. ``None`` unless it runs. (s)"""
        return None if self._round_at is None else trio.current_time() - self._round_at

    async def process(self, batch: Sequence[Samples | Departed]) -> None:
        """Takes one batch all the way to the sinks."""
        self.counts.batches += 1
        self.counts.last_batch = len(batch)
        for part in parts(batch):
            self._count(part.messages)
            await self._process(part)

    async def tick(self) -> None:
        """Lets clients and SFUs go whose grace is over, settles what fell silent; the leader sweeps, and inherits.

        Without a majority it waits for better times: what it would say of others could be wrong by then.
        """
        self.proposals.follow_name()
        now, registry, status = self._time(), self._current(), self._status()
        if not status.quorum:
            return
        due: list[Entity] = [*self.hearing.due()]
        sweep = None
        if trio.current_time() >= self._next_scan:
            self._next_scan = trio.current_time() + self._scan_period
            due += self.hearing.silent(self._observing.pace, now)
            limits = self._patience.limits(now)
            if status.leads and registry.has_idle(limits, now):
                sweep = limits
        leaving = self.departures.due(registry, self.proposals.name, now)
        gone = self._gone(registry, status)
        since = self._patience.unbroken_since
        forget = since if status.leads and registry.values.any_silent(now, since) else None
        try:
            await self.proposals.mark_formers(now)
            await self._settle(due, leaving, now)
            await self._close([Leave(*who, certain=False) for who in leaving], now)
            await self.keeping.commit_due(self.proposals, now)
            if sweep or gone or forget is not None or self.proposals.unmarked:
                outcome = await self.proposals.propose(now, sweep=sweep, gone=gone, forget=forget)
                self._tell(outcome)
                self.counts.sweeps += sweep is not None
                if sweep is not None and len(outcome.closed) + len(outcome.sfus_closed) >= MOST_CLOSED:
                    self._next_scan = 0.0  # there may be more
                self.counts.inherited += len(gone)
        except Reborn:
            self.hearing.put_back(due)

    def _tell(self, outcome: Outcome) -> None:
        """Tells what an outcome without samples opened and closed."""
        self.proposals.told(outcome, self._send(events.opened(outcome) + events.closed(outcome)))

    def _gone(self, registry: Registry, status: Status) -> list[str]:
        """Nodes that will never report again, whose heir this node is if it leads: some, if there are many."""
        gone: list[str] = []
        untold = 0
        if status.leads:
            here = {*status.members, *self.proposals.formers, self.proposals.name}
            for name, origin in registry.origins.items():
                if len(gone) >= _MOST_GONE or untold >= _MOST_INHERITED:
                    break
                if name not in here:
                    gone.append(name)
                    untold += len(origin.untold)
        return gone

    async def _settle_all(self) -> None:
        """Commits the exact last touch of every row: what ends after this node is gone ends at its last sample."""
        now = self._time()
        if self._status().quorum:
            try:
                await self._settle(self.hearing.silent(Sweep(*[0] * len(Sweep._fields)), now), (), now)
                await self.keeping.commit_all(self.proposals, now)
            except Reborn:
                _LOG.warning("The last touches of what this node heard of are lost: it lost its place in the cluster")

    async def _inherit_all(self) -> None:
        """Tells, while this node leads still, what nodes that are gone left untold: whoever leads next may be told to
        stop as well, before it is sure enough that it leads."""
        try:
            while (status := self._status()).quorum and (gone := self._gone(self._registry(), status)):
                outcome = await self.proposals.propose(self._time(), gone=gone)
                if outcome.failed is not None:
                    break
                self._tell(outcome)
                self.counts.inherited += len(gone)
        except Reborn:
            _LOG.warning("What nodes that are gone left untold is another's to tell: this node lost its place")

    async def _settle(self, rows: Iterable[Entity], leaving: Iterable[Who], now: int) -> None:
        """Commits the last touches of rows, and of those who are about to leave. Raises `Reborn`."""
        touches = chain(settling(rows, now), last_touches_of_all(leaving, self._registry(), now))
        for some in _portions(touches):
            await self.proposals.propose(now, touches=some)

    async def _process(self, part: Part) -> None:
        while True:
            self.proposals.follow_name()
            self._current()
            batch = Batch(
                self._registry(), self.hearing, self._observing, self.proposals.name, self._time(), self._fresh_id
            )
            self.counts.look_seconds += await look(batch, part.messages)
            try:
                outcome = await self._commit(batch)
                break
            except Reborn:
                await self.proposals.wait_for_majority()
        if outcome.failed == TOO_LARGE and len(part.messages) > 1:
            for half in part.halves():
                await self._process(half)
            return
        now = self._time()  # of rows that were just made, the registry says that they were heard at its own time
        for who in sorted(part.departed):
            self.departures.add(who, now)
        await self._report(batch, part.messages, outcome)
        if part.leaving:
            await self._let_go(sorted(part.leaving))

    async def _commit(self, batch: Batch) -> Outcome:
        """Commits what a batch shows, if that is anything. Raises `Reborn`."""
        seen, sfus = batch.seen(), batch.sfus_seen()
        *before, last = [*_portions(batch.touches)] or [[]]
        for some in before:
            await self.proposals.propose(batch.now, touches=some)
        if not (last or seen or sfus):
            return Outcome()
        return await self.proposals.propose(batch.now, touches=last, seen=seen, sfus=sfus)

    async def _let_go(self, leaving: Sequence[Who]) -> None:
        """Lets those leave who said so: once all samples of their part are reported, which may show what they sent.

        If this node must say so again as another member, others may have heard since of who came back: they stay.
        """
        heard = {who: row.heard_sample for who in leaving if (row := row_of(who, self._registry()))}
        while True:
            self.proposals.follow_name()
            now = self._time()
            try:
                await self._settle((), leaving, now)
                await self._close([Leave(*who, certain=True) for who in leaving], now)
                break
            except Reborn:
                await self.proposals.wait_for_majority()
                rows = ((who, row_of(who, self._registry())) for who in heard)
                leaving = [who for who, row in rows if row and row.sample_touched <= heard[who]]

    async def _close(self, leaves: Sequence[Leave], now: int) -> None:
        """Lets them leave in as many commands as it takes: each closes a bounded number of rows. Raises `Reborn`."""
        while leaves:
            some, rest = leaves[:MOST_LEAVING], leaves[MOST_LEAVING:]
            outcome = await self.proposals.propose(now, leaves=some)
            self._tell(outcome)
            stopped = len(outcome.closed) + len(outcome.sfus_closed) >= MOST_CLOSED
            leaves = [*(it for it in some if stopped and row_of(it[:3], self._registry())), *rest]

    def _count(self, messages: Sequence[Samples]) -> None:
        counts, clients = self.counts, 0
        for samples in messages:
            clients += len(samples.clients)
            if samples.sfus or samples.turns:
                counts.sfu_samples += len(samples.sfus)
                counts.turn_samples += len(samples.turns)
            if samples.rejected:
                counts.rejected.update(samples.rejected)
        counts.messages += len(messages)
        counts.client_samples += clients

    async def _report(self, batch: Batch, messages: Iterable[Samples], outcome: Outcome) -> None:
        """Tells what opened, then the reports, then what closed."""
        opened = events.opened(outcome)
        if opened:
            self._send(opened)
        reports: list[Report] = []
        stint, done = Stint(), 0
        for own in reports_of_samples(batch, messages, outcome, self._registry(), self._analyser, self._sfu_analyser):
            reports += own
            done += 1 + len(own)
            if done >= LONGEST:
                self._send(reports)
                reports, done = [], 0
                await stint.pause()
        self.counts.report_seconds += stint.seconds
        self.proposals.told(outcome, self._send(reports + events.closed(outcome)))
        self.counts.rejected.update(batch.rejected)

    def _current(self) -> Registry:
        """The registry as it is now; what only the rows of one that was replaced remember is seen to."""
        registry = self._registry()
        if registry is not self._known:
            self.departures.forget_heard(self._known)
            self.hearing.part()
            self._known = registry
        return registry

    def _time(self) -> int:
        """Now, never before what the registry has seen. (ms since the epoch)"""
        now = self._clock.now(at_least=self._registry().now)
        if self._status().quorum:
            self._patience.listen(now)
            self.departures.listen(now)
        return now


def _portions(touches: Iterable[LastTouch]) -> Iterator[Sequence[LastTouch]]:
    """As many to a command as are good for it, each made when its turn comes."""
    some: list[LastTouch] = []
    rows = 0
    for touch in touches:
        some.append(touch)
        rows += touch.rows if isinstance(touch, ClientTouch) else 1
        if rows >= _MOST_TOUCHED:
            yield some
            some, rows = [], 0
    if some:
        yield some


def _scan_period(limits: Sweep) -> float:
    """How often all rows are looked through: often enough for the shortest idle limit. (s)"""
    return min(5.0, max(_TICK, min(limits) / 1000 / 40))
