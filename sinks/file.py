"""FileSink: reports as lines of JSON in a file that rotates, on standard output, or in a pipe.

Where it writes is for the operator's configuration to say: nothing of a report is part of a file's name.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from sinks.lines import Batch, batch_of_texts
from sinks.rotation import append
from sinks.sink import NotDelivered, Send
from sinks.stream import is_stream, opened_stream
from sinks.threads import in_thread, threads

STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class FileSink:
    """Appends each report to a file as one line: its envelope as compact JSON.

    A batch is in the file once it is acknowledged, in whole lines, so that ``tail -F`` follows live. Half a line, which
    only a process killed in the middle of a write leaves behind, is ended before the next one. The file is opened by
    its name for each batch: whoever moves or deletes it gets a new one. A path that is no regular file (``/dev/null``,
    a named pipe) is written to and never rotated.
    """

    path: str
    """The file, in a folder that exists; `-` is standard output."""
    max_bytes: int = field(default=104_857_600, metadata={"minimum": 1})
    """The size from which a file is rotated: `path` to `path.1`, that to `path.2` and so on. (bytes)"""
    max_files: int = field(default=10, metadata={"minimum": 1, "maximum": 10_000})
    """How many files are kept, the current one included; the oldest is deleted."""
    _thread: trio.CapacityLimiter = threads(1)

    def __post_init__(self) -> None:
        if not self.path or "\0" in self.path:
            raise ValueError("path must name a file")

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Make the file unless it exists. Raises OSError, also when its folder does not exist."""
        if self.path == STANDARD_OUTPUT or await in_thread(self._thread, lambda: is_stream(self.path)):
            with opened_stream(None if self.path == STANDARD_OUTPUT else self.path) as stream:
                yield stream.write
        else:
            await in_thread(self._thread, lambda: append(self.path, deque(), self.max_bytes, self.max_files))
            yield lambda batch: in_thread(self._thread, lambda: self._append(batch))

    def _append(self, batch: Batch) -> None:
        left = deque(piece.text for piece in batch.pieces)
        try:
            append(self.path, left, self.max_bytes, self.max_files)
        except OSError as error:
            if sum(map(len, left)) == batch.size:
                raise
            raise NotDelivered(str(error), again=batch_of_texts(left)) from error
