"""From the messages of one sender to samples in the form of schemas 2.2, whatever the sender speaks.

Taken are JSON and protobuf of schemas 2.0 to 3.x, whole or as deltas. What JSON is of is told by its shape, and by
``schemaVersion`` where that does not tell: an application that updates its library often keeps its address.
"""

from typing import Any, NamedTuple

from ingest import json_samples
from ingest.incoming import BadSamples, Format, Incoming
from ingest.statistics import Refused
from schemas import protobuf
from schemas.deltas import Deltas, Flavour, flavour_of
from schemas.samples import (
    OBJECT_LISTS,
    STRING_LISTS,
    Budget,
    ClientSample,
    Item,
    Reason,
    Samples,
    Tally,
    TooLong,
    client_sample,
    entries_within,
    identifier,
    says_close,
)
from schemas.samples_2_0 import bring_to_2_2
from schemas.samples_3 import as_2_2, is_3, says_left
from schemas.samples_3_news import News
from schemas.sfu_samples import SfuSample, sfu_sample

_ONLY_IN_2 = frozenset({*OBJECT_LISTS, *STRING_LISTS, "engine", "platform", "browser", "os"}) - {"extensionStats"}
_MOST_DELTAS = 100
"""How many samples a message of deltas may hold: each may be short and stand for a long one. Clients send one, or wait
with a hundred at most."""

_MOST_TOLD = 1000
"""How many codecs, candidates and the like of one session are remembered as told: a client has some dozens."""

_NO_ID = (None, "", "NULL")


class Heard(NamedTuple):
    """Of whom a session has heard, and who has not left since."""

    clients: set[str]
    sfus: set[str]


NOBODY = Heard(set(), set())


class Decoder:
    """Decodes the messages of one sender, in their order: one of a session, or of one POST.

    Of deltas it remembers what at most `most_clients` have sent; of clients of 3.x, what need not be told again.
    """

    __slots__ = ("_deltas", "_most_clients", "_news", "of")

    def __init__(self, of: Incoming, most_clients: int) -> None:
        self.of = of
        self._most_clients = most_clients
        self._deltas = Deltas(Flavour.CODEC, most_clients) if of.format is Format.DELTA_JSON else None
        self._news: News | None = None

    def decode(self, data: bytes, budget: Budget, *, heard: Heard = NOBODY, timestamp: int | None = None) -> Samples:
        """The samples of one message.

        Raises `BadSamples` for a message that cannot be read. What else cannot be taken costs only itself and is
        tallied. A message that says ``controls.close`` makes the clients and the SFUs it names leave, or all of `heard`
        when it names none; a client of 3.x leaves with the sample that says so. `timestamp`, in ms, replaces that of
        each sample.
        """
        samples = Samples(self.of.service_id, self.of.media_unit_id, [])
        rejected = samples.rejected
        message = self._envelope(data, budget, rejected)
        clients = entries_within(budget, message.get("clientSamples"), rejected)
        left = set[str]()
        samples.clients = self._clients(clients, budget, rejected, timestamp, left)
        samples.sfus = _sfus(entries_within(budget, message.get("sfuSamples"), rejected), budget, rejected, timestamp)
        samples.turns = _turns(entries_within(budget, message.get("turnSamples"), rejected), budget, rejected)
        samples.leaving = left
        if says_close(message.get("controls")):
            samples.leaving = {client.client_id for client in samples.clients}
            samples.leaving_sfus = {sfu.sfu_id for sfu in samples.sfus}
            if not samples.leaving and not samples.leaving_sfus:
                samples.leaving, samples.leaving_sfus = set(heard.clients), set(heard.sfus)
        return samples

    def _envelope(self, data: bytes, budget: Budget, rejected: Tally) -> Item:
        if self.of.format is not Format.PROTOBUF or self.of.version is None:
            return json_samples.envelope(data, budget)
        try:
            message = protobuf.decode(data, self.of.version, budget.items, rejected)
            if self._deltas is None and protobuf.is_delta(self.of.version):
                encoder = protobuf.encoder_of(data, self.of.version)  # need not be of the version that samples name
                self._deltas = Deltas(flavour_of(encoder), self._most_clients)
        except protobuf.Malformed as malformed:
            raise BadSamples(f"{json_samples.UNDECODABLE}: {malformed}", Refused.UNDECODABLE) from None
        return {"clientSamples": [message]} if self.of.version.is_3 else message

    def _clients(
        self, entries: list[Any], budget: Budget, rejected: Tally, timestamp: int | None, left: set[str]
    ) -> list[ClientSample]:
        """The samples of clients; adds to `left` those that say that they leave."""
        clients = []
        if self._deltas is not None and len(entries) > _MOST_DELTAS:
            rejected[Reason.TOO_MANY_ITEMS] += len(entries) - _MOST_DELTAS
            del entries[_MOST_DELTAS:]
        for entry in entries:
            leaves = False
            if type(entry) is dict:
                if self._deltas is not None:
                    entry = self._deltas.fill(entry)
                three = self._is_3(entry)
                leaves = three and says_left(entry)
                entry = self._in_2_2(entry, three, budget.items)
                if timestamp is not None:
                    entry["timestamp"] = timestamp
            client = client_sample(entry, budget, rejected)
            if client is not None:
                clients.append(client)
                if leaves:
                    left.add(client.client_id)
        return clients

    def _in_2_2(self, entry: Item, three: bool, most_items: int) -> Item:
        """A client sample in the form of 2.2, with the ids that stand in for those it lacks."""
        if three:
            entry = as_2_2(entry, most_items)
        else:
            bring_to_2_2(entry)
        of = self.of
        for name, stand_in in (("clientId", of.client_id), ("userId", of.user_id), ("roomId", of.room_id)):
            if stand_in is not None and entry.get(name) in _NO_ID:
                entry[name] = stand_in
        if three:
            if entry.get("roomId") in _NO_ID:
                entry["roomId"] = entry.get("callId")
            if self._news is None:
                self._news = News(_MOST_TOLD)
            self._news.only(entry)
        return entry

    def _is_3(self, entry: Item) -> bool:
        version = self.of.version
        if self.of.format is Format.JSON:
            return is_3(entry) or (version is not None and version.is_3 and _ONLY_IN_2.isdisjoint(entry))
        return version is None or version.is_3


def _sfus(entries: list[Any], budget: Budget, rejected: Tally, timestamp: int | None) -> list[SfuSample]:
    sfus = []
    for entry in entries:
        if timestamp is not None and type(entry) is dict:
            entry["timestamp"] = timestamp
        sfu = sfu_sample(entry, budget, rejected)
        if sfu is not None:
            sfus.append(sfu)
    return sfus


def _turns(entries: list[Any], budget: Budget, rejected: Tally) -> list[Item]:
    """The samples of TURN servers that say of which, with lists that hold objects only."""
    turns = []
    for entry in _objects(entries, rejected):
        try:
            server_id = identifier(entry.get("serverId"), budget.id_length)
        except TooLong:
            rejected[Reason.ID_TOO_LONG] += 1
            continue
        if server_id is None:
            rejected[Reason.SERVER_ID_MISSING] += 1
            continue
        for name in ("allocations", "sessions"):
            entry[name] = _objects(entries_within(budget, entry.get(name), rejected), rejected)
        turns.append(entry)
    return turns


def _objects(entries: list[Any], rejected: Tally) -> list[Item]:
    objects = [entry for entry in entries if type(entry) is dict]
    if len(objects) < len(entries):
        rejected[Reason.NOT_AN_OBJECT] += len(entries) - len(objects)
    return objects
