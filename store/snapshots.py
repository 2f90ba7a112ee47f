"""A snapshot of the registry as of one moment, made part by part while the registry goes on changing.

At the start only what is small is copied. Rows are written when their turn comes; a row that is about to change before
that is written early, and kept as bytes until its turn: the registry says so by `Watcher.before`. The unit is the
client with all that stands below it, and, apart from it, the call with the list of its clients, so that a call of ten
thousand clients is written in as small steps as a small one; and likewise the transport, and the SFU with the list of
its transports.

A node's own memory (`heard_*`, `unsettled`) is not state and is not written.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter

from store.commands import Outcome
from store.departed import Departed
from store.entities import Call, Client, Sfu, SfuTransport, Unit
from store.origins import Origin
from store.records import (
    FORMAT,
    MOST_TOGETHER,
    DepartedRecord,
    DepartedSfusRecord,
    Head,
    OriginRecord,
    OutcomeRecord,
    ValuesRecord,
    encode,
    encode_head,
    encode_part,
    of_call,
    of_client,
    of_peer_connection,
)
from store.registry import Registry
from store.sfu_records import of_sfu, of_sfu_transport
from store.turns import Turns
from store.values import Kept, portions

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
        write_call = partial(_of_call, registry.rooms)
        self._calls: Turns[Call, Client] = Turns(
            list(registry.calls.values()), registry.made, write_call, _of_client, attrgetter("call")
        )
        self._sfus: Turns[Sfu, SfuTransport] = Turns(
            list(registry.sfus.values()), registry.sfu_half.made, _of_sfu, _of_transport, attrgetter("sfu")
        )
        origins = [(name, origin.seq, _outcomes(origin)) for name, origin in registry.origins.items()]
        self._records = chain(
            _of_origins(origins),
            _of_departed(DepartedRecord, registry.departed),
            _of_departed(DepartedSfusRecord, registry.sfu_half.departed),
            _of_values(registry.values.rows()),
            self._calls.written(),
            self._sfus.written(),
        )
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
        """How many rows were written early and wait for their turn."""
        return self._calls.held + self._sfus.held

    def close(self) -> None:
        """Ends it and forgets what it kept."""
        self._records = chain()
        self._calls.forget()
        self._sfus.forget()
        if self in self._registry.watchers:
            self._registry.watchers.remove(self)

    def before(self, row: Unit) -> None:
        """Writes a row early, as it is about to change, if its turn is still to come."""
        match row:
            case Call():
                self._calls.before_upper(row)
            case Client():
                self._calls.before_lower(row)
            case Sfu():
                self._sfus.before_upper(row)
            case SfuTransport():
                self._sfus.before_lower(row)


def _of_call(rooms: Mapping[tuple[str, str], Call], call: Call) -> tuple[bytes, Sequence[Client]]:
    current = rooms.get((call.service_id, call.room_id)) is call
    return encode(of_call(call, current)), list(call.clients.values())


def _of_client(client: Client) -> Sequence[bytes]:
    written = [encode(of_client(client))]
    for row in client.peer_connections.values():
        written.extend(map(encode, of_peer_connection(row)))
    return written


def _of_sfu(sfu: Sfu) -> tuple[bytes, Sequence[SfuTransport]]:
    return encode(of_sfu(sfu)), list(sfu.transports.values())


def _of_transport(transport: SfuTransport) -> Sequence[bytes]:
    return [*map(encode, of_sfu_transport(transport))]


def _of_origins(origins: Sequence[tuple[str, int, Sequence[tuple[int, bool, Outcome]]]]) -> Iterator[bytes]:
    for name, seq, outcomes in origins:
        yield encode(OriginRecord(name, seq))
        for outcome in outcomes:
            yield from _of_outcome(*outcome)


def _of_departed(record: type[DepartedRecord] | type[DepartedSfusRecord], departed: Departed) -> Iterable[bytes]:
    """The records of those who had left when this was called."""
    rows = [(*who, *times) for who, times in departed.rows.items()]
    starts = range(0, len(rows), MOST_TOGETHER)
    return (encode(record(rows[start : start + MOST_TOGETHER])) for start in starts)


def _of_values(kinds: Iterable[tuple[str, Sequence[tuple[str, Kept]]]]) -> Iterator[bytes]:
    for kind, rows in kinds:
        for some in portions(rows, MOST_TOGETHER, PART_BYTES):
            yield encode(ValuesRecord(kind, [(key, *row) for key, row in some]))


def _outcomes(origin: Origin) -> Sequence[tuple[int, bool, Outcome]]:
    """Number, whether it is still to be told, and the outcome: those that are kept, and the last in any case."""
    kept = [(seq, True, outcome) for seq, outcome in origin.untold.items()]
    if origin.seq == 0 or origin.seq in origin.untold:
        return kept
    return [*kept, (origin.seq, False, origin.last)]


def _of_outcome(seq: int, kept: bool, outcome: Outcome) -> Iterator[bytes]:
    calls, opened, closed = outcome.calls, outcome.opened, outcome.closed
    sfus_opened, sfus_closed = outcome.sfus_opened, outcome.sfus_closed
    longest = max(map(len, (calls, opened, closed, sfus_opened, sfus_closed)))
    for start in range(0, max(longest, 1), MOST_TOGETHER):
        few = slice(start, start + MOST_TOGETHER)
        told = (list(opened[few]), list(closed[few]), list(calls[few]), list(sfus_opened[few]), list(sfus_closed[few]))
        yield encode(OutcomeRecord(seq, kept, *told))
