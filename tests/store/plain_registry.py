"""The registry once more, written to be obviously right: lists that are searched, no indexes, no care for speed."""

from collections.abc import Iterator, Sequence

from store.claims import MOST_SSRCS
from store.commands import (
    NO_MEMBER,
    ClientSeen,
    ClientTouch,
    Command,
    Happening,
    Keep,
    Leave,
    Outcome,
    PeerConnectionSeen,
    Sweep,
    Touch,
    TrackSeen,
)
from store.departed import REMEMBERED
from store.entities import OUTBOUND
from tests.store.plain_rows import (
    KINDS,
    Call,
    Client,
    Origin,
    Path,
    PeerConnection,
    Row,
    Track,
    happening,
    last,
    path_of,
)
from tests.store.plain_sfus import PlainSfus

SFU_RANKS = [("sfu",), ("sfuTransport",), ("rtpPad", "sctpChannel")]


class PlainRegistry:
    """Takes the same commands as the registry."""

    def __init__(self) -> None:
        self.now = 0
        self.claims = 0
        self.calls: list[Call] = []
        self.sfus = PlainSfus()
        self.left: dict[tuple[str, str], tuple[int, int]] = {}
        """Time of the last sample of each client that left, and when it did."""
        self.values: dict[tuple[str, str], tuple[bytes, int, int]] = {}
        """The value of each kind and key, when it was said last, and how long it stays."""
        self.origins: dict[str, Origin] = {}
        self.gone: list[str] = []
        self.opened: list[Happening] = []
        self.closed: list[Happening] = []

    def apply(self, command: Command) -> Outcome:
        """Does what the command says."""
        if command.origin in self.gone:
            return Outcome(failed=NO_MEMBER)
        origin = self.origins.setdefault(command.origin, Origin())
        if command.seq < origin.seq:
            return Outcome()
        if command.seq == origin.seq:
            return origin.last
        self.opened, self.closed = [], []
        self.sfus.opened, self.sfus.closed = [], []
        self.now = self.sfus.now = max(self.now, command.now)
        origin.untold = [(seq, outcome) for seq, outcome in origin.untold if seq > command.mark]
        for client_touch in command.clients:
            self.touch_client(client_touch)
        for touch in command.touches:
            self.touch(touch)
        calls = [self.see(seen, command.origin) for seen in command.seen]
        for sfu in command.sfus:
            self.sfus.see(sfu, command.origin, self.now)
        for leave in command.leaves:
            self.leave(leave, command.origin)
        if command.sweep:
            self.sweep(command.sweep, command.now)
            self.sfus.sweep(command.sweep, command.now)
        for wish in command.keep:
            self.keep(wish)
        if command.forget is not None:
            self.forget(command.now, command.forget)
        self.inherit([name for name in command.gone if name != command.origin])
        sfus = self.sfus
        origin.seq = command.seq
        origin.last = Outcome(self.opened, self.closed, calls, None, sfus.opened, sfus.closed)
        if self.opened or self.closed or sfus.opened or sfus.closed:
            origin.untold.append((command.seq, origin.last))
        return origin.last

    def rows(self) -> Iterator[Path]:
        """Every row, parents first."""
        for call in self.calls:
            yield call, None, None, None
            for client in call.clients:
                yield call, client, None, None
                for peer_connection in client.peer_connections:
                    yield call, client, peer_connection, None
                    for track in peer_connection.tracks:
                        yield call, client, peer_connection, track

    def client(self, service: str, name: str) -> tuple[Call, Client] | None:
        """The client of a service, with its call."""
        for call in self.calls:
            for client in call.clients:
                if (call.service, client.first.client_id) == (service, name):
                    return call, client
        return None

    def touch(self, touch: Touch) -> None:
        """Touches a row if it is there."""
        for path in self.rows():
            if path_of(path) == (touch.what, *touch.path):
                last(path).touch(touch.sample, self.now - max(touch.age, 0))
        self.sfus.touch(touch, self.now)

    def touch_client(self, touch: ClientTouch) -> None:
        """Touches a client, its call, and what is named below it, or all that is."""
        found = self.client(touch.service_id, touch.client_id)
        if found is None or found[0].name != touch.call_id:
            return
        rows: list[Row] = [*found]
        named = None if isinstance(touch.below, int) else dict(touch.below)
        for connection in found[1].peer_connections:
            if named is None or connection.name in named:
                rows.append(connection)
                rows += [it for it in connection.tracks if named is None or it.key in named[connection.name]]
        for row in rows:
            row.touch(touch.sample, self.now - max(touch.age, 0))

    def see(self, seen: ClientSeen, origin: str) -> str | None:
        """Opens what is missing; the id of the call that the client is in now."""
        found = self.client(seen.service_id, seen.client_id)
        if self.is_late(seen, found):
            return None
        call = self.call_for(seen, found[0] if found else None)
        if call is None:
            return None
        if found and found[0] is not call:
            self.close_client(*found)
            found = None
        client = found[1] if found else Client(seen.first, self.now, seen, origin)
        if not found:
            call.clients.append(client)
            self.opened.append(happening((call, client, None, None), seen.first))
        client.origin = origin
        client.touch(seen.last, self.now)
        call.touch(seen.last, self.now)
        for entry in seen.peer_connections:
            self.see_peer_connection(call, client, entry)
        return call.name

    def is_late(self, seen: ClientSeen, found: tuple[Call, Client] | None) -> bool:
        """Whether it would bring back one who left later, or move one who was sampled later."""
        if found is None:
            left = self.remembered().get((seen.service_id, seen.client_id))
            return left is not None and seen.last < left[0]
        call, client = found
        moves = call.room != seen.room_id or (seen.own_call_id and call.name != seen.call_id)
        return moves and seen.last < client.sample

    def remembered(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Who left within the last half minute and is not back."""
        here = {(call.service, client.first.client_id) for call in self.calls for client in call.clients}
        return {name: left for name, left in self.left.items() if name not in here and self.now - left[1] <= REMEMBERED}

    def call_for(self, seen: ClientSeen, mine: Call | None) -> Call | None:
        """The room's current call, unless the client itself names another."""
        beside = [call for call in self.calls if (call.service, call.room) == (seen.service_id, seen.room_id)]
        current = [call for call in beside if call.current]
        if current and not seen.own_call_id:
            return current[0]
        for call in beside:
            if call.name == seen.call_id:
                return call if call.current or call is mine else None
        started = seen.first if seen.own_call_id and not current else self.now
        call = Call(started, self.now, seen.service_id, seen.room_id, seen.call_id, seen.marker)
        self.calls.append(call)
        self.opened.append(happening((call, None, None, None), started))
        for other in current:
            other.current = False
            self.close_if_left_behind(other)
        return call

    def see_peer_connection(self, call: Call, client: Client, seen: PeerConnectionSeen) -> None:
        """Opens or touches it and its tracks."""
        for row in client.peer_connections:
            if row.name == seen.peer_connection_id:
                break
        else:
            row = PeerConnection(seen.first, self.now, seen.peer_connection_id)
            client.peer_connections.append(row)
            self.opened.append(happening((call, client, row, None), seen.first))
        row.touch(seen.last, self.now)
        for track in seen.tracks:
            self.see_track((call, client, row), track)

    def see_track(self, parents: tuple[Call, Client, PeerConnection], seen: TrackSeen) -> None:
        """Opens or touches it, and takes over its SSRCs and SFU ids."""
        tracks = parents[2].tracks
        for track in tracks:
            if track.key == seen[:3]:
                self.learn(track, seen)
                break
        else:
            track = Track(seen.first, self.now, seen[:3])
            self.learn(track, seen)
            tracks.append(track)
            self.opened.append(happening((*parents, track), seen.first))
        track.touch(seen.last, self.now)

    def learn(self, track: Track, seen: TrackSeen) -> None:
        """Numbers the change, if it is one."""
        before = (list(track.ssrcs), track.stream, track.sink)
        track.ssrcs += [ssrc for ssrc in seen.ssrcs if ssrc not in track.ssrcs]
        del track.ssrcs[:-MOST_SSRCS]
        track.stream = seen.sfu_stream_id or track.stream
        track.sink = seen.sfu_sink_id or track.sink
        if (track.ssrcs, track.stream, track.sink) != before:
            self.claims += 1
            track.claimed = self.claims

    def leave(self, leave: Leave, origin: str) -> None:
        """Certain, or said by the node that heard the client last."""
        if leave.what == "sfu":
            self.sfus.leave(leave, origin)
            return
        found = self.client(leave.service_id, leave.id)
        if found and (leave.certain or found[1].origin == origin):
            self.close_client(*found)

    def sweep(self, limits: Sweep, now: int) -> None:
        """Closes each row that expired, with all below it; children before parents."""

        def expired(row: Row, limit: int) -> bool:
            return now - row.server > limit + limit // 10

        for call in list(self.calls):
            if expired(call, limits.call):
                self.close_call(call)
                continue
            for client in list(call.clients):
                if expired(client, limits.client):
                    self.close_client(call, client)
                    continue
                for peer_connection in list(client.peer_connections):
                    if expired(peer_connection, limits.peer_connection):
                        self.close_peer_connection(call, client, peer_connection)
                        continue
                    for track in list(peer_connection.tracks):
                        outbound = track.key[0] == OUTBOUND
                        if expired(track, limits.outbound_track if outbound else limits.inbound_track):
                            self.close_track(call, client, peer_connection, track)

    def keep(self, wish: Keep) -> None:
        """The value that was said last."""
        place, said = (wish.kind, wish.key), self.now - max(wish.age, 0)
        value, before, _ = self.values.get(place, (None, 0, 0))
        value = value if wish.value is None else wish.value
        if value is not None and said >= before and said + wish.ttl >= self.now:
            self.values[place] = (value, said, wish.ttl)

    def forget(self, now: int, since: int) -> None:
        """What was not said for its time and a tenth, from when it was said or somebody listened."""
        for place, (_, said, ttl) in list(self.values.items()):
            if now - max(said, since) > ttl + ttl // 10:
                del self.values[place]

    def close_call(self, call: Call) -> None:
        """With its clients; it ended when it was heard last."""
        for client in list(call.clients):
            self.take_out_client(call, client)
        self.calls.remove(call)
        self.closed.append(happening((call, None, None, None), call.server))

    def close_client(self, call: Call, client: Client) -> None:
        """A call that was left behind ends with its last client."""
        self.take_out_client(call, client)
        self.close_if_left_behind(call)

    def close_if_left_behind(self, call: Call) -> None:
        """A call that is no longer its room's ends once it is empty."""
        if not call.current and not call.clients:
            self.close_call(call)

    def take_out_client(self, call: Call, client: Client) -> None:
        """With its peer connections."""
        for peer_connection in list(client.peer_connections):
            self.close_peer_connection(call, client, peer_connection)
        call.clients.remove(client)
        self.left[call.service, client.first.client_id] = (client.sample, self.now)
        self.closed.append(happening((call, client, None, None), client.sample))

    def close_peer_connection(self, call: Call, client: Client, row: PeerConnection) -> None:
        """With its tracks."""
        for track in list(row.tracks):
            self.close_track(call, client, row, track)
        client.peer_connections.remove(row)
        self.closed.append(happening((call, client, row, None), row.sample))

    def close_track(self, call: Call, client: Client, row: PeerConnection, track: Track) -> None:
        """A track was removed when it was last sampled."""
        row.tracks.remove(track)
        self.closed.append(happening((call, client, row, track), track.sample))

    def inherit(self, names: Sequence[str]) -> None:
        """What lost nodes had not told is told with this outcome: parents open first, and close last."""
        self.gone += names
        lost = [self.origins.pop(name) for name in dict.fromkeys(names) if name in self.origins]
        inherited = [outcome for origin in lost for _, outcome in origin.untold]
        if inherited:
            opened = [*self.opened, *(entry for outcome in inherited for entry in outcome.opened)]
            closed = [*self.closed, *(entry for outcome in inherited for entry in outcome.closed)]
            self.opened = [entry for kind in KINDS for entry in opened if entry.what == kind]
            self.closed = [entry for kind in reversed(KINDS) for entry in closed if entry.what == kind]
            told = [*self.sfus.opened, *(entry for outcome in inherited for entry in outcome.sfus_opened)]
            self.sfus.opened = [entry for ranks in SFU_RANKS for entry in told if entry.what in ranks]
            told = [*self.sfus.closed, *(entry for outcome in inherited for entry in outcome.sfus_closed)]
            self.sfus.closed = [entry for ranks in reversed(SFU_RANKS) for entry in told if entry.what in ranks]
