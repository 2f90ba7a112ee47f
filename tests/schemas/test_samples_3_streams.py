"""The RTP streams of 3.x are the tracks of 2.2, with all that other entries say of them."""

from typing import Any

import pytest

from schemas.client_samples import client_sample
from schemas.samples import Budget, Item, Tally
from schemas.samples_3 import as_2_2


def brought(**lists: Any) -> Item:
    """A sample of 3.x with one peer connection, in the form of 2.2."""
    return as_2_2({"clientId": "a", "timestamp": 1, "peerConnections": [{"peerConnectionId": "pc", **lists}]})


def inbound(kind: str = "audio", **fields: Any) -> Item:
    return {"id": "in", "ssrc": 7, "kind": kind, "trackIdentifier": "t", **fields}


def outbound(kind: str = "video", **fields: Any) -> Item:
    return {"id": "out", "ssrc": 9, "kind": kind, "mediaSourceId": "S", **fields}


SOURCE = {"id": "S", "kind": "video", "trackIdentifier": "camera", "width": 1280, "height": 720, "frames": 9}


def sent(**lists: Any) -> Item:
    """The one video track that is sent."""
    (track,) = brought(**lists)["outboundVideoTracks"]
    assert isinstance(track, dict)
    return track


@pytest.mark.parametrize(("kind", "name"), [("audio", "inboundAudioTracks"), ("video", "inboundVideoTracks")])
def test_a_stream_that_is_received_is_a_track(kind: str, name: str) -> None:
    (track,) = brought(inboundRtps=[inbound(kind, packetsLost=-1, jitter=0.5)])[name]

    assert {key: track[key] for key in ("peerConnectionId", "trackId", "ssrc", "packetsLost", "jitter")} == {
        "peerConnectionId": "pc",
        "trackId": "t",
        "ssrc": 7,
        "packetsLost": -1,
        "jitter": 0.5,
    }


def test_a_received_track_has_what_its_sender_reports() -> None:
    report = {"id": "R", "ssrc": 7, "packetsSent": 5, "bytesSent": 6, "remoteTimestamp": 1.5, "reportsSent": 2}
    more = {"roundTripTime": 0.1, "totalRoundTripTime": 0.2, "roundTripTimeMeasurements": 3}

    (track,) = brought(inboundRtps=[inbound()], remoteOutboundRtps=[{**report, **more}])["inboundAudioTracks"]

    assert {name: track[name] for name in ("packetsSent", "bytesSent", "remoteTimestamp", "reportsSent", *more)} == {
        "packetsSent": 5,
        "bytesSent": 6,
        "remoteTimestamp": 1.5,
        "reportsSent": 2,
        **more,
    }
    assert track["id"] == "in", "nothing else of the report"


def test_a_report_without_an_ssrc_is_found_by_its_id() -> None:
    lists = {"inboundRtps": [inbound(remoteId="R")], "remoteOutboundRtps": [{"id": "R", "packetsSent": 5}]}

    assert brought(**lists)["inboundAudioTracks"][0]["packetsSent"] == 5


def test_a_received_track_has_what_its_playout_tells() -> None:
    playout = {"id": "AP", "synthesizedSamplesDuration": 0.5, "synthesizedSamplesEvents": 1, "totalSamplesDuration": 99}
    more = {"totalPlayoutDelay": 3.5, "totalSamplesCount": 480}

    (track,) = brought(inboundRtps=[inbound(playoutId="AP")], mediaPlayouts=[{**playout, **more}])["inboundAudioTracks"]

    assert track["synthesizedSamplesDuration"] == 0.5
    assert (track["synthesizedSamplesEvents"], track["totalPlayoutDelay"], track["totalSamplesCount"]) == (1, 3.5, 480)
    assert "totalSamplesDuration" not in track, "that of the playout is another's"


def test_a_received_stream_without_a_track_id_is_the_only_track_of_its_kind() -> None:
    tracks = [{"id": "heard", "kind": "audio"}, {"id": "seen", "kind": "video"}]

    (track,) = brought(inboundRtps=[inbound(trackIdentifier=None)], inboundTracks=tracks)["inboundAudioTracks"]

    assert track["trackId"] == "heard"


def test_a_sent_track_is_the_one_of_its_source() -> None:
    track = sent(outboundRtps=[outbound()], mediaSources=[SOURCE])

    assert (track["peerConnectionId"], track["trackId"], track["ssrc"]) == ("pc", "camera", 9)


def test_a_sent_track_has_what_its_source_tells() -> None:
    track = sent(outboundRtps=[outbound()], mediaSources=[{**SOURCE, "framesPerSecond": 30}])

    assert (track["width"], track["height"], track["frames"]) == (1280, 720, 9)
    assert "framesPerSecond" not in track, "that of the source is another's"


def test_a_sent_audio_track_has_what_its_source_tells() -> None:
    told = {"audioLevel": 0.25, "totalAudioEnergy": 1.5, "totalSamplesDuration": 2, "echoReturnLoss": -30}
    source = {"id": "S", "kind": "audio", "trackIdentifier": "mic", **told}

    (track,) = brought(outboundRtps=[outbound("audio")], mediaSources=[source])["outboundAudioTracks"]

    assert {name: track[name] for name in told} == told


