"""What the members of a benchmark replicate, and the commands that they are given."""

from collections.abc import Generator, Iterator
from itertools import islice
from typing import Any, Protocol
from zlib import crc32

import msgspec

from cluster.machine import Machine, Restoring
from store.commands import (
    CLIENT,
    PEER_CONNECTION,
    TRACK,
    ClientSeen,
    Command,
    Leave,
    PeerConnectionSeen,
    Touch,
    TrackSeen,
    encode,
)
from store.entities import AUDIO, INBOUND, OUTBOUND, VIDEO
from store.machine import Machine as Store

_KEYS = 100_000
_SLICE = 700
_BODY = b"x" * 96
_CALL_SIZE = 4
_EPOCH = 1_760_000_000_000
_SERVICE = "bench"
_STAY = 5
"""How many commands of its node a client stays that is to leave again: few, as all are counted as if they left."""


class Work(Protocol):
    """A machine and what is done to it."""

    machine: Machine[Any]
    """What is replicated."""

    def command(self, origin: str, seq: int, size: int, *, fresh: bool) -> bytes:
        """Command `seq` (from 1) of an origin about `size` things; `fresh` ones are never those of an earlier one."""

    def entities(self) -> int:
        """How many the machine holds."""

    def in_command(self, size: int) -> float:
        """How many entities such a command is about."""

    def digest(self) -> int:
        """A number that is the same for machines of the same state."""


