"""What becomes of a dump that is closed: it is packed, stored and entered in the catalogue; then its work is removed.

A dump for which any of that fails is tried again later, and meanwhile the others go on. What is done of it is not done
again, but after a crash; then storages know by its content what they have already, and the catalogue by its key.
"""

import heapq
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from dumps.figures import DumpFigures
from dumps.formats import Kind
from dumps.packing import Packed, pack
from dumps.settings import Dumps
from dumps.storage import Stored
from dumps.work import Note, Work
from sinks.retry import Retry, pause_s
from sinks.threads import in_thread

PAUSES = Retry(initial_in_ms=2_000, max_in_ms=300_000)
"""How long a dump that failed is left alone."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Completed:
    """A dump that is stored, for the catalogue. After a crash the same may be told once more."""

    id: str
    """Its name, which no other has where it is stored: `base_id`, or that with `_1`, `_2` and so on."""
    base_id: str
    kind: Kind
    client: str
    """The kind of client, as `dumps.recorder.Head` names it."""
    started_ms: int
    ended_ms: int
    identity: Mapping[str, Any]
    key: str
    """By what it is known to the storage that has it."""
    location: str
    """Where it is, for a person or a program: an URL."""
    size: int
    """As it is stored. [bytes]"""
    raw_size: int
    """Before it was packed. [bytes]"""
    lines: int
    recovered: bool
    """Whether a killed process left it: then its end is that of its last line."""


@dataclass(order=True)
class _Waiting:
    """A dump that is not through; what is known already of it."""

    due: float
    number: int
    name: str = field(compare=False)
    size: int = field(compare=False)
    """What its lines take in the folder of work. [bytes]"""
    failures: int = field(default=0, compare=False)
    note: Note | None = field(default=None, compare=False)
    packed: Packed | None = field(default=None, compare=False)
    stored: Stored | None = field(default=None, compare=False)
    entered: bool = field(default=False, compare=False)


class Completion:
    """Completes dumps for as long as it runs."""

    def __init__(
        self, settings: Dumps, figures: DumpFigures, completed: Callable[[Completed], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._figures = figures
        self._completed = completed
        self._storage = settings.chosen_storage()
        self._packers = trio.CapacityLimiter(1)  # threads that compute hold up each other, and all the rest
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._changed = trio.Event()
        self._stopping = False
        self._failing = False

    def offer(self, name: str, size: int) -> None:
        """A dump is closed; its lines take so much in the folder of work. [bytes]"""
        self._figures.queued += 1
        self._figures.waiting += 1
        self._push(_Waiting(trio.current_time(), next(self._numbers), name, size))

    def stop(self) -> None:
        """Let `run` end when each dump that waits was tried once more."""
        self._stopping = True
        for one in self._waiting:
            one.due = trio.current_time()
        heapq.heapify(self._waiting)
        self._tell()

    async def run(self, work: Work) -> None:
        """Complete what is offered; what is not through when it ends stays in the folder of work."""
        async with trio.open_nursery() as nursery:
            for _ in range(self._settings.parallelism):
                nursery.start_soon(self._complete_each, work)

    async def _complete_each(self, work: Work) -> None:
        while (one := await self._next()) is not None:
            await self._try(work, one)

    async def _next(self) -> _Waiting | None:
        """The next dump that is due; None when there is no more to do."""
        while True:
            now = trio.current_time()
            if self._waiting and self._waiting[0].due <= now:
                return heapq.heappop(self._waiting)
            if self._stopping and not self._waiting:
                return None
            with trio.move_on_after(self._waiting[0].due - now if self._waiting else float("inf")):
                await self._changed.wait()

    async def _try(self, work: Work, one: _Waiting) -> None:
        try:
            await self._complete(work, one)
        except _Failed as failed:
            self._fails(one, failed)
        else:
            self._figures.waiting -= 1
            if self._failing:
                self._failing = False
                log.info("Dumps are completed again")

    async def _complete(self, work: Work, one: _Waiting) -> None:
        """Do what is left to do of a dump. Raises `_Failed`."""
        with _failing("process"):
            if one.packed is None and not await self._pack(work, one):
                await self._remove(work, one)
                return
        note, packed = one.note, one.packed
        assert note is not None and packed is not None  # noqa: S101, PT018 - it was packed
        with _failing("storage"), trio.fail_after(self._settings.store_timeout_in_s):
            if one.stored is None:
                one.stored = await self._storage.put(note.base_id, one.name, packed)
        with _failing("catalogue"), trio.fail_after(self._settings.store_timeout_in_s):
            if not one.entered:
                await self._completed(_completed(note, packed, one.stored))
                one.entered = True
        with _failing("process"):
            await self._remove(work, one)
        self._figures.completed(note.client, packed.size)

    async def _pack(self, work: Work, one: _Waiting) -> bool:
        """Pack a dump; whether there is anything in it."""
        one.note = note = await in_thread(self._packers, lambda: work.note(one.name))
        one.packed = packed = await trio.to_thread.run_sync(
            lambda: pack(
                work.lines(one.name),
                work.packed(one.name),
                note.kind,
                obfuscates=self._settings.obfuscate_addresses,
                check=trio.from_thread.check_cancelled,
            ),
            limiter=self._packers,
        )
        if packed is None:
            return False
        self._figures.work += packed.size
        self._figures.removed_lines += packed.removed
        return True

    async def _remove(self, work: Work, one: _Waiting) -> None:
        await in_thread(self._packers, lambda: work.remove(one.name))
        self._figures.work -= one.size + (one.packed.size if one.packed else 0)

    def _fails(self, one: _Waiting, failed: "_Failed") -> None:
        self._figures.errors[failed.stage] += 1
        # What is wrong with one may be wrong with all: it is told once, until one is through again.
        if not self._failing:
            self._failing = True
            log.error("Dumps cannot be completed and are tried again (%s): %s", failed.stage, failed.reason)
        if self._stopping:
            return
        one.failures += 1
        one.due = trio.current_time() + pause_s(PAUSES, one.failures, random.uniform(0.5, 1))  # noqa: S311
        self._push(one)

    def _push(self, one: _Waiting) -> None:
        heapq.heappush(self._waiting, one)
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, trio.Event()
        changed.set()


class _Failed(Exception):
    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(stage)
        self.stage = stage
        self.reason = reason


@contextmanager
def _failing(stage: str) -> Iterator[None]:
    """Whatever goes wrong with one dump is no matter of another. An OSError has a text for the operator."""
    try:
        yield
    except OSError as error:
        raise _Failed(stage, str(error)) from error
    except trio.TooSlowError as error:
        raise _Failed(stage, "it took longer than storeTimeoutInS") from error
    except Exception as error:
        raise _Failed(stage, f"unexpectedly ({type(error).__name__})") from error


def _completed(note: Note, packed: Packed, stored: Stored) -> Completed:
    return Completed(
        id=stored.id,
        base_id=note.base_id,
        kind=note.kind,
        client=note.client,
        started_ms=note.started_ms,
        ended_ms=note.ended_ms or note.started_ms,
        identity=note.identity,
        key=stored.key,
        location=stored.location,
        size=packed.size,
        raw_size=packed.raw_size,
        lines=packed.lines,
        recovered=note.recovered,
    )