def test_a_sent_track_has_what_its_receiver_reports() -> None:
    told = {
        "packetsReceived": 8,
        "packetsLost": 1,
        "jitter": 0.01,
        "roundTripTime": 0.1,
        "totalRoundTripTime": 0.2,
        "fractionLost": 0.03,
        "roundTripTimeMeasurements": 3,
    }

    track = sent(outboundRtps=[outbound()], mediaSources=[SOURCE], remoteInboundRtps=[{"id": "R", "ssrc": 9, **told}])

    assert {name: track[name] for name in told} == told


def test_what_limits_the_quality_is_told_one_by_one() -> None:
    durations = {"none": 1.5, "cpu": 2.5, "bandwidth": 0, "other": 3}

    track = sent(outboundRtps=[outbound(qualityLimitationDurations=durations)], mediaSources=[SOURCE])

    assert track["qualityLimitationDurationNone"] == 1.5
    assert track["qualityLimitationDurationCPU"] == 2.5
    assert (track["qualityLimitationDurationBandwidth"], track["qualityLimitationDurationOther"]) == (0, 3)


def test_the_layers_of_simulcast_are_of_one_track() -> None:
    layers = [outbound(ssrc=number, rid=f"r{number}") for number in range(3)]

    tracks = brought(outboundRtps=layers, mediaSources=[SOURCE])["outboundVideoTracks"]

    assert [(track["trackId"], track["ssrc"]) for track in tracks] == [("camera", 0), ("camera", 1), ("camera", 2)]


def test_a_stream_whose_source_has_gone_is_sent_no_more() -> None:
    removed = outbound(ssrc=10, mediaSourceId="SV0")

    track = sent(outboundRtps=[outbound(), removed], mediaSources=[SOURCE])

    assert track["ssrc"] == 9


@pytest.mark.parametrize(
    "lists",
    [
        {"outboundTracks": [{"id": "camera", "kind": "video"}, {"id": "mic", "kind": "audio"}]},
        {"mediaSources": [SOURCE]},
    ],
)
def test_a_sent_stream_that_names_no_source_is_the_only_track_of_its_kind(lists: Item) -> None:
    assert sent(outboundRtps=[outbound(mediaSourceId=None)], **lists)["trackId"] == "camera"


def test_a_sent_stream_that_may_be_of_several_tracks_is_of_none() -> None:
    tracks = [{"id": "camera", "kind": "video"}, {"id": "screen", "kind": "video"}]

    assert sent(outboundRtps=[outbound(mediaSourceId=None)], outboundTracks=tracks)["trackId"] is None


@pytest.mark.parametrize("as_text", [False, True])
def test_a_track_has_the_ids_of_the_sfu_that_are_attached_to_it(as_text: bool) -> None:
    attachments: Any = {"sfuStreamId": "stream", "sfuSinkId": "sink", "remoteClientId": "bob"}
    tracks = [
        {"id": "t", "kind": "audio", "attachments": str(attachments).replace("'", '"') if as_text else attachments}
    ]
    entry = {"clientId": "a", "timestamp": 1, "roomId": "r"}
    connection = {"peerConnectionId": "pc", "inboundRtps": [inbound()], "inboundTracks": tracks}

    sample = client_sample(as_2_2({**entry, "peerConnections": [connection]}), Budget(), Tally())

    assert sample is not None
    assert [(track.sfu_stream_id, track.sfu_sink_id) for track in sample.tracks] == [("stream", "sink")]


def test_streams_of_several_peer_connections_stay_apart() -> None:
    connections = [{"peerConnectionId": name, "inboundRtps": [inbound()]} for name in ("one", "two")]

    sample = as_2_2({"clientId": "a", "timestamp": 1, "peerConnections": connections})

    assert [track["peerConnectionId"] for track in sample["inboundAudioTracks"]] == ["one", "two"]


def test_a_stream_of_no_known_kind_is_noticed() -> None:
    sample = brought(inboundRtps=[inbound("smell")], outboundRtps=[outbound("smell")])

    assert (sample["inboundVideoTracks"], sample["outboundVideoTracks"]) == ([None], [None])


@pytest.mark.parametrize(
    ("attachments", "ids"),
    [
        ({"producerId": "p", "consumerId": "c"}, ("p", "c")),
        ({"producerId": "p", "consumerId": "c", "sfuStreamId": "s"}, ("s", "c")),
        ({"producerId": None}, (None, None)),
    ],
)
def test_the_ids_of_mediasoup_name_stream_and_sink_where_the_application_does_not(
    attachments: Item, ids: tuple[str | None, str | None]
) -> None:
    tracks = [{"id": "t", "kind": "audio", "attachments": attachments}]

    (track,) = brought(inboundRtps=[inbound()], inboundTracks=tracks)["inboundAudioTracks"]

    assert (track.get("sfuStreamId"), track.get("sfuSinkId")) == ids
