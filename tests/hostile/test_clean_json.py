"""The short way from JSON to samples gives what the long way gives, or leaves the message to it."""

import json
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decoder import Decoder
from ingest.incoming import Incoming
from observer.departures import rows_of
from schemas.browser_order import LISTS, seems_to_be_of_browser
from schemas.clean_json import Sender, clean_samples
from schemas.client_samples import OBJECT_LISTS, STRING_LISTS, TRACK_LISTS, ClientSample
from schemas.reports import FIELDS, NAMES, REPORTS, ReportType, to_json
from schemas.samples import Budget
from tests.hostile.json_strategies import ANYTHING, MESSAGES, written
from tests.hostile.test_any_json import EXAMPLES

pytestmark = pytest.mark.hostile

thoroughly = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))

_ODD = 12
"""One in so many things is odd: a message with one that is not clean at all is not read by the short way."""

_UUID = "3d0fae6e-9b7c-4a0f-8d6e-0a1b2c3d4e5f"
_IDS = st.sampled_from([*["a", "b", _UUID] * 8, "NULL", "", "x" * 255, "x" * 256, "é"])
_KNOWN = st.sampled_from(["a", "b", _UUID])
_NUMBERS = st.integers(-(2**40), 2**40) | st.floats(0, 2e12) | st.sampled_from([2**63 - 1, -(2**63), 1e300, -0.0])
_FITTING = {"s": st.text(max_size=5), "b": st.booleans(), **dict.fromkeys("ildt", _NUMBERS)}
_VALUES = st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from([2**63, 2**64]) | ANYTHING


def _entry(type_: ReportType, *ids: str) -> st.SearchStrategy[Any]:
    """An entry as its schema says, but for a field now and then."""
    kinds = {name: kind for name, kind in FIELDS[type_][9:] if not name.endswith(("Id", "label"))}
    fields = st.lists(st.sampled_from(sorted(kinds)), max_size=6, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: st.none() | _FITTING[kinds[name]] for name in names})
    )
    whose = st.fixed_dictionaries(dict.fromkeys(ids, _IDS), optional=dict.fromkeys(("sfuStreamId", "sfuSinkId"), _IDS))
    odd = st.dictionaries(st.sampled_from((*NAMES[type_], "other")), _VALUES, min_size=1, max_size=1)
    return st.builds(
        lambda one, other, strange, by: {**one, **other, **(strange if by == 0 else {})},
        *(fields, whose, odd, st.integers(0, _ODD)),
    )


_LISTS: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.lists(_entry(type_, "peerConnectionId", "trackId"), max_size=3) for name, type_ in TRACK_LISTS.items()},
    "pcTransports": st.lists(_entry(ReportType.PEER_CONNECTION_TRANSPORT, "peerConnectionId", "label"), max_size=2),
    "iceCandidatePairs": st.lists(_entry(ReportType.ICE_CANDIDATE_PAIR, "peerConnectionId", "label"), max_size=2),
    "dataChannels": st.lists(
        st.fixed_dictionaries(
            {"peerConnectionId": _IDS},
            optional=dict.fromkeys(("messageSent", "messagesSent", "label"), _NUMBERS | _VALUES),
        ),
        max_size=2,
    ),
    "codecs": st.lists(st.dictionaries(st.text(max_size=3), _NUMBERS, min_size=1, max_size=2), max_size=2),
    "mediaConstraints": st.lists(st.text(min_size=1, max_size=3), max_size=2),
    "browser": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
}
_CLEAN = st.fixed_dictionaries(
    {"clientId": _KNOWN, "timestamp": st.integers(0, 2**53) | st.floats(0, 2e12)},
    optional={
        **dict.fromkeys(("roomId", "callId", "userId", "marker"), _IDS),
        **dict.fromkeys(("sampleSeq", "timeZoneOffsetInHours"), _NUMBERS | st.none()),
        **_LISTS,
    },
)


@thoroughly
@given(st.lists(_CLEAN, max_size=3), st.sampled_from([None, "r"]), st.sampled_from([None, 1000]))
def test_a_nearly_clean_message_is_read_alike(samples: list[Any], room_id: str | None, timestamp: int | None) -> None:
    data = written({"clientSamples": samples}).encode()

    _is_read_alike(data, Incoming("s", "m", room_id=room_id), timestamp)


@thoroughly
@given(st.lists(_CLEAN, min_size=1, max_size=3))
def test_a_message_that_lists_values_as_browsers_do_is_read_alike(samples: list[Any]) -> None:
    data = written({"clientSamples": [_as_browsers_do(sample) for sample in samples]}).encode()

    assert seems_to_be_of_browser(data)
    _is_read_alike(data, Incoming("s", "m", room_id="r"), None)


@thoroughly
@given(MESSAGES)
def test_any_message_is_read_alike(message: Any) -> None:
    _is_read_alike(written(message).encode("utf-8", "surrogatepass"), Incoming("s", "m"), None)


