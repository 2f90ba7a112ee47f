"""The registry: a deterministic state machine over calls, clients, peer connections and tracks, and over SFUs.

* `Registry.apply` uses nothing but its command: no clock, no randomness, no I/O. The same commands in the same order
  give the same state and the same outcomes on every replica.
* Registry time is the largest ``now`` seen. Ages and limits are relative to it, so clocks that differ do no harm.
* The first who names a room decides its call: of two commands that race, the second finds the call of the first.
* Ids are looked up within their parents; one service never meets another's.
* A command applied twice (a retry) changes nothing and gives the first outcome again.
"""

from collections import Counter
from collections.abc import Sequence

from store import happenings
from store.claims import TrackClaims
from store.commands import (
    NO_MEMBER,
    SFU,
    ClientSeen,
    Command,
    Happening,
    Leave,
    Outcome,
    PeerConnectionSeen,
    Sweep,
    TrackSeen,
)
from store.departed import Departed
from store.entities import Call, Client, MediaTrack, PeerConnection, take_apart
from store.idleness import any_idle, deadlines_of, holds_idle, track_time
from store.opening import call_of, client_of, peer_connection_of, track_of
from store.origins import Origin, bury, inherited
from store.sfus import Sfus
from store.touching import Touching
from store.values import Values
from store.watching import Watcher, warn
from store.words import held_once

MOST_CLOSED = 5000
"""After how many closed rows a sweep, or who leaves, stops for others to go on: more would hold every replica up at
once. Alike on all of them, too."""


