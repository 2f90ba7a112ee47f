"""A world for tests of the analysis: the real pipeline over a list, a plain registry and a list. No port, no sink.

``tell`` is one batch; its answer is what came out. Time stands still unless ``pass_time`` moves it; the wall clock is
wrong by ``clock_error`` (ms). ``meanwhile`` is done between the proposal of a command and its commit.

The node leads, has a majority, and its peers are those that its registry knows, unless ``standing`` says otherwise:
fields of its `Status`. Its ``name`` may be changed: then it is a new member.
"""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import trio

from analysis.bounds import Bounds
from analysis.client_reports import ClientSamplesAnalyser
from analysis.observe import CallIdAssignMode, Observing
from analysis.sfu_reports import SfuSamplesAnalyser
from cluster.alone import alone
from cluster.machine import Commit
from cluster.status import Status
from observer.intake import Departed
from observer.peers import status_alone
from observer.pipeline import Pipeline
from schemas.client_samples import client_sample
from schemas.messages import Samples
from schemas.reports import Report, ReportType
from schemas.samples import Budget, Tally
from schemas.sfu_samples import sfu_sample
from store.commands import Outcome, Sweep
from store.entities import Client
from store.machine import Machine
from store.registry import Registry

NOW = 1_700_000_000_000
IDLE = 300_000
GRACE = 30_000


class World:
    """One node's pipeline, with its reports in a list."""

    def __init__(
        self,
        *,
        origin: str = "node",
        machine: Machine | None = None,
        mode: CallIdAssignMode = CallIdAssignMode.MASTER,
        bounds: Bounds | None = None,
        analyser: ClientSamplesAnalyser | None = None,
        sfu_analyser: SfuSamplesAnalyser | None = None,
        idle: Mapping[str, int] | None = None,
        ids: Iterator[str] | None = None,
        longest_command: float = math.inf,
    ) -> None:
        self.machine = machine or Machine()
        self.name = origin
        self.standing: dict[str, Any] = {}
        self.now = NOW
        self.clock_error = 0
        self.delivered = True
        self.meanwhile: Callable[[], None] = lambda: None
        self.commit: Commit[Outcome] = alone(self.machine)
        self.told: list[Report] = []
        """All reports so far."""
        fresh = ids or (f"call-{number}" for number in count(1))
        self.limits = Sweep(*[IDLE] * len(Sweep._fields))._replace(**(idle or {}))
        self.pipeline = Pipeline(
            registry=lambda: self.machine.registry,
            commit=self._commit,
            send=self._send,
            settled=lambda: len(self.told) if self.delivered else -1,
            observing=Observing(self.limits, mode, bounds or Bounds()),
            analyser=analyser or ClientSamplesAnalyser(),
            sfu_analyser=sfu_analyser or SfuSamplesAnalyser(),
            leave_grace=GRACE,
            now=lambda: self.now + self.clock_error,
            steady=lambda: self.now / 1000,
            fresh_id=lambda: next(fresh),
            status=self.status,
            longest_command=longest_command,
        )

    @property
    def registry(self) -> Registry:
        """The registry as it is now."""
        return self.machine.registry

    @property
    def rejected(self) -> Tally:
        """What was not taken so far."""
        return self.pipeline.counts.rejected

    @property
    def commands(self) -> int:
        """How many commands were proposed so far."""
        return self.pipeline.counts.commands

    def status(self) -> Status:
        """How this node stands to the others."""
        members = tuple({*self.registry.origins, self.name})
        return replace(status_alone(self.name), **{"members": members, **self.standing})

    def client(self, client_id: str, service: str = "svc") -> Client:
        """A client that is there."""
        return self.registry.clients[service, client_id]

    def tell(self, *messages: Samples | Departed) -> list[Report]:
        """One batch; the reports that it gives."""
        return self._during(lambda: self.pipeline.process(messages))

    def tick(self) -> list[Report]:
        """One tick of the pipeline; the reports that it gives."""
        return self._during(self.pipeline.tick)

    def pass_time(self, ms: int) -> list[Report]:
        """Lets time pass, in steps with a tick after each; the reports that it gives."""
        told = []
        while ms > 0:
            self.now += min(ms, 1000)
            ms -= 1000
            self.pipeline.scan_at_next_tick()
            told += self.tick()
        return told

    def _during(self, work: Callable[[], Awaitable[None]]) -> list[Report]:
        before = len(self.told)

        async def run() -> None:
            await work()

        trio.run(run)
        return self.told[before:]

    async def _commit(self, command: bytes) -> Outcome:
        self.meanwhile()
        return await self.commit(command)

    def _send(self, reports: Any) -> int:
        self.told.extend(reports)
        return len(self.told)


