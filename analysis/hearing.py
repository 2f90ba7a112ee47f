"""What this node alone remembers of rows that it heard of but has not committed a touch for.

A touch is committed at most once per tenth of a row's idle limit: the sweep grants that tenth on top, so nothing
closes early. A row that stays silent for that long is settled: its exact last touch is committed, so that it ends with
the time of its last sample.

A touch names its row by its path. So rows of a registry that was replaced since are settled like all others.
"""

from collections.abc import Iterable

from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    Sweep,
    Touch,
)
from store.entities import (
    Call,
    Client,
    Entity,
    MediaTrack,
    PeerConnection,
    RtpPad,
    SctpChannel,
    Sfu,
    SfuTransport,
    below_sfu,
)
from store.idleness import grace, limit_of


def touch_pace(limits: Sweep) -> Sweep:
    """For each kind of row, the least time between two of its touches: a tenth of the limit after which it may close.

    A row closes with its parent too, so the parent's limit counts as well as its own. (ms)
    """
    client = min(limits.client, limits.call)
    peer_connection = min(limits.peer_connection, client)
    sfu_transport = min(limits.sfu_transport, limits.sfu)
    least = Sweep(
        call=limits.call,
        client=client,
        peer_connection=peer_connection,
        inbound_track=min(limits.inbound_track, peer_connection),
        outbound_track=min(limits.outbound_track, peer_connection),
        sfu=limits.sfu,
        sfu_transport=sfu_transport,
        sfu_inbound_pad=min(limits.sfu_inbound_pad, sfu_transport),
        sfu_outbound_pad=min(limits.sfu_outbound_pad, sfu_transport),
        sfu_sctp_channel=min(limits.sfu_sctp_channel, sfu_transport),
    )
    return Sweep(*map(grace, least))


class Hearing:
    """The rows that this node has heard of since their last committed touch."""

    def __init__(self) -> None:
        self._unsettled: list[Entity] = []

    def hear(self, row: Entity, sample: int, now: int) -> None:
        """A sample told of `row`; both times are ms."""
        if sample > row.heard_sample:
            row.heard_sample = sample
        row.heard_server = now
        if not row.unsettled:
            row.unsettled = True
            self._unsettled.append(row)

    def silent(self, pace: Sweep, now: int) -> list[Entity]:
        """Takes out the rows that were silent for as long as `pace` says of their kind: their last touch is due."""
        silent, rest = [], []
        for row in self._unsettled:
            if row.closed or not _ahead(row):
                row.unsettled = False
            elif now - row.heard_server >= limit_of(row, pace):
                row.unsettled = False
                silent.append(row)
            else:
                rest.append(row)
        self._unsettled = rest
        return silent

    def put_back(self, rows: Iterable[Entity]) -> None:
        """Takes rows in again whose last touch could not be committed."""
        for row in rows:
            if not row.unsettled:
                row.unsettled = True
                self._unsettled.append(row)

    def __len__(self) -> int:
        return len(self._unsettled)


def last_touches(client: Client, now: int) -> list[Touch]:
    """The exact last touches of a client that is about to leave, and of all that is below it."""
    rows: list[Entity] = [client, client.call]
    for peer_connection in client.peer_connections.values():
        rows += [peer_connection, *peer_connection.tracks.values()]
    return _touches(rows, now)


def last_touches_of_sfu(sfu: Sfu, now: int) -> list[Touch]:
    """The exact last touches of an SFU that is about to leave, and of all that is below it."""
    return _touches(below_sfu(sfu), now)


def touch_of(row: Entity, now: int) -> Touch:
    """What this node heard of a row last."""
    what, path = _path(row)
    return Touch(what, path, row.heard_sample, now - row.heard_server)


def _touches(rows: Iterable[Entity], now: int) -> list[Touch]:
    return [touch_of(row, now) for row in rows if _ahead(row)]


def _ahead(row: Entity) -> bool:
    return row.heard_sample > row.sample_touched or row.heard_server > row.server_touched


def _path(row: Entity) -> tuple[str, tuple[str, ...]]:
    match row:
        case MediaTrack():
            return TRACK, (*_path(row.peer_connection)[1], *row.key)
        case PeerConnection():
            return PEER_CONNECTION, (*_path(row.client)[1], row.peer_connection_id)
        case Client():
            return CLIENT, (row.call.service_id, row.client_id)
        case Call():
            return CALL, (row.service_id, row.room_id, row.call_id)
        case RtpPad():
            return RTP_PAD, (*_path(row.transport)[1], *row.key)
        case SctpChannel():
            return SCTP_CHANNEL, (*_path(row.transport)[1], row.channel_id)
        case SfuTransport():
            return SFU_TRANSPORT, (*_path(row.sfu)[1], row.transport_id)
        case Sfu():
            return SFU, (row.service_id, row.sfu_id)
    raise TypeError(f"no row of the registry: {row!r}")
