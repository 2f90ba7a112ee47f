"""A recorder for tests, and what it leaves."""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from dumps.figures import DumpFigures
from dumps.formats import Kind, jitsi_head, rtcstats_head
from dumps.recorder import Completed, Dump, Head, Recorder
from dumps.settings import Dumps

STARTED_MS = 1_700_000_000_000


class Recording:
    """A recorder, what it told the catalogue, and what is in its folders."""

    def __init__(self, settings: Dumps) -> None:
        self.folder = Path(settings.path)
        self.rows: list[Completed] = []
        self.fails = 0
        """So often the catalogue refuses."""
        self.now_ms = STARTED_MS
        self.recorder = Recorder(settings, DumpFigures(), self._enter, lambda: self.now_ms)

    @property
    def figures(self) -> DumpFigures:
        return self.recorder.figures

    def stored(self) -> dict[str, bytes]:
        """The completed dumps, by their names."""
        folder = self.folder / "stored"
        return {path.name: gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("*"))}

    def work(self) -> list[str]:
        """The kinds of files in the folder of work, the lock aside."""
        return sorted(path.suffix for path in (self.folder / "work").iterdir() if path.name != "lock")

    def lines(self) -> list[bytes]:
        """What stands in the folder of work of dumps that are open."""
        return [path.read_bytes() for path in (self.folder / "work").glob("*.lines")]

    async def _enter(self, row: Completed) -> None:
        if self.fails:
            self.fails -= 1
            raise OSError("the catalogue is not there")
        self.rows.append(row)


def recording(folder: Path, **settings: Any) -> Recording:
    """A recorder that does not run yet."""
    return Recording(Dumps(str(folder), **{"write_every_in_ms": 1, **settings}))


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[Recording]:
    """A recorder that runs; at the end all that is closed is completed, or was tried once more."""
    made = recording(folder, **settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.recorder.run)
        yield made
        made.recorder.stop()


def rtcstats(**more: Any) -> Head:
    """A session of rtcstats-js."""
    lines = rtcstats_head(
        url="/room?rtcstats-token=secret",
        origin="https://app.example",
        user_agent="Firefox",
        started_ms=STARTED_MS,
        remote_addresses=["203.0.113.77"],
        client_protocol="rtcstats#5.0",
    )
    return Head(Kind.RTCSTATS, STARTED_MS, tuple(lines), **more)


def jitsi(id_: str, **more: Any) -> Head:
    """A session of a client of Jitsi."""
    lines = jitsi_head(
        path=f"/room?statsSessionId={id_}",
        origin="https://meet.example",
        user_agent="Firefox",
        client_protocol="3.1_STANDARD",
        stats_format="firefox",
        client_type="RTCSTATS_CLIENT",
        now_ms=STARTED_MS,
    )
    return Head(Kind.JITSI, STARTED_MS, tuple(lines), id_, **more)


async def write(dump: Dump, *lines: bytes, mark: int = 0) -> None:
    """Write lines as a session does, and wait until the last is settled."""
    for number, line in enumerate(lines, mark or dump.durable + 1):
        if (waiting := dump.write(line, number)) is not None:
            await waiting
    await settled(lambda: dump.durable >= number)


async def settled(condition: Callable[[], bool]) -> None:
    """Wait until something is so that threads bring about; a clock that jumps over waits does so meanwhile."""
    with trio.fail_after(600):
        while not condition():  # noqa: ASYNC110 - files tell no event
            await trio.sleep(0.01)
