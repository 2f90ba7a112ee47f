"""Reports that their destination refuses for good, put aside in a file for a person to look at."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

import orjson

from sinks.rotation import append
from sinks.settings import DeadLetterSettings
from sinks.sink import Rejection
from sinks.threads import in_thread, threads_of

log = logging.getLogger(__name__)


class DeadLetters:
    """A file that rotates, of one line of JSON for each refused report.

    A line is ``{"timestamp", "sink", "reason", "report"}``: when it was refused (ms since 1970), by which sink, why,
    and the whole report. `now_ms` is the clock.
    """

    def __init__(
        self, key: str, settings: DeadLetterSettings, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._key = key
        self._settings = settings
        self._now_ms = now_ms
        self._thread = threads_of(1)

    async def put(self, rejected: Sequence[Rejection]) -> int:
        """Put reports aside; return how many are in the file, which is fewer when the disk fails (it is logged)."""
        at = self._now_ms()
        texts = deque(self._line(at, rejection) for rejection in rejected)
        settings = self._settings
        try:
            await in_thread(self._thread, lambda: append(settings.path, texts, settings.max_bytes, settings.max_files))
        except OSError as error:
            log.error("Sink %s: %d refused reports could not be put aside: %s", self._key, len(texts), error)
        return len(rejected) - len(texts)

    def _line(self, at: int, rejection: Rejection) -> bytes:
        told = orjson.dumps({"timestamp": at, "sink": self._key, "reason": rejection.reason})
        return told[:-1] + b',"report":' + rejection.line + b"}\n"
