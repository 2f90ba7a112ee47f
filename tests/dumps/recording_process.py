"""A process that records until it is killed.

Usage: recording_process.py FOLDER SESSIONS LINES. Each of so many sessions at once writes so many lines and ends, and
the next begins. What is durable is told on standard output: ``<id> <number of lines>``; what the catalogue heard stands
in the file `rows` of the folder, one id a line, on the disk before the recorder goes on.
"""

import sys
import time
from pathlib import Path

import trio

from dumps.figures import DumpFigures
from dumps.formats import rtcstats_close
from dumps.recorder import Completed, Recorder
from dumps.settings import Dumps
from tests.dumps.recording import rtcstats


async def session(recorder: Recorder, lines: int) -> None:
    while True:
        dump = recorder.opened(rtcstats())
        for number in range(1, lines + 1):
            waiting = dump.write(b'["%s",%d]' % (b"a" * 100, number), number)
            if waiting is not None:
                await waiting
            await trio.sleep(0.0005)
            print(dump.id, dump.durable, flush=True)
        dump.close(rtcstats_close(1000, 0), 1)


async def record(folder: Path, sessions: int, lines: int) -> None:
    with (folder / "rows").open("ab", buffering=0) as rows:

        async def completed(row: Completed) -> None:
            rows.write(f"{row.id} {int(row.recovered)}\n".encode())

        settings = Dumps(str(folder), write_every_in_ms=1)
        recorder = Recorder(settings, DumpFigures(), completed, lambda: int(time.time() * 1000))
        async with trio.open_nursery() as nursery:
            await nursery.start(recorder.run)
            for _ in range(sessions):
                nursery.start_soon(session, recorder, lines)


if __name__ == "__main__":
    trio.run(record, Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
