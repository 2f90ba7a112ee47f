"""Whatever SFUs send in whatever order: what opens closes once, nothing is left, and to say it again costs nothing."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.bounds import Bounds
from schemas.reports import NAMES, Report, ReportType
from schemas.samples import Reason
from tests.world import IDLE, World, message, sfu

OPENS = {
    "SFU_JOINED": "SFU_LEFT",
    "SFU_TRANSPORT_OPENED": "SFU_TRANSPORT_CLOSED",
    "SFU_RTP_PAD_ADDED": "SFU_RTP_PAD_REMOVED",
    "SFU_SCTP_STREAM_ADDED": "SFU_SCTP_STREAM_REMOVED",
}

few: st.SearchStrategy[Any] = st.sampled_from([None, "a", "b", "", "NULL", 1, [], "x" * 300])
flags: st.SearchStrategy[Any] = st.sampled_from([None, True, False, "true", 2, {}])
ssrcs = st.sampled_from([None, 1, 2, 2.5, "1", "x", 2**70])


def entries(*ids: str) -> st.SearchStrategy[Any]:
    """A list of entries with these ids; no two of them have the same last one."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(ids, few),
        "internal": flags,
        "noReport": flags,
        "ssrc": ssrcs,
        "jitter": ssrcs,
    }
    entry = st.fixed_dictionaries({}, optional=fields)
    return st.lists(entry, max_size=3, unique_by=lambda it: str(it.get(ids[-1])))


samples = st.builds(
    sfu,
    st.sampled_from(["a", "b"]),
    st.integers(1000, 1003),
    transports=entries("transportId"),
    inboundRtpPads=entries("transportId", "streamId", "padId"),
    outboundRtpPads=entries("transportId", "streamId", "sinkId", "clientId", "callId", "padId"),
    sctpChannels=entries("transportId", "streamId", "channelId"),
    extensionStats=entries("type", "payload"),
    customSfuEvents=entries("name", "sfuStreamId", "attachments"),
)
batches = st.lists(st.lists(samples, max_size=3), min_size=1, max_size=3)


def events(told: list[Report]) -> Counter[tuple[Any, ...]]:
    """What opened, by the name of what must close it, and what closed."""
    return Counter(
        (OPENS.get(name, name), *(report.payload[key] for key in ("sfuId", "transportId", "rtpPadId")), name in OPENS)
        for report in told
        if report.type is ReportType.SFU_EVENT and (name := report.payload["name"]) in (*OPENS, *OPENS.values())
    )


@settings(max_examples=50, deadline=None)
@given(batches, st.booleans())
def test_what_opens_closes_once_and_nothing_is_left(told_samples: list[list[Any]], narrow: bool) -> None:
    bounds = Bounds(max_sfus=1, max_sfu_transports_per_sfu=1, max_sfu_pads_per_transport=2) if narrow else Bounds()
    world = World(bounds=bounds)
    told: list[Report] = []
    for batch in told_samples:
        told += world.tell(message(sfus=batch))
    world.now += IDLE // 2
    told += world.tick()
    for _ in range(6):
        world.now += IDLE // 3
        world.pipeline.scan_at_next_tick()
        told += world.tick()

    found = events(told)
    assert {key[:-1]: count for key, count in found.items() if key[-1]} == {
        key[:-1]: count for key, count in found.items() if not key[-1]
    }
    assert all(tuple(report.payload) == NAMES[report.type] for report in told)
    assert world.rejected[Reason.FAILED] == 0
    registry = world.registry
    held = (registry.sfus, registry.internal_pads, registry.sfu_transports, registry.sfu_pads, registry.sfus_of)
    assert not any(held)
    assert len(world.pipeline.hearing) == 0


@settings(max_examples=50, deadline=None)
@given(samples)
def test_a_sample_that_comes_again_costs_no_command(shown: Any) -> None:
    world = World()
    world.tell(message(sfus=[shown]))
    world.tell(message(sfus=[{**shown, "timestamp": 2000}]))
    commands = world.commands

    told = world.tell(message(sfus=[{**shown, "timestamp": 3000}]))

    assert world.commands == commands
    assert not [key for key in events(told) if key[-1]]
