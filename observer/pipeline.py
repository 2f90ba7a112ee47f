"""One sample's way: batch, look, commit, events and reports, sinks.

All that this node proposes goes through here, one command at a time: what samples show, clients that leave, exact last
touches, sweeps. It takes plain callables and knows neither sockets nor sinks.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import trio

from analysis import events
from analysis.client_reports import ClientSamplesAnalyser, client_reports
from analysis.hearing import Hearing, last_touches, touch_pace
from analysis.observe import Batch, Observing
from analysis.patience import Patience
from observer.clock import Clock
from observer.departures import Departures, Part, parts
from observer.intake import Departed
from observer.stint import Stint
from schemas.reports import Report
from schemas.samples import Reason, Samples, Tally
from store.commands import ClientSeen, Command, Leave, Outcome, Sweep, Touch, encode
from store.entities import Client
from store.registry import Registry

_LOG = logging.getLogger(__name__)

_TICK = 0.5
"""How often it looks for clients that leave and for what is idle. (s)"""

MOST_UNDELIVERED = 10_000
"""How many outcomes the registry keeps for a node until its sinks are done with them: a bound, not a setting."""

Receive = Callable[[float], Awaitable[list[Samples | Departed]]]
Commit = Callable[[bytes], Awaitable[Outcome]]
Send = Callable[[Sequence[Report]], int]


@dataclass
class Counts:
    """What the pipeline has done since it started; only ever counted up. Times are in s."""

    batches: int = 0
    messages: int = 0
    client_samples: int = 0
    sfu_samples: int = 0
    last_batch: int = 0
    commands: int = 0
    commit_seconds: float = 0.0
    look_seconds: float = 0.0
    report_seconds: float = 0.0
    sweeps: int = 0
    outcomes_not_kept: int = 0
    rejected: Tally = field(default_factory=Counter)


class Pipeline:
    """Turns batches of samples into commands and reports.

    `registry` gives the local replica, `commit` makes a command true and answers with its outcome, `send` hands reports
    to the sinks and tells their position, `settled` the position up to which all sinks are done. `now` is the clock on
    the wall (ms since the epoch), `steady` one that nobody sets (s); `leads` says whether this node sweeps.
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
        leave_grace: int,
        now: Callable[[], int],
        steady: Callable[[], float] = trio.current_time,
        fresh_id: Callable[[], str],
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self.counts = Counts()
        self.hearing = Hearing()
        self.departures = Departures(leave_grace)
        self._registry = registry
        self._commit = commit
        self._send = send
        self._settled = settled
        self._observing = observing
        self._analyser = analyser
        self._clock = Clock(now, steady)
        self._patience = Patience(observing.limits)
        self._fresh_id = fresh_id
        self._leads = leads
        self._seq = 0
        self._mark = 0
        self._undelivered: deque[tuple[int, int]] = deque()
        self._scan_period = _scan_period(observing.limits)
        self._next_scan = 0.0
        self._round_at: float | None = None

    async def run(self, receive: Receive, exhausted: Callable[[], bool]) -> None:
        """Works until the intake is exhausted; at the end, others know all that this node heard."""
        next_tick = trio.current_time() + _TICK
        while not exhausted():
            self._round_at = trio.current_time()
            batch = await receive(next_tick)
            if batch:
                await self.process(batch)
            if trio.current_time() >= next_tick:
                await self.tick()
                next_tick = trio.current_time() + _TICK
        self._round_at = None
        await self._settle_all()

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
            await self._process(part)

    async def tick(self) -> None:
        """Lets clients go whose grace is over, settles what fell silent, sweeps what is idle."""
        now, registry = self._time(), self._registry()
        leaving = self.departures.due(registry, self._observing.origin, now)
        touches, sweep = [], None
        if trio.current_time() >= self._next_scan:
            self._next_scan = trio.current_time() + self._scan_period
            touches = self.hearing.settle(touch_pace(self._observing.limits), now)
            limits = self._patience.limits(now)
            if self._leads() and registry.has_idle(limits, now):
                sweep = limits
                self.counts.sweeps += 1
        leaves = [Leave(client.call.service_id, client.client_id, certain=False) for client in leaving]
        if touches or leaves or sweep:
            outcome = await self._propose(now, _and_last_touches(touches, leaving, now), (), leaves, sweep)
            self._told(outcome, self._send(events.opened(outcome.opened) + events.closed(outcome.closed)))

    async def _settle_all(self) -> None:
        """Commits the exact last touch of every row: what ends after this node is gone ends at its last sample."""
        now = self._time()
        touches = self.hearing.settle(Sweep(*[0] * len(Sweep._fields)), now)
        if touches:
            await self._propose(now, touches, (), (), None)

    async def _process(self, part: Part) -> None:
        stint = Stint()
        now, registry = self._time(), self._registry()
        batch = Batch(registry, self.hearing, self._observing, now, self._fresh_id)
        for samples in part.messages:
            if stint.is_over(self._look(batch, samples)):
                await stint.pause()
        leaving = [client for key in part.leaving if (client := registry.clients.get(key))]
        touches = _and_last_touches(batch.touches, leaving, now)
        leaves = [Leave(*key, certain=True) for key in sorted(part.leaving)]
        seen = batch.seen()
        self.counts.look_seconds += stint.seconds
        outcome = Outcome()
        if seen or touches or leaves:
            outcome = await self._propose(now, touches, seen, leaves, None)
        now = self._time()  # of rows that were just made, the registry says that they were heard at its own time
        for key in sorted(part.departed):
            self.departures.add(key, now)
        await self._report(batch, outcome)

    def _look(self, batch: Batch, samples: Samples) -> int:
        """Looks at one message; how many samples and tracks that were."""
        self.counts.messages += 1
        self.counts.client_samples += len(samples.clients)
        if samples.sfus:
            self.counts.sfu_samples += len(samples.sfus)
            batch.rejected[Reason.SFU_SAMPLES_NOT_ANALYSED] += len(samples.sfus)
        batch.rejected.update(samples.rejected)
        for sample in samples.clients:
            try:
                batch.look(samples, sample)
            except Exception:
                _LOG.exception("A sample could not be looked at; it is dropped")
                batch.rejected[Reason.FAILED] += 1
        return sum(1 + len(sample.tracks) for sample in samples.clients)

    async def _report(self, batch: Batch, outcome: Outcome) -> None:
        """Tells what opened, then the reports, then what closed."""
        self._send(events.opened(outcome.opened))
        registry = self._registry()
        reports: list[Report] = []
        stint = Stint()
        for sighted in batch.sighted(outcome, registry):
            try:
                own = client_reports(sighted, registry, self._analyser, batch.rejected)
            except Exception:
                _LOG.exception("A sample could not be reported; it is dropped")
                batch.rejected[Reason.FAILED] += 1
                continue
            reports += own
            if stint.is_over(1 + len(own)):
                self._send(reports)
                reports = []
                await stint.pause()
        self.counts.report_seconds += stint.seconds
        self._told(outcome, self._send(reports + events.closed(outcome.closed)))
        self.counts.rejected.update(batch.rejected)

    async def _propose(
        self,
        now: int,
        touches: Sequence[Touch],
        seen: Sequence[ClientSeen],
        leaves: Sequence[Leave],
        sweep: Sweep | None,
    ) -> Outcome:
        """Commits one command; its number goes up by one and it tells how far this node's outcomes were delivered."""
        settled = self._settled()
        while self._undelivered and self._undelivered[0][1] <= settled:
            self._mark = self._undelivered.popleft()[0]
        self._seq += 1
        self.counts.commands += 1
        command = Command(self._observing.origin, self._seq, now, self._mark, touches, seen, leaves, sweep)
        started = time.perf_counter()
        outcome = await self._commit(encode(command))
        self.counts.commit_seconds += time.perf_counter() - started
        if outcome.failed is not None:
            _LOG.error("A command could not be applied: %s", outcome.failed)
            return outcome._replace(calls=[None] * len(seen))
        return outcome

    def _told(self, outcome: Outcome, position: int) -> None:
        """Remembers where in the sinks' stream the end of an outcome's events stands.

        While a sink is stuck outcomes gather in the registry of every node; the oldest of too many are no longer kept.
        """
        if outcome.opened or outcome.closed:
            self._undelivered.append((self._seq, position))
        if len(self._undelivered) > MOST_UNDELIVERED:
            self._mark = self._undelivered.popleft()[0]
            self.counts.outcomes_not_kept += 1

    def _time(self) -> int:
        """Now, never before what the registry has seen. (ms since the epoch)"""
        now = self._clock.now(at_least=self._registry().now)
        self._patience.listen(now)
        return now


def _and_last_touches(touches: Sequence[Touch], leaving: Iterable[Client], now: int) -> list[Touch]:
    return [*touches, *(touch for client in leaving for touch in last_touches(client, now))]


def _scan_period(limits: Sweep) -> float:
    """How often all rows are looked through: often enough for the shortest idle limit. (s)"""
    return min(5.0, max(_TICK, min(limits) / 1000 / 40))
