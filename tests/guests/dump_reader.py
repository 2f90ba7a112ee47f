"""Reads dumps by the rules of their formats, as the tools of their makers do, and nothing of ours."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_GET_STATS = ("g", 1, "getStats", "getstats")
_TYPE, _SSRC = ("type",), ("ssrc", "10")
_INBOUND = ("inbound-rtp", 1)


@dataclass(frozen=True)
class Read:
    """A dump: its head, its lines as they stand there, when each message was (ms since the epoch), and what it tells.

    `statistics` are the last of each peer connection, `heard` all SSRCs that were received.
    """

    head: Mapping[str, Any]
    lines: Sequence[str]
    times: Sequence[float]
    statistics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    heard: frozenset[int] = frozenset()


def stored(folder: Path) -> list[Read]:
    """All dumps of a folder."""
    return [read(path) for path in sorted(folder.glob("*.gz"))]


def read(path: Path) -> Read:
    """A dump of either format. Raises `ValueError` for what the tools refuse."""
    text = gzip.decompress(path.read_bytes()).decode()
    return _rtcstats(text) if text.startswith("RTCStatsDump\n") else _jitsi(text)


def _rtcstats(text: str) -> Read:
    _, head, *lines = text.removesuffix("\n").split("\n")
    about = json.loads(head)
    if not isinstance(about, dict) or about["fileFormat"] != 3:
        raise ValueError("the second line is no head")
    now, times = 0.0, []
    statistics: dict[str, dict[str, Any]] = {}
    heard: set[int] = set()
    for line in lines:
        method, connection, value, *_, delta = json.loads(line)
        now = delta if delta > 10**11 else now + delta
        times.append(now)
        if method in _GET_STATS:
            statistics[connection] = _merged(statistics.get(connection, {}), value)
            heard |= _received(statistics[connection])
    return Read(about, lines, times, statistics, frozenset(heard))


def _merged(before: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """The statistics after a delta in which null stands for what is gone."""
    now = {id_: dict(report) for id_, report in before.items()}
    for id_, change in delta.items():
        if id_ == "t":
            continue
        if change is None:
            now.pop(id_, None)
        else:
            now[id_] = now.get(id_, {}) | change
    return now


def _jitsi(text: str) -> Read:
    head, *lines = text.removesuffix("\n").split("\n")
    method, _, about, _ = json.loads(head)
    if method != "connectionInfo":
        raise ValueError("the first line is no head")
    times: list[float] = []
    statistics: dict[str, dict[str, Any]] = {}
    heard: set[int] = set()
    for line in lines:
        method, connection, value, at, *_ = json.loads(line)
        times.append(at)
        if method in _GET_STATS:
            before = statistics.get(connection, {})
            reports = {id_: report for id_, report in value.items() if id_ != "timestamp"}
            statistics[connection] = {id_: before.get(id_, {}) | report for id_, report in reports.items()}
            heard |= _received(statistics[connection])
    return Read(about, lines, times, statistics, frozenset(heard))


def _received(statistics: Mapping[str, Mapping[str, Any]]) -> set[int]:
    return {
        next(report[name] for name in _SSRC if name in report)
        for report in statistics.values()
        if report.get("type") in _INBOUND and any(name in report for name in _SSRC)
    }