class Registry:
    """All rows, and the indexes over them. Read freely; change only by `apply`."""

    def __init__(self) -> None:
        self.now = 0
        self.calls: dict[tuple[str, str, str], Call] = {}
        self.rooms: dict[tuple[str, str], Call] = {}
        self.clients: dict[tuple[str, str], Client] = {}
        self.claims = TrackClaims()
        self.streams = self.claims.streams
        self.sent = self.claims.sent
        self.played = self.claims.played
        self.departed = Departed()
        self.origins: dict[str, Origin] = {}
        self.gone: dict[str, None] = {}
        """The origins that went last, in order: commands of theirs that come late are refused."""
        self.clients_of: Counter[str] = Counter()
        """How many clients each service has; like the two below, it follows from the rows."""
        self.peer_connections = 0
        self.tracks = 0
        self.made = 0
        """How many calls and clients this replica made: their `number`."""
        self.watchers: list[Watcher] = []
        self.sfu_half = Sfus(self.watchers)
        self.sfus = self.sfu_half.rows
        self.sfus_of = self.sfu_half.count_of
        self.internal_pads = self.sfu_half.internal_pads
        self.values = Values()
        self._touching = Touching(self.calls, self.clients, self.sfu_half, self.watchers)
        self._opened: list[Happening] = []
        self._closed: list[Happening] = []

    def apply(self, command: Command) -> Outcome:
        """Does what the command says and tells what that opened and closed."""
        if command.origin in self.gone:
            return Outcome(failed=NO_MEMBER)
        origin = self.origins.setdefault(command.origin, Origin())
        if command.seq <= origin.seq:
            return origin.last if command.seq == origin.seq else Outcome()
        self.now = max(self.now, command.now)
        if self.departed.rows:
            self.departed.forget(self.now)
        self._opened, self._closed = [], []
        self.sfu_half.begin(self.now)
        origin.mark(command.mark)
        for client_touch in command.clients:
            self._touching.touch_client(client_touch, self.now)
        for touch in command.touches:
            self._touching.touch(touch, self.now)
        calls = [self._see(seen, command.origin) for seen in command.seen]
        for sfu in command.sfus:
            self.sfu_half.see(sfu, command.origin)
        for leave in command.leaves:
            self._leave(leave, command.origin)
        if command.sweep:
            self._sweep(command.sweep, command.now)
        self.values.keep(command.keep, self.now)
        if command.forget is not None:
            self.values.forget_silent(command.now, command.forget)
        if command.gone:
            self._inherit([name for name in command.gone if name != command.origin])
        origin.seq = command.seq
        sfus = self.sfu_half
        origin.last = Outcome(self._opened, self._closed, calls, None, sfus.opened, sfus.closed)
        if any((self._opened, self._closed, sfus.opened, sfus.closed)):
            origin.untold[command.seq] = origin.last
        return origin.last

    @property
    def sfu_transports(self) -> int:
        """How many transports all SFUs have."""
        return self.sfu_half.transports

    @property
    def sfu_pads(self) -> int:
        """How many RTP pads and SCTP channels all SFUs have."""
        return self.sfu_half.pads

    def has_idle(self, limits: Sweep, now: int) -> bool:
        """Whether a sweep at `now` would close anything."""
        return any_idle(self.calls.values(), self.sfus.values(), deadlines_of(limits, now), self.now)

    def __del__(self) -> None:
        """Rows refer to each other both ways, and the collector does not see them: nobody else would free them."""
        for call in self.calls.values():
            take_apart(call)

    def number(self) -> int:
        """The next number of a call or client."""
        self.made += 1
        return self.made

    # What samples show

    def _see(self, seen: ClientSeen, origin: str) -> str | None:
        client = self.clients.get((seen.service_id, seen.client_id))
        call = None if self._is_late(seen, client) else self._call_of(seen, client)
        if call is None:
            return None
        if client and client.call is not call:
            self._close_client(client)
            client = None
        if self.watchers:
            warn(self.watchers, call)
        if client is None:
            client = self._join(call, seen, origin)
        elif self.watchers:
            warn(self.watchers, client)
        client.origin = held_once(origin)
        client.touch(seen.last, self.now)
        call.touch(seen.last, self.now)
        for entry in seen.peer_connections:
            self._see_peer_connection(client, entry)
        return call.call_id

    def _is_late(self, seen: ClientSeen, client: Client | None) -> bool:
        """Whether a newer sample of the client has undone what this one says: it has left, or moved to another call."""
        if client is None:
            return self.departed.outlasts((seen.service_id, seen.client_id), seen.last)
        if seen.last >= client.sample_touched:
            return False
        call = client.call
        return seen.room_id != call.room_id or (seen.own_call_id and seen.call_id != call.call_id)

    def _call_of(self, seen: ClientSeen, client: Client | None) -> Call | None:
        """The call that the client belongs to now; ``None`` if its call is one that takes no new clients."""
        room = (seen.service_id, seen.room_id)
        current = self.rooms.get(room)
        if current and (not seen.own_call_id or seen.call_id == current.call_id):
            return current
        named = self.calls.get((*room, seen.call_id))
        if named:
            return named if client and client.call is named else None
        if current is None:
            return self._start(room, seen, seen.first if seen.own_call_id else self.now)
        if self.watchers:
            warn(self.watchers, current)
        started = self._start(room, seen, self.now)
        self._end_if_superseded(current)
        return started

    def _start(self, room: tuple[str, str], seen: ClientSeen, started: int) -> Call:
        room_id = room[1]
        call = call_of(seen, self.number(), started, self.now)
        key = (call.service_id, room_id, seen.call_id)
        self.calls[key] = self.rooms[key[:2]] = call
        self._opened.append(happenings.of_call(call, started))
        return call

    def _join(self, call: Call, seen: ClientSeen, origin: str) -> Client:
        client = client_of(call, seen, origin, self.number(), self.now)
        call.clients[seen.client_id] = client
        self.clients[call.service_id, seen.client_id] = client
        self.departed.rows.pop((seen.service_id, seen.client_id), None)
        self.clients_of[call.service_id] += 1
        self._opened.append(happenings.of_client(client, client.joined))
        return client

    def _see_peer_connection(self, client: Client, seen: PeerConnectionSeen) -> None:
        peer_connection = client.peer_connections.get(seen.peer_connection_id)
        if peer_connection is None:
            peer_connection = peer_connection_of(client, seen, self.now)
            client.peer_connections[seen.peer_connection_id] = peer_connection
            self.peer_connections += 1
            self._opened.append(happenings.of_peer_connection(peer_connection, seen.first))
        peer_connection.touch(seen.last, self.now)
        for track in seen.tracks:
            self._see_track(peer_connection, track)

    def _see_track(self, peer_connection: PeerConnection, seen: TrackSeen) -> None:
        key = (seen.direction, seen.media_kind, seen.track_id)
        track = peer_connection.tracks.get(key)
        if track is None:
            track = track_of(peer_connection, seen, self.now)
            peer_connection.tracks[track.key] = track
            self.tracks += 1
            self.claims.learn(track, seen)
            self._opened.append(happenings.of_track(track, seen.first))
        else:
            self.claims.learn(track, seen)
        track.touch(seen.last, self.now)

    # Leaving, expiry, and nodes that are gone

    def _leave(self, leave: Leave, origin: str) -> None:
        """Closes who leaves, or so much of what it has: the next command that says so goes on."""
        if leave.what == SFU:
            only_of = None if leave.certain else origin
            self.sfu_half.leave(leave.service_id, leave.id, only_of, MOST_CLOSED - len(self._closed))
            return
        client = self.clients.get((leave.service_id, leave.id))
        if client and (leave.certain or client.origin == origin):
            self._close_some_of(client)

    def _has_closed_enough(self) -> bool:
        return len(self._closed) + len(self.sfu_half.closed) >= MOST_CLOSED

    def _close_some_of(self, client: Client) -> None:
        """Closes a client if there is little enough below it; or else only some of that."""
        for peer_connection in list(client.peer_connections.values()):
            self._close_some_of_connection(peer_connection)
        if not (client.peer_connections or self._has_closed_enough()):
            self._close_client(client)

    def _close_some_of_connection(self, peer_connection: PeerConnection) -> None:
        for track in list(peer_connection.tracks.values()):
            if self._has_closed_enough():
                return
            self._close_track(track)
        if not self._has_closed_enough():
            self._close_peer_connection(peer_connection)

    def _sweep(self, limits: Sweep, now: int) -> None:
        """Closes what is idle, or so much of it: the next sweep goes on."""
        deadlines = deadlines_of(limits, now)
        for call in list(self.calls.values()):
            if self._has_closed_enough():
                return
            if holds_idle(call, deadlines, self.now):
                self._sweep_call(call, deadlines)
        self.sfu_half.sweep(deadlines, MOST_CLOSED - len(self._closed))

    def _sweep_call(self, call: Call, deadlines: Sweep) -> None:
        idle = call.server_touched < deadlines.call
        for client in list(call.clients.values()):
            if self._has_closed_enough():
                return
            if idle or client.server_touched < deadlines.client:
                self._close_some_of(client)
            else:
                self._sweep_below(client, deadlines)
        if idle and not (call.clients or call.closed):
            self._close_call(call)

    def _sweep_below(self, client: Client, deadlines: Sweep) -> None:
        for peer_connection in list(client.peer_connections.values()):
            if peer_connection.server_touched < deadlines.peer_connection:
                self._close_some_of_connection(peer_connection)
                continue
            for track in list(peer_connection.tracks.values()):
                if self._has_closed_enough():
                    return
                if track.server_touched < track_time(track, deadlines):
                    self._close_track(track)

    def _inherit(self, names: Sequence[str]) -> None:
        """What nodes that are gone had not told becomes part of this outcome, for their heir to tell."""
        bury(self.gone, names)
        if untold := inherited(self.origins, names):
            happenings.join(self._opened, [it.opened for it in untold])
            happenings.join(self._closed, [it.closed for it in untold], children_first=True)
            happenings.join(self.sfu_half.opened, [it.sfus_opened for it in untold])
            happenings.join(self.sfu_half.closed, [it.sfus_closed for it in untold], children_first=True)

    def _close_call(self, call: Call) -> None:
        if self.watchers:
            warn(self.watchers, call)
        call.closed = True
        room = (call.service_id, call.room_id)
        del self.calls[(*room, call.call_id)]
        if self.rooms.get(room) is call:
            del self.rooms[room]
        self._closed.append(happenings.of_call(call, call.server_touched))

    def _close_client(self, client: Client) -> None:
        for peer_connection in list(client.peer_connections.values()):
            self._close_peer_connection(peer_connection)
        if self.watchers:
            warn(self.watchers, client.call)
        client.closed = True
        del client.call.clients[client.client_id]
        self._forget_client_of(client.call.service_id)
        key = (client.call.service_id, client.client_id)
        del self.clients[key]
        self.departed.add(key, client.sample_touched, self.now)
        self._closed.append(happenings.of_client(client, client.sample_touched))
        self._end_if_superseded(client.call)

    def _forget_client_of(self, service_id: str) -> None:
        self.clients_of[service_id] -= 1
        if not self.clients_of[service_id]:
            del self.clients_of[service_id]

    def _end_if_superseded(self, call: Call) -> None:
        """A call that its room has left behind takes no new clients: it ends with its last one."""
        if not call.clients and not call.closed and self.rooms.get((call.service_id, call.room_id)) is not call:
            self._close_call(call)

    def _close_peer_connection(self, peer_connection: PeerConnection) -> None:
        for track in list(peer_connection.tracks.values()):
            self._close_track(track)
        if self.watchers:
            warn(self.watchers, peer_connection)
        peer_connection.closed = True
        del peer_connection.client.peer_connections[peer_connection.peer_connection_id]
        self.peer_connections -= 1
        self._closed.append(happenings.of_peer_connection(peer_connection, peer_connection.sample_touched))

    def _close_track(self, track: MediaTrack) -> None:
        if self.watchers:
            warn(self.watchers, track)
        self.claims.release(track)
        track.closed = True
        del track.peer_connection.tracks[track.key]
        self.tracks -= 1
        self._closed.append(happenings.of_track(track, track.sample_touched))
