"""Dumps of sessions: what each guest sent, line after line, into a file of its own.

One thread writes for all; a session only hands over lines. They wait in memory for a moment, and no more of them than
a bound allows: sessions wait then, though not for long if the disk has failed. A dump that is closed, or that a killed
process left, is completed (see `dumps.completion`). Whatever goes wrong with a dump is counted, and no concern of its
session.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import trio

from dumps.completion import Completed, Completion
from dumps.dump import Dump, Head, Job
from dumps.figures import DumpFigures
from dumps.settings import Dumps
from dumps.work import Work
from sinks.threads import in_thread

__all__ = ["Completed", "Dump", "Head", "Recorder"]

RETRY_EVERY_S = 1.0
"""How often what failed is tried again. (s)"""
MOST_FAILURES = 30
"""So often in a row a dump is tried to be written before the lines that wait are lost."""
PATIENCE_S = 5.0
"""How long a session waits for room, if nothing is written meanwhile. From then on lines are lost. (s)"""
FROM = 0.9
"""From this part of the bound of the folder on no dump is begun: the rest is for those that are open."""

log = logging.getLogger(__name__)


class Recorder:
    """Keeps dumps for as long as it runs."""

    def __init__(
        self,
        settings: Dumps,
        figures: DumpFigures,
        completed: Callable[[Completed], Awaitable[None]],
        now_ms: Callable[[], int],
    ) -> None:
        """`completed` enters a dump into the catalogue; whatever it raises, it is called again later."""
        self.figures = figures
        self._settings = settings
        self._now_ms = now_ms
        self._completion = Completion(settings, figures, completed)
        self._thread = trio.CapacityLimiter(1)
        self._dirty: dict[Dump, None] = {}
        self._failed: dict[Dump, int] = {}
        self._retry_at = 0.0
        self._changed = trio.Event()
        self._hurry = trio.Event()
        self._progress = trio.Event()
        self._stalled = False
        self._stopping = False
        self._failing = False

    def opened(self, head: Head) -> Dump:
        """A dump for a session that begins. Never raises, and costs nothing but memory."""
        figures = self.figures
        figures.sessions += 1
        reason = self._reason_to_refuse()
        if reason is None:
            figures.open += 1
        else:
            figures.refused[reason] += 1
        return Dump(head, self, self._settings.max_dump_bytes, self._now_ms, kept=reason is None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write, and complete what is closed or was left by an earlier process, until `stop` and a while after.

        After `stop`: until all lines are written, and each dump that waits was tried to be completed once more. It may
        be cancelled at any time; what is not done then is done after the next start. Lines may be handed over before it
        runs.
        """
        task_status.started()
        opened = await self._opened_work()
        if opened is None:
            return
        work, found = opened
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._completion.run, work)
                nursery.start_soon(self._recover, work, found)
                await self._write_all(work)
                self._completion.stop()
        finally:
            work.close()

    def stop(self) -> None:
        """Begin no new dump, and let `run` end."""
        self._stopping = True
        self._hurry.set()
        self._changed.set()

    def refusal(self) -> str | None:
        """For `dumps.dump.Dump`."""
        if self.figures.work + self.figures.buffered >= self._settings.max_work_bytes:
            return "disk"
        return "slow" if self._stalled and self._is_crowded() else None

    def room(self) -> Awaitable[None] | None:
        """For `dumps.dump.Dump`."""
        if not self._is_crowded():
            return None
        self._hurry.set()
        return None if self._stalled else self._wait_for_room()

    def changed(self, dump: Dump, size: int) -> None:
        """For `dumps.dump.Dump`."""
        self.figures.buffered += size
        if dump not in self._failed:
            self._dirty[dump] = None
            self._changed.set()

    def lost(self, reason: str, lines: int) -> None:
        """For `dumps.dump.Dump`."""
        self.figures.dropped[reason] += lines

    def left(self, dump: Dump) -> None:
        """For `dumps.dump.Dump`."""
        self.figures.open -= 1

    def _reason_to_refuse(self) -> str | None:
        figures, settings = self.figures, self._settings
        if self._stopping:
            return "stopping"
        if figures.open >= settings.max_open:
            return "open"
        if figures.waiting >= settings.max_waiting:
            return "waiting"
        return "disk" if figures.work >= FROM * settings.max_work_bytes else None

    def _is_crowded(self) -> bool:
        return self.figures.buffered >= self._settings.max_buffered_bytes

    async def _wait_for_room(self) -> None:
        while self._is_crowded() and not self._stalled:
            with trio.move_on_after(PATIENCE_S) as scope:
                await self._progress.wait()
            self._stalled = self._stalled or scope.cancelled_caught

    async def _opened_work(self) -> tuple[Work, list[str]] | None:
        """The folder and what is in it, once it can be opened: it may still belong to a process that ends.

        None when all ends.
        """
        while not self._stopping:
            try:
                return await in_thread(self._thread, lambda: _opened(self._settings))
            except OSError as error:
                self._fails(error)
                await trio.sleep(RETRY_EVERY_S)
        return None

    async def _recover(self, work: Work, names: Sequence[str]) -> None:
        """Hand to completion what an earlier process left."""
        thread = trio.CapacityLimiter(1)
        for name in names:
            try:
                size = await in_thread(thread, partial(work.finish, name))
            except OSError as error:
                self.figures.errors["process"] += 1
                log.error("A dump that an earlier process left cannot be read: %s", error)
                continue
            self.figures.recovered += 1
            self.figures.work += size
            self._completion.offer(name, size)
        if names:
            log.info("Dumps that an earlier process left: %d", len(names))

    async def _write_all(self, work: Work) -> None:
        """Write what is handed over, until `stop`."""
        while True:
            await self._wait_for_work()
            is_last = self._stopping
            jobs = [dump.take() for dump in self._due(is_last=is_last)]
            if jobs:
                await in_thread(self._thread, partial(_write, work, jobs))
                self._take_in(jobs)
            if is_last:
                return

    async def _wait_for_work(self) -> None:
        """Until there is something to write, and then for more to come."""
        with trio.move_on_at(self._retry_at if self._failed else float("inf")):
            await self._changed.wait()
        with trio.move_on_after(self._settings.write_every_in_ms / 1000):
            await self._hurry.wait()
        if not self._stopping:
            self._changed, self._hurry = trio.Event(), trio.Event()

    def _due(self, *, is_last: bool) -> Iterable[Dump]:
        """Of which dumps there is something to write now."""
        due, self._dirty = self._dirty, {}
        if is_last or trio.current_time() >= self._retry_at:
            due |= dict.fromkeys(self._failed)
        return due

    def _take_in(self, jobs: Sequence[Job]) -> None:
        """Look at what became of jobs."""
        for job in jobs:
            job.dump.done(job)
            self.figures.buffered -= job.written
            self.figures.work += job.written
            self.figures.bytes += job.written
            self.figures.lines += job.written_lines
            if job.error is None:
                self._succeeded(job)
            else:
                self._is_failing(job.dump, job.error)
        if self._failed and trio.current_time() >= self._retry_at:
            self._retry_at = trio.current_time() + RETRY_EVERY_S
        progress, self._progress = self._progress, trio.Event()
        progress.set()

    def _succeeded(self, job: Job) -> None:
        self._stalled = False
        if self._failed.pop(job.dump, 0) and job.dump.waits:
            self.changed(job.dump, 0)
        if job.last_note is not None:
            self.figures.open -= 1
            self._completion.offer(job.dump.name, job.size)
        if self._failing and not self._failed:
            self._failing = False
            log.info("Dumps can be written again")

    def _is_failing(self, dump: Dump, error: OSError) -> None:
        self._fails(error)
        self._failed[dump] = self._failed.get(dump, 0) + 1
        if self._failed[dump] % MOST_FAILURES == 0:
            self.figures.buffered -= dump.give_up()
            if not dump.kept:
                del self._failed[dump]
                self._dirty.pop(dump, None)
                self.figures.open -= 1

    def _fails(self, error: OSError) -> None:
        self.figures.errors["write"] += 1
        if not self._failing:
            self._failing = True
            log.error("Dumps cannot be written, and are tried again: %s", error)


def _opened(settings: Dumps) -> tuple[Work, list[str]]:
    work = Work(settings.work, sync=settings.sync)
    try:
        return work, work.found()
    except OSError:
        work.close()
        raise


def _write(work: Work, jobs: Sequence[Job]) -> None:
    """Do jobs; what goes wrong with one stands in it."""
    for job in jobs:
        name = job.dump.name
        try:
            if job.note is not None:
                work.write_note(name, job.note)
            if job.lines:
                size = work.append(name, job.size, job.lines)
                job.written, job.size = size - job.size, size
                job.written_lines, job.lines = len(job.lines), []
            if job.last_note is not None:
                work.write_note(name, job.last_note)
        except OSError as error:
            job.error = error