class Table:
    """A plain dict of upserts, the machine of the first measurements of Raft under trio: some 130 bytes an upsert."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[int, bytes]] = {}
        self.seqs: dict[str, int] = {}

    def apply(self, command: bytes) -> int:
        """Upserts all rows of a command, once; answers how many."""
        origin, seq, rows = _DECODER.decode(command)
        if self.seqs.get(origin, -1) >= seq:
            return 0
        self.seqs[origin] = seq
        for key, kind, body in rows:
            self.rows[key] = (kind, body)
        return len(rows)

    def snapshot(self) -> Generator[bytes, None, None]:
        """The parts of a copy."""
        return _parts(self.seqs.copy(), self.rows.copy())

    def restoring(self) -> Restoring:
        """A table beside this one."""
        return _Restoring(self)


class _Restoring:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._seqs: dict[str, int] = {}
        self._rows: dict[str, tuple[int, bytes]] = {}

    def take(self, part: bytes) -> None:
        seqs, rows = msgspec.msgpack.decode(part)
        self._seqs.update(seqs)
        for key, kind, body in rows:
            self._rows[key] = (kind, body)

    def finish(self) -> None:
        self._table.seqs, self._table.rows = self._seqs, self._rows


def _parts(seqs: dict[str, int], rows: dict[str, tuple[int, bytes]]) -> Generator[bytes, None, None]:
    yield _ENCODER.encode((seqs, ()))
    items = iter(rows.items())
    while few := [(key, kind, body) for key, (kind, body) in islice(items, _SLICE)]:
        yield _ENCODER.encode(({}, few))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[str, int, list[tuple[str, int, bytes]]])


class Upserts:
    """Upserts of a plain table; a size is how many."""

    def __init__(self) -> None:
        self._table = Table()
        self.machine: Machine[Any] = self._table

    def command(self, origin: str, seq: int, size: int, *, fresh: bool) -> bytes:
        """Goes round through 100,000 keys of the origin, unless they are to be fresh."""
        first = seq * size
        keys = range(first, first + size) if fresh else [at % _KEYS for at in range(first, first + size)]
        rows = [(f"{origin}-{at:012d}-0123456789abcdef", at & 3, _BODY) for at in keys]
        return _ENCODER.encode((origin, seq, rows))

    def entities(self) -> int:
        """Rows of the table."""
        return len(self._table.rows)

    def in_command(self, size: int) -> float:
        """All of them."""
        return size

    def digest(self) -> int:
        """Of all rows."""
        rows = sum(crc32(body, crc32(key.encode()) + kind) for key, (kind, body) in self._table.rows.items())
        return rows ^ hash(frozenset((crc32(origin.encode()), seq) for origin, seq in self._table.seqs.items()))


class Joins:
    """Clients that join calls of four in the store, each with two peer connections and four tracks; a size is how many.

    All of them are new: the registry grows as long as commands are made.
    """

    def __init__(self) -> None:
        self._store = Store()
        self.machine: Machine[Any] = self._store

    def command(self, origin: str, seq: int, size: int, *, fresh: bool) -> bytes:
        """As the pipeline makes them of first samples."""
        now = _EPOCH + 10 * seq
        seen = [_client(origin, at, now) for at in range(seq * size, (seq + 1) * size)]
        return encode(Command(origin, seq, now, seq - 1, seen=seen))

    def entities(self) -> int:
        """Calls, clients, peer connections and tracks."""
        registry = self._store.registry
        return len(registry.calls) + len(registry.clients) + registry.peer_connections + registry.tracks

    def in_command(self, size: int) -> float:
        """A client, two peer connections and four tracks each, and their share of a call."""
        return size * (7 + 1 / _CALL_SIZE)

    def digest(self) -> int:
        """Of the parts of a snapshot, whose order is that of the commands."""
        digest = 0
        for part in self.machine.snapshot():
            digest = crc32(part, digest)
        return digest


class Churn(Joins):
    """Clients that join and others that leave, in turn; a size is how many of both.

    Each leaves a few commands after it came; from then on only calls add up, which end by idling. As the pipeline has
    it, the last touches of all that a client has come before it leaves.
    """

    def __init__(self) -> None:
        super().__init__()
        self._here: dict[tuple[str, int], list[ClientSeen]] = {}

    def command(self, origin: str, seq: int, size: int, *, fresh: bool) -> bytes:
        """As many join as leave, once there are some who can."""
        now = _EPOCH + 10 * seq
        half = max(1, size // 2)
        seen = [_client(origin, at, now) for at in range(seq * half, (seq + 1) * half)]
        self._here[origin, seq] = seen
        going = self._here.pop((origin, seq - _STAY), [])
        touches = [touch for client in going for touch in _touches(client, now)]
        leaves = [Leave(CLIENT, client.service_id, client.client_id, True) for client in going]
        return encode(Command(origin, seq, now, seq - 1, touches, seen, leaves=leaves))

    def in_command(self, size: int) -> float:
        """Rows that open and rows that close."""
        return 2 * super().in_command(max(1, size // 2))


def _touches(client: ClientSeen, now: int) -> Iterator[Touch]:
    path = (client.service_id, client.client_id)
    yield Touch(CLIENT, path, now, 0)
    for peer_connection in client.peer_connections:
        below = (*path, peer_connection.peer_connection_id)
        yield Touch(PEER_CONNECTION, below, now, 0)
        for track in peer_connection.tracks:
            yield Touch(TRACK, (*below, track.direction, track.media_kind, track.track_id), now, 0)


def _client_id(origin: str, at: int) -> str:
    return f"{crc32(origin.encode()):08x}-0000-4000-8000-{at:012x}"


def _client(origin: str, at: int, now: int) -> ClientSeen:
    mark = crc32(origin.encode())
    peer_connections = [_peer_connection(f"{mark:08x}-{at:04x}-{kind}", at, kind, now) for kind in range(2)]
    room = at // _CALL_SIZE
    return ClientSeen(
        _SERVICE,
        f"room-{mark:08x}-{room:08d}",
        _client_id(origin, at),
        f"{mark:08x}-1111-4111-9111-{room:012x}",
        False,
        now - 100,
        now,
        "bench-media-unit",
        f"user-{at}",
        None,
        -2.0,
        peer_connections,
    )


def _peer_connection(name: str, at: int, kind: int, now: int) -> PeerConnectionSeen:
    media, ssrc = (AUDIO, VIDEO)[kind], (at * 4 + kind * 2) & 0xFFFFFFFF
    tracks = [
        TrackSeen(OUTBOUND, media, f"{name}-out-4222-a222-222222222222", now - 100, now, (ssrc,), None, None),
        TrackSeen(INBOUND, media, f"{name}-in-4333-b333-333333333333", now - 100, now, (ssrc ^ 4,), None, None),
    ]
    return PeerConnectionSeen(f"{name}-4444-8444-444444444444", now - 100, now, tracks)


WORK: dict[str, type[Upserts] | type[Joins]] = {"upserts": Upserts, "joins": Joins, "churn": Churn}
"""What can be replicated, by the name that it has on the command line."""
