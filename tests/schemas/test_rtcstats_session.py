"""A page with rtcstats-js becomes a client: what it says, whatever it says, and at what time."""

import json
import zlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.client_samples import ClientSample, client_sample
from schemas.rtcstats_session import RtcstatsSession
from schemas.samples import Budget, Item, Tally
from schemas.samples_3 import as_2_2, says_left
from schemas.webrtc_stats import Bounds, Guest, Skipped
from tests.schemas.any_json import ANYTHING

VECTORS = Path(__file__).parents[1] / "guests" / "vectors"
NOW = 1_700_000_000_000
ALICE = Guest("alice-1", "lobby", "alice")
NAMES_OF_BASES = st.sampled_from(["PC_0", "PC_1", "", "x" * 100])
TRANSPORT = {"0": {"type": 5, "80": 1}, "t": NOW}


def frames(name: str) -> list[str]:
    texts: list[str] = json.loads((VECTORS / f"{name}.json").read_text())
    return texts


def fed(session: RtcstatsSession, *messages: Any, now: int = NOW) -> list[Item]:
    """The samples that these messages give; a text is a frame as it is."""
    return [
        sample
        for message in messages
        for sample in session.feed(message if isinstance(message, str) else orjson.dumps(message), now)
    ]


def read(sample: Item) -> ClientSample:
    """A sample as the rest of the house gets it; nothing of it is refused."""
    rejected = Tally()
    client = client_sample(as_2_2(sample), Budget(), rejected)
    assert client is not None
    assert rejected == {}
    return client


def told(*messages: Any, **bounds: int) -> list[Item]:
    return fed(RtcstatsSession(ALICE, Bounds(**bounds)), *messages)


def happened(*messages: Any) -> list[Item]:
    """The events that these messages tell, after the page has begun."""
    return [event for sample in told(["websocket", None, {}, NOW], *messages) for event in sample["clientEvents"]]


def test_each_getstats_of_a_call_is_read_as_the_original_reads_it() -> None:
    expected = json.loads((VECTORS / "rtcstats_p2p_call_getstats.json").read_text())
    samples = [sample for sample in told(*frames("rtcstats_p2p_call")) if sample["peerConnections"]]

    assert [sample["timestamp"] for sample in samples] == [int(step["timestamp"]) for step in expected]
    for sample, step in zip(samples, expected, strict=True):
        told_reports = {
            report["id"]: {name: value for name, value in report.items() if name != "id"}
            for reports in sample["peerConnections"][0].values()
            if isinstance(reports, list)
            for report in reports
        }
        assert told_reports == step["value"]


def test_a_call_becomes_a_client_with_a_peer_connection_and_tracks() -> None:
    rejected = Tally()
    samples = [client_sample(as_2_2(each), Budget(), rejected) for each in told(*frames("rtcstats_p2p_call"))]
    tracks = {
        (track.inbound, track.media_kind, track.track_id, track.peer_connection_id)
        for sample in samples
        if sample
        for track in sample.tracks
    }

    assert rejected == {}
    assert {(it.client_id, it.room_id, it.user_id) for it in samples if it} == {("alice-1", "lobby", "alice")}
    assert {track[1:] for track in tracks if track[0]} == {
        ("AUDIO", "track-0006", "alice-1:PC_0"),
        ("VIDEO", "track-0007", "alice-1:PC_0"),
    }
    assert [track[1:] for track in tracks if not track[0]] == [("VIDEO", "track-0003", "alice-1:PC_0")]


def test_what_a_page_tells_comes_under_the_names_of_other_clients() -> None:
    events = [event for sample in told(*frames("rtcstats_p2p_call")) for event in sample["clientEvents"]]
    names = [event["type"] for event in events]

    assert names[0] == "PEER_CONNECTION_OPENED"
    assert names[-2:] == ["PEER_CONNECTION_CLOSED", "MEDIA_TRACK_ENDED"]
    assert {"userRating", "annotate", "ICE_CANDIDATE_ERROR", "MEDIA_TRACK_MUTED"} <= {*names}


def test_a_page_that_reconnects_goes_on_where_it_was() -> None:
    session = RtcstatsSession(ALICE, Bounds())
    samples = [sample for sample in fed(session, *frames("rtcstats_reconnected")) if sample["peerConnections"]]

    sent = [sample["peerConnections"][0]["iceTransports"][0]["bytesSent"] for sample in samples]
    assert sent == [1000, 2000, 3000, 4000, 4000]
    assert session.skipped == {}
    assert session.open_connections == 0


