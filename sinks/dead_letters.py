"""Reports that their destination refuses for good, put aside in a file for a person to look at."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

import orjson
import trio

from sinks.failures import described
from sinks.lines import Line
from sinks.rotation import append
from sinks.settings import DeadLetterSettings
from sinks.sink import Rejection
from sinks.threads import in_thread, threads_of

log = logging.getLogger(__name__)


class DeadLetters:
    """A file that rotates, of one line of JSON for each refused report.

    A line is ``{"timestamp", "sink", "reason", "report"}``: when it was refused (ms since 1970), by which sink, why,
    and the whole report, or the text of a line that is none. `now_ms` is the clock.
    """

    def __init__(
        self, key: str, settings: DeadLetterSettings, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._key = key
        self._settings = settings
        self._now_ms = now_ms
        self.thread = threads_of(1)
        """Who writes the file."""

    async def put(self, rejected: Sequence[Rejection], within_s: float) -> int:
        """Put reports aside; return how many are in the file, which is fewer when the disk fails (it is logged).

        A disk that hangs for longer than `within_s` has failed: what waits for its turn must not wait for it. (s)
        """
        at = self._now_ms()
        texts = deque(self._line(at, rejection) for rejection in rejected)
        settings = self._settings
        try:
            with trio.fail_after(within_s):
                await in_thread(
                    self.thread, lambda: append(settings.path, texts, settings.max_bytes, settings.max_files)
                )
        except (OSError, trio.TooSlowError) as error:
            log.error("Sink %s: %d refused reports could not be put aside: %s", self._key, len(texts), described(error))
        return len(rejected) - len(texts)

    def _line(self, at: int, rejection: Rejection) -> bytes:
        told = orjson.dumps({"timestamp": at, "sink": self._key, "reason": rejection.reason})
        return told[:-1] + b',"report":' + _as_json(rejection.line) + b"}\n"


def _as_json(line: Line) -> bytes:
    """The report; or what is left of one that got damaged, as a text."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return orjson.dumps(line.decode(errors="backslashreplace"))
    return line
