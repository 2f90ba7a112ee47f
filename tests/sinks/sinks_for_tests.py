"""Reports and sinks for the tests of delivery: plain values, each with the one behaviour that a test is about."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import trio

from schemas.reports import NAMES, Report, ReportType, report_of, to_json
from sinks.delivery import Delivery
from sinks.fan_out import Deliveries
from sinks.lines import Batch, Line, batch_of
from sinks.retry import Retry
from sinks.settings import ReportsCollector, SinkSettings
from sinks.sink import NotDelivered, Rejection, Send, Sink

AT_ONCE = ReportsCollector(max_items=10_000, max_time_in_ms=0)


def report(name: str, type_: ReportType = ReportType.CALL_EVENT, **fields: Any) -> Report:
    """A report that tests tell from others by `name`, which stands in its marker."""
    values = {**fields, "marker": name}
    return report_of(type_, *map(values.get, NAMES[type_]))


def reports(number: int, start: int = 0) -> list[Report]:
    return [report(str(n)) for n in range(start, start + number)]


def line(name: str, type_: ReportType = ReportType.CALL_EVENT, **fields: Any) -> Line:
    return to_json(report(name, type_, **fields))


def lines(number: int, start: int = 0) -> list[Line]:
    return [line(str(n)) for n in range(start, start + number)]


def batch(number: int, start: int = 0) -> Batch:
    return batch_of(lines(number, start))


def names(some: Iterable[Line]) -> list[str]:
    return [orjson.loads(one)["payload"]["marker"] for one in some]


@dataclass(frozen=True)
class RecordingSink:
    """Takes everything; `before` runs ahead of each batch and may fail or wait."""

    before: Callable[[Batch], Any] | None = None
    batches: list[Batch] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    opened_at: list[float] = field(default_factory=list)

    @property
    def received(self) -> list[str]:
        return [name for one in self.batches for name in names(one)]

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        self.opened_at.append(trio.current_time())

        async def send(batch: Batch) -> None:
            self.times.append(trio.current_time())
            if self.before is not None and (pause := self.before(batch)) is not None:
                await trio.sleep(pause)
            self.batches.append(batch)

        yield send


@dataclass(frozen=True)
class PartialSink:
    """Rejects the reports that `poison` names, and takes the others one half at a time."""

    poison: frozenset[str] = frozenset()
    received: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        async def send(batch: Batch) -> None:
            self.times.append(trio.current_time())
            rejected = [Rejection(one, "poison") for one in batch if names([one])[0] in self.poison]
            good = [one for one in batch if names([one])[0] not in self.poison]
            half = (len(good) + 1) // 2
            self.received.extend(names(good[:half]))
            if good[half:] or rejected:
                raise NotDelivered("half of it", batch_of(good[half:]), rejected)

        yield send


@dataclass(frozen=True)
class ClosedSink:
    """Cannot be opened the first `times` times."""

    times: int
    attempts: list[float] = field(default_factory=list)
    received: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        self.attempts.append(trio.current_time())
        if len(self.attempts) <= self.times:
            raise ConnectionRefusedError("nobody listens")

        async def send(batch: Batch) -> None:
            self.received.extend(names(batch))

        yield send


@dataclass(frozen=True)
class SlowDoorSink:
    """Takes so many seconds to open and to close; closing may fail as well."""

    opening_s: float = 0
    closing_s: float = 0
    closing_fails: bool = False
    opened_at: list[float] = field(default_factory=list)
    received: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        async def send(batch: Batch) -> None:
            self.received.extend(names(batch))

        self.opened_at.append(trio.current_time())
        await trio.sleep(self.opening_s)
        yield send
        await trio.sleep(self.closing_s)
        if self.closing_fails:
            raise ConnectionResetError("the service did not say goodbye")


@dataclass(frozen=True)
class ClosingSink:
    """Closes as soon as it is open, without an error."""

    opened_at: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        async def send(batch: Batch) -> None:
            await trio.sleep_forever()

        self.opened_at.append(trio.current_time())
        with trio.CancelScope() as scope:
            scope.cancel()
            yield send


@dataclass(frozen=True)
class BackgroundSink:
    """Has a task of its own, as a client of a WebSocket does, which breaks after a while."""

    breaks_after_s: float
    opened_at: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def opened(self, key: str) -> AsyncIterator[Send]:
        async def send(batch: Batch) -> None:
            await trio.lowlevel.checkpoint()

        async def background() -> None:
            await trio.sleep(self.breaks_after_s)
            raise ConnectionResetError("the service went away")

        self.opened_at.append(trio.current_time())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(background)
            yield send
            nursery.cancel_scope.cancel()


def failing(times: int, error: Exception) -> Callable[[Batch], None]:
    """Raises the error so many times, then no more."""
    left = [error] * times

    def before(batch: Batch) -> None:
        if left:
            raise left.pop()

    return before


def delivery(
    sink: Sink,
    settings: SinkSettings | None = None,
    *,
    key: str = "mySink",
    collector: ReportsCollector = AT_ONCE,
    chance: Callable[[], float] = lambda: 1.0,
) -> Delivery:
    return Delivery(key, sink, settings or SinkSettings("TestSink"), collector, chance)


def with_retry(initial_in_ms: int = 100, max_in_ms: int = 30_000, give_up_after_in_s: float = 300) -> SinkSettings:
    return SinkSettings("TestSink", retry=Retry(initial_in_ms, max_in_ms, give_up_after_in_s))


@asynccontextmanager
async def running(*some: Delivery) -> AsyncIterator[Deliveries]:
    """The deliveries at work; drained at the end."""
    deliveries = Deliveries(some)
    async with trio.open_nursery() as nursery:
        await nursery.start(deliveries.run)
        yield deliveries
        await deliveries.drain(10)
