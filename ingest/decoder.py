"""From the messages of one sender to samples in the form of schemas 2.2, whatever the sender speaks.

Taken are JSON and protobuf of schemas 2.0 to 3.x, whole or as deltas. What JSON is of is told by its shape, and by
``schemaVersion`` where that does not tell: an application that updates its library often keeps its address.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ingest import json_samples
from ingest.incoming import BadSamples, Format, Incoming
from ingest.json_samples import MOST_CONTAINERS, check_complexity
from ingest.sources import DeltaSamples, Sources
from ingest.statistics import Refused, Traffic
from schemas import protobuf
from schemas.clean_json import Sender, clean_samples
from schemas.client_samples import OBJECT_LISTS, STRING_LISTS, ClientSample, client_sample, says_close
from schemas.deltas import Allowance, Deltas, Flavour, TooMuch, flavour_of
from schemas.messages import Samples
from schemas.samples import NO_ID, Budget, Item, Reason, Tally, TooLong, entries_within, identifier
from schemas.samples_2_0 import bring_to_2_2
from schemas.samples_3 import as_2_2, is_3, says_left
from schemas.samples_3_news import News
from schemas.sfu_samples import SfuSample, sfu_sample

_ONLY_IN_2 = frozenset({*OBJECT_LISTS, *STRING_LISTS, "engine", "platform", "browser", "os"}) - {"extensionStats"}
_SOURCES = Sources()


class Heard(NamedTuple):
    """Of whom a session has heard, and who has not left since."""

    clients: set[str]
    sfus: set[str]


NOBODY = Heard(set(), set())


@dataclass(slots=True)
class _Message:
    """One message while it is read: what came of it, and what it may still hold.

    `deltas` is how many, `filled` what they may stand for; `repeats` is how many entries that were told before do not
    count.
    """

    samples: Samples
    budget: Budget
    timestamp: int | None
    deltas: int
    filled: Allowance
    repeats: int
    sfus: list[SfuSample] = field(default_factory=list)
    turns: list[Item] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    left_sfus: set[str] = field(default_factory=set)


class Decoder:
    """Decodes the messages of one sender, in their order: of a session, or of one POST, or of one POST after the other
    over a connection while it `remembers_nothing`.

    Of deltas it remembers what at most `most_clients` have sent, within `remembered`, which decoders share; of clients
    of 3.x, `most_told` items that need not be told again. Whoever made it says when it is `done`.
    """

    __slots__ = (
        "_deltas",
        "_limits",
        "_may_be_clean",
        "_most_clients",
        "_news",
        "_remembered",
        "_sender",
        "of",
        "traffic",
    )

    def __init__(
        self,
        of: Incoming,
        most_clients: int,
        limits: DeltaSamples = _SOURCES.deltas,
        remembered: Allowance | None = None,
        most_told: int = _SOURCES.max_told_items_per_session,
        traffic: Traffic | None = None,
    ) -> None:
        self.of = of
        self.traffic = traffic or Traffic()
        """Where whoever brings the messages counts them."""
        self._most_clients = most_clients
        self._limits = limits
        self._remembered = remembered
        self._deltas = self._new_deltas(Flavour.CODEC) if of.format is Format.DELTA_JSON else None
        self._news = News(most_told)
        self._sender = Sender(of.client_id, of.room_id, of.user_id)
        self._may_be_clean = of.format is Format.JSON and not (of.version and of.version.is_3)

    @property
    def remembers_nothing(self) -> bool:
        """Whether what it has decoded means nothing to what comes next: once it is `done`, then, it serves for another
        POST as well."""
        return self._deltas is None and not self._news

    def decode(self, data: bytes, budget: Budget, *, heard: Heard = NOBODY, timestamp: int | None = None) -> Samples:
        """The samples of one message.

        Raises `BadSamples` for a message that cannot be read. What else cannot be taken costs only itself and is
        tallied. An envelope that says ``controls.close`` makes the clients and the SFUs it names leave, or all of
        `heard` and of the message before it when it names none; a client of 3.x leaves with the sample that says so.
        `timestamp`, in ms, replaces that of each sample.
        """
        of = self.of
        if len(data) > MOST_CONTAINERS * budget.items and of.format is not Format.PROTOBUF:
            check_complexity(data, budget)
        if self._may_be_clean:
            clean = clean_samples(data, self._sender, timestamp, budget)
            if clean is not None:
                rows = len(clean)
                for sample in clean:
                    rows += len(sample.tracks)
                return Samples(of.service_id, of.media_unit_id, clean, rows=rows)
        samples = Samples(of.service_id, of.media_unit_id, [], rejected=Tally())
        message = self._message(samples, budget, timestamp)
        envelopes = self._envelopes(data, budget, samples.rejected)
        if len(envelopes) > 1:
            envelopes = entries_within(budget, envelopes, samples.rejected)
        for envelope in envelopes:
            self._take(envelope, message, heard)
        samples.sfus, samples.turns = message.sfus, message.turns
        samples.leaving, samples.leaving_sfus = message.left, message.left_sfus
        return samples

    def clients_of(self, items: list[Item], budget: Budget, *, timestamp: int | None = None) -> Samples:
        """The samples of a message that others have made client samples of 3.x of: as if these had been sent."""
        samples = Samples(self.of.service_id, self.of.media_unit_id, [], rejected=Tally())
        message = self._message(samples, budget, timestamp)
        self._take({"clientSamples": items}, message, NOBODY)
        samples.leaving = message.left
        return samples

    def done(self) -> None:
        """Nothing more follows on what was decoded: what is remembered is given up."""
        self._news.forget()
        if self._deltas is not None:
            self._deltas.forget()

    def _message(self, samples: Samples, budget: Budget, timestamp: int | None) -> _Message:
        limits = self._limits
        filled = Allowance(limits.max_size_per_message)
        return _Message(samples, budget, timestamp, limits.max_samples_per_message, filled, budget.items)

    def _new_deltas(self, flavour: Flavour) -> Deltas:
        heaviest = self._limits.max_remembered_size_per_session
        return Deltas(flavour, self._most_clients, heaviest, self._remembered)

    def _envelopes(self, data: bytes, budget: Budget, rejected: Tally) -> list[Item]:
        if self.of.format is not Format.PROTOBUF or self.of.version is None:
            return json_samples.envelopes(data)
        try:
            message = protobuf.decode(data, self.of.version, budget.items, rejected)
            if self._deltas is None and protobuf.is_delta(self.of.version):
                encoder = protobuf.encoder_of(data, self.of.version)  # need not be of the version that samples name
                self._deltas = self._new_deltas(flavour_of(encoder))
        except protobuf.Malformed as malformed:
            raise BadSamples(f"{json_samples.UNDECODABLE}: {malformed}", Refused.UNDECODABLE) from None
        return [{"clientSamples": [message]} if self.of.version.is_3 else message]

    def _take(self, envelope: Item, message: _Message, heard: Heard) -> None:
        samples, budget, rejected = message.samples, message.budget, message.samples.rejected
        leaving = set[str]()
        clients = self._clients(entries_within(budget, envelope.get("clientSamples"), rejected), message, leaving)
        entries = entries_within(budget, envelope.get("sfuSamples"), rejected)
        sfus = _sfus(entries, budget, rejected, message.timestamp)
        message.turns += _turns(entries_within(budget, envelope.get("turnSamples"), rejected), budget, rejected)
        message.left.difference_update(client.client_id for client in clients)
        message.left |= leaving
        message.left_sfus.difference_update(sfu.sfu_id for sfu in sfus)
        if says_close(envelope.get("controls")):
            if not clients and not sfus:
                message.left |= heard.clients
                message.left_sfus |= heard.sfus
            named = (clients, sfus) if clients or sfus else (samples.clients, message.sfus)
            message.left |= {client.client_id for client in named[0]}
            message.left_sfus |= {sfu.sfu_id for sfu in named[1]}
        samples.clients += clients
        message.sfus += sfus

    def _clients(self, entries: list[Any], message: _Message, leaving: set[str]) -> list[ClientSample]:
        """The samples of clients; puts into `leaving` those whose last sample says that they leave."""
        clients = []
        budget, rejected = message.budget, message.samples.rejected
        for entry in entries if self._deltas is None else self._filled(entries, message, self._deltas):
            leaves = three = False
            if type(entry) is dict:
                three = self._is_3(entry)
                leaves = three and says_left(entry)
                entry = self._in_2_2(entry, three, budget.items)
                if message.timestamp is not None:
                    entry["timestamp"] = message.timestamp
            client = client_sample(entry, budget, rejected)
            if client is None:
                continue
            clients.append(client)
            if leaves:
                leaving.add(client.client_id)
            else:
                leaving.discard(client.client_id)
            if three:
                repeated = min(self._news.only(client.told), message.repeats)
                message.repeats -= repeated
                budget.items += repeated
        return clients

    def _filled(self, entries: list[Any], message: _Message, deltas: Deltas) -> Iterator[Any]:
        """The entries that deltas stand for; those that are too many or too much are tallied, as their clients are."""
        rejected, forgotten = message.samples.rejected, deltas.forgotten
        for entry in entries:
            if message.deltas <= 0:
                deltas.lose(entry)
                rejected[Reason.TOO_MANY_ITEMS] += 1
                continue
            message.deltas -= 1
            if type(entry) is dict:
                try:
                    entry = deltas.fill(entry, message.filled)
                except TooMuch:
                    rejected[Reason.DELTA_TOO_LARGE] += 1
                    continue
            yield entry
        if deltas.forgotten > forgotten:
            rejected[Reason.DELTA_FORGOTTEN] += deltas.forgotten - forgotten

    def _in_2_2(self, entry: Item, three: bool, most_items: int) -> Item:
        """A client sample in the form of 2.2, with the ids that stand in for those it lacks."""
        if three:
            entry = as_2_2(entry, most_items)
        else:
            bring_to_2_2(entry)
        of = self.of
        for name, stand_in in (("clientId", of.client_id), ("userId", of.user_id), ("roomId", of.room_id)):
            if stand_in is not None and entry.get(name) in NO_ID:
                entry[name] = stand_in
        if three and entry.get("roomId") in NO_ID:
            entry["roomId"] = entry.get("callId")
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