def test_whether_a_sender_lists_values_as_browsers_do_is_seen_in_what_it_measures() -> None:
    told = {"customCallEvents": [{"name": "CONNECTION_STATE_CHANGED"}], "mediaDevices": [{"id": "d"}]}
    measured = {"inboundAudioTracks": [{"id": "T01", "peerConnectionId": _UUID, "trackId": _UUID}]}
    data = written({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **told, **measured}]}).encode()

    assert seems_to_be_of_browser(data)


def measured(first: dict[str, Any], **who: str) -> bytes:
    """A sample with one track, of which this is told first."""
    tracks = [{**first, "peerConnectionId": _UUID, "trackId": _UUID}]
    return written({"clientSamples": [{**who, "timestamp": 1, "inboundAudioTracks": tracks}]}).encode()


def how_listed(*messages: bytes) -> list[bool | None]:
    """What is thought, after each message of a session, of how its values are listed."""
    sender, seen = Sender(), []
    for data in messages:
        clean_samples(data, sender, None, Budget())
        seen.append(sender.of_browser)
    return seen


OF_A_BROWSER, OF_THE_SCHEMA = {"id": "T01"}, {"ssrc": 1}


def test_how_values_are_listed_is_looked_at_again_when_somebody_else_speaks() -> None:
    alice = measured(OF_A_BROWSER, clientId="alice", roomId="r")
    bob = measured(OF_THE_SCHEMA, clientId="bob", roomId="r")

    assert how_listed(alice, alice, bob, bob, bob) == [True, True, None, False, False]


def test_how_values_are_listed_is_looked_at_again_behind_a_sample_that_is_not_taken() -> None:
    nowhere = measured(OF_A_BROWSER, clientId="nowhere")
    bob = measured(OF_THE_SCHEMA, clientId="bob", roomId="r")

    assert how_listed(nowhere, bob, bob) == [True, None, False]


def timed(packet: float, at: float = 1) -> bytes:
    """A sample of that time, with a track whose last packet came then. (ms)"""
    track = {"peerConnectionId": _UUID, "trackId": _UUID, "lastPacketReceivedTimestamp": packet}
    sample = {"clientId": "a", "roomId": "r", "timestamp": at, "inboundAudioTracks": [track]}
    return written({"clientSamples": [sample]}).encode()


@pytest.mark.parametrize("data", [timed(1000.75), timed(1000, at=1.5)])
def test_that_a_sender_tells_times_with_fractions_is_remembered(data: bytes) -> None:
    sender, seen = Sender(), []
    for message in (timed(1000), data, timed(1000)):
        samples = clean_samples(message, sender, None, Budget())
        assert samples is not None
        [track] = samples[0].inbound_tracks
        seen.append((sender.fractions, samples[0].timestamp, track.payload["lastPacketReceivedTimestamp"]))
        assert type(track) is REPORTS[ReportType.INBOUND_AUDIO_TRACK]

    assert seen == [(False, 1, 1000), (True, 1, 1000), (True, 1, 1000)]


def test_a_sample_does_not_hold_the_message_that_it_came_in() -> None:
    told = {"customCallEvents": [{"name": "E"}], "extensionStats": [{"type": "t", "payload": "{}"}], "dataChannels": []}
    data = written({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **told}]}).encode()
    before = sys.getrefcount(data)
    samples = clean_samples(data, Sender(), None, Budget())

    assert samples is not None
    assert {*samples[0].told} == {"customCallEvents", "extensionStats"}
    assert sys.getrefcount(data) == before


def test_what_is_told_stands_in_one_place_where_it_can_be_hidden() -> None:
    told = {"codecs": [{"mimeType": "a mark"}], "localSDPs": ["a mark"], "browser": {"name": "a mark"}}
    sample = _clean({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **told}]})

    assert sample is not None
    sample[0].told.clear()
    assert "a mark" not in repr(sample[0])


def test_what_a_look_at_a_message_costs_is_counted_alike() -> None:
    told = {"codecs": [{"mimeType": "audio/opus"}] * 60, "inboundAudioTracks": [{"trackId": _UUID, "ssrc": 1}] * 2}
    data = written({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **told}] * 3}).encode()
    short, long = (Decoder(Incoming("s", "m"), 100).decode(it, Budget()) for it in (data, b"[" + data + b"]"))

    assert short.rows == rows_of(short) == rows_of(long) == 9


def test_no_sender_says_what_is_filled_in() -> None:
    for name in ("entries is ours", "tracks is ours", "told is ours", "told_flat is ours"):
        assert _clean({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, name: 1}]}) is None


@pytest.mark.parametrize("told", [{}, {"customCallEvents": [{"name": "E"}]}, {"mediaDevices": [{"id": "d"}]}])
def test_a_sample_that_measures_nothing_leaves_open_how_its_sender_lists_values(told: dict[str, Any]) -> None:
    data = written({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **told}]}).encode()

    assert seems_to_be_of_browser(data) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"sfuSamples": []},
        {"controls": {"close": True}},
        {"turnSamples": [{}]},
        {"clientSamples": None},
    ],
)
def test_what_is_more_than_samples_of_clients_is_left_to_the_long_way(changes: dict[str, Any]) -> None:
    sample = {"clientId": "a", "roomId": "r", "timestamp": 1}

    assert _clean({"clientSamples": [sample]}) is not None
    assert _clean({"clientSamples": [sample], **changes}) is None


