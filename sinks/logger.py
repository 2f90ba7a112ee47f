"""LoggerSink: tells about reports in the observer's own log."""

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

import trio

from schemas.reports import ReportType
from sinks.encoding import type_of
from sinks.lines import Batch, Line
from sinks.sink import Send

TRACE = 5
"""The Python logging level that stands for TRACE, which Python does not have."""

logging.addLevelName(TRACE, "TRACE")


class LogLevel(StrEnum):
    """The names of levels, in any mixture of upper and lower case."""

    TRACE = "TRACE"
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"

    @classmethod
    def _missing_(cls, value: object) -> "LogLevel | None":
        return cls.__members__.get(str(value).upper())


LEVELS = {
    LogLevel.TRACE: TRACE,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARN: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


@dataclass(frozen=True)
class LoggerSink:
    """Logs how many reports there were, through the logger ``sink.<key>``; the number itself always at INFO."""

    log_level: LogLevel = LogLevel.INFO
    """The level of the type summary and of printed reports: TRACE, DEBUG, INFO, WARN or ERROR."""
    print_reports: bool = False
    """Log every report as indented JSON."""
    print_type_summary: bool = False
    """Log how many reports there were of each type."""

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        """Nothing to open: the log is always there."""
        logger = logging.getLogger(f"sink.{key}")

        async def send(batch: Batch) -> None:
            await self._tell(logger, batch)

        yield send

    # A batch may be thousands of reports: wherever it is gone through, the rest of the observer runs in between.

    async def _tell(self, logger: logging.Logger, batch: Batch) -> None:
        level = LEVELS[self.log_level]
        logger.info("Number of reports are: %d", len(batch))
        if self.print_type_summary:
            for type_, number in (await _types_in(batch)).items():
                logger.log(level, "Received number of reports of %s: %d", type_.value, number)
        if self.print_reports and logger.isEnabledFor(level):
            for line in batch:
                logger.log(level, "Report: %s", _pretty(line))
                await trio.lowlevel.checkpoint()


async def _types_in(batch: Batch) -> Counter[ReportType]:
    """How many reports there are of each type."""
    types: Counter[ReportType] = Counter()
    for piece in batch.pieces:
        types.update(_types(piece.text))
        await trio.lowlevel.checkpoint()
    return types


def _types(text: bytes) -> Iterator[ReportType]:
    start = 0
    while start < len(text):
        yield type_of(text, start)
        start = text.index(b"\n", start) + 1


def _pretty(line: Line) -> str:
    """Indented JSON in ASCII: what a client wrote can neither break a line of the log nor steer a terminal."""
    return json.dumps(json.loads(line), indent=2)