def test_another_node_goes_on_from_the_base() -> None:
    first, then = frames("rtcstats_reconnected")[:43], frames("rtcstats_reconnected")[43:]
    before = RtcstatsSession(ALICE, Bounds())
    fed(before, *first)
    after = RtcstatsSession(ALICE, Bounds(), before.base())

    samples = [sample for sample in fed(after, *then) if sample["peerConnections"]]

    assert then[0].startswith('["g",')
    assert [it["peerConnections"][0]["iceTransports"][0]["bytesSent"] for it in samples] == [3000, 4000, 4000]
    assert {track.track_id for it in samples for track in read(it).tracks} == {"track-0003", "track-0006", "track-0007"}
    assert after.skipped == {}


def test_a_base_is_another_when_reports_come_or_go() -> None:
    session = RtcstatsSession(ALICE, Bounds())
    versions = []
    for message in (
        [39, "PC_0", {}, NOW],
        ["g", "PC_0", {"0": {"type": 5, "80": 1}}, 1],
        ["g", "PC_0", {"0": {"80": 2}}, 1],
        ["g", "PC_0", {"0": {"80": 2}, "1": {"type": 14}}, 1],
        ["g", "PC_0", {"1": None}, 1],
        [25, "PC_0", "connected", 1],
        [36, "PC_0", None, 1],
    ):
        fed(session, message)
        versions.append(session.base_version)

    assert versions == [1, 2, 2, 3, 4, 4, 5]


def test_a_base_of_very_much_is_not_all_of_it() -> None:
    session = RtcstatsSession(ALICE, Bounds())
    for number in range(9):
        fed(session, ["g", f"PC_{number}", {str(n): {"type": "x", "6": "y" * 250} for n in range(400)}, NOW])

    assert session.open_connections == 9
    assert 1 < RtcstatsSession(ALICE, Bounds(), session.base()).open_connections < 9


@pytest.mark.parametrize("base", [b"", b"x", *map(zlib.compress, (b"", b"[]", b'{"PC_0": 1}', b"0" * 10_000_000))])
def test_a_base_that_is_none_is_no_base(base: bytes) -> None:
    session = RtcstatsSession(ALICE, Bounds(), base)

    assert session.open_connections == 0
    assert len(fed(session, ["g", "PC_0", TRANSPORT, NOW])) == 1


@given(ANYTHING | st.dictionaries(NAMES_OF_BASES, st.dictionaries(st.sampled_from(["reports", "tracks"]), ANYTHING)))
def test_whatever_a_base_says_harms_nobody(base: Any) -> None:
    session = RtcstatsSession(ALICE, Bounds(), zlib.compress(json.dumps(base).encode()))

    for sample in fed(session, ["g", "PC_0", TRANSPORT, NOW]):
        assert client_sample(as_2_2(sample), Budget(), Tally()) is not None


def test_what_follows_on_what_we_never_heard_is_told_as_far_as_it_goes() -> None:
    session = RtcstatsSession(ALICE, Bounds())

    (sample,) = fed(session, ["g", "PC_0", {"0": {"80": 5}, "1": {"type": 5, "80": 6}, "t": 9}, NOW])

    assert sample["peerConnections"] == [
        {
            "peerConnectionId": "alice-1:PC_0",
            "iceTransports": [{"type": "transport", "bytesSent": 6, "timestamp": 9, "id": "1"}],
        }
    ]
    assert session.skipped == {Skipped.BASE_UNKNOWN: 1}


def test_times_are_sums() -> None:
    samples = told([39, None, {}, NOW], ["g", "PC_0", TRANSPORT, 5], ["g", "PC_0", {}, 0.5], ["g", "PC_0", {}, 0.6])

    assert [sample["timestamp"] for sample in samples] == [NOW, NOW + 5, NOW + 5, NOW + 6]


def test_a_time_since_the_epoch_is_no_sum() -> None:
    samples = told([39, None, {}, NOW], [25, "PC_0", "connected", NOW + 100_000], [25, "PC_0", "failed", 5])

    assert [sample["timestamp"] for sample in samples] == [NOW, NOW + 100_000, NOW + 100_005]


@pytest.mark.parametrize("time", ["1", None, True, 1e308, -1e15, [1], 2**60])
def test_a_time_that_is_none_is_that_of_the_message_before(time: object) -> None:
    session = RtcstatsSession(ALICE, Bounds())

    samples = fed(session, [39, None, {}, NOW], [25, "PC_0", "connected", time], [25, "PC_0", "failed", 1])

    assert [sample["timestamp"] for sample in samples] == [NOW, NOW, NOW + 1]
    assert session.skipped == {Skipped.TIME_INVALID: 1}


