"""What was accepted, what was told, and whether the one follows from the other.

A sample counts as accepted if REST answered 200, or if it went over a WebSocket that stayed open for `LAST_MOMENTS`.
That means: it is queued in one process. What a process accepted within `LAST_MOMENTS` before SIGKILL may be lost with
it; it is counted apart, and so is what came while its pipeline was `behind`. Everything else must have its reports in
the files of the nodes together.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from tests.faults.node import Life, Node

LAST_MOMENTS = 1.0
"""How long before a kill, or before the end of a connection, nothing is sure. (s)"""

UNMARKED = 2.0
"""How long before a node is silenced a sample may have come whose events others tell again, beside the time that
reports wait: after that they know that it was told. (s)"""


INHERITED = 6.0
"""How long after a node is silenced another has told what it inherits: once it is removed, and its heir leads. (s)"""


@dataclass(slots=True)
class Said:
    """One sample that a life took, or that was sent to it; `cut` is when its connection broke. Times are trio's.

    With it came one of an SFU of the client's name, or not (`sfu`).
    """

    client_id: str
    room: str
    seq: int
    at: float
    life: Life
    cut: float | None = None
    leaves: bool = False
    sfu: bool = False

    @property
    def sure(self) -> bool:
        """Whether its client must be told of."""
        return self._taken_before(0.0)

    def reported(self, reports_every: float) -> bool:
        """Whether it must have a report: those that wait in a process are lost with it, other than events."""
        return self._taken_before(reports_every)

    def _taken_before(self, seconds: float) -> bool:
        killed, cut = self.life.killed, self.cut
        return (killed is None or self.at < killed - self.life.behind - LAST_MOMENTS - seconds) and (
            cut is None or self.at < cut - LAST_MOMENTS
        )


class Told(NamedTuple):
    """One report, and the life that wrote it."""

    life: Life
    type: str
    payload: Mapping[str, Any]


@dataclass
class Verdict:
    """What is wrong: `unheard` clients and SFUs never joined, `unreported` samples have no report, `twice` was told
    again.

    What is excused is counted apart: `lost` are clients that joined nowhere, each with its age at the kill (s); `again`
    are events told again for a life that was silenced soon after the first sample that shows what they tell.
    """

    unheard: list[str] = field(default_factory=list)
    unreported: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    lost: dict[str, float] = field(default_factory=dict)
    again: Counter[str] = field(default_factory=Counter)
    clients: int = 0
    samples: int = 0
    events: int = 0

    def assert_clean(self) -> None:
        """Nothing is wrong that nothing excuses."""
        wrong = [
            f"{what}: {len(which)}, such as {which[:5]}"
            for what, which in (("unheard", self.unheard), ("unreported", self.unreported), ("twice", self.twice))
            if which
        ]
        assert not wrong, "\n".join(wrong)

    def __str__(self) -> str:
        oldest = f", the oldest {max(self.lost.values()):.2f} s before the kill" if self.lost else ""
        return (
            f"{self.clients} clients, {self.samples} samples accepted for sure, {self.events} events: "
            f"{len(self.unheard)} unheard, {len(self.unreported)} unreported, {len(self.twice)} told twice; "
            f"with a silenced node {len(self.lost)} clients lost{oldest}, {sum(self.again.values())} events told again"
        )


def told(nodes: Iterable[Node]) -> Iterator[Told]:
    """All reports in the files of these nodes; half a line, which a killed process left, is none."""
    for node in nodes:
        lives, at, life = iter(node.lives[1:]), 0, node.lives[0]
        following = next(lives, None)
        with node.reports.open("rb") as lines:
            for line in lines:
                while following is not None and at >= following.begins_at:
                    life, following = following, next(lives, None)
                at += len(line)
                if line.endswith(b"}\n"):
                    try:
                        envelope = orjson.loads(line)
                    except orjson.JSONDecodeError:
                        continue
                    yield Told(life, envelope["type"], envelope["payload"])


_OPENED = {
    *("CALL_STARTED", "CLIENT_JOINED", "PEER_CONNECTION_OPENED", "MEDIA_TRACK_ADDED"),
    *("SFU_JOINED", "SFU_TRANSPORT_OPENED", "SFU_RTP_PAD_ADDED"),
}

EventKey = tuple[str, str | None, str | None, str | None, str | None]


def event_key(payload: Mapping[str, Any]) -> EventKey:
    """What there may be one event of: a call is that of its room, for no room here has two."""
    if "sfuId" in payload:
        return payload["name"], None, payload["sfuId"], payload["transportId"], payload["rtpPadId"]
    return (
        payload["name"],
        payload["roomId"],
        payload["clientId"],
        payload["peerConnectionId"],
        payload["mediaTrackId"],
    )


def judge(said: Iterable[Said], nodes: Iterable[Node], *, reports_every: float = 0.01) -> Verdict:
    """Compares what clients said with what the nodes told, whose reports wait for others for `reports_every` (s).

    Only samples over WebSockets (`seq` > 0) have reports besides the events.
    """
    tellers: defaultdict[EventKey, list[Life]] = defaultdict(list)
    reported: defaultdict[tuple[str, int], list[Life]] = defaultdict(list)
    for life, type_, payload in told(nodes):
        if type_ in ("CALL_EVENT", "SFU_EVENT"):
            tellers[event_key(payload)].append(life)
        elif type_ == "PEER_CONNECTION_TRANSPORT":
            reported[payload["clientId"], payload["sampleSeq"]].append(life)
    said = list(said)
    verdict = Verdict(events=sum(map(len, tellers.values())))
    joined = {key[2] for key in tellers if key[0] == "CLIENT_JOINED"}
    _judge_clients(said, joined, verdict)
    verdict.unheard += _unheard_sfus(said, {key[2] for key in tellers if key[0] == "SFU_JOINED"})
    verdict.unreported = [
        f"{one.seq} of {one.client_id}, said to {one.life}"
        for one in said
        if one.seq and one.reported(reports_every) and (one.client_id, one.seq) not in reported
    ]
    first: dict[str, Said] = {}
    for one in sorted(said, key=lambda one: one.at):
        for who in (one.client_id, one.room):
            first.setdefault(who, one)
    for key, lives in tellers.items():
        _judge_tellers(key, lives, first.get(key[2] or str(key[1])), UNMARKED + reports_every, verdict)
    for (client_id, seq), lives in reported.items():
        if len(lives) > 1:
            verdict.twice.append(f"sample {seq} of {client_id} by {', '.join(map(str, lives))}")
    return verdict


def _judge_clients(said: Iterable[Said], joined: set[str | None], verdict: Verdict) -> None:
    heard, unsure = set[str](), dict[str, float]()
    for one in said:
        if one.sure:
            heard.add(one.client_id)
            verdict.samples += 1
        elif one.client_id not in joined and one.life.killed is not None:
            age = one.life.killed - one.at
            unsure[one.client_id] = max(age, unsure.get(one.client_id, age))
    verdict.clients = len(heard)
    verdict.unheard = sorted(_heard_by(one) for one in said if one.sure and one.client_id not in joined)
    verdict.lost = {client_id: age for client_id, age in unsure.items() if client_id not in heard}


def _unheard_sfus(said: Iterable[Said], joined: set[str | None]) -> list[str]:
    silent = [one for one in said if one.sure and one.sfu and one.client_id not in joined]
    return sorted(f"the SFU of {_heard_by(one)}" for one in silent)


def _heard_by(one: Said) -> str:
    before = "" if one.life.killed is None else f" {one.life.killed - one.at:.2f} s before its end"
    return f"{one.client_id} by {one.life}{before}"


def _judge_tellers(key: EventKey, lives: list[Life], shown: Said | None, within: float, verdict: Verdict) -> None:
    """All but one of those who told the same must be excused."""
    if len(lives) == 1:
        return
    excused = _excused(shown, lives, within) if key[0] in _OPENED and shown else set()
    if len(set(lives)) < len(lives) or len(excused) < len(lives) - 1:
        verdict.twice.append(f"{' '.join(filter(None, key))} by {', '.join(map(str, lives))}")
    else:
        verdict.again[key[0]] += len(lives) - 1


def _excused(shown: Said, lives: list[Life], within: float) -> set[Life]:
    """Those who told and were silenced soon after: the first sample that shows it, or, for heirs, the end of the one
    whose heirs they are.
    """
    begin, end = shown.at - within, shown.at + within
    excused = set[Life]()
    for life in [shown.life, *sorted(lives, key=lambda life: min(life.silenced, default=0.0))]:
        at = life.silenced_within(begin, end)
        if at is not None:
            excused.add(life)
            end = max(end, at + INHERITED + within)
    return excused & set(lives)
