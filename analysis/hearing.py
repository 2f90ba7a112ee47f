"""What this node alone remembers of rows that it heard of but has not committed a touch for.

A touch is committed about once per tenth of a row's idle limit: the sweep grants that tenth on top, so nothing closes
early. A row that stays silent for that long is settled: its exact last touch is committed, so that it ends with the
time of its last sample.

A client is touched together with all below it, so it waits for that together with all below it: whoever hears a peer
connection or a track hears its client too.

A touch names its rows by their path. So rows of a registry that was replaced since are settled like all others.
"""

from collections.abc import Iterable, Iterator

from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    ClientTouch,
    Sweep,
    Touch,
    TrackKey,
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
    unit_of,
)
from store.idleness import grace, limit_of

_TOGETHER = 1000
"""Rows that were first heard of within so long are looked at together. (ms)"""

_WITH_ITS_CLIENT = -1
"""Where a row below a client waits: where its client does."""


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
    """The rows that this node has heard of since their last committed touch, by when it first did.

    A client stands there for all below it. One whose touch was called due stays where it was until its time comes, and
    is passed over then: `Entity.unsettled` tells where each row waits, if it does.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Entity]] = {}
        self._due: dict[Client, None] = {}

    def hear(self, row: Entity, sample: int, now: int) -> None:
        """A sample told of `row`; both times are ms."""
        self.hear_all((row,), sample, now)

    def hear_all(self, rows: Iterable[Entity], sample: int, now: int) -> None:
        """A sample told of `rows`; both times are ms."""
        for row in rows:
            row.heard_server = now
            if sample > row.heard_sample:
                row.heard_sample = sample
            if not row.unsettled:
                self._keep(row)

    def call_due(self, client: Client) -> None:
        """The touch of a client that was heard of, or of something below it, is due: at the next tick it is made."""
        self._due[client] = None

    def due(self) -> list[Client]:
        """Takes out the clients whose touch is due, each once."""
        due, self._due = self._due, {}
        for client in due:
            client.unsettled = 0
        return [client for client in due if not client.closed]

    def silent(self, pace: Sweep, now: int) -> list[Entity]:
        """Takes out what was silent for as long as `pace` says of its kind: its last touch is due.

        So is that of a client, silent or not, of which, or of something below it, it heard so long ago without having
        touched them since: what its last sample did not show may have been silent since then.
        """
        silent = []
        ripe = (now - min(pace)) // _TOGETHER
        for since in [since for since in self._waiting if since <= ripe]:
            for row in self._waiting.pop(since):
                if row.unsettled != since:
                    continue
                row.unsettled = 0
                if row.closed or not _any_ahead(row):
                    continue
                if isinstance(row, Client):
                    first, patience = since * _TOGETHER, min(pace.inbound_track, pace.outbound_track)
                else:
                    first, patience = row.heard_server, limit_of(row, pace)
                if now - first >= patience:
                    silent.append(row)
                else:
                    self._wait(row, first)
        return silent

    def put_back(self, rows: Iterable[Entity]) -> None:
        """Takes rows in again whose last touch could not be committed."""
        for row in rows:
            if not row.unsettled:
                self._wait(row, row.heard_server)

    def part(self) -> None:
        """The registry is replaced: what is below clients, which will be taken from them, waits by itself now."""
        for since, rows in self._waiting.items():
            clients = [row for row in rows if isinstance(row, Client) and row.unsettled == since]
            apart = [row for client in clients for row in _below(client) if _ahead(row)]
            for row in apart:
                row.unsettled = since
            rows += apart

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _keep(self, row: Entity) -> None:
        if isinstance(row, (MediaTrack, PeerConnection)):
            row.unsettled = _WITH_ITS_CLIENT
        else:
            self._wait(row, row.heard_server)

    def _wait(self, row: Entity, since: int) -> None:
        row.unsettled = since // _TOGETHER
        self._waiting.setdefault(row.unsettled, []).append(row)


LastTouch = Touch | ClientTouch


def last_touches(client: Client, now: int) -> Iterator[LastTouch]:
    """The exact last touches of a client that is about to leave, of its call, and of all that is below it."""
    yield from touches_of(client, now)
    if _ahead(client.call):
        yield touch_of(client.call, now)


def last_touches_of_sfu(sfu: Sfu, now: int) -> list[Touch]:
    """The exact last touches of an SFU that is about to leave, and of all that is below it."""
    return [touch_of(row, now) for row in below_sfu(sfu) if _ahead(row)]


def settling(rows: Iterable[Entity], now: int) -> Iterator[LastTouch]:
    """The exact last touches of rows. With one below a client, the client and all below it are touched, once."""
    clients = set()
    for row in rows:
        unit = row if isinstance(row, Client) else unit_of(row)
        if not isinstance(unit, Client):
            yield touch_of(row, now)
            continue
        if unit not in clients:
            clients.add(unit)
            yield from touches_of(unit, now)
        if row is not unit and _is_apart(row):
            yield touch_of(row, now)


def touches_of(client: Client, now: int) -> Iterator[LastTouch]:
    """The exact last touches of a client and of all below it: one, but for rows that its last sample did not show."""
    call, below = client.call, _all_shown(client)
    others: list[Entity] = []
    head = (call.service_id, client.client_id, call.call_id, client.heard_sample, now - client.heard_server)
    yield ClientTouch(*head, below or _shown(client, others))
    for row in others:
        if _ahead(row):
            yield touch_of(row, now)


def _all_shown(client: Client) -> int:
    """How many rows there are below a client, if its last sample showed all of them; else 0."""
    sample, server = client.heard_sample, client.heard_server
    rows = 0
    for peer_connection in client.peer_connections.values():
        if peer_connection.heard_server != server or peer_connection.heard_sample != sample:
            return 0
        tracks = peer_connection.tracks
        for track in tracks.values():
            if track.heard_server != server or track.heard_sample != sample:
                return 0
        rows += 1 + len(tracks)
    return rows


def _shown(client: Client, others: list[Entity]) -> list[tuple[str, list[TrackKey]]]:
    """The names of what the last sample of a client showed below it; the rows that it did not show join `others`."""
    sample, server = client.heard_sample, client.heard_server
    shown = []
    for peer_connection in client.peer_connections.values():
        if peer_connection.heard_server != server or peer_connection.heard_sample != sample:
            others += [peer_connection, *peer_connection.tracks.values()]
            continue
        keys = []
        for key, track in peer_connection.tracks.items():
            if track.heard_server == server and track.heard_sample == sample:
                keys.append(key)
            else:
                others.append(track)
        shown.append((peer_connection.peer_connection_id, keys))
    return shown


def touch_of(row: Entity, now: int) -> Touch:
    """What this node heard of a row last."""
    what, path = _path(row)
    return Touch(what, path, row.heard_sample, now - row.heard_server)


def _ahead(row: Entity) -> bool:
    return row.heard_sample > row.sample_touched or row.heard_server > row.server_touched


def _any_ahead(row: Entity) -> bool:
    """Whether a row is ahead of its last touch, or, of a client, anything below it."""
    return _ahead(row) or (isinstance(row, Client) and any(map(_ahead, _below(row))))


def _below(client: Client) -> Iterator[Entity]:
    for peer_connection in client.peer_connections.values():
        yield peer_connection
        yield from peer_connection.tracks.values()


def _is_apart(row: Entity) -> bool:
    """Whether a row below a client is no longer found there: its registry was replaced."""
    if isinstance(row, MediaTrack):
        return row.key not in row.peer_connection.tracks
    return isinstance(row, PeerConnection) and row.peer_connection_id not in row.client.peer_connections


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