@pytest.mark.parametrize("time", [5, "x", 1e300, None])
def test_the_first_time_is_ours_where_the_page_has_none(time: object) -> None:
    assert [sample["timestamp"] for sample in told([25, "PC_0", "connected", time])] == [NOW]


def test_a_wrong_clock_stays_that_of_the_page() -> None:
    assert told([39, None, {}, NOW - 86_400_000])[0]["timestamp"] == NOW - 86_400_000


@pytest.mark.parametrize(
    "frame", ["", "null", "{}", '{"not":"an array"}', "this is not json", "[]", "[1,2,3]", "NaN", "[NaN,null,null,1]"]
)
def test_a_frame_that_is_no_message_costs_only_itself(frame: str) -> None:
    session = RtcstatsSession(ALICE, Bounds())

    assert fed(session, frame) == []
    assert session.skipped == {Skipped.MALFORMED: 1}
    assert len(fed(session, ["g", "PC_0", TRANSPORT, NOW])) == 1


@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_a_frame_that_nests_deep_harms_nobody(depth: int) -> None:
    session = RtcstatsSession(ALICE, Bounds())
    fed(session, f'["g","PC_0",{{"0":{{"type":5,"80":{"[" * depth}{"]" * depth}}}}},{NOW}]')
    fed(session, f'[":x",null,{"[" * depth}{"]" * depth},{NOW}]')

    assert len(fed(session, ["g", "PC_0", TRANSPORT, NOW])) == 1


def test_a_frame_that_is_too_long_is_not_read() -> None:
    session = RtcstatsSession(ALICE, Bounds(max_message_size=1000))

    assert fed(session, [":x", None, "y" * 1000, NOW]) == []
    assert session.skipped == {Skipped.MALFORMED: 1}


@pytest.mark.parametrize("name", ["", "x" * 65, "PC\n0", 7, True, [], {}, {"a": 1}])
def test_a_peer_connection_needs_a_name(name: object) -> None:
    session = RtcstatsSession(ALICE, Bounds())

    assert fed(session, ["g", name, TRANSPORT, NOW], [25, name, "connected", NOW]) == []
    assert session.skipped == {Skipped.ID_INVALID: 2}


def test_an_id_that_would_be_too_long_is_none() -> None:
    session = RtcstatsSession(Guest("x" * 250, "lobby"), Bounds())

    assert fed(session, ["g", "PC_00", TRANSPORT, NOW]) == []
    assert session.skipped == {Skipped.ID_INVALID: 1}


def test_statistics_of_no_peer_connection_are_none() -> None:
    session = RtcstatsSession(ALICE, Bounds())

    assert fed(session, ["g", None, TRANSPORT, NOW]) == []
    assert session.skipped == {Skipped.ID_INVALID: 1}


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_statistics_that_are_none_cost_only_themselves(value: object) -> None:
    session = RtcstatsSession(ALICE, Bounds())

    assert fed(session, ["g", "PC_0", value, NOW]) == []
    assert session.skipped == {Skipped.MALFORMED: 1}


def test_thousands_of_peer_connections_are_not_remembered() -> None:
    session = RtcstatsSession(ALICE, Bounds(max_peer_connections=3))
    for number in range(5000):
        fed(session, [39, f"PC_{number}", {}, NOW])

    assert session.open_connections == 3
    assert session.skipped == {Skipped.TOO_MANY_PEER_CONNECTIONS: 4997}


def test_where_one_closes_there_is_room_for_another() -> None:
    session = RtcstatsSession(ALICE, Bounds(max_peer_connections=1))
    for number in range(100):
        fed(session, [39, f"PC_{number}", {}, NOW], ["g", f"PC_{number}", TRANSPORT, 1], [36, f"PC_{number}", None, 1])

    assert session.skipped == {}


@pytest.mark.parametrize("closing", [[36, "PC_0", None, 1], [23, "PC_0", "closed", 1], [25, "PC_0", '"closed"', 1]])
def test_a_peer_connection_that_closed_is_not_measured_any_more(closing: list[Any]) -> None:
    session = RtcstatsSession(ALICE, Bounds())
    fed(session, ["g", "PC_0", TRANSPORT, NOW], closing)

    assert session.open_connections == 0
    assert fed(session, ["g", "PC_0", TRANSPORT, 1]) == []


def test_a_peer_connection_closes_once() -> None:
    events = happened([39, "PC_0", {}, 1], [36, "PC_0", None, 1], [36, "PC_0", None, 1], [23, "PC_0", "closed", 1])

    assert [event["type"] for event in events] == ["PEER_CONNECTION_OPENED", "PEER_CONNECTION_CLOSED"]
    assert events[1] == {
        "type": "PEER_CONNECTION_CLOSED",
        "payload": {"peerConnectionId": "alice-1:PC_0"},
        "timestamp": NOW + 2,
    }


