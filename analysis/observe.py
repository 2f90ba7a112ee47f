"""What a batch of samples means for the registry: entries of one command, or none when nothing is new.

In the steady state every client, peer connection and track is known and was touched a short while ago: then a sample
costs a few look-ups and gives no entry. An entry is made for what is new or has changed, and for a client whose last
touch another node committed. When a tenth of an idle limit has passed since the last touch, the next is due: no batch
waits for that, it is made at the next tick, together with those of others. Only what was silent for half of its limit
gets an entry instead: that opens it again if it closes meanwhile.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from analysis.bounds import Bounds, Vacancies
from analysis.client_reports import Sighted
from analysis.entries import ClientEntry, PeerConnectionEntry, TrackEntry
from analysis.hearing import Hearing, LastTouch, last_touches, touch_pace
from analysis.observe_sfus import SfusOfBatch
from analysis.sfu_reports import SightedSfu
from analysis.steadiness import Steadiness, tells_news
from schemas.client_samples import ClientSample
from schemas.messages import Samples
from schemas.reports import Track
from schemas.samples import Reason, Tally
from schemas.sfu_samples import SfuSample
from store.commands import ClientSeen, Outcome, SfuSeen, Sweep
from store.entities import Client, PeerConnection
from store.idleness import track_time
from store.registry import Registry

_MOST_PACES = 5
"""After how many times the pace of its touches a row is told of at once: after half of its idle limit."""


class CallIdAssignMode(StrEnum):
    """Who gives a call its id."""

    MASTER = "master"
    SLAVE = "slave"


@dataclass(frozen=True)
class Observing:
    """The settings of observing; `limits` are idle limits in ms."""

    limits: Sweep
    mode: CallIdAssignMode = CallIdAssignMode.MASTER
    bounds: Bounds = field(default_factory=Bounds)
    pace: Sweep = field(init=False)
    """For each kind of row, the least time between two of its touches. (ms)"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "pace", touch_pace(self.limits))


