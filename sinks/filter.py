"""Which types of reports a sink wants, out of the ``reports`` block of its configuration."""

from dataclasses import dataclass, fields

from schemas.reports import ReportType


@dataclass(frozen=True)
class ReportFlags:
    """The types of reports that a sink gets. A flag that is not set counts as true, as does an absent block.

    With one exception, for people who list what they want: a block that sets flags to true and none to false is a
    complete list, and nothing else is sent. ``{sendCallEvents: true}`` gives call events only;
    ``{sendSfuEvents: false}`` gives everything but SFU events.
    """

    send_observer_events: bool | None = None
    """Send OBSERVER_EVENT reports."""
    send_call_events: bool | None = None
    """Send CALL_EVENT reports: calls started and ended, clients joined and left, tracks added and removed."""
    send_call_meta: bool | None = None
    """Send CALL_META_DATA reports: browsers, devices, certificates, codecs, ICE candidates."""
    send_client_extensions: bool | None = None
    """Send CLIENT_EXTENSION_DATA reports."""
    send_peer_connection_transports: bool | None = None
    """Send PEER_CONNECTION_TRANSPORT reports."""
    send_ice_candidate_pairs: bool | None = None
    """Send ICE_CANDIDATE_PAIR reports."""
    send_client_data_channels: bool | None = None
    """Send PEER_CONNECTION_DATA_CHANNEL reports."""
    send_inbound_audio_tracks: bool | None = None
    """Send INBOUND_AUDIO_TRACK reports."""
    send_inbound_video_tracks: bool | None = None
    """Send INBOUND_VIDEO_TRACK reports."""
    send_outbound_audio_tracks: bool | None = None
    """Send OUTBOUND_AUDIO_TRACK reports."""
    send_outbound_video_tracks: bool | None = None
    """Send OUTBOUND_VIDEO_TRACK reports."""
    send_sfu_events: bool | None = None
    """Send SFU_EVENT reports."""
    send_sfu_meta: bool | None = None
    """Send SFU_META_DATA reports."""
    send_sfu_extensions: bool | None = None
    """Send SFU_EXTENSION_DATA reports."""
    send_sfu_transports: bool | None = None
    """Send SFU_TRANSPORT reports."""
    send_sfu_inbound_rtp_streams: bool | None = None
    """Send SFU_INBOUND_RTP_PAD reports."""
    send_sfu_outbound_rtp_streams: bool | None = None
    """Send SFU_OUTBOUND_RTP_PAD reports."""
    send_sfu_sctp_streams: bool | None = None
    """Send SFU_SCTP_STREAM reports."""


TYPES = dict(zip((flag.name for flag in fields(ReportFlags)), ReportType, strict=True))
"""The type of report that each flag is about; the flags stand in the order of the types."""

ALL_TYPES = frozenset(ReportType)


def wanted(flags: ReportFlags | None) -> frozenset[ReportType]:
    """The types that a sink with these flags gets (see `ReportFlags`)."""
    said = {type_: getattr(flags, name, None) for name, type_ in TYPES.items()}
    chosen = frozenset(type_ for type_, flag in said.items() if flag is True)
    refused = frozenset(type_ for type_, flag in said.items() if flag is False)
    return chosen if chosen and not refused else ALL_TYPES - refused
