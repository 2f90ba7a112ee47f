"""Which types a sink gets, by its ``reports`` block."""

from dataclasses import fields, replace

import pytest

from schemas.reports import ReportType
from sinks.filter import TYPES, ReportFlags, wanted

EVERYTHING = frozenset(ReportType)


def test_without_a_block_everything_is_wanted() -> None:
    assert wanted(None) == EVERYTHING


def test_an_empty_block_wants_everything() -> None:
    assert wanted(ReportFlags()) == EVERYTHING


def test_a_block_of_true_flags_alone_is_a_complete_list() -> None:
    assert wanted(ReportFlags(send_call_events=True)) == {ReportType.CALL_EVENT}


def test_false_flags_take_away_from_everything() -> None:
    assert wanted(ReportFlags(send_sfu_events=False)) == EVERYTHING - {ReportType.SFU_EVENT}


def test_with_a_false_flag_those_not_named_are_wanted() -> None:
    flags = ReportFlags(send_call_events=True, send_sfu_events=False)

    assert wanted(flags) == EVERYTHING - {ReportType.SFU_EVENT}


def test_a_block_with_every_flag_true_wants_everything() -> None:
    assert wanted(ReportFlags(*[True] * len(fields(ReportFlags)))) == EVERYTHING


@pytest.mark.parametrize(
    ("flag", "type_"),
    [
        ("send_observer_events", ReportType.OBSERVER_EVENT),
        ("send_call_events", ReportType.CALL_EVENT),
        ("send_call_meta", ReportType.CALL_META_DATA),
        ("send_client_extensions", ReportType.CLIENT_EXTENSION_DATA),
        ("send_peer_connection_transports", ReportType.PEER_CONNECTION_TRANSPORT),
        ("send_ice_candidate_pairs", ReportType.ICE_CANDIDATE_PAIR),
        ("send_client_data_channels", ReportType.PEER_CONNECTION_DATA_CHANNEL),
        ("send_inbound_audio_tracks", ReportType.INBOUND_AUDIO_TRACK),
        ("send_inbound_video_tracks", ReportType.INBOUND_VIDEO_TRACK),
        ("send_outbound_audio_tracks", ReportType.OUTBOUND_AUDIO_TRACK),
        ("send_outbound_video_tracks", ReportType.OUTBOUND_VIDEO_TRACK),
        ("send_sfu_events", ReportType.SFU_EVENT),
        ("send_sfu_meta", ReportType.SFU_META_DATA),
        ("send_sfu_extensions", ReportType.SFU_EXTENSION_DATA),
        ("send_sfu_transports", ReportType.SFU_TRANSPORT),
        ("send_sfu_inbound_rtp_streams", ReportType.SFU_INBOUND_RTP_PAD),
        ("send_sfu_outbound_rtp_streams", ReportType.SFU_OUTBOUND_RTP_PAD),
        ("send_sfu_sctp_streams", ReportType.SFU_SCTP_STREAM),
    ],
)
def test_each_flag_is_about_its_type(flag: str, type_: ReportType) -> None:
    assert wanted(replace(ReportFlags(), **{flag: True})) == {type_}


def test_every_type_has_its_flag() -> None:
    assert set(TYPES.values()) == EVERYTHING
