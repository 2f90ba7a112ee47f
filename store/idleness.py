"""When a row has been idle for too long: its limit, and the tenth of it that a sweep grants on top."""

from collections.abc import Iterable

from store.commands import Sweep
from store.entities import (
    INBOUND,
    Call,
    Client,
    Entity,
    MediaTrack,
    PeerConnection,
    RtpPad,
    SctpChannel,
    Sfu,
    SfuTransport,
)


def grace(limit: int) -> int:
    """What a sweep grants beyond an idle limit: touches may be committed that much late. (ms)"""
    return limit // 10


def limit_of(row: Entity, limits: Sweep) -> int:
    """The idle limit of a row. (ms)"""
    match row:
        case MediaTrack():
            return track_time(row, limits)
        case PeerConnection():
            return limits.peer_connection
        case Client():
            return limits.client
        case RtpPad():
            return pad_time(row, limits)
        case SctpChannel():
            return limits.sfu_sctp_channel
        case SfuTransport():
            return limits.sfu_transport
        case Sfu():
            return limits.sfu
    return limits.call


def deadlines_of(limits: Sweep, now: int) -> Sweep:
    """For each kind of row, the time before which its last touch must lie for it to be idle."""
    return Sweep(*(now - limit - grace(limit) for limit in limits))


def any_idle(calls: Iterable[Call], sfus: Iterable[Sfu], deadlines: Sweep) -> bool:
    """Whether any of some calls or SFUs, or anything below them, is idle."""
    return any(_holds_idle(call, deadlines) for call in calls) or any(_sfu_holds_idle(sfu, deadlines) for sfu in sfus)


def _holds_idle(call: Call, deadlines: Sweep) -> bool:
    """Whether a call, or anything below it, is idle."""
    if call.server_touched < deadlines.call:
        return True
    for client in call.clients.values():
        if client.server_touched < deadlines.client:
            return True
        for peer_connection in client.peer_connections.values():
            if peer_connection.server_touched < deadlines.peer_connection:
                return True
            for track in peer_connection.tracks.values():
                if track.server_touched < track_time(track, deadlines):
                    return True
    return False


def track_time(track: MediaTrack, times: Sweep) -> int:
    """What `times` says of a track of this direction."""
    return times.inbound_track if track.direction == INBOUND else times.outbound_track


def _sfu_holds_idle(sfu: Sfu, deadlines: Sweep) -> bool:
    """Whether an SFU, or anything below it, is idle."""
    if sfu.server_touched < deadlines.sfu:
        return True
    for transport in sfu.transports.values():
        if transport.server_touched < deadlines.sfu_transport:
            return True
        for pad in transport.pads.values():
            if pad.server_touched < pad_time(pad, deadlines):
                return True
        for channel in transport.channels.values():
            if channel.server_touched < deadlines.sfu_sctp_channel:
                return True
    return False


def pad_time(pad: RtpPad, times: Sweep) -> int:
    """What `times` says of a pad of this direction."""
    return times.sfu_inbound_pad if pad.direction == INBOUND else times.sfu_outbound_pad