def message(
    *samples: object,
    service: str = "svc",
    unit: str = "mu",
    leaving: tuple[str, ...] = (),
    sfus: Sequence[object] = (),
    leaving_sfus: tuple[str, ...] = (),
) -> Samples:
    """A message with these samples of clients and SFUs, read as ingest reads them."""
    taken = Samples(service, unit, [], leaving=leaving, leaving_sfus=leaving_sfus, rejected=Tally())
    budget = Budget()
    for sample in samples:
        read = client_sample(sample, budget, taken.rejected)
        if read is not None:
            taken.clients.append(read)
    for item in sfus:
        read_sfu = sfu_sample(item, budget, taken.rejected)
        if read_sfu is not None:
            taken.sfus = [*taken.sfus, read_sfu]
    return taken


def sample(client: str = "alice", at: int = 1000, room: str = "lobby", **rest: Any) -> dict[str, Any]:
    """A client sample as a client writes it."""
    return {"clientId": client, "roomId": room, "timestamp": at, **rest}


def outbound(track: str, ssrc: int | None = None, connection: str | None = "pc", **rest: Any) -> dict[str, Any]:
    """A track list with one track that the client sends."""
    return {"outboundAudioTracks": [_track(track, ssrc, connection, rest)]}


def inbound(track: str, ssrc: int | None = None, connection: str = "pc", **rest: Any) -> dict[str, Any]:
    """A track list with one track that the client receives."""
    return {"inboundAudioTracks": [_track(track, ssrc, connection, rest)]}


def _track(track: str, ssrc: int | None, connection: str | None, rest: Mapping[str, Any]) -> dict[str, Any]:
    return {"trackId": track, "peerConnectionId": connection, **({} if ssrc is None else {"ssrc": ssrc}), **rest}


def sfu(sfu: str = "sfu", at: int = 1000, **rest: Any) -> dict[str, Any]:
    """A sample of an SFU as that writes it."""
    return {"sfuId": sfu, "timestamp": at, **rest}


def pad_in(pad: str | None = "in", *, transport: str | None = "t", stream: str | None = "S", **rest: Any) -> Any:
    """A pad that receives from a client."""
    return {"padId": pad, "transportId": transport, "streamId": stream, **rest}


def pad_out(pad: str | None = "out", *, transport: str | None = "t", sink: str | None = "K", **rest: Any) -> Any:
    """A pad that sends to a client."""
    return {"padId": pad, "transportId": transport, "streamId": "S", "sinkId": sink, **rest}


def names(reports: list[Report]) -> list[str]:
    """The names of the events among the reports, in order."""
    return [report.payload["name"] for report in reports if report.type is ReportType.CALL_EVENT]


def sfu_names(reports: list[Report]) -> list[str]:
    """The names of the events of SFUs among the reports, in order."""
    return [report.payload["name"] for report in reports if report.type is ReportType.SFU_EVENT]


def of_type(reports: list[Report], type_: ReportType) -> list[Mapping[str, Any]]:
    """The payloads of the reports of a type."""
    return [report.payload for report in reports if report.type is type_]


def event(reports: list[Report], name: str) -> Mapping[str, Any]:
    """The payload of the one event of a name."""
    events = of_type(reports, ReportType.CALL_EVENT) + of_type(reports, ReportType.SFU_EVENT)
    (found,) = [payload for payload in events if payload["name"] == name]
    return found