def test_a_peer_connection_of_the_same_name_is_another() -> None:
    session = RtcstatsSession(ALICE, Bounds())
    fed(session, [39, "PC_0", {}, NOW], ["g", "PC_0", {"0": {"type": 5}}, 1], [39, "PC_0", {}, 1])

    (sample,) = fed(session, ["g", "PC_0", {"1": {"type": 14}}, 1])

    assert [*sample["peerConnections"][0]] == ["peerConnectionId", "codecs"]


def test_a_page_that_says_nothing_that_is_told_is_there_all_the_same() -> None:
    said: list[list[Any]] = [["websocket", None, {}, 10_000]] * 9

    samples = told([39, None, None, NOW], *said)

    assert [sample["timestamp"] - NOW for sample in samples] == [0, 30_000, 60_000, 90_000]
    assert samples[1]["peerConnections"] == samples[1]["clientEvents"] == []


def test_the_first_sample_tells_of_the_browser() -> None:
    header = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    session = RtcstatsSession(ALICE._replace(user_agent=header), Bounds())

    first, then = (as_2_2(each) for each in fed(session, [39, None, {}, NOW], [39, "PC_0", {}, 1]))

    assert first["browser"] == {"name": "Chrome", "version": "140.0.0.0"}
    assert first["os"] == {"name": "Linux", "version": "x86_64"}
    assert "browser" not in then


def test_small_messages_do_not_tell_much_again_and_again() -> None:
    session = RtcstatsSession(ALICE, Bounds(max_remembered_size=100_000))
    fed(session, ["g", "PC_0", {str(n): {"type": 5, "80": 1} for n in range(100)}, NOW])

    samples = fed(session, *[["g", "PC_0", {}, 1]] * 1000)

    assert len(samples) < 50
    assert session.skipped[Skipped.TOO_OFTEN] == 1000 - len(samples)
    assert len(fed(session, ["g", "PC_0", {}, 1], now=NOW + 1000)) == 1, "with time it is worth telling again"


def test_who_leaves_says_so_at_the_time_of_the_last_message() -> None:
    session = RtcstatsSession(ALICE, Bounds())
    fed(session, [39, None, {}, NOW - 500])

    last = session.end(NOW)

    assert says_left(last)
    assert (last["clientId"], last["timestamp"]) == ("alice-1", NOW - 500)


def test_no_event_of_an_application_makes_its_client_leave() -> None:
    (sample,) = told([":CLIENT_LEFT", None, {}, NOW])

    assert not says_left(sample)
    assert sample["clientEvents"][0]["type"] == "CUSTOM_CLIENT_LEFT"


METHODS = st.sampled_from(["g", 1, 39, 36, 25, 23, 20, 21, 30, 34, 51, 60, 65, 66, 72, 74, 15, ":x", ":", "getstats"])
NAMES = st.sampled_from([None, "PC_0", "PC_1", "\0", ""])
IDS = st.sampled_from(["0", "1", "A", "t", "timestamp", "__proto__"])
KEYS = st.sampled_from(["type", "10", "11", "17", "96", "t", "id", "trackId", "isRemote", "ipAddress", "mediaType"])
TYPES = st.sampled_from([*range(1, 15), "ssrc", "googCandidatePair", "localcandidate", "track", "inboundrtp"])
REPORTS = st.fixed_dictionaries({"type": TYPES | ANYTHING}) | st.dictionaries(KEYS, ANYTHING, max_size=6)
VALUES = st.dictionaries(IDS, REPORTS | ANYTHING, max_size=6) | ANYTHING
TIMES = st.integers(-10, 10_000) | st.floats() | ANYTHING
MESSAGES = st.tuples(METHODS | ANYTHING, NAMES | ANYTHING, VALUES, TIMES) | st.lists(ANYTHING, max_size=6) | ANYTHING


@given(st.lists(MESSAGES, max_size=8))
def test_whatever_a_page_says_gives_samples_that_can_be_taken(messages: list[Any]) -> None:
    session = RtcstatsSession(ALICE, Bounds())

    for message in messages:
        for sample in session.feed(json.dumps(message), NOW):
            assert client_sample(as_2_2(sample), Budget(), Tally()) is not None


@given(st.binary(max_size=50))
def test_whatever_bytes_come_harm_nobody(data: bytes) -> None:
    assert RtcstatsSession(ALICE, Bounds()).feed(data, NOW) == []
