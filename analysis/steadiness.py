"""Whether a sample shows only what is known: then it is heard of, and that is all there is to do.

Nearly all samples are so, and cost no other look.
"""

from typing import Any, NamedTuple

from analysis.hearing import Hearing
from schemas.client_samples import ClientSample
from schemas.reports import KINDS_OF_TRACKS, Track
from store.commands import Sweep
from store.entities import Client, Entity, MediaTrack, PeerConnection


class _Since(NamedTuple):
    """Times at or before which a last committed touch is too long ago, by what was touched. (ms)"""

    call: int
    client: int
    peer_connection: int
    track: int


class Steadiness:
    """What is steady while one batch is looked at, `now` (ms).

    What was last touched at `due` or before has its next touch due, and what was at `overdue` or before has to be told
    of at once. `origin` is the name under which this node proposes.
    """

    def __init__(self, hearing: Hearing, origin: str, now: int, due: Sweep, overdue: Sweep) -> None:
        self._hearing = hearing
        self._origin = origin
        self._now = now
        self._due, self._overdue = _since(due), _since(overdue)

    def shows(self, client: Client, sample: ClientSample) -> bool:
        """Whether all that a sample of a known client shows is known, unchanged, and was touched not long ago.

        Then all of that was heard of. Otherwise the sample needs another look, which hears of it.
        """
        call, due = client.call, self._due
        if client.origin != self._origin:
            return False
        overdue = client.server_touched <= due.client or call.server_touched <= due.call
        if overdue:
            due = self._overdue  # all below the client is touched with it, at the next tick
            if client.server_touched <= due.client or call.server_touched <= due.call:
                return False
        connection_due, track_due = due.peer_connection, due.track
        known: Any = client.peer_connections
        shown: list[Entity] = [client, call]
        show = shown.append
        connection: PeerConnection | None = None
        for transport in sample.transports:
            connection = known.get(transport.peer_connection_id)
            if connection is None or connection.server_touched <= connection_due:
                return False
            show(connection)
        before = connection
        for track in sample.tracks:
            connection = known.get(track.peer_connection_id)
            if connection is not before or connection is None:
                if connection is None or connection.server_touched <= connection_due:
                    return False
                show(connection)
                before = connection
            direction, media_kind = KINDS_OF_TRACKS[type(track)]
            key: Any = (direction, media_kind, track.track_id)
            row = connection.tracks.get(key)
            if row is None or row.server_touched <= track_due:
                return False
            streams = track.sfu_stream_id is not None or track.sfu_sink_id is not None
            if (streams or track.ssrc not in row.ssrcs) and tells_news(track, row):
                return False
            show(row)
        if overdue:
            self._hearing.call_due(client)
        self._hearing.hear_all(shown, sample.timestamp, self._now)
        return True


def tells_news(track: Track, row: MediaTrack) -> bool:
    """Whether a sample says more of a track than the registry knows."""
    return (
        (track.ssrc is not None and track.ssrc not in row.ssrcs)
        or (track.sfu_stream_id is not None and track.sfu_stream_id != row.sfu_stream_id)
        or (track.sfu_sink_id is not None and track.sfu_sink_id != row.sfu_sink_id)
    )


def _since(times: Sweep) -> _Since:
    return _Since(times.call, times.client, times.peer_connection, max(times.inbound_track, times.outbound_track))
