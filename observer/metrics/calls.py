"""How long calls last and how many join them, from the events that tell of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.metrics_core import Metric

from observer.metrics.families import Group
from observer.metrics.histogram import Histogram

_MOST_OPEN_CALLS = 100_000
_PARTICIPANTS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500)
_MOST_PARTICIPANTS = 1_000_000
_MINUTE = 60
_DURATIONS = tuple(minutes * _MINUTE for minutes in (0.5, 1, 5, 10, 20, 30, 45, 60, 90, 120, 240, 480))
_LONGEST_CALL = 30 * 24 * 60 * _MINUTE

Key = tuple[Any, Any, Any]


@dataclass(slots=True)
class _OpenCall:
    started: int
    joined: int = 0


class CallMetrics:
    """Remembers the calls whose start was told here, and observes each when its end is told here.

    The end of a call may be told by another node, and then it is not forgotten: of more than `most_open` the oldest go.
    """

    def __init__(self, most_open: int = _MOST_OPEN_CALLS) -> None:
        self._most_open = most_open
        self._open: dict[Key, _OpenCall] = {}
        self._participants = Histogram(_PARTICIPANTS, _MOST_PARTICIPANTS)
        self._durations = Histogram(_DURATIONS, _LONGEST_CALL)
        self.readers: Mapping[str, Callable[[Any], None]] = {
            "CALL_STARTED": self._start,
            "CLIENT_JOINED": self._join,
            "CALL_ENDED": self._end,
        }
        """What is to be called with the report of an event, by its name."""

    def families(self, group: Group) -> Iterator[Metric]:
        """The histograms."""
        yield group.histogram(
            "calls_participants_number",
            "Clients that joined a call until it ended; one that left and came back is counted again.",
            self._participants,
        )
        yield group.histogram(
            "call_durations",
            "From the start of a call to the last sign of life before it ended; minutes in the reference. (s)",
            self._durations,
            unit="seconds",
        )

    def _start(self, report: Any) -> None:
        self._open[_key(report)] = _OpenCall(report.timestamp)
        if len(self._open) > self._most_open:
            del self._open[next(iter(self._open))]

    def _join(self, report: Any) -> None:
        call = self._open.get(_key(report))
        if call is not None:
            call.joined += 1

    def _end(self, report: Any) -> None:
        call = self._open.pop(_key(report), None)
        if call is not None:
            self._participants.observe(call.joined)
            self._durations.observe((report.timestamp - call.started) / 1000)


def _key(report: Any) -> Key:
    return report.service_id, report.room_id, report.call_id
