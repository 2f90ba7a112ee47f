"""Recorded calls of guests: what each page sent over its socket, and what was true, under the ids that a node gives.

Pages of rtcstats-js are given tokens that name client, user and conference; a client of Jitsi's is its session.
"""

import base64
import hashlib
import hmac
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from schemas.jitsi_codec import Envelopes
from schemas.jitsi_session import JitsiSession
from schemas.rtcstats_session import RtcstatsSession
from schemas.samples import Item
from schemas.webrtc_stats import Bounds, Guest, connection_id
from tests.recordings.recording import Recording, Step, load

OWN = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[2].parent / "shared" / "recordings"
SECRET = "the secret of those who make tokens"
RTCSTATS, JITSI = "rtcstats-churn3", "jitsi-churn3"

_SESSION = re.compile(r"statsSessionId=([\w-]+)")
_NEVER_MIND = frozenset(("host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"))


@dataclass(frozen=True)
class Page:
    """One page: who it is, how it asks for its socket, what it sends (ms since the recorder started, text), and its
    end."""

    id: str
    target: str
    subprotocol: str
    headers: Sequence[tuple[str, str]]
    opened_at: float
    messages: Sequence[tuple[float, str]]
    closed_at: float
    code: int

    def back(self) -> "Page":
        """The same page, when it comes back."""
        return replace(self, target=self.target.replace("isReconnect=false", "isReconnect=true"))


@dataclass(frozen=True)
class RecordedCall:
    """A call: its pages, and a recording of what samples they stand for, by which reports are judged."""

    pages: Sequence[Page]
    judged: Recording

    @property
    def room_id(self) -> str:
        """The only room."""
        (room,) = self.judged.truth["rooms"]
        return str(room["roomId"])


def recorded(name: str) -> RecordedCall:
    """A call by the name of its recording."""
    folder = OWN if (OWN / f"{name}.jsonl.gz").exists() else SHARED
    recording = load(folder / f"{name}.jsonl.gz")
    people = _people(recording)
    pages = [_page(recording, connection, person) for connection, person in people.items()]
    return RecordedCall(pages, _judged(recording, pages, people))


def token(person: Mapping[str, Any]) -> str:
    """A token that says whose session it is."""
    claims = {"user": person["userId"], "session": person["clientId"], "conference": person["roomId"]}
    parts = [{"alg": "HS256", "typ": "JWT"}, {"rtcStats": claims}]
    signed = b".".join(_url_safe(json.dumps(part).encode()) for part in parts)
    return b".".join((signed, _url_safe(hmac.digest(SECRET.encode(), signed, hashlib.sha256)))).decode()


def _url_safe(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _people(recording: Recording) -> dict[int, Mapping[str, Any]]:
    """Who speaks over which connection: it names tracks that only that page has captured."""
    captured: dict[int, str] = defaultdict(str)
    for step in recording.steps:
        if "MediaOnSuccess" in str(step.body) or str(step.body).startswith("[61,"):
            captured[step.connection] += str(step.body)
    everybody = recording.truth["participants"]
    return {
        connection: next(person for person in everybody if any(id_ in said for id_ in person["localTracks"]))
        for connection, said in captured.items()
    }


def _page(recording: Recording, connection: int, person: Mapping[str, Any]) -> Page:
    steps = [step for step in recording.steps if step.connection == connection]
    (opened,) = [step for step in steps if step.act == "open"]
    (closed,) = [step for step in steps if step.act == "close"]
    session = _SESSION.search(opened.target)
    headers = [(name, value) for name, value in opened.headers if name.lower() not in _NEVER_MIND]
    (subprotocol,) = [value for name, value in headers if name == "Sec-WebSocket-Protocol"]
    return Page(
        session[1] if session else person["clientId"],
        opened.target if session else f"{opened.target}?rtcstats-token={token(person)}",
        subprotocol,
        [(name, value) for name, value in headers if not name.startswith("Sec-WebSocket")],
        opened.at,
        [(step.at, str(step.body)) for step in steps if step.act == "message"],
        closed.at,
        closed.code,
    )


def _judged(recording: Recording, pages: Sequence[Page], people: Mapping[int, Mapping[str, Any]]) -> Recording:
    """The recording as one of samples, with the ids that the node gives to clients and peer connections."""
    truth = json.dumps(recording.truth)
    for page, person in zip(pages, people.values(), strict=True):
        truth = truth.replace(person["clientId"], page.id)
    told = json.loads(truth)
    for person in told["participants"]:
        for connection in person["peerConnections"]:
            connection["monitorPcId"] = connection_id(person["clientId"], connection["monitorPcId"])
    for match in told["matching"]:
        for side in ("sender", "receiver"):
            match[f"{side}PcId"] = connection_id(match[f"{side}ClientId"], match[f"{side}PcId"])
    steps = []
    for number, (page, person) in enumerate(zip(pages, people.values(), strict=True)):
        for at, item in _samples(page, person, recording.started_at):
            steps.append(Step(at, "open", number))
            steps.append(Step(at, "message", number, body=json.dumps(item)))
    return replace(recording, truth=told, steps=sorted(steps, key=lambda step: step.at))


def _samples(page: Page, person: Mapping[str, Any], started_at: int) -> list[tuple[float, Item]]:
    """What a page says of times and ids; what becomes of the rest is judged by the truth."""
    who = Guest(page.id, person["roomId"], person["userId"])
    if page.subprotocol.startswith("rtcstats"):
        rtcstats = RtcstatsSession(who, Bounds())
        return [(at, item) for at, text in page.messages for item in rtcstats.feed(text, started_at + int(at))]
    jitsi, envelopes = JitsiSession(who, Bounds()), Envelopes(1_000_000)
    return [
        (at, item)
        for at, text in page.messages
        for envelope in envelopes.feed(text)
        for item in jitsi.take(envelope, started_at + int(at))
    ]
