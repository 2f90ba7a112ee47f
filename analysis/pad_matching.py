"""Whose media an RTP pad of an SFU carries.

A pad that receives from a client names the stream that the client's outbound track names; a pad that sends to a client
names the sink that the client's inbound track names. There are SFUs that number streams and sinks anew in each room:
then the pad's own ids decide, or its SSRC, which is the same at both ends of a wire; if they do not, there is no match
rather than a wrong one.

An internal pad that receives comes from one that sends on another SFU: the same stream, the same SSRC.
"""

from collections.abc import Sequence
from itertools import chain, islice
from typing import NamedTuple

from schemas.samples import text
from schemas.sfu_samples import RtpPad
from store import entities
from store.claims import all_of, is_crowd, newest
from store.entities import INBOUND, OUTBOUND, Claims, Client, MediaTrack
from store.registry import Registry

_MOST_PIPES = 256
"""How many pads that send one SSRC to other SFUs are looked at: one for each of them."""

_MOST_OF_CLIENT = 512
"""How many tracks of the client that a pad names are looked at, if they claim what very many claim."""


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
    return _claimant(registry, OUTBOUND, (service_id, pad.stream_id), pad)


def receiver(pad: RtpPad, service_id: str, registry: Registry) -> MediaTrack | None:
    """The inbound track of a client that an outbound pad sends to."""
    if not pad.sink_id:
        return None
    return _claimant(registry, INBOUND, (service_id, pad.sink_id), pad)


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


def _claimant(registry: Registry, direction: str, path: tuple[str, str], pad: RtpPad) -> MediaTrack | None:
    there = registry.claims.of(direction).get(path)
    if there is None:
        return None
    if is_crowd(there):
        return _fitting(_own(_of_crowd(registry, direction, path, there, pad), pad), pad)
    return _fitting(newest(there), pad)


def _fitting(tracks: Sequence[MediaTrack], pad: RtpPad) -> MediaTrack | None:
    """Of the tracks that claim the stream or sink of a pad, the one that took it last, if all are of one call."""
    if not _are_of_one_call(tracks):
        tracks = _own(tracks, pad)
    return tracks[0] if tracks and _are_of_one_call(tracks) else None


def _of_crowd(
    registry: Registry, direction: str, path: tuple[str, str], crowd: Claims, pad: RtpPad
) -> Sequence[MediaTrack]:
    """Of more tracks than are looked at, those of the client that the pad names, or those with its SSRC; else the
    newest, for what else the pad names. None if as many as that have its SSRC."""
    client = registry.clients.get((path[0], _named(pad, "clientId") or ""))
    of_client = _claimed_by(client, crowd) if client else []
    if of_client:
        return sorted(of_client, key=lambda track: track.claimed, reverse=True)
    same = None if pad.ssrc is None else registry.claims.with_ssrc(direction, path, pad.ssrc)
    if same and is_crowd(same):
        return []
    return newest(same or crowd)


def _claimed_by(client: Client, crowd: Claims) -> list[MediaTrack]:
    """The tracks of a client that are of a crowd."""
    claimants = all_of(crowd)
    tracks = chain.from_iterable(row.tracks.values() for row in client.peer_connections.values())
    return [track for track in islice(tracks, _MOST_OF_CLIENT) if track in claimants]


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
