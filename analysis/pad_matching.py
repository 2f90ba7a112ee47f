"""Whose media an RTP pad of an SFU carries.

A pad that receives from a client names the stream that the client's outbound track names; a pad that sends to a client
names the sink that the client's inbound track names. There are SFUs that number streams and sinks anew in each room:
then the pad's own ids decide, or its SSRC, which is the same at both ends of a wire; if they do not, there is no match
rather than a wrong one.

An internal pad that receives comes from one that sends on another SFU: the same stream, the same SSRC.
"""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from schemas.samples import text
from schemas.sfu_samples import RtpPad
from store import entities
from store.claims import TrackClaims, is_crowd, newest
from store.entities import INBOUND, OUTBOUND, MediaTrack
from store.registry import Registry

_MOST_PIPES = 256
"""How many pads that send one SSRC to other SFUs are looked at: one for each of them."""


class FarPad(NamedTuple):
    """The pad of another SFU that an internal pad receives from, as far as there is no doubt.

    Where several fit, what they do not share is ``None``.
    """

    sfu_id: str | None
    transport_id: str | None
    sink_id: str | None
    pad_id: str | None


def sender(pad: RtpPad, service_id: str, registry: Registry) -> MediaTrack | None:
    """The outbound track of a client that an inbound pad receives, or that came to its SFU through others."""
    if not pad.stream_id:
        return None
    return _claimant(registry.claims, OUTBOUND, (service_id, pad.stream_id), pad)


def receiver(pad: RtpPad, service_id: str, registry: Registry) -> MediaTrack | None:
    """The inbound track of a client that an outbound pad sends to."""
    if not pad.sink_id:
        return None
    return _claimant(registry.claims, INBOUND, (service_id, pad.sink_id), pad)


def far_pad(pad: RtpPad, service_id: str, sfu_id: str, registry: Registry) -> FarPad | None:
    """The outbound pad of another SFU that an internal inbound pad of the SFU `sfu_id` receives from, if known."""
    if pad.stream_id is None or pad.ssrc is None:
        return None
    pipes = registry.internal_pads.get((service_id, pad.stream_id, pad.ssrc), {})
    fitting = [pipe for pipe in islice(reversed(pipes), _MOST_PIPES) if pipe.transport.sfu.sfu_id != sfu_id]
    return _shared(fitting) if fitting else None


def _shared(pads: Sequence[entities.RtpPad]) -> FarPad:
    """What all of some pads have in common."""
    paths = [FarPad(it.transport.sfu.sfu_id, it.transport.transport_id, it.sink_id, it.pad_id) for it in pads]
    return FarPad(*(values[0] if len({*values}) == 1 else None for values in zip(*paths, strict=True)))


def _claimant(claims: TrackClaims, direction: str, path: tuple[str, str], pad: RtpPad) -> MediaTrack | None:
    there = claims.of(direction).get(path)
    if there is None:
        return None
    return _of_crowd(claims, direction, path, pad) if is_crowd(there) else _fitting(newest(there), pad)


def _fitting(tracks: Sequence[MediaTrack], pad: RtpPad) -> MediaTrack | None:
    """Of the tracks that claim the stream or sink of a pad, the one that took it last, if all are of one call."""
    if not _are_of_one_call(tracks):
        tracks = _own(tracks, pad)
    return tracks[0] if tracks and _are_of_one_call(tracks) else None


def _of_crowd(claims: TrackClaims, direction: str, path: tuple[str, str], pad: RtpPad) -> MediaTrack | None:
    """Of more tracks than are looked at, one of those with the SSRC of the pad; or of the newest, if it names that."""
    same = None if pad.ssrc is None else claims.with_ssrc(direction, path, pad.ssrc)
    if same and is_crowd(same):
        return None
    return _fitting(newest(same) if same else _own(newest(claims.of(direction)[path]), pad), pad)


def _own(tracks: Sequence[MediaTrack], pad: RtpPad) -> list[MediaTrack]:
    """Those of some tracks that the pad names itself; by its SSRC, if it names none, or if that does not decide.

    A call id that no track has says nothing: it may be the application's own.
    """
    call_id, client_id, track_id = (_named(pad, name) for name in ("callId", "clientId", "trackId"))
    named = [
        track
        for track in tracks
        if client_id in (None, track.peer_connection.client.client_id) and track_id in (None, track.track_id)
    ]
    of_call = [track for track in named if track.peer_connection.client.call.call_id == call_id]
    named = of_call or named
    if (client_id or track_id or of_call) and _are_of_one_call(named):
        return named
    return [track for track in named if pad.ssrc in track.ssrcs]


def _named(pad: RtpPad, name: str) -> str | None:
    value = text(pad.stats.get(name))
    return None if value in ("", "NULL") else value


def _are_of_one_call(tracks: Sequence[MediaTrack]) -> bool:
    return len(tracks) == 1 or len({track.peer_connection.client.call for track in tracks}) <= 1
