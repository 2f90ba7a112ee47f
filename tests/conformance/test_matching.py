"""Matching: which inbound track receives which outbound track."""

from pathlib import Path

import pytest

from tests.conformance.bodies import NOBODY, Item, attachments, client, events, of_type, one, remote, track
from tests.nodes import Told, running

SENT = track("ta", "pa", 1, sfuStreamId="S")
RECEIVED = track("tb", "pb", 2, sfuStreamId="S", sfuSinkId="K")
FROM_A = ("A", "alice", "pa", "ta")
INBOUND = {"audio": "INBOUND_AUDIO_TRACK", "video": "INBOUND_VIDEO_TRACK"}
both_kinds = pytest.mark.parametrize("kind", ["audio", "video"])


def sender(*tracks: Item, kind: str = "audio", at: int = 1000, room: str = "r") -> Item:
    return client("A", at, room=room, userId="alice", **{f"outbound{kind.capitalize()}Tracks": tracks})


def receiver(*tracks: Item, kind: str = "audio", at: int = 1000, room: str = "r") -> Item:
    return client("B", at, room=room, userId="bob", **{f"inbound{kind.capitalize()}Tracks": tracks})


@both_kinds
async def test_an_sfu_names_both_sides_of_a_stream(tmp_path: Path, kind: str) -> None:
    """C09, C10: within one batch already, and in the next."""
    told: list[Told] = []
    async with running(tmp_path) as node:
        for at in (1000, 2000):
            await node.post(sender(SENT, kind=kind, at=at), receiver(RECEIVED, kind=kind, at=at))
            told += await node.reports()

    assert [remote(report) for report in of_type(told, INBOUND[kind])] == [FROM_A, FROM_A]


async def test_without_a_sink_id_there_is_no_match_through_an_sfu(tmp_path: Path) -> None:
    """C11."""
    async with running(tmp_path) as node:
        await node.post(sender(SENT), receiver(track("tb", "pb", 2, sfuStreamId="S")))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == NOBODY


@both_kinds
@pytest.mark.parametrize("stream", [{}, {"sfuStreamId": ""}, {"sfuStreamId": None}])
async def test_peers_share_an_ssrc(tmp_path: Path, kind: str, stream: Item) -> None:
    """C12."""
    async with running(tmp_path) as node:
        await node.post(sender(track("ta", "pa", 11, **stream), kind=kind), receiver(track("tb", "pb", 11), kind=kind))
        reports = await node.reports()

    assert remote(one(reports, INBOUND[kind])) == FROM_A


