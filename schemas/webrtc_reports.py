"""The reports of one peer connection as its last message left them, within what a session may have us remember.

Libraries send what changed since the message before, each in its own way (`schemas.rtcstats_codec`,
`schemas.jitsi_codec`); what they share is here. A report is never changed: what changes becomes a new one, so that a
sample which was told stays as it is.
"""

from typing import Any

import orjson

from schemas.deltas import Allowance
from schemas.samples import Item
from schemas.webrtc_stats import LONGEST_ID, Bounds, Skipped, Skips

_LIGHT = frozenset((int, float, bool, type(None)))
_LONGEST_TEXT = 4096
_LONGEST_NESTED = 4096
_NESTED_WEIGHT = 20
"""What a byte of nested JSON takes in memory at most, where it is full of empty objects."""
_REPORT_WEIGHT, _MEMBER_WEIGHT = 300, 80


class Remembered:
    """The reports of one peer connection, by id; each bears its own ``id``.

    What they weigh is taken from `memory`, which the peer connections of a session share, and from `shared`, which all
    sessions do. What does not fit, or is no report, is counted in `skipped` and left out.
    """

    __slots__ = ("_bounds", "_memory", "_shared", "_skipped", "_weights", "stats", "weight")

    def __init__(self, bounds: Bounds, memory: Allowance, skipped: Skips, shared: Allowance | None = None) -> None:
        self.stats: dict[str, Item] = {}
        self.weight = 0
        self._weights: dict[str, int] = {}
        self._bounds = bounds
        self._memory = memory
        self._shared = shared or Allowance(bounds.max_remembered_size)
        self._skipped = skipped

    def merge(self, id_: str, members: Item, into: dict[str, Item]) -> None:
        """Puts into `into` the report `id_` with the `members` that changed, which are the caller's to give away."""
        old = self.stats.get(id_)
        if type(members.get("type", "")) is not str:
            self._skipped[Skipped.REPORT_INVALID] += 1
            del members["type"]
        heavy = not _LIGHT.issuperset(map(type, members.values()))
        if heavy:
            self._keep_fitting(members)
        if old is None:
            if not id_ or len(id_) > LONGEST_ID:
                self._skipped[Skipped.ID_INVALID] += 1
                return
            if len(into) >= self._bounds.max_reports_per_peer_connection:
                self._skipped[Skipped.TOO_MANY_REPORTS] += 1
                return
            if "type" not in members:
                self._skipped[Skipped.BASE_UNKNOWN] += 1
            report = members
        else:
            report = old | members
        report["id"] = id_
        if (heavy or old is None or len(report) != len(old)) and not self._weighed(id_, report):
            self._skipped[Skipped.TOO_MUCH_REMEMBERED] += 1
            return
        into[id_] = report

    def settle(self, stats: dict[str, Item]) -> None:
        """From now on these are the reports; those that are not among them are forgotten."""
        if len(stats) != len(self._weights):
            for id_ in self._weights.keys() - stats.keys():
                self._take(-self._weights.pop(id_))
        self.stats = stats

    def forget(self) -> None:
        """There are no reports any more."""
        self.settle({})

    def _weighed(self, id_: str, report: Item) -> bool:
        """Takes what a report weighs from what may be remembered; ``False`` if it is too much."""
        more = _weight(report) - self._weights.get(id_, 0)
        if more > min(self._memory.left, self._shared.left):
            return False
        self._weights[id_] = self._weights.get(id_, 0) + more
        self._take(more)
        return True

    def _take(self, more: int) -> None:
        self.weight += more
        self._memory.left -= more
        self._shared.left -= more

    def _keep_fitting(self, members: Item) -> None:
        """Takes out what no browser tells: texts that are too long, and what nests too much."""
        for name, value in [*members.items()]:
            if not _fits(value):
                self._skipped[Skipped.REPORT_INVALID] += 1
                del members[name]


def _fits(value: Any) -> bool:
    kind = type(value)
    if kind in _LIGHT:
        return True
    if kind is str:
        return len(value) <= _LONGEST_TEXT
    try:
        return len(orjson.dumps(value)) <= _LONGEST_NESTED
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        return False


def _weight(report: Item) -> int:
    """How many bytes a report takes, about."""
    weight = _REPORT_WEIGHT + _MEMBER_WEIGHT * len(report) + sum(map(len, report))
    for value in report.values():
        kind = type(value)
        if kind is str:
            weight += len(value)
        elif kind not in _LIGHT:
            weight += _NESTED_WEIGHT * len(orjson.dumps(value))
    return weight
