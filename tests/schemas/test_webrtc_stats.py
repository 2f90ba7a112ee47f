"""What any browser measured stands in the lists of schemas 3.x, however it spells it."""

from typing import Any

import pytest

from schemas.client_samples import ClientSample, client_sample
from schemas.samples import Budget, Item, Tally
from schemas.samples_3 import as_2_2, is_3
from schemas.webrtc_legacy import modernised
from schemas.webrtc_stats import Guest, connection_id, peer_connection
from schemas.webrtc_stats import client_sample as item_of
from schemas.webrtc_user_agents import user_agent_data

ALICE = Guest("alice-1", "lobby", "alice", "desk")

REPORTS: tuple[Item, ...] = (
    {"id": "I", "type": "inbound-rtp", "kind": "audio", "ssrc": 1, "trackIdentifier": "rx", "playoutId": "P"},
    {"id": "RO", "type": "remote-outbound-rtp", "kind": "audio", "ssrc": 1, "packetsSent": 7},
    {"id": "P", "type": "media-playout", "totalPlayoutDelay": 3.5},
    {"id": "O", "type": "outbound-rtp", "kind": "video", "ssrc": 2, "mediaSourceId": "S", "remoteId": "RI"},
    {"id": "RI", "type": "remote-inbound-rtp", "kind": "video", "ssrc": 2, "roundTripTime": 0.25},
    {"id": "S", "type": "media-source", "kind": "video", "trackIdentifier": "camera", "width": 320},
    {"id": "T", "type": "transport", "dtlsState": "connected", "selectedCandidatePairId": "C"},
    {"id": "C", "type": "candidate-pair", "localCandidateId": "L", "remoteCandidateId": "R", "state": "succeeded"},
    {"id": "L", "type": "local-candidate", "candidateType": "host"},
    {"id": "R", "type": "remote-candidate", "candidateType": "relay"},
    {"id": "D", "type": "data-channel", "label": "chat", "messagesSent": 4},
    {"id": "K", "type": "codec", "mimeType": "video/VP8"},
    {"id": "F", "type": "certificate", "fingerprint": "AA"},
    {"id": "Q", "type": "peer-connection", "dataChannelsOpened": 1},
)


def by_id(*reports: Item) -> dict[str, Item]:
    return {report["id"]: report for report in reports}


def read(*reports: Item) -> ClientSample:
    """The sample as the rest of the house gets it; nothing of it is refused."""
    rejected = Tally()
    sample = client_sample(as_2_2(item_of(ALICE, "pc", by_id(*reports), 1000)), Budget(), rejected)
    assert sample is not None
    assert rejected == {}
    return sample


def test_a_sample_says_whose_it_is() -> None:
    sample = read()

    assert (sample.client_id, sample.room_id, sample.user_id, sample.marker) == ("alice-1", "lobby", "alice", "desk")
    assert sample.timestamp == 1000


def test_it_is_one_of_schemas_3() -> None:
    assert is_3(item_of(ALICE, None, {}, 1))


def test_pages_that_call_their_peer_connections_alike_have_different_ones() -> None:
    assert connection_id("alice", "PC_0") != connection_id("bob", "PC_0")


def test_each_type_of_report_has_its_place() -> None:
    sample = read(*REPORTS)
    inbound, outbound = sorted(sample.tracks, key=lambda track: not track.inbound)
    told = sample.told

    assert (inbound.track_id, inbound.ssrc, inbound.media_kind) == ("rx", 1, "AUDIO")
    assert (inbound.payload["packetsSent"], inbound.payload["totalPlayoutDelay"]) == (7, 3.5)
    assert (outbound.track_id, outbound.ssrc, outbound.media_kind) == ("camera", 2, "VIDEO")
    assert (outbound.payload["roundTripTime"], outbound.payload["width"]) == (0.25, 320)
    assert [it.payload["dtlsState"] for it in sample.transports] == ["connected"]
    assert [it.payload["state"] for it in sample.candidate_pairs] == ["succeeded"]
    assert [it.payload["messagesSent"] for it in sample.data_channels] == [4]
    lists = ("codecs", "certificates", "mediaSources", "iceLocalCandidates", "iceRemoteCandidates")
    assert [[entry["id"] for entry in told[name]] for name in lists] == [["K"], ["F"], ["S"], ["L"], ["R"]]


def test_what_there_is_no_list_for_is_left_out() -> None:
    stats = by_id({"id": "a", "type": "compute-pressure"}, {"id": "b", "type": "stream"}, {"id": "c"})

    assert peer_connection("pc", stats) == {"peerConnectionId": "pc"}