class Batch:
    """One look at a batch; afterwards `seen()`, `sfus_seen()` and `touches` go into a command, `sighted()` and
    `sfu_sighted()` into reports.

    `origin` is the name under which this node proposes.
    """

    def __init__(
        self,
        registry: Registry,
        hearing: Hearing,
        observing: Observing,
        origin: str,
        now: int,
        fresh_id: Callable[[], str],
    ) -> None:
        self.now = now
        self.origin = origin
        self.hearing = hearing
        self.observing = observing
        self._master = observing.mode is CallIdAssignMode.MASTER
        self.due = Sweep(*[now - pace for pace in observing.pace])
        """For each kind of row, the time at or before which its last committed touch makes the next one due. (ms)"""
        self.overdue = Sweep(*[now - _MOST_PACES * pace for pace in observing.pace])
        """For each kind of row, the time at or before which its last committed touch makes it one that has to be told
        of at once. (ms)"""
        self._steadiness = Steadiness(hearing, origin, now, self.due, self.overdue)
        self.touches: list[LastTouch] = []
        self.rejected = Tally()
        self._registry = registry
        self._fresh_id = fresh_id
        self._entries: list[ClientEntry] = []
        self._latest: dict[tuple[str, str], ClientEntry] = {}
        self.vacancies = Vacancies(registry, observing.bounds)
        self._taken: list[Sighted] = []
        """The samples that were taken."""
        self._entered: list[tuple[Sighted, ClientEntry]] = []
        """Those of them that an entry tells of."""
        self._sfus = SfusOfBatch(registry, hearing, self.vacancies, self.due, origin, now, self.rejected)

    def seen(self) -> list[ClientSeen]:
        """The entries for a command: empty in the steady state."""
        return [entry.seen() for entry in self._entries]

    def sfus_seen(self) -> list[SfuSeen]:
        """The entries of SFUs for a command: empty in the steady state, too."""
        return self._sfus.seen()

    def sfu_sighted(self) -> Iterable[SightedSfu]:
        """Each sample of an SFU that was looked at."""
        return self._sfus.sighted()

    def look_at_sfu(self, samples: Samples, sample: SfuSample) -> None:
        """Looks at one sample of an SFU; what of it cannot be registered is tallied, and reported all the same."""
        self._sfus.look(samples, sample)

    def sighted(self, outcome: Outcome, registry: Registry) -> Sequence[Sighted]:
        """Each sample with the call it was put in, by the registry of now; samples that were put in none are tallied.

        A client that we knew may have been closed, and made anew by its entry, since we looked: the outcome tells. The
        registry itself may have been replaced: then its row is looked up again.
        """
        replaced = registry is not self._registry
        if not replaced and not self._entered:
            return self._taken
        entered = [it for it in self._entered if it[0].client is None or outcome.failed is None]
        if replaced:
            for sighted in self._taken:
                sighted.client = _in_call(sighted, registry)
        for sighted, entry in entered:
            sighted.call_id = outcome.calls[entry.index] or ""
            sighted.client = _in_call(sighted, registry)
        placed = [sighted for sighted in self._taken if sighted.call_id]
        if len(placed) < len(self._taken):
            why = Reason.FAILED if outcome.failed is not None else self._why_in_no_call()
            self.rejected[why] += len(self._taken) - len(placed)
        return placed

    def _why_in_no_call(self) -> Reason:
        """Why the registry put a sample in no call: only who names a call can name one that is closed."""
        return Reason.CLIENT_HAS_LEFT if self._master else Reason.REMEDY_CALL_IS_CLOSED

    def look(self, samples: Samples, sample: ClientSample) -> None:
        """Looks at one sample of a message. One that cannot be taken is tallied and costs only itself."""
        client = self._registry.clients.get((samples.service_id, sample.client_id))
        if client is None or self._latest:
            self._look_closer(samples, sample, client)
            return
        call = client.call
        known = sample.room_id == call.room_id and (self._master or self._belongs(sample, call.room_id, call.call_id))
        if known and self._steadiness.shows(client, sample):
            self._taken.append(Sighted(samples.service_id, samples.media_unit_id, sample, client, call.call_id))
        else:
            self._look_closer(samples, sample, client)

    def _look_closer(self, samples: Samples, sample: ClientSample, client: Client | None) -> None:
        key = (samples.service_id, sample.client_id)
        entry = self._latest.get(key)
        if entry is not None and not self._belongs(sample, entry.room_id, entry.call_id if entry.own_call_id else None):
            client = entry = None
        elif client is not None and not self._belongs(sample, client.call.room_id, client.call.call_id):
            if entry is None:
                self.touches += last_touches(client, self.now)
            client = None
        if client is None and entry is None and not self._is_welcome(key, sample):
            return
        if client is None or entry is not None or not self._steadiness.shows(client, sample):
            look = Look(self, samples, sample, client, entry)
            look.at_client()
            look.at_transports()
            look.at_tracks()
            entry = look.entry
        call_id = "" if client is None else client.call.call_id
        sighted = Sighted(samples.service_id, samples.media_unit_id, sample, client, call_id)
        self._taken.append(sighted)
        if entry is not None:
            self._entered.append((sighted, entry))

    def _belongs(self, sample: ClientSample, room_id: str, call_id: str | None) -> bool:
        """Whether a sample is of the room and call that its client is known in."""
        if sample.room_id != room_id:
            return False
        return self._master or sample.call_id is None or call_id is None or sample.call_id == call_id

    def _is_welcome(self, key: tuple[str, str], sample: ClientSample) -> bool:
        """Whether a client that is new, or new in its room, is taken."""
        if not self._master and not self._names_open_call(key, sample):
            return False
        own = None if self._master else sample.call_id
        if not self.vacancies.for_call(key[0], sample.room_id, own):
            self.rejected[Reason.TOO_MANY_CALLS] += 1
            return False
        if key in self._registry.clients or key in self._latest or self.vacancies.for_client(key[0]):
            return True
        self.rejected[Reason.TOO_MANY_CLIENTS] += 1
        return False

    def _names_open_call(self, key: tuple[str, str], sample: ClientSample) -> bool:
        """Whether a sample names a call that takes new clients: the current one, or one that is not known yet."""
        if sample.call_id is None:
            self.rejected[Reason.CALL_ID_MISSING] += 1
            return False
        current = self._registry.rooms.get((key[0], sample.room_id))
        if current is None or current.call_id == sample.call_id:
            return True
        if (key[0], sample.room_id, sample.call_id) in self._registry.calls:
            self.rejected[Reason.REMEDY_CALL_IS_CLOSED] += 1
            return False
        return True

    def make_entry(self, samples: Samples, sample: ClientSample, call_id: str | None) -> ClientEntry:
        """A new entry for the client of a sample; `call_id` is the one that a client gives itself.

        It tells all of the client, also of one that is known: that one may be closed before the entry is committed.
        """
        own = not self._master and call_id is not None
        entry = ClientEntry(
            len(self._entries),
            samples.service_id,
            sample.room_id,
            sample.client_id,
            call_id if own and call_id is not None else self._fresh_id(),
            own,
            samples.media_unit_id,
            sample.timestamp,
            sample.timestamp,
            sample.user_id,
            sample.marker,
            sample.time_zone_offset,
        )
        self._entries.append(entry)
        self._latest[samples.service_id, sample.client_id] = entry
        return entry


