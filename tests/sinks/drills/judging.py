"""Whether a destination has what the observer made: all of it, nothing else, and each call in its order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

Made = Mapping[str, Any]
"""A report: its type and its payload."""

Parts = Mapping[str, Sequence[Made]]
"""What a destination has, by what of it is in order: a partition, a collection, a prefix, or all of it."""


@dataclass
class Verdict:
    """What is wrong with what a destination has. `repeated` is not: a report may arrive twice."""

    arrived: int = 0
    lost: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    repeated: int = 0

    def __str__(self) -> str:
        told = ((self.lost, "lost"), (self.strange, "strange"), (self.disordered, "out of order"))
        wrong = [f"{len(which)} {what}" + (f", such as {which[0]}" if which else "") for which, what in told]
        return f"{self.arrived} reports, {', '.join(wrong)}, {self.repeated} twice"

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.strange or self.disordered)


def judge(made: Iterable[Made], parts: Parts, unsure: range = range(0)) -> Verdict:
    """Compares a destination with the reports that were made, in their order.

    Those of times that are `unsure` (ms) may have arrived, or not: they were made shortly before a process was killed.
    """
    order = {_identity(one): at for at, one in enumerate(made) if one["payload"]["timestamp"] not in unsure}
    seen, verdict = Counter[bytes](), Verdict()
    for part, some in parts.items():
        last = dict[object, int]()
        for one in some:
            name = _identity(one)
            seen[name] += 1
            if name not in order:
                if one["payload"]["timestamp"] not in unsure:
                    verdict.strange.append(name.decode())
            elif seen[name] == 1:
                call, at = one["payload"].get("callId"), order[name]
                if at < last.get(call, -1):
                    verdict.disordered.append(f"{name.decode()} in {part}")
                last[call] = at
    verdict.arrived = seen.total()
    verdict.lost = [name.decode() for name in order if name not in seen]
    verdict.repeated = seen.total() - len(seen)
    return verdict


def reports(lines: Iterable[bytes]) -> list[Made]:
    """The reports of these lines of JSON."""
    return [orjson.loads(line) for line in lines]


def _identity(one: Made) -> bytes:
    return orjson.dumps([one["type"], one["payload"]], option=orjson.OPT_SORT_KEYS)
