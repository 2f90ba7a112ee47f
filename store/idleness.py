"""When a row has been idle for too long: its limit, and the tenth of it that a sweep grants on top."""

from collections.abc import Iterable, Sequence
from operator import lt

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

_OF_SFUS = Sweep._fields.index("sfu")
"""Where the times of SFUs begin; those before are of calls."""

_NEVER = 2**63
"""Later than any time. (ms)"""


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


def any_idle(calls: Iterable[Call], sfus: Iterable[Sfu], deadlines: Sweep, now: int) -> bool:
    """Whether any of some calls or SFUs, or anything below them, is idle; `now` is registry time (ms)."""
    return any(holds_idle(call, deadlines, now) for call in calls) or any(
        sfu_holds_idle(sfu, deadlines, now) for sfu in sfus
    )


def holds_idle(call: Call, deadlines: Sweep, now: int) -> bool:
    """Whether a call, or anything below it, is idle.

    A touch never goes back, and what comes later is touched later. So once a call was looked through, it is known until
    when nothing of it can be idle, whatever comes: mostly for minutes, in which this costs a few comparisons.
    """
    of_call = deadlines[:_OF_SFUS]
    if not _any_older(call.oldest, of_call):
        return False
    oldest = _oldest_of(call)
    call.oldest = tuple([min(at, now) for at in oldest])
    return _any_older(oldest, of_call)


def sfu_holds_idle(sfu: Sfu, deadlines: Sweep, now: int) -> bool:
    """The same of an SFU."""
    of_sfu = deadlines[_OF_SFUS:]
    if not _any_older(sfu.oldest, of_sfu):
        return False
    oldest = _oldest_of_sfu(sfu)
    sfu.oldest = tuple([min(at, now) for at in oldest])
    return _any_older(oldest, of_sfu)


def track_time(track: MediaTrack, times: Sweep) -> int:
    """What `times` says of a track of this direction."""
    return times.inbound_track if track.direction == INBOUND else times.outbound_track


def pad_time(pad: RtpPad, times: Sweep) -> int:
    """What `times` says of a pad of this direction."""
    return times.sfu_inbound_pad if pad.direction == INBOUND else times.sfu_outbound_pad


def _any_older(oldest: Sequence[int], deadlines: Sequence[int]) -> bool:
    """Whether any was touched before the deadline of its kind, or nobody has looked yet."""
    return not oldest or any(map(lt, oldest, deadlines))


def _oldest_of(call: Call) -> tuple[int, ...]:
    """The earliest of the last touches of each kind of row; `_NEVER` where there is no such row."""
    of_clients = of_connections = of_inbound = of_outbound = _NEVER
    for client in call.clients.values():
        if client.server_touched < of_clients:
            of_clients = client.server_touched
        for peer_connection in client.peer_connections.values():
            if peer_connection.server_touched < of_connections:
                of_connections = peer_connection.server_touched
            for track in peer_connection.tracks.values():
                if track.direction == INBOUND:
                    if track.server_touched < of_inbound:
                        of_inbound = track.server_touched
                elif track.server_touched < of_outbound:
                    of_outbound = track.server_touched
    return call.server_touched, of_clients, of_connections, of_inbound, of_outbound


def _oldest_of_sfu(sfu: Sfu) -> tuple[int, ...]:
    """The same of an SFU."""
    of_transports = of_inbound = of_outbound = of_channels = _NEVER
    for transport in sfu.transports.values():
        if transport.server_touched < of_transports:
            of_transports = transport.server_touched
        for pad in transport.pads.values():
            if pad.direction == INBOUND:
                if pad.server_touched < of_inbound:
                    of_inbound = pad.server_touched
            elif pad.server_touched < of_outbound:
                of_outbound = pad.server_touched
        for channel in transport.channels.values():
            if channel.server_touched < of_channels:
                of_channels = channel.server_touched
    return sfu.server_touched, of_transports, of_inbound, of_outbound, of_channels
