"""A registry put together from the parts of a snapshot, beside the one that is in use.

What is read was written by another node, and a node with a defect must not spread it: whatever is not of its type,
names a row twice, or stands below nothing is refused.
"""

from collections.abc import Callable, Sequence

from store.claims import in_order, newest
from store.commands import Outcome
from store.departed import Departed
from store.entities import OUTBOUND, Call, Claims, Client, MediaTrack, PeerConnection
from store.origins import Origin
from store.records import (
    AnyRecord,
    CallRecord,
    ClientRecord,
    DepartedRecord,
    DepartedSfusRecord,
    MalformedSnapshot,
    OriginRecord,
    OutcomeRecord,
    PeerConnectionRecord,
    TrackRecord,
    TracksRecord,
    ValuesRecord,
    begun,
    decode_head,
    decode_part,
    must_be_new,
)
from store.registry import Registry
from store.sfu_records import RestoringSfus
from store.values import Kept


class Restoring:
    """The inverse of `store.snapshots.Snapshot`, the order of rows and of claims included.

    `become` is given the registry when it is complete. After an error this is of no use any more.
    """

    def __init__(self, become: Callable[[Registry], None]) -> None:
        self._become = become
        self._registry = Registry()
        self._parts = 0
        self._origin: Origin | None = None
        self._outcome: OutcomeRecord | None = None
        self._call: Call | None = None
        self._client: Client | None = None
        self._peer_connection: PeerConnection | None = None
        self._ssrcs: set[int] = set()
        self._streams: set[tuple[str, str, str]] = set()
        self._disordered: tuple[set[tuple[str, str]], set[tuple[str, str]]] = (set(), set())
        """SFU streams and sinks of a service whose claimants came in another order than that of their claims."""
        self._texts: dict[str, str] = {}
        self._sfus = RestoringSfus(self._registry.sfu_half, self._texts)

    def take(self, part: bytes) -> None:
        """Takes the next part; raises `MalformedSnapshot`."""
        if self._parts == 0:
            head = decode_head(part)
            self._registry.now, self._registry.claims.claimed = head.now, head.claimed
            self._registry.gone = dict.fromkeys(head.gone)
        else:
            decoded = decode_part(part)
            if decoded.number != self._parts:
                raise MalformedSnapshot(f"part {decoded.number} came when part {self._parts} was due")
            for record in decoded.records:
                self._take(record)
            self._order_claims()
        self._parts += 1

    def finish(self) -> None:
        """Gives away the registry; without any part, an empty one.

        What tracks of several rooms claim is put in order only now: to do so with each part would take too long where
        many rooms use the same ids.
        """
        claims = self._registry.claims
        in_order(claims.sent, self._disordered[0])
        in_order(claims.played, self._disordered[1])
        self._become(self._registry)

    def _take(self, record: AnyRecord) -> None:
        match record:
            case PeerConnectionRecord():
                self._take_peer_connection(record)
            case ClientRecord():
                self._take_client(record)
            case CallRecord():
                self._order_claims()
                self._take_call(record)
            case TracksRecord():
                self._take_tracks(record.tracks)
            case OutcomeRecord():
                self._take_outcome(record)
            case OriginRecord():
                self._take_origin(record)
            case DepartedRecord():
                self._take_departed(record.clients, self._registry.departed)
            case DepartedSfusRecord():
                self._take_departed(record.sfus, self._registry.sfu_half.departed)
            case ValuesRecord():
                self._take_values(record)
            case _:
                self._sfus.take(record)

    def _take_origin(self, record: OriginRecord) -> None:
        must_be_new(record.name, self._registry.origins)
        self._origin = self._registry.origins[record.name] = Origin()
        self._origin.seq = record.seq
        self._outcome = None

    def _take_outcome(self, record: OutcomeRecord) -> None:
        origin, before = begun(self._origin), self._outcome
        if before and record.seq == before.seq:
            before.opened.extend(record.opened)
            before.closed.extend(record.closed)
            before.calls.extend(record.calls)
            before.sfus_opened.extend(record.sfus_opened)
            before.sfus_closed.extend(record.sfus_closed)
            return
        if (before and record.seq < before.seq) or record.seq > origin.seq:
            raise MalformedSnapshot(f"outcome {record.seq} is out of order")
        self._outcome = record
        outcome = Outcome(record.opened, record.closed, record.calls, None, record.sfus_opened, record.sfus_closed)
        if record.kept:
            origin.untold[record.seq] = outcome
        if record.seq == origin.seq:
            origin.last = outcome

    def _take_departed(self, records: Sequence[tuple[str, str, int, int]], departed: Departed) -> None:
        for service_id, own_id, last, left in records:
            key = (self._text(service_id), own_id)
            must_be_new(key, departed.rows)
            departed.rows[key] = (last, left)

    def _take_values(self, record: ValuesRecord) -> None:
        values = self._registry.values
        for key, value, touched, ttl in record.values:
            must_be_new(key, values.of_kind(record.kind))
            values.put(record.kind, key, Kept(value, touched, ttl))

    def _take_call(self, record: CallRecord) -> None:
        registry = self._registry
        room = (self._text(record.service_id), record.room_id)
        call = Call(
            service_id=room[0],
            room_id=room[1],
            call_id=record.call_id,
            number=registry.number(),
            started=record.started,
            marker=record.marker,
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new((*room, record.call_id), registry.calls)
        if record.current:
            must_be_new(room, registry.rooms)
            registry.rooms[room] = call
        registry.calls[(*room, record.call_id)] = self._call = call
        self._client = self._peer_connection = None

    def _take_client(self, record: ClientRecord) -> None:
        registry, call = self._registry, begun(self._call)
        client = Client(
            call=call,
            client_id=record.client_id,
            number=registry.number(),
            joined=record.joined,
            media_unit_id=self._text(record.media_unit_id),
            user_id=record.user_id,
            marker=record.marker,
            time_zone_offset=record.time_zone_offset,
            origin=self._text(record.origin),
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new((call.service_id, client.client_id), registry.clients)
        registry.clients[call.service_id, client.client_id] = call.clients[client.client_id] = self._client = client
        self._peer_connection = None
        registry.clients_of[call.service_id] += 1

    def _take_peer_connection(self, record: PeerConnectionRecord) -> None:
        client = begun(self._client)
        row = PeerConnection(
            client=client,
            peer_connection_id=record.peer_connection_id,
            opened=record.opened,
            sample_touched=record.sample_touched,
            server_touched=record.server_touched,
        )
        must_be_new(row.peer_connection_id, client.peer_connections)
        client.peer_connections[row.peer_connection_id] = self._peer_connection = row
        self._registry.peer_connections += 1
        self._take_tracks(record.tracks)

    def _take_tracks(self, records: Sequence[TrackRecord]) -> None:
        row = begun(self._peer_connection)
        for record in records:
            key = (self._text(record.direction), self._text(record.media_kind), record.track_id)
            track = MediaTrack(
                peer_connection=row,
                direction=key[0],
                media_kind=key[1],
                track_id=key[2],
                added=record.added,
                ssrcs=record.ssrcs,
                sfu_stream_id=record.sfu_stream_id,
                sfu_sink_id=record.sfu_sink_id,
                claimed=record.claimed,
                sample_touched=record.sample_touched,
                server_touched=record.server_touched,
            )
            must_be_new(key, row.tracks)
            row.tracks[key] = track
            self._index(track, row.client.call)
        self._registry.tracks += len(records)

    def _index(self, track: MediaTrack, call: Call) -> None:
        claims = self._registry.claims
        claims.index(track)
        if track.direction != OUTBOUND:
            if track.sfu_sink_id and _is_disordered(claims.played[key := (call.service_id, track.sfu_sink_id)]):
                self._disordered[1].add(key)
            return
        if track.sfu_stream_id:
            self._streams.add((call.service_id, call.room_id, track.sfu_stream_id))
            if _is_disordered(claims.sent[key := (call.service_id, track.sfu_stream_id)]):
                self._disordered[0].add(key)
        else:
            self._ssrcs.update(track.ssrcs)

    def _order_claims(self) -> None:
        """Rows come in the order of rows: whoever claims what another claims may have to stand before it."""
        if self._call:
            in_order(self._call.ssrcs, self._ssrcs)
            in_order(self._registry.streams, self._streams)
        self._ssrcs.clear()
        self._streams.clear()

    def _text(self, text: str) -> str:
        """The same text, held once for all rows."""
        return self._texts.setdefault(text, text)


def _is_disordered(claimants: Claims) -> bool:
    """Whether the last claimant came before the one in front of it."""
    tracks = newest(claimants, 2)
    return len(tracks) > 1 and tracks[0].claimed < tracks[1].claimed