@pytest.mark.parametrize(
    "changes",
    [
        *({name: [{}]} for name in (*TRACK_LISTS, "pcTransports", "iceCandidatePairs")),
        *({name: {}} for name in (*TRACK_LISTS, "pcTransports", "iceCandidatePairs")),
        {"pcTransports": [{"peerConnectionId": _UUID, "candidatePairState": "succeeded"}]},
        {"peerConnections": []},
        {"clientId": 7},
        {"sampleSeq": True},
        {"inboundAudioTracks": [{"trackId": "t", "packetsLost": "3"}]},
        {"inboundAudioTracks": [{"trackId": "t", "packetsLost": 2**63}]},
        {"other": "\ud800"},
    ],
)
def test_a_sample_that_is_not_clean_is_left_to_the_long_way(changes: dict[str, Any]) -> None:
    assert _clean({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **changes}]}) is None


def test_a_transport_of_2_0_whose_names_are_written_otherwise_is_left_to_the_long_way() -> None:
    sample = {"clientId": "a", "roomId": "r", "timestamp": 1}
    transport = {"peerConnectionId": _UUID, "candidatePairState": "succeeded"}
    data = json.dumps({"clientSamples": [{**sample, "pcTransports": [transport]}]}).replace(
        "candidate", "candid\\u0061te"
    )

    assert clean_samples(data.encode(), Sender(), None, Budget()) is None


def test_a_message_left_to_the_long_way_takes_nothing_from_the_budget() -> None:
    budget = Budget(items=3)
    tracks = [{"trackId": "t"}] * 3
    data = json.dumps({"clientSamples": [{"inboundAudioTracks": tracks}]}).encode()

    assert clean_samples(data, Sender(), None, budget) is None
    assert budget.items == 3


def test_text_that_is_no_utf_8_is_left_to_the_long_way_even_where_nobody_reads_it() -> None:
    data = b'{"clientSamples":[{"clientId":"a","roomId":"r","timestamp":1,"other":"\xff"}]}'

    assert clean_samples(data, Sender(), None, Budget()) is None


@pytest.mark.parametrize(
    ("of", "changes"),
    [
        (Incoming("s", "m", user_id="x" * 300), {}),
        (Incoming("s", "m", client_id="x" * 300), {"clientId": None}),
        (Incoming("s", "m"), {"dataChannels": [{"peerConnectionId": "x" * 300}]}),
    ],
)
def test_longer_ids_are_taken_alike_where_they_may_be_longer(of: Incoming, changes: dict[str, Any]) -> None:
    data = json.dumps({"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, **changes}]}).encode()
    short = Decoder(of, 100).decode(data, Budget(id_length=1000))

    assert not short.rejected
    assert len(short.clients) == 1


def _as_browsers_do(sample: Any) -> Any:
    """The sample with tracks first, and all entries as browsers list them: by the alphabet, behind an id of theirs."""
    measured = {name: [{"id": "T01"} | dict(sorted(it.items())) for it in sample.get(name, ())] for name in LISTS}
    first = [{"id": "T01", "peerConnectionId": _UUID, "ssrc": 1, "trackId": _UUID}, *measured["outboundAudioTracks"]]
    return {"outboundAudioTracks": first} | measured | sample | measured | {"outboundAudioTracks": first}


def _clean(message: Any) -> list[ClientSample] | None:
    return clean_samples(json.dumps(message).encode(), Sender(), None, Budget())


def _is_read_alike(data: bytes, of: Incoming, timestamp: int | None) -> None:
    """A list around a message keeps it from the short way."""
    if clean_samples(data, Sender(of.client_id, of.room_id, of.user_id), timestamp, Budget()) is None:
        return
    short, long = (Decoder(of, 100).decode(told, Budget(), timestamp=timestamp) for told in (data, b"[" + data + b"]"))

    assert list(map(_plain, short.clients)) == list(map(_plain, long.clients))
    assert short.rejected == long.rejected


def _plain(sample: ClientSample) -> Any:
    entries = (*sample.transports, *sample.candidate_pairs, *sample.tracks, *sample.data_channels)
    told = {name: sample.told[name] for name in (*OBJECT_LISTS, *STRING_LISTS, "browser") if sample.told.get(name)}
    return (
        *(sample.client_id, sample.room_id, sample.timestamp, sample.call_id, sample.user_id, sample.marker),
        *(sample.sample_seq, sample.time_zone_offset),
        [_json_of_own(entry) for entry in entries],
        json.dumps(told),
    )


def _json_of_own(entry: Any) -> tuple[type, bytes]:
    """What an entry is and says itself, whatever its sender wrote where the observer fills in its own."""
    entry.lead = None
    for name in ("remote_track_id", "remote_user_id", "remote_peer_connection_id", "peer_connection_label"):
        if hasattr(entry, name):
            setattr(entry, name, None)
    entry.sample_seq = None
    if entry.type not in (ReportType.PEER_CONNECTION_TRANSPORT, ReportType.ICE_CANDIDATE_PAIR):
        entry.label = None
    return type(entry), to_json(entry)