async def test_a_sender_that_names_its_stream_is_not_matched_by_ssrc(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(sender(SENT), receiver(track("tb", "pb", 1)))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == NOBODY


async def test_the_order_of_the_two_sides_in_a_batch_does_not_matter(tmp_path: Path) -> None:
    """C12."""
    async with running(tmp_path) as node:
        await node.post(receiver(track("tb", "pb", 11)), sender(track("ta", "pa", 11)))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == FROM_A


@pytest.mark.parametrize("ids", [({}, {}), ({"sfuStreamId": "S"}, {"sfuStreamId": "S", "sfuSinkId": "K"})])
async def test_a_side_that_comes_later_matches_from_then_on(tmp_path: Path, ids: tuple[Item, Item]) -> None:
    """C09, C12 across batches: no batch holds both sides."""
    ssrcs = (11, 11) if not ids[0] else (1, 2)
    inbound = track("tb", "pb", ssrcs[1], **ids[1])
    async with running(tmp_path) as node:
        await node.post(receiver(inbound, at=1000))
        before = await node.reports()
        await node.post(sender(track("ta", "pa", ssrcs[0], **ids[0]), at=2000))
        await node.reports()
        await node.post(receiver(inbound, at=3000))
        after = await node.reports()

    assert remote(one(before, "INBOUND_AUDIO_TRACK")) == NOBODY
    assert remote(one(after, "INBOUND_AUDIO_TRACK")) == FROM_A


async def test_an_ssrc_matches_in_its_own_room_only(tmp_path: Path) -> None:
    """C13."""
    async with running(tmp_path) as node:
        await node.post(sender(track("ta", "pa", 11), room="r1"), receiver(track("tb", "pb", 11), room="r2"))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == NOBODY


async def test_an_sfu_stream_matches_in_its_own_room_only(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(sender(SENT, room="r1"), receiver(RECEIVED, room="r2"))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == NOBODY


async def test_a_stream_is_that_of_its_newest_sender(tmp_path: Path) -> None:
    takes_over = client("C", 2000, userId="carol", outboundAudioTracks=[track("tc", "pc", 3, sfuStreamId="S")])
    async with running(tmp_path) as node:
        await node.post(sender(SENT, at=1000))
        await node.reports()
        await node.post(takes_over)
        await node.reports()
        await node.post(receiver(RECEIVED, at=3000))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == ("C", "carol", "pc", "tc")


async def test_nobody_is_matched_to_himself(tmp_path: Path) -> None:
    """C14."""
    sample = client("A", outboundAudioTracks=[track("t1", "p1", 11)], inboundAudioTracks=[track("t2", "p2", 11)])
    async with running(tmp_path) as node:
        await node.post(sample)
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == NOBODY


async def test_two_services_never_match(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(sender(SENT), sender(track("tc", "pa", 11)), service="svc")
        await node.post(receiver(RECEIVED, track("td", "pb", 11)), service="svc2")
        reports = await node.reports()

    inbound = of_type(reports, "INBOUND_AUDIO_TRACK")
    assert [remote(report) for report in inbound] == [NOBODY, NOBODY]


async def test_a_track_on_two_peer_connections_is_matched_on_the_right_one(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(
            sender(track("ta", "p1", 1), track("ta", "p2", 2)),
            client("B", inboundAudioTracks=[track("tb", "pb", 1)]),
            client("C", inboundAudioTracks=[track("tc", "pc", 2)]),
        )
        reports = await node.reports()

    inbound = of_type(reports, "INBOUND_AUDIO_TRACK")
    assert {r["clientId"]: r["remotePeerConnectionId"] for r in inbound} == {"B": "p1", "C": "p2"}
    assert {r["remoteTrackId"] for r in inbound} == {"ta"}


async def test_unmatched_reports_can_be_dropped(tmp_path: Path) -> None:
    """C15."""
    analyser = {"clientSamplesAnalyser": {"dropUnmatchedReports": True}}
    async with running(tmp_path, evaluators=analyser) as node:
        await node.post(sender(SENT), receiver(track("tb", "pb", 2, sfuStreamId="S")))
        reports = await node.reports()

    assert [r.type for r in reports if r.type != "CALL_EVENT"] == ["OUTBOUND_AUDIO_TRACK"]


async def test_matched_reports_are_not_dropped(tmp_path: Path) -> None:
    """C15."""
    analyser = {"clientSamplesAnalyser": {"dropUnmatchedReports": True}}
    async with running(tmp_path, evaluators=analyser) as node:
        await node.post(sender(SENT), receiver(RECEIVED))
        reports = await node.reports()

    assert remote(one(reports, "INBOUND_AUDIO_TRACK")) == FROM_A


async def test_matching_can_be_switched_off(tmp_path: Path) -> None:
    analyser = {"clientSamplesAnalyser": {"matchTracks": False}}
    async with running(tmp_path, evaluators=analyser) as node:
        await node.post(sender(SENT, track("tc", "pa", 11)), receiver(RECEIVED, track("td", "pb", 11)))
        reports = await node.reports()

    assert [remote(r) for r in of_type(reports, "INBOUND_AUDIO_TRACK")] == [NOBODY, NOBODY]


@both_kinds
async def test_tracks_that_are_added_are_described(tmp_path: Path, kind: str) -> None:
    """C16."""
    async with running(tmp_path) as node:
        await node.post(sender(SENT, kind=kind), receiver(RECEIVED, kind=kind))
        reports = await node.reports()

    added = {event["mediaTrackId"]: event for event in events(reports, "MEDIA_TRACK_ADDED")}
    about = {"mediaKind": kind.upper(), "sfuStreamId": "S"}
    assert attachments(added["ta"]) == about | {"streamDirection": "OUTBOUND", "sfuSinkId": None}
    assert attachments(added["tb"]) == about | {"streamDirection": "INBOUND", "sfuSinkId": "K"}
    assert (added["ta"]["SSRC"], added["ta"]["clientId"], added["ta"]["peerConnectionId"]) == (1, "A", "pa")
    assert (added["tb"]["SSRC"], added["tb"]["clientId"], added["tb"]["peerConnectionId"]) == (2, "B", "pb")
    assert added["ta"]["message"] == "Media Track is added. streamId: S, direction: OUTBOUND"
    assert added["tb"]["message"] == (
        f"Media Track is added. streamId: S, sinkId: K, direction: INBOUND, kind: {kind.upper()}"
    )


async def test_inbound_tracks_are_told_before_outbound_ones(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(sender(SENT), receiver(RECEIVED))
        reports = await node.reports()

    assert [event["mediaTrackId"] for event in events(reports, "MEDIA_TRACK_ADDED")] == ["tb", "ta"]


async def test_a_second_ssrc_belongs_to_its_track(tmp_path: Path) -> None:
    """C17: simulcast; the new SSRC adds no track and matches too."""
    layers = track("ta", "pa", 1), track("ta", "pa", 2)
    async with running(tmp_path) as node:
        await node.post(sender(layers[0], at=1000))
        first = await node.reports()
        await node.post(sender(*layers, at=2000), receiver(track("tb", "pb", 2), at=2000))
        second = await node.reports()

    assert [event["mediaTrackId"] for event in events(first + second, "MEDIA_TRACK_ADDED")] == ["ta", "tb"]
    assert remote(one(second, "INBOUND_AUDIO_TRACK")) == FROM_A


async def test_a_track_of_several_ssrcs_is_added_without_naming_one(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        await node.post(sender(track("ta", "pa", 1), track("ta", "pa", 2)))
        reports = await node.reports()

    assert one(reports, "MEDIA_TRACK_ADDED")["SSRC"] is None