def test_what_was_measured_elsewhere_may_be_told_as_remote() -> None:
    """As Firefox did up to 71, and Chrome up to 75."""
    stats = by_id(
        {"id": "a", "type": "inboundrtp", "isRemote": True, "mediaType": "audio"},
        {"id": "b", "type": "outbound-rtp", "isRemote": True, "kind": "audio"},
        {"id": "c", "type": "inbound-rtp", "isRemote": False, "mediaType": "video"},
    )

    told = peer_connection("pc", stats)

    assert {name: told[name][0]["kind"] for name in told if name != "peerConnectionId"} == {
        "remoteInboundRtps": "audio",
        "remoteOutboundRtps": "audio",
        "inboundRtps": "video",
    }


def test_a_track_may_be_named_by_a_report_of_its_own() -> None:
    """As Safari does up to 16, and Chrome did up to 111."""
    sample = read(
        {"id": "I", "type": "inbound-rtp", "kind": "audio", "ssrc": 1, "trackId": "X"},
        {"id": "X", "type": "track", "trackIdentifier": "rx"},
    )

    assert [track.track_id for track in sample.tracks] == ["rx"]


@pytest.mark.parametrize("track", ["nowhere", 7, {}, "I"])
def test_a_track_that_is_not_there_names_none(track: Any) -> None:
    told = peer_connection("pc", by_id({"id": "I", "type": "inbound-rtp", "kind": "audio", "trackId": track}))

    assert "trackIdentifier" not in told["inboundRtps"][0]


def test_chrome_of_old_is_read_too() -> None:
    sample = read(
        {"id": "s", "type": "ssrc", "mediaType": "audio", "ssrc": "5", "googTrackId": "mic", "packetsSent": "9"},
        {"id": "r", "type": "ssrc", "mediaType": "video", "ssrc": "6", "googTrackId": "rx", "packetsReceived": "8"},
        {
            "id": "c",
            "type": "googCandidatePair",
            "localCandidateId": "l",
            "googActiveConnection": "true",
            "googRtt": "4",
        },
        {"id": "t", "type": "googComponent", "selectedCandidatePairId": "c"},
        {"id": "l", "type": "localcandidate", "ipAddress": "192.0.2.1", "portNumber": "9", "candidateType": "relayed"},
    )

    assert {(it.inbound, it.media_kind, it.track_id, it.ssrc) for it in sample.tracks} == {
        (False, "AUDIO", "mic", 5),
        (True, "VIDEO", "rx", 6),
    }
    assert sample.candidate_pairs[0].payload["currentRoundTripTime"] == 0.004
    assert sample.candidate_pairs[0].payload["nominated"] is True
    assert sample.transports[0].payload["selectedCandidatePairId"] == "c"
    (candidate,) = sample.told["iceLocalCandidates"]
    assert (candidate["address"], candidate["port"], candidate["candidateType"]) == ("192.0.2.1", "9", "relay")


@pytest.mark.parametrize("value", [None, "x", "1e999", "nan", [], {}])
def test_a_time_of_old_that_is_none_is_left_out(value: object) -> None:
    assert "jitter" not in modernised({"type": "ssrc", "id": "a", "googJitterReceived": value})


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 Version/17.5 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:130.0) Gecko/20100101 Firefox/130.0"


@pytest.mark.parametrize(
    ("header", "browser", "version", "system", "of_system"),
    [
        (CHROME, "Chrome", "140.0.0.0", "Windows", "10.0"),
        (f"{CHROME} Edg/140.1", "Edge", "140.1", "Windows", "10.0"),
        (SAFARI, "Safari", "17.5", "iOS", "17.5"),
        (FIREFOX, "Firefox", "130.0", "Mac OS", "10.15"),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/129.0 Mobile Safari/537.36",
            "Chrome",
            "129.0",
            "Android",
            "14",
        ),
    ],
)
def test_a_header_names_browser_and_system(
    header: str, browser: str, version: str, system: str, of_system: str
) -> None:
    assert user_agent_data(header) == {
        "browser": {"name": browser, "version": version},
        "os": {"name": system, "version": of_system},
    }


@pytest.mark.parametrize("header", [None, "", "curl", "x" * 1_000_000, "Chrome/" * 100_000])
def test_a_header_may_name_nothing(header: str | None) -> None:
    assert user_agent_data(header) == {}
