"""What must hold between the rows of a registry, its indexes, its outbox, and what it told."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from store.claims import all_of as claimants
from store.commands import Command, Happening, Outcome, SfuHappening
from store.entities import INBOUND, OUTBOUND, Claims, MediaTrack, PeerConnection, RtpPad, SfuTransport, below, below_sfu
from store.registry import Registry
from tests.store.plain_registry import PlainRegistry
from tests.store.plain_rows import Path

Key = tuple[str, ...]


def rows_of(registry: Registry) -> list[Any]:
    """Every row with all it holds, in order, as plain values."""
    return [
        [
            (*path, registry.rooms.get(path[:2]) is call, call.marker, call.sample_touched, call.server_touched),
            [
                [
                    (client.client_id, client.joined, client.media_unit_id, client.user_id, client.marker),
                    (client.time_zone_offset, client.origin, client.sample_touched, client.server_touched),
                    [
                        [
                            (row.peer_connection_id, row.sample_touched, row.server_touched),
                            [
                                (track.key, track.ssrcs, track.sfu_stream_id, track.sfu_sink_id, track.claimed)
                                for track in row.tracks.values()
                            ],
                            [(track.sample_touched, track.server_touched) for track in row.tracks.values()],
                        ]
                        for row in client.peer_connections.values()
                    ],
                ]
                for client in call.clients.values()
            ],
        ]
        for path, call in registry.calls.items()
    ]


def rows_of_plain(plain: PlainRegistry) -> list[Any]:
    """The same of the plain registry."""
    return [
        [
            (call.service, call.room, call.name, call.current, call.marker, call.sample, call.server),
            [
                [
                    (first.client_id, first.first, first.media_unit_id, first.user_id, first.marker),
                    (first.time_zone_offset, client.origin, client.sample, client.server),
                    [
                        [
                            (row.name, row.sample, row.server),
                            [
                                (track.key, tuple(track.ssrcs), track.stream, track.sink, track.claimed)
                                for track in row.tracks
                            ],
                            [(track.sample, track.server) for track in row.tracks],
                        ]
                        for row in client.peer_connections
                    ],
                ]
                for client in call.clients
                for first in [client.first]
            ],
        ]
        for call in plain.calls
    ]


def sfu_rows_of(registry: Registry) -> list[Any]:
    """Every row of an SFU with all it holds, in order, as plain values."""
    rows: list[Any] = []
    for (service_id, sfu_id), sfu in registry.sfus.items():
        of_sfu = (sfu.media_unit_id, sfu.marker)
        times = (sfu.joined, sfu.sample_touched, sfu.server_touched)
        rows.append(((service_id, sfu_id), times, of_sfu, [sfu.time_zone_offset, sfu.origin]))
        for transport_id, row in sfu.transports.items():
            path = (service_id, sfu_id, transport_id)
            times = (row.opened, row.sample_touched, row.server_touched)
            rows.append((path, times, (*of_sfu, transport_id, row.internal), []))
            for key, pad in row.pads.items():
                told = (transport_id, *key, pad.stream_id, pad.sink_id, pad.internal)
                times = (pad.added, pad.sample_touched, pad.server_touched)
                rows.append(((*path, *key), times, (*of_sfu, *told), [pad.ssrc]))
            for channel_id, channel in row.channels.items():
                times = (channel.opened, channel.sample_touched, channel.server_touched)
                rows.append(((*path, channel_id), times, (*of_sfu, transport_id, channel_id, channel.stream_id), []))
    return rows


def sfu_rows_of_plain(plain: PlainRegistry) -> list[Any]:
    """The same of the plain registry."""
    return [
        (row.path, (row.made, row.sample, row.server), tuple(row.told.values()), row.others)
        for row in plain.sfus.in_order()
    ]


def assert_sfu_indexes_agree(registry: Registry) -> None:
    """The same for the indexes over rows of SFUs."""
    transports = pads = 0
    internal: dict[Any, set[RtpPad]] = {}
    for path, sfu in registry.sfus.items():
        assert path == (sfu.service_id, sfu.sfu_id)
        for row in below_sfu(sfu):
            assert not row.closed
            transports += isinstance(row, SfuTransport)
            pads += not isinstance(row, SfuTransport) and row is not sfu
            if isinstance(row, RtpPad) and _is_pipe(row):
                internal.setdefault((sfu.service_id, row.stream_id, row.ssrc), set()).add(row)
    assert (registry.sfu_transports, registry.sfu_pads) == (transports, pads)
    assert {key: set(found) for key, found in registry.internal_pads.items()} == internal
    assert registry.sfus_of == Counter(service_id for service_id, _ in registry.sfus)
    assert min(registry.sfus_of.values(), default=1) > 0


def _is_pipe(pad: RtpPad) -> bool:
    """Whether the end of a pipe in another SFU can find it."""
    return pad.internal and pad.direction == OUTBOUND and bool(pad.stream_id) and pad.ssrc is not None


def assert_indexes_agree(registry: Registry) -> None:
    """Every index holds exactly what the rows say, nothing twice, nothing empty."""
    assert_sfu_indexes_agree(registry)
    clients = {}
    streams: dict[Any, set[MediaTrack]] = {}
    sent: dict[Any, set[MediaTrack]] = {}
    played: dict[Any, set[MediaTrack]] = {}
    for path, call in registry.calls.items():
        assert path == (call.service_id, call.room_id, call.call_id)
        ssrcs: dict[Any, set[MediaTrack]] = {}
        for row in below(call):
            assert not row.closed
            if isinstance(row, MediaTrack) and row.direction == INBOUND and row.sfu_sink_id:
                played.setdefault((call.service_id, row.sfu_sink_id), set()).add(row)
            if isinstance(row, MediaTrack) and row.direction == OUTBOUND:
                if row.sfu_stream_id:
                    sent.setdefault((call.service_id, row.sfu_stream_id), set()).add(row)
                    streams.setdefault((call.service_id, call.room_id, row.sfu_stream_id), set()).add(row)
                else:
                    for ssrc in row.ssrcs:
                        ssrcs.setdefault(ssrc, set()).add(row)
        assert_claims_agree(call.ssrcs, ssrcs)
        for name, client in call.clients.items():
            assert client.call is call
            assert (call.service_id, name) not in clients
            clients[call.service_id, name] = client
    assert registry.clients == clients
    assert registry.clients_of == Counter(service_id for service_id, _ in clients)
    rows = Counter(type(row) for call in registry.calls.values() for row in below(call))
    assert (registry.peer_connections, registry.tracks) == (rows[PeerConnection], rows[MediaTrack])
    assert_claims_agree(registry.streams, streams)
    assert_claims_agree(registry.sent, sent)
    assert_claims_agree(registry.played, played)
    for room, call in registry.rooms.items():
        assert registry.calls[(*room, call.call_id)] is call


def assert_claims_agree(claims: dict[Any, Claims], awaited: dict[Any, set[MediaTrack]]) -> None:
    """The same tracks for the same keys, each once."""
    found = {key: list(claimants(tracks)) for key, tracks in claims.items()}
    assert {key: set(tracks) for key, tracks in found.items()} == awaited
    assert all(tracks == sorted(tracks, key=lambda track: track.claimed) for tracks in found.values())


def values_of(registry: Registry) -> dict[tuple[str, str], tuple[bytes, int, int]]:
    """All values with their times, whose sizes are as the registry counts them."""
    values = registry.values
    rows = {(kind, key): (row.value, row.touched, row.ttl) for kind, kept in values.rows() for key, row in kept}
    assert (len(values), values.size) == (len(rows), sum(len(key) + len(row[0]) for (_, key), row in rows.items()))
    return rows


def key_of(entry: Happening | SfuHappening) -> Key:
    """The whole path of the row that a happening tells of: 3 names for a call, 4, 5 and 8 for what is below it; for an
    SFU 3 with ``sfu`` in front, 4, and 5 or 6 for a channel or pad."""
    if isinstance(entry, SfuHappening):
        ids = (entry.transport_id, entry.direction, entry.pad_id, entry.channel_id)
        return ("sfu", entry.service_id, entry.sfu_id, *(name for name in ids if name is not None))
    names = (entry.client_id, entry.peer_connection_id, entry.direction, entry.media_kind, entry.track_id)
    return (entry.service_id, entry.room_id, entry.call_id, *(name for name in names if name is not None))


def names_of(path: Path) -> Key:
    """The same for a row of the plain registry."""
    call, client, peer_connection, track = path
    below = (client and client.first.client_id, peer_connection and peer_connection.name)
    return (call.service, call.room, call.name, *(name for name in below if name), *(track.key if track else ()))


def parent_of(key: Key) -> Key:
    """The path of the row above."""
    return key[: {8: 5, 6: 4}.get(len(key), -1)]


class Openings:
    """Follows what outcomes opened and closed: nothing closes but what is open, and no child is without its parent."""

    def __init__(self) -> None:
        self._open: Counter[Key] = Counter()

    def open_now(self) -> Counter[Key]:
        """How often each row is open."""
        return +self._open

    def follow(self, outcome: Outcome) -> list[str]:
        """Takes in what a command opened and closed; tells what is wrong with it."""
        return [
            *self._follow_opened([*outcome.opened, *outcome.sfus_opened]),
            *self._follow_closed([*outcome.closed, *outcome.sfus_closed]),
        ]

    def _follow_opened(self, opened: Iterable[Happening | SfuHappening]) -> Iterator[str]:
        for key in map(key_of, opened):
            if len(key) > 3 and self._open[parent_of(key)] < 1:
                yield f"{key} opened without its parent"
            self._open[key] += 1

    def _follow_closed(self, closed: Iterable[Happening | SfuHappening]) -> Iterator[str]:
        for key in map(key_of, closed):
            if self._open[key] < 1:
                yield f"{key} closed without being open"
            self._open[key] -= 1
            if not self._open[key] and any(parent_of(child) == key for child in self.open_now()):
                yield f"{key} closed before what is below it"


Told = tuple[str, Happening | SfuHappening]
"""Whether something opened or closed, and what."""


class Outbox:
    """What each node was told and has not told on: every happening is either told or kept, once."""

    def __init__(self) -> None:
        self._happened: Counter[Told] = Counter()
        self._told: Counter[Told] = Counter()
        self._kept: dict[str, dict[int, Outcome]] = {}

    def follow(self, command: Command, outcome: Outcome) -> Outcome:
        """Takes in a command and its outcome; gives what of it is the command's own, and not inherited."""
        kept = self._kept.setdefault(command.origin, {})
        for seq in [seq for seq in kept if seq <= command.mark]:
            self._told.update(all_of(kept.pop(seq)))
        inherited: Counter[Told] = Counter()
        for name in command.gone:
            for lost in self._kept.pop(name, {}).values() if name != command.origin else ():
                inherited.update(all_of(lost))
        own = Counter(all_of(outcome))
        own.subtract(inherited)
        assert min(own.values(), default=0) >= 0, "something that a lost node had not told is told by nobody"
        self._happened.update(own)
        if all_of(outcome):
            kept[command.seq] = outcome
        return Outcome(
            only(own, "opened", outcome.opened),
            only(own, "closed", outcome.closed),
            sfus_opened=only(own, "opened", outcome.sfus_opened),
            sfus_closed=only(own, "closed", outcome.sfus_closed),
        )

    def problems(self, registry: Registry) -> list[str]:
        """What the registry keeps but should not, and the other way round."""
        kept = {name: origin.untold for name, origin in registry.origins.items() if origin.untold}
        awaited = {name: outcomes for name, outcomes in self._kept.items() if outcomes}
        wrong = [] if kept == awaited else [f"{kept} is kept, not {awaited}"]
        untold = Counter(entry for outcomes in kept.values() for one in outcomes.values() for entry in all_of(one))
        return wrong if self._told + untold == +self._happened else [*wrong, "something is told twice, or by nobody"]


def all_of(outcome: Outcome) -> list[Told]:
    """All that an outcome tells."""
    told: list[Told] = [("opened", entry) for entry in outcome.opened]
    told += [("opened", entry) for entry in outcome.sfus_opened]
    told += [("closed", entry) for entry in outcome.closed]
    told += [("closed", entry) for entry in outcome.sfus_closed]
    return told


def only(wanted: Counter[Told], how: str, happenings: Iterable[Any]) -> list[Any]:
    """As many of each as are wanted, in order."""
    left = wanted.copy()
    taken = []
    for entry in happenings:
        if left[how, entry] > 0:
            left[how, entry] -= 1
            taken.append(entry)
    return taken
