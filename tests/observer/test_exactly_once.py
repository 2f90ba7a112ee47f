"""Whatever becomes of three nodes and of their sinks: what all of them told opens each row once, and closes it once."""

import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from observer.intake import Departed
from schemas.reports import Report, ReportType
from store.registry import Registry
from tests.replicas import Replicas
from tests.world import World, message, outbound, pad_in, pad_out, sample, sfu

SEEDS = range(25)
STEPS = 60
IDLE = {
    "call": 30_000,
    "client": 20_000,
    "peer_connection": 15_000,
    "outbound_track": 12_000,
    "sfu": 30_000,
    "sfu_transport": 20_000,
    "sfu_inbound_pad": 15_000,
    "sfu_sctp_channel": 12_000,
}
OPENS = {
    *("CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"),
    *("SFU_JOINED", "SFU_TRANSPORT_OPENED", "SFU_RTP_PAD_ADDED", "SFU_SCTP_STREAM_ADDED"),
}
CLOSES = {
    *("CALL_ENDED", "CLIENT_LEFT", "PEER_CONNECTION_CLOSED", "MEDIA_TRACK_REMOVED"),
    *("SFU_LEFT", "SFU_TRANSPORT_CLOSED", "SFU_RTP_PAD_REMOVED", "SFU_SCTP_STREAM_REMOVED"),
}


class Story:
    """What happens to the nodes, by chance; and all that arrived at their sinks."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.replicas = Replicas("n1", "n2", "n3", idle=IDLE)
        self.named = 3
        self.arrived: list[Report] = []
        self.failing: dict[World, int] = {}
        """How much had arrived of each node whose sinks fail."""

    def run(self) -> None:
        steps = [self.say, self.say, self.say, self.leave, self.depart, self.pass_time, self.pass_time]
        steps += [self.say_of_sfu, self.say_of_sfu, self.say_of_sfu, self.leave_as_sfu, self.depart_as_sfu]
        steps += [self.replace, self.bear_anew, self.end_life, self.end_life, self.kill, self.fail, self.mend]
        for _ in range(STEPS):
            self.chance.choice(steps)()
        while self.failing:
            self.mend()
        for _ in range(3):
            for world in self.replicas.nodes.values():
                world.tick()
        for world in self.replicas.nodes.values():
            self.arrived += world.told

    @property
    def registry(self) -> Registry:
        return self._any().registry

    def say(self) -> None:
        room = self.chance.choice("xy")
        who = f"{self.chance.randrange(5)}"
        heard = sample(who, room=room, at=self._any().now, **outbound(f"t{self.chance.randrange(2)}", 1))
        self._any().tell(message(heard))

    def leave(self) -> None:
        self._any().tell(message(leaving=(f"{self.chance.randrange(5)}",)))

    def depart(self) -> None:
        self._any().tell(Departed("svc", {f"{self.chance.randrange(5)}"}))

    def say_of_sfu(self) -> None:
        transport = f"t{self.chance.randrange(2)}"
        below: dict[str, Any] = {
            "inboundRtpPads": [pad_in(f"in{self.chance.randrange(2)}", transport=transport, ssrc=1)],
            "outboundRtpPads": [pad_out(transport=transport, ssrc=self.chance.randrange(2), internal=True)],
            "sctpChannels": [{"transportId": transport, "channelId": "ch", "streamId": "st"}],
        }
        some = {kind: rows for kind, rows in below.items() if self.chance.random() < 0.7}
        ago = self.chance.choice([0, 0, 500])
        world = self._any()
        world.tell(message(sfus=[sfu(f"{self.chance.randrange(3)}", at=world.now - ago, **some)]))

    def leave_as_sfu(self) -> None:
        self._any().tell(message(leaving_sfus=(f"{self.chance.randrange(3)}",)))

    def depart_as_sfu(self) -> None:
        self._any().tell(Departed("svc", (), {f"{self.chance.randrange(3)}"}))

    def pass_time(self) -> None:
        self.replicas.pass_time(self.chance.randrange(1, 20) * 1000)

    def replace(self) -> None:
        self.replicas.give_state(self._any())

    def bear_anew(self) -> None:
        world = self._marked()
        if world:
            self.replicas.bear_anew(world.name, self._name())

    def end_life(self) -> None:
        world = self._marked()
        if world:
            applied = self.chance.random() < 0.5
            name = self._name()
            self.replicas.end_life_at_next_commit(world.name, name, applied=applied)
            world.tell(message(sample(f"newcomer of {name}", room="x", at=world.now)))

    def kill(self) -> None:
        world = self._any()
        if world not in self.failing:
            _mark(world)
        self.arrived += world.told[: self.failing.pop(world, len(world.told))]
        heir = self.chance.choice([name for name in self.replicas.nodes if name != world.name])
        self.replicas.lose(world.name, heir)
        self.replicas.join(self._name())

    def fail(self) -> None:
        world = self._marked()
        if world:
            world.delivered = False
            self.failing[world] = len(world.told)

    def mend(self) -> None:
        if self.failing:
            world = self.chance.choice(list(self.failing))
            del self.failing[world]
            world.delivered = True

    def _any(self) -> World:
        return self.chance.choice(list(self.replicas.nodes.values()))

    def _marked(self) -> World | None:
        """A node all of whose events arrived, and are marked: if it loses its place, nothing is told twice."""
        world = self._any()
        if world in self.failing:
            return None
        _mark(world)
        return world

    def _name(self) -> str:
        self.named += 1
        return f"n{self.named}"


def _mark(world: World) -> None:
    """Lets a node tell the others of all that arrived, also of what it tells meanwhile."""
    world.tick()
    while world.pipeline.proposals.unmarked:
        world.tick()


def open_by_events(reports: Iterable[Report]) -> Counter[tuple[str | None, ...]]:
    """How often each row was opened more often than it was closed."""
    found: Counter[tuple[str | None, ...]] = Counter()
    for report in reports:
        type_, it = report.type, report.payload
        if type_ is ReportType.CALL_EVENT:
            row = (it["callId"], it["clientId"], it["peerConnectionId"], it["mediaTrackId"])
            found[row] += (it["name"] in OPENS) - (it["name"] in CLOSES)
        elif type_ is ReportType.SFU_EVENT:
            row = (it["sfuId"], it["transportId"], it["rtpPadId"], it["sctpStreamId"])
            found[row] += (it["name"] in OPENS) - (it["name"] in CLOSES)
    return found


def rows_of(registry: Registry) -> set[tuple[str | None, ...]]:
    """All rows that are there."""
    found: set[tuple[str | None, ...]] = set()
    for call in registry.calls.values():
        found.add((call.call_id, None, None, None))
        for client in call.clients.values():
            found.add((call.call_id, client.client_id, None, None))
            for connection in client.peer_connections.values():
                path = (call.call_id, client.client_id, connection.peer_connection_id)
                found.add((*path, None))
                found.update((*path, track.track_id) for track in connection.tracks.values())
    for one in registry.sfus.values():
        found.add((one.sfu_id, None, None, None))
        for transport in one.transports.values():
            own = (one.sfu_id, transport.transport_id)
            found.add((*own, None, None))
            found.update((*own, pad.pad_id, None) for pad in transport.pads.values())
            found.update((*own, None, channel.stream_id) for channel in transport.channels.values())
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_what_all_nodes_told_opens_and_closes_each_row_once(seed: int) -> None:
    story = Story(seed)

    story.run()

    opened = open_by_events(story.arrived)
    assert {row for row, count in opened.items() if count} == rows_of(story.registry)
    assert set(opened.values()) <= {0, 1}
