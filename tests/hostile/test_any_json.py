"""Whatever a message says: it is refused as a whole, or it gives reports that are well formed; never anything else."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.bounds import Bounds
from analysis.events import CLOSED, EVENT_NAMES, OPENED
from analysis.observe import CallIdAssignMode
from ingest import BadSamples
from schemas.client_samples import OBJECT_LISTS, STRING_LISTS
from schemas.messages import Samples
from schemas.reports import FIELDS, NAMES, Report, ReportType, to_json
from schemas.samples import Budget, Reason
from schemas.sfu_samples import SFU_LISTS
from store.commands import CALL
from tests.hostile.json_strategies import ALMOST_JSON, MESSAGES, SAMPLES, written
from tests.ingest.taking import decode
from tests.world import IDLE, World, message, sample

pytestmark = pytest.mark.hostile

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "300"))
thoroughly = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

GOOD = sample("good", room="quiet", pcTransports=[{"peerConnectionId": "pc", "packetsSent": 1}])
KINDS: Mapping[str, tuple[type, ...]] = {
    "s": (str,),
    "b": (bool,),
    "t": (int,),
    **dict.fromkeys("ild", (int, float)),
}
"""What may stand in a field of each kind, besides nothing."""
LISTS = {*OBJECT_LISTS, *STRING_LISTS, *SFU_LISTS, "customObserverEvents", "sessions", "allocations"}


@thoroughly
@given(st.binary(max_size=2000))
def test_any_bytes_are_refused_or_reported(data: bytes) -> None:
    _survives(_decoded(data))


@thoroughly
@given(ALMOST_JSON)
def test_any_json_is_refused_or_reported(value: Any) -> None:
    _survives(_decoded(written(value).encode("utf-8", "surrogatepass")))


@thoroughly
@given(MESSAGES, st.sampled_from(CallIdAssignMode))
def test_anything_may_stand_anywhere_in_a_message(value: Any, mode: CallIdAssignMode) -> None:
    _survives(_decoded(written(value).encode()), mode=mode)


@thoroughly
@given(st.lists(SAMPLES, min_size=2, max_size=3))
def test_one_hostile_sample_after_the_other_leaves_nothing_behind(values: list[Any]) -> None:
    _survives(*(_decoded(written(value).encode()) for value in values))


@thoroughly
@given(MESSAGES)
def test_the_registry_keeps_its_bounds(value: Any) -> None:
    bounds = Bounds(max_clients=2, max_peer_connections_per_client=1, max_tracks_per_peer_connection=2)
    world = World(bounds=bounds)

    _tell_all(world, [decoded] if (decoded := _decoded(written(value).encode())) else [])

    registry = world.registry
    assert len(registry.clients) <= 2
    assert all(len(client.peer_connections) <= 1 for client in registry.clients.values())
    assert all(
        len(peer_connection.tracks) <= 2
        for client in registry.clients.values()
        for peer_connection in client.peer_connections.values()
    )


@thoroughly
@given(SAMPLES)
def test_a_good_sample_beside_a_hostile_one_gives_its_reports(hostile: Any) -> None:
    around = _decoded(f'{{"clientSamples":[{json.dumps(GOOD)},{written(hostile)},{json.dumps(GOOD)}]}}'.encode())
    assert around is not None

    reports = World().tell(around)

    good = [report.type for report in reports if report.payload["clientId"] == "good"]
    assert Counter(good) == {ReportType.CALL_EVENT: 2, ReportType.PEER_CONNECTION_TRANSPORT: 2}


@thoroughly
@given(MESSAGES)
def test_the_budget_of_a_message_holds(value: Any) -> None:
    try:
        samples = decode(written(value).encode(), budget=Budget(items=3))
    except BadSamples:
        return

    told = [*(client.told for client in samples.clients), *(sfu.stats for sfu in samples.sfus), *samples.turns]
    measured = sum(
        len(client.transports) + len(client.candidate_pairs) + len(client.tracks) + len(client.data_channels)
        for client in samples.clients
    )
    assert len(told) + measured + sum(len(entries) for stats in told for entries in _lists(stats)) <= 3


def _lists(stats: Mapping[str, Any]) -> list[list[Any]]:
    return [stats[name] for name in LISTS if stats.get(name) is not None]


def _decoded(data: bytes) -> Samples | None:
    """The samples of a message; None if it is refused as a whole."""
    try:
        return decode(data)
    except BadSamples:
        return None


def _survives(*hostile: Samples | None, mode: CallIdAssignMode = CallIdAssignMode.MASTER) -> None:
    """Tells the messages, among good ones of another service, in one batch and one by one; then lets all expire."""
    world = World(mode=mode)
    taken = [samples for samples in hostile if samples is not None]

    reports = _tell_all(world, taken)
    reports += _expire(world)

    assert world.rejected[Reason.FAILED] == 0
    for report in reports:
        _check_form(report)
    _check_events(reports)
    assert _leftovers(world) == []


def _tell_all(world: World, hostile: Sequence[Samples]) -> list[Report]:
    good = [message({**GOOD, "callId": "own"}, service="good", unit="mu") for _ in range(2)]
    reports = world.tell(good[0], *hostile, good[1])
    told = Counter(report.type for report in reports if report.payload["serviceId"] == "good")
    assert told == {ReportType.CALL_EVENT: 3, ReportType.PEER_CONNECTION_TRANSPORT: 2}
    for samples in hostile:
        reports += world.tell(samples)
    return reports


def _expire(world: World) -> list[Report]:
    """Lets more than every idle limit pass, not at once: a node that halts closes nothing."""
    reports = []
    for _ in range(6):
        world.now += IDLE // 3
        world.pipeline.scan_at_next_tick()
        reports += world.tick()
    return reports


def _check_form(report: Report) -> None:
    envelope = orjson.loads(to_json(report))
    payload = envelope["payload"]
    assert (list(envelope), envelope["type"]) == (["type", "schemaVersion", "payload"], report.type)
    assert tuple(payload) == NAMES[report.type]
    assert payload["serviceId"] in ("svc", "good")
    assert payload["mediaUnitId"] == "mu" or payload["name"] in (OPENED[CALL].name, CLOSED[CALL].name)
    for field in FIELDS[report.type]:
        value = payload[field.name]
        assert value is None or type(value) in KINDS[field.kind], (report.type, field, value)


def _check_events(reports: Sequence[Report]) -> None:
    """What opened, closed; each was told once. So none of ours was made up by a sender."""
    told = Counter(
        (report.payload["name"], *(report.payload[key] for key in ("serviceId", "roomId", *_IDS)))
        for report in reports
        if report.type is ReportType.CALL_EVENT and report.payload["name"] in EVENT_NAMES
    )
    names = {OPENED[what].name: CLOSED[what].name for what in OPENED}
    opened = Counter({(names[name], *rest): count for (name, *rest), count in told.items() if name in names})
    closed = Counter({key: count for key, count in told.items() if key[0] not in names})
    assert opened == closed


_IDS = ("callId", "clientId", "peerConnectionId", "mediaTrackId")


def _leftovers(world: World) -> list[object]:
    """What is still held though everything has expired."""
    registry, pipeline = world.registry, world.pipeline
    rows = (registry.calls, registry.rooms, registry.clients, registry.sfus)
    claims = (registry.streams, registry.sent, registry.played, registry.internal_pads)
    return [what for what in (*rows, *claims, pipeline.hearing, pipeline.departures) if len(what)]
