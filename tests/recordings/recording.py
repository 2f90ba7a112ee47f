"""Recordings of real clients: what they sent, when and over which connections, and what was true meanwhile.

A recording is two files: ``NAME.jsonl.gz``, one event a line (a socket opens, a message arrives, a socket closes, a
request arrives; ``t`` in ms since the recorder started), and ``NAME.truth.json``, who was in which room and which
stream came from whom.
"""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.recordings.rewriting import Rewriting
from tests.recordings.spoken import spoken

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing a client did: `at` ms after the recorder started, on its connection `connection`.

    `act` is ``open``, ``message``, ``close`` or ``request``. `body` is text when the client sent text, else bytes.
    """

    at: float
    act: str
    connection: int
    target: str = ""
    method: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str | bytes = b""
    code: int = 0


@dataclass(frozen=True)
class Recording:
    """What clients did, in the order in which they did it, and the truth about it."""

    name: str
    started_at: int
    """When the recorder started. (ms since the epoch)"""
    steps: Sequence[Step]
    truth: Truth

    def samples(self) -> Iterator[Mapping[str, Any]]:
        """Every Samples object that its clients sent, of those who speak JSON."""
        for step in self.steps:
            if step.act == "message" or (step.act == "request" and step.method == "POST"):
                yield json.loads(step.body)

    def heard(self) -> dict[str, tuple[int, int]]:
        """The timestamps of the first and the last sample of every client and SFU. (ms since the epoch)"""
        spans: dict[str, tuple[int, int]] = {}
        for who, at in self._spoken():
            first, last = spans.get(who, (at, at))
            spans[who] = min(first, at), max(last, at)
        return spans

    def _spoken(self) -> Iterator[tuple[str, int]]:
        """Who gave a sample of which time; a delta is of whom its connection named before."""
        targets: dict[int, str] = {}
        named: dict[int, str] = {}
        for step in self.steps:
            if step.act in ("open", "request"):
                targets[step.connection] = step.target
            if step.body:
                for sample in spoken(step.body, targets[step.connection]):
                    who = named[step.connection] = sample.who or named[step.connection]
                    yield who, sample.timestamp

    def copy(self, number: int) -> "Recording":
        """The same clients once more: every UUID, room id and SSRC another, the same one wherever it stood.

        Copy 0 is the recording itself, byte for byte.
        """
        if number == 0:
            return self
        other = Rewriting(self.truth, number)
        protobuf = any("format=protobuf" in step.target for step in self.steps)
        steps = [
            replace(step, target=other.text(step.target), body=other.body(step.body, protobuf=protobuf))
            for step in self.steps
        ]
        truth = json.loads(other.text(json.dumps(self.truth)))
        return Recording(f"{self.name}#{number}", self.started_at, steps, truth)


def load(path: Path) -> Recording:
    """Reads ``NAME.jsonl.gz`` and the truth beside it."""
    name = path.name.removesuffix(".jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    truth = json.loads(path.with_name(f"{name}.truth.json").read_text())
    started_at = next(event["startedAt"] for event in events if event["ev"] == "meta")
    steps = [step for event in events if (step := _step(event)) is not None]
    return Recording(name, started_at, sorted(steps, key=lambda step: step.at), truth)


_ACTS = {"open": "open", "msg": "message", "close": "close", "http": "request"}


def _step(event: Mapping[str, Any]) -> Step | None:
    act = _ACTS.get(event["ev"])
    if act is None or event.get("dir") == "out":
        return None
    raw = event.get("rawHeaders", [])
    return Step(
        at=event["t"],
        act=act,
        connection=event["conn"],
        target=event.get("url", ""),
        method=event.get("method", ""),
        headers=tuple(zip(raw[::2], raw[1::2], strict=True)),
        body=event["text"] if "text" in event else base64.b64decode(event.get("b64", "")),
        code=event.get("code", 0),
    )
