"""Recorded pages with rtcstats-js and with Jitsi's client, played to the port for samples over sockets."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked
from trio_websocket import WebSocketConnection

from ingest import Jitsi, Rtcstats
from observer.intake import Departed
from schemas.messages import Samples
from schemas.webrtc_stats import connection_id
from tests.ingest.visiting import SECRET, Cluster, Paper, Visited, signed, visiting
from tests.recordings.judge import faults
from tests.recordings.recording import Recording, Step, load
from tests.web.serving import WIRE, socket_pair
from tests.world import World

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"
NAMES = ("rtcstats-churn3", "jitsi-churn3")
LONGER_THAN_ANY_LIMIT_MS = 400_000
CUT = 12_000
"""How long after their first message all clients lose their sockets, where they do. (ms)"""

pytestmark = pytest.mark.skipif(not RECORDINGS.exists(), reason="the recordings are not at hand")


@dataclass(frozen=True)
class Visit(Recording):
    """A recording, with the samples that its clients gave."""

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    def heard(self) -> dict[str, tuple[int, int]]:
        return self.spans


@dataclass
class Played:
    """What came of a recording: for each moment what the pipeline was given, and the dumps."""

    recording: Recording
    told: list[tuple[int, Samples | Departed]] = field(default_factory=list)
    dumps: list[Paper] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    sent: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[int, str] = field(default_factory=dict)
    """Under what id the client of each connection is known."""


class Player:
    """Plays to one node after the other what clients sent to one."""

    def __init__(self, recording: Recording, played: Played) -> None:
        self.recording = recording
        self.played = played
        self.people = people(recording)
        self.sockets: dict[int, WebSocketConnection] = {}
        self.now = recording.started_at
        self._begins = set[int]()
        self._seen = self._gone = self._sent = 0

    def text(self, step: Step) -> str:
        """What a client sends; the first message of another socket has the whole time in pages with rtcstats-js."""
        if step.connection not in self._begins:
            return str(step.body)
        self._begins.remove(step.connection)
        message = [*json.loads(step.body)[:-1], self.now]
        return json.dumps(message, separators=(",", ":"))

    async def play(self, visited: Visited, steps: list[Step]) -> None:
        self._seen = self._gone = self._sent = 0
        for step in steps:
            self.now = self.recording.started_at + int(step.at)
            if step.act == "open":
                await self.open(visited, step.connection, back=False)
            elif step.act == "message":
                text = self.text(step)
                await self.sockets[step.connection].send_message(text)
                self.played.sent[step.connection].append(text)
                self._sent += 1
            else:
                await self.sockets.pop(step.connection).aclose(step.code if step.code >= 3000 else 1001)
            await self.settle(visited)
            self.note(visited)

    async def settle(self, visited: Visited) -> None:
        """Waits until all that was sent has come, and nobody has anything left to do."""
        counts = visited.statistics
        while (counts.messages.total(), counts.open_sockets.total()) != (self._sent, len(self.sockets)):
            await wait_all_tasks_blocked(0.0005)
        await wait_all_tasks_blocked()

    async def open(self, visited: Visited, connection: int, *, back: bool) -> None:
        person = self.people[connection]
        if self.recording.name.startswith("rtcstats"):
            self.played.ids[connection] = person["clientId"]
            claims = {"user": person["userId"], "session": person["clientId"], "conference": person["roomId"]}
            path = f"/rtcstats/elsewhere?rtcstats-token={signed(claims)}"
            self.sockets[connection] = await visited.socket(path, "rtcstats#5.0")
            if back:
                self._begins.add(connection)
            return
        id_ = self.played.ids[connection] = statistics_id(self.recording, connection)
        socket, seq = await visited.browser(id_, back=back, room="elsewhere")
        assert (seq > 0) is back
        self.sockets[connection] = socket

    def note(self, visited: Visited) -> None:
        """Keeps what the pipeline was given since the last time."""
        pipeline = visited.pipeline
        for samples in pipeline.taken[self._seen :]:
            self.played.told.append((self.now, samples))
        for service_id, client_ids in pipeline.departures[self._gone :]:
            self.played.told.append((self.now, Departed(service_id, client_ids)))
        self._seen, self._gone = len(pipeline.taken), len(pipeline.departures)

    def end(self, visited: Visited) -> None:
        self.played.dumps += visited.dumps
        for (_, reason), count in visited.statistics.skipped.items():
            self.played.skipped[reason] = self.played.skipped.get(reason, 0) + count


def people(recording: Recording) -> dict[int, Mapping[str, Any]]:
    """Who speaks over which connection: it names tracks that only that page has captured."""
    said: dict[int, str] = defaultdict(str)
    for step in recording.steps:
        if "MediaOnSuccess" in str(step.body) or str(step.body).startswith("[61,"):
            said[step.connection] += str(step.body)
    return {
        connection: next(
            person for person in recording.truth["participants"] if any(id_ in text for id_ in person["localTracks"])
        )
        for connection, text in said.items()
    }


def statistics_id(recording: Recording, connection: int) -> str:
    target = next(step.target for step in recording.steps if step.act == "open" and step.connection == connection)
    return target.partition("statsSessionId=")[2].partition("&")[0]


@cache
def played(name: str, *, moving: bool = False) -> Played:
    """A recording played to a node; a `moving` one to two nodes, where the first one goes away in the middle."""
    recording = load(RECORDINGS / f"{name}.jsonl.gz")
    came = Played(recording)
    player = Player(recording, came)
    steps = list(recording.steps)
    joined = max(step.at for step in steps if step.act == "open")
    half = next(at for at, step in enumerate(steps) if step.at > joined + CUT) if moving else len(steps)

    async def run() -> None:
        token = WIRE.set(socket_pair)
        cluster = Cluster()
        settings = Rtcstats(jwt_secret=SECRET), Jitsi()
        async with visiting(*settings, now=lambda: player.now, cluster=cluster) as visited:
            await player.play(visited, steps[:half])
            await visited.guests.tend()
            player.end(visited)
            open_ = list(player.sockets)
            await visited.served.server.close(1)
        if open_:
            async with visiting(*settings, now=lambda: player.now, cluster=cluster) as visited:
                for connection in open_:
                    await player.open(visited, connection, back=True)
                await player.play(visited, steps[half:])
                player.end(visited)
        WIRE.reset(token)

    trio.run(run)
    return came


def true(came: Played) -> Visit:
    """The recording with the truth in the ids that clients are known by here."""
    names = {person["clientId"]: came.ids[number] for number, person in people(came.recording).items()}
    text = json.dumps(came.recording.truth)
    for theirs, ours in names.items():
        text = text.replace(theirs, ours)
    truth = json.loads(text)
    for person in truth["participants"]:
        for connection in person["peerConnections"]:
            connection["monitorPcId"] = connection_id(person["clientId"], connection["monitorPcId"])
    for match in truth["matching"]:
        for side in ("sender", "receiver"):
            match[f"{side}PcId"] = connection_id(match[f"{side}ClientId"], match[f"{side}PcId"])
    spans: dict[str, tuple[int, int]] = {}
    for _, item in came.told:
        if isinstance(item, Samples):
            for client in item.clients:
                first, _last = spans.get(client.client_id, (client.timestamp, 0))
                spans[client.client_id] = first, client.timestamp
    recording = came.recording
    return Visit(recording.name, recording.started_at, recording.steps, truth, spans)


def reported(came: Played) -> list[dict[str, Any]]:
    world = World(idle={"client": 300_000})
    for at, item in came.told:
        world.now = at
        world.tell(item)
    world.pass_time(LONGER_THAN_ANY_LIMIT_MS)
    assert world.rejected == {}
    return [{"type": it.type.value, "schemaVersion": "2.2.0", "payload": it.payload} for it in world.told]


@pytest.mark.parametrize("moving", [False, True], ids=["staying", "moving"])
@pytest.mark.parametrize("name", NAMES)
def test_all_that_was_true_is_reported(name: str, moving: bool) -> None:
    came = played(name, moving=moving)

    assert faults(reported(came), [true(came)]) == []


@pytest.mark.parametrize("moving", [False, True], ids=["staying", "moving"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_real_page_is_skipped(name: str, moving: bool) -> None:
    assert played(name, moving=moving).skipped == {}


def rtcstats_lines(sent: list[str]) -> list[str]:
    return sent


def jitsi_lines(sent: list[str]) -> list[str]:
    """What of envelopes is written down."""
    data = [json.loads(text).get("data") for text in sent]
    return [it if isinstance(it, str) else json.dumps(it, separators=(",", ":")) for it in data if it is not None]


@pytest.mark.parametrize(("name", "lines"), [(NAMES[0], rtcstats_lines), (NAMES[1], jitsi_lines)])
@pytest.mark.parametrize("moving", [False, True], ids=["staying", "moving"])
def test_dumps_have_each_message_once(name: str, lines: Callable[[list[str]], list[str]], moving: bool) -> None:
    came = played(name, moving=moving)
    written: dict[str, list[str]] = defaultdict(list)
    for dump in came.dumps:
        id_ = dump.began.id or dump.began.identity["session"]
        written[id_] += [line.decode() for line in dump.lines]

    assert {number: written[id_] for number, id_ in came.ids.items()} == {
        number: lines(came.sent[number]) for number in came.ids
    }
    assert all(dump.closed for dump in came.dumps)
