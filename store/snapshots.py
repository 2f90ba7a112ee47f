"""A snapshot of the registry as of one moment, made part by part while the registry goes on changing.

At the start only what is small is copied. Rows are written when their turn comes; a row that is about to change before
that is written early, and kept as bytes until its turn: the registry says so by `Watcher.before`. The unit is the
client with all that stands below it, and, apart from it, the call with the list of its clients, so that a call of ten
thousand clients is written in as small steps as a small one.

A node's own memory (`heard_*`, `unsettled`) is not state and is not written.
"""

from collections.abc import Iterator, Sequence

from store.commands import Outcome
from store.entities import Call, Client, Unit
from store.origins import Origin
from store.records import (
    FORMAT,
    MOST_TOGETHER,
    Head,
    OriginRecord,
    OutcomeRecord,
    encode,
    encode_head,
    encode_part,
    of_call,
    of_client,
    of_peer_connection,
)
from store.registry import Registry

PART_BYTES = 65_536
"""A part is closed with the record that makes it so large. (bytes)"""


class Snapshot:
    """The parts of a registry as it was when this was made. The same state always gives the same parts.

    It ends by itself behind its last part; one that is left earlier must be closed, for the registry writes for it.
    """

    def __init__(self, registry: Registry, part_bytes: int = PART_BYTES) -> None:
        self._registry = registry
        self._part_bytes = part_bytes
        self._number = 0
        self._head = Head(FORMAT, registry.now, registry.claims.claimed, list(registry.gone))
        self._last = registry.made
        self._at_call = self._at_client = 0
        self._calls_kept: dict[Call, tuple[bytes, Sequence[Client]]] = {}
        self._clients_kept: dict[Client, Sequence[bytes]] = {}
        origins = [(name, origin.seq, _outcomes(origin)) for name, origin in registry.origins.items()]
        self._records = self._written(origins, list(registry.calls.values()))
        registry.watchers.append(self)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """The next part: the head, then as many records as make `part_bytes` together."""
        number, self._number = self._number, self._number + 1
        if number == 0:
            return encode_head(self._head)
        records, size = [], 0
        for record in self._records:
            records.append(record)
            size += len(record)
            if size >= self._part_bytes:
                break
        if not records:
            self.close()
            raise StopIteration
        return encode_part(number, records)

    @property
    def held(self) -> int:
        """How many calls and clients were written early and wait for their turn."""
        return len(self._calls_kept) + len(self._clients_kept)

    def close(self) -> None:
        """Ends it and forgets what it kept."""
        self._records = iter(())
        self._calls_kept.clear()
        self._clients_kept.clear()
        if self in self._registry.watchers:
            self._registry.watchers.remove(self)

    def before(self, row: Unit) -> None:
        """Writes a row early, as it is about to change, if its turn is still to come."""
        match row:
            case Call() if self._at_call < row.number <= self._last and row not in self._calls_kept:
                self._calls_kept[row] = self._of_call(row)
            case Client() if self._is_to_come(row) and row not in self._clients_kept:
                self._clients_kept[row] = _of_client(row)

    def _is_to_come(self, client: Client) -> bool:
        return client.number <= self._last and (self._at_call, self._at_client) < (client.call.number, client.number)

    def _written(
        self, origins: Sequence[tuple[str, int, Sequence[tuple[int, bool, Outcome]]]], calls: Sequence[Call]
    ) -> Iterator[bytes]:
        for name, seq, outcomes in origins:
            yield encode(OriginRecord(name, seq))
            for outcome in outcomes:
                yield from _of_outcome(*outcome)
        for call in calls:
            record, clients = self._calls_kept.pop(call) if call in self._calls_kept else self._of_call(call)
            self._at_call, self._at_client = call.number, 0
            yield record
            for client in clients:
                written = self._clients_kept.pop(client) if client in self._clients_kept else _of_client(client)
                self._at_client = client.number
                yield from written

    def _of_call(self, call: Call) -> tuple[bytes, Sequence[Client]]:
        current = self._registry.rooms.get((call.service_id, call.room_id)) is call
        return encode(of_call(call, current)), list(call.clients.values())


def _of_client(client: Client) -> Sequence[bytes]:
    written = [encode(of_client(client))]
    for row in client.peer_connections.values():
        written.extend(map(encode, of_peer_connection(row)))
    return written


def _outcomes(origin: Origin) -> Sequence[tuple[int, bool, Outcome]]:
    """Number, whether it is still to be told, and the outcome: those that are kept, and the last in any case."""
    kept = [(seq, True, outcome) for seq, outcome in origin.untold.items()]
    if origin.seq == 0 or origin.seq in origin.untold:
        return kept
    return [*kept, (origin.seq, False, origin.last)]


def _of_outcome(seq: int, kept: bool, outcome: Outcome) -> Iterator[bytes]:
    longest = max(len(outcome.opened), len(outcome.closed), len(outcome.calls), 1)
    for start in range(0, longest, MOST_TOGETHER):
        few = slice(start, start + MOST_TOGETHER)
        yield encode(
            OutcomeRecord(seq, kept, list(outcome.opened[few]), list(outcome.closed[few]), list(outcome.calls[few]))
        )
