"""Recordings of real clients: what they sent, when and over which connections, and what was true meanwhile.

A recording is two files: ``NAME.jsonl.gz``, one event a line (a socket opens, a message arrives, a socket closes, a
request arrives; ``t`` in ms since the recorder started), and ``NAME.truth.json``, who was in which room and which
stream came from whom.
"""

import base64
import gzip
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

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
        """Every Samples object that its clients sent."""
        for step in self.steps:
            if step.act == "message" or (step.act == "request" and step.method == "POST"):
                yield json.loads(step.body)

    def heard(self) -> dict[str, tuple[int, int]]:
        """The timestamps of the first and the last sample of every client. (ms since the epoch)"""
        spans: dict[str, tuple[int, int]] = {}
        for samples in self.samples():
            for sample in samples.get("clientSamples") or ():
                at = int(sample["timestamp"])
                first, last = spans.get(sample["clientId"], (at, at))
                spans[sample["clientId"]] = min(first, at), max(last, at)
        return spans

    def copy(self, number: int) -> "Recording":
        """The same clients once more: every UUID, room id and SSRC another, the same one wherever it stood.

        Copy 0 is the recording itself, byte for byte.
        """
        if number == 0:
            return self
        rewrite = _rewriter(self.truth, number)
        steps = [_rewritten(step, rewrite) for step in self.steps]
        truth = json.loads(rewrite(json.dumps(self.truth)))
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


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\d.])\d{5,10}(?!\d)")


def _rewriter(truth: Truth, number: int) -> Callable[[str], str]:
    ssrcs = {str(ssrc): str(_other_ssrc(ssrc, number)) for ssrc in _ssrcs(truth)}
    rooms = {room["roomId"]: f"{room['roomId']}-copy-{number}" for room in truth["rooms"]}
    room = re.compile("|".join(re.escape(name) for name in rooms))

    def rewrite(text: str) -> str:
        text = room.sub(lambda found: rooms[found[0]], text)
        text = _UUID.sub(lambda found: str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number} {found[0].lower()}")), text)
        return _NUMBER.sub(lambda found: ssrcs.get(found[0], found[0]), text)

    return rewrite


def _ssrcs(truth: Truth) -> set[int]:
    found: set[int] = set()
    for participant in truth["participants"]:
        for connection in participant["peerConnections"]:
            for ssrc, stream in (connection["inbound"] | connection["outbound"]).items():
                found |= {int(ssrc), int(stream.get("rtxSsrc") or 0)}
    for match in truth.get("sfuMatching", ()):
        found |= {*match["ssrcs"], *match["outboundSsrcs"]}
    return found - {0}


def _other_ssrc(ssrc: int, number: int) -> int:
    """Another SSRC of 32 bits, at least 10 000 so that it reads as one."""
    return 10_000 + int.from_bytes(sha256(f"{number} {ssrc}".encode()).digest()[:4]) % (2**32 - 10_000)


def _rewritten(step: Step, rewrite: Callable[[str], str]) -> Step:
    body = rewrite(step.body) if isinstance(step.body, str) else rewrite(step.body.decode()).encode()
    return replace(step, target=rewrite(step.target), body=body)