class Look:
    """One look at one sample: of a `client` that is known (or not), with the `entry` that the batch has of it."""

    __slots__ = ("_batch", "_client", "_due", "_sample", "_samples", "entry")

    def __init__(
        self, batch: Batch, samples: Samples, sample: ClientSample, client: Client | None, entry: ClientEntry | None
    ) -> None:
        self._batch = batch
        self._samples = samples
        self._sample = sample
        self._client = client
        self._due = batch.due
        """Until when rows below the client were touched for that to be told of: longer ago once its touch is due, for
        they are touched with it."""
        self.entry = entry

    def at_client(self) -> None:
        """Tells of a client that is new or due for a touch."""
        batch, sample, client = self._batch, self._sample, self._client
        if client is not None:
            call = client.call
            batch.hearing.hear(client, sample.timestamp, batch.now)
            batch.hearing.hear(call, sample.timestamp, batch.now)
            if client.origin == batch.origin and self.entry is None:
                if client.server_touched > batch.due.client and call.server_touched > batch.due.call:
                    return
                if client.server_touched > batch.overdue.client and call.server_touched > batch.overdue.call:
                    batch.hearing.call_due(client)
                    self._due = batch.overdue
                    return
        self._tell().see(sample.timestamp, sample.user_id, sample.marker, sample.time_zone_offset)

    def at_transports(self) -> None:
        """Tells of peer connections that are new or due for a touch."""
        for transport in self._sample.transports:
            if transport.peer_connection_id is None:
                self._batch.rejected[Reason.PEER_CONNECTION_ID_MISSING] += 1
            else:
                self._at_peer_connection(transport.peer_connection_id)

    def at_tracks(self) -> None:
        """Tells of tracks that are new, have changed or are due for a touch."""
        for track in self._sample.tracks:
            self._at_track(track)

    def _tell(self) -> ClientEntry:
        if self.entry is None:
            call_id = self._sample.call_id if self._client is None else self._client.call.call_id
            self.entry = self._batch.make_entry(self._samples, self._sample, call_id)
        return self.entry

    def _at_peer_connection(self, peer_connection_id: str) -> bool:
        """Whether the peer connection is registered, or will be."""
        batch, timestamp, known = self._batch, self._sample.timestamp, self._client
        row = known.peer_connections.get(peer_connection_id) if known else None
        if row is not None:
            batch.hearing.hear(row, timestamp, batch.now)
            if row.server_touched > self._due.peer_connection:
                return True
            if row.server_touched > batch.overdue.peer_connection:
                batch.hearing.call_due(row.client)
                return True
        entry = self.entry.peer_connections.get(peer_connection_id) if self.entry else None
        if entry is not None:
            entry.see(timestamp)
            return True
        if row is None:
            count = (len(known.peer_connections) if known else 0) + (
                self.entry.new_peer_connections if self.entry else 0
            )
            if not batch.vacancies.for_peer_connection(count):
                batch.rejected[Reason.TOO_MANY_PEER_CONNECTIONS] += 1
                return False
            self._tell().new_peer_connections += 1
        self._tell().peer_connections[peer_connection_id] = PeerConnectionEntry(timestamp)
        return True

    def _at_track(self, track: Track) -> None:
        rejected = self._batch.rejected
        if track.peer_connection_id is None:
            rejected[Reason.PEER_CONNECTION_ID_MISSING] += 1
        elif self._at_peer_connection(track.peer_connection_id):
            if track.track_id is None:
                rejected[Reason.TRACK_ID_MISSING] += 1
            else:
                self._at_track_of(track, track.peer_connection_id, track.track_id)

    def _at_track_of(self, track: Track, peer_connection_id: str, track_id: str) -> None:
        batch, timestamp = self._batch, self._sample.timestamp
        key = (track.direction, track.media_kind, track_id)
        known = self._client.peer_connections.get(peer_connection_id) if self._client else None
        row = known.tracks.get(key) if known else None
        if row is not None:
            batch.hearing.hear(row, timestamp, batch.now)
            if not tells_news(track, row):
                if row.server_touched > track_time(row, self._due):
                    return
                if row.server_touched > track_time(row, batch.overdue):
                    batch.hearing.call_due(row.peer_connection.client)
                    return
        above = self.entry.peer_connections.get(peer_connection_id) if self.entry else None
        entry = above.tracks.get(key) if above else None
        if entry is None:
            if row is None and self._is_full(known, above):
                batch.rejected[Reason.TOO_MANY_TRACKS] += 1
                return
            above = self._tell().peer_connections.setdefault(peer_connection_id, PeerConnectionEntry(timestamp))
            above.new_tracks += row is None
            entry = above.tracks[key] = TrackEntry(timestamp)
        entry.see(timestamp, track.ssrc, track.sfu_stream_id, track.sfu_sink_id)

    def _is_full(self, known: PeerConnection | None, entry: PeerConnectionEntry | None) -> bool:
        count = (len(known.tracks) if known else 0) + (entry.new_tracks if entry else 0)
        return not self._batch.vacancies.for_track(count)


def _in_call(sighted: Sighted, registry: Registry) -> Client | None:
    """The client of a sample, if that is in its call."""
    client = registry.clients.get((sighted.service_id, sighted.sample.client_id))
    return client if client is not None and client.call.call_id == sighted.call_id else None
