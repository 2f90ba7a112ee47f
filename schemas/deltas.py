"""Samples that leave out what did not change, made whole.

Some encoders send only what differs from the client's sample before. What they all do: a value that is absent is as
it was; nothing can be unset; lists of things that are measured are complete, so what is missing in one has gone. Their
entries are known by an id (`peerConnectionId`, the SSRC of a stream, else `id`). What is told once (events, issues,
meta data, extensions) and lists of any other kind are never carried forward.

What is remembered is bounded: long texts are not carried forward, and where too much comes together the client that was
heard longest ago is forgotten. So is what one message may bring back: a few bytes may stand for all that is known of a
client, again and again. Values may have any type.
Source: the encoders' golden vectors, of ObserveRTC's samples-encoder 2.2.12 and 3.0 and of its codecs of 3.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from schemas.samples import Item
from schemas.versions import SchemaVersion


class Flavour(StrEnum):
    """Whose way of leaving out a sender has."""

    CODEC = "codec"
    """Schemas 3.4 and later, in JSON and in protobuf."""
    ENCODER_3 = "encoder_3"
    """Schemas 3.0 to 3.3: as `CODEC`, but an event or issue leaves out what it has in common with the one before."""
    ENCODER_2 = "encoder_2"
    """Schemas 2.2.1 and later of 2.2. Codecs, certificates, candidates and the like are not carried forward: their
    clients tell them once, and they mean the same whether they are told again or not."""


def flavour_of(version: SchemaVersion) -> Flavour:
    """What a sender does who speaks this version and leaves out what did not change."""
    if version.concept < 3:
        return Flavour.ENCODER_2
    return Flavour.ENCODER_3 if version[:2] < (3, 4) else Flavour.CODEC


@dataclass(slots=True)
class Allowance:
    """How much may still be remembered, or be brought back. (bytes, roughly)"""

    left: int


class TooMuch(Exception):
    """A delta that stands for more than its message may still bring back."""


class Deltas:
    """The clients of one session, each as its last sample left it: at most `most_clients`, and one at least.

    Together they weigh at most `heaviest`, and no more than `shared` has left, which sessions share: whoever needs them
    no more calls `forget`. `forgotten` counts the clients that had to be forgotten: what they leave out from then on is
    lost.
    """

    def __init__(
        self, flavour: Flavour, most_clients: int, heaviest: int = 4_000_000, shared: Allowance | None = None
    ) -> None:
        self.forgotten = 0
        self._shape = _SHAPES[flavour]
        self._most_clients = max(most_clients, 1)
        self._heaviest = heaviest
        self._shared = shared or Allowance(heaviest)
        self._clients: dict[str | int | None, _Known] = {}
        self._weight = 0

    def fill(self, entry: Item, allowance: Allowance | None = None) -> Item:
        """The whole sample that `entry` stands for, in a new object.

        It shares nothing that can change with what was returned before. A client that is not known yet gets back what
        it sent. Samples that name no client are taken for those of one. Raises `TooMuch`, and forgets the client, where
        `allowance` does not suffice; what is brought back is taken from it.
        """
        client_id = _client_of(entry)
        if type(client_id) is str and len(client_id) > _LONGEST_ID:
            return dict(entry)
        known = self._clients.pop(client_id, None) or _Known()
        self._weigh(-known.weight)
        try:
            whole = _filled(entry, known, self._shape, allowance or Allowance(self._heaviest))
        except TooMuch:
            self.forgotten += 1
            raise
        self._weigh(known.weight)
        self._clients[client_id] = known
        while self._clients and self._are_too_many():
            self._weigh(-self._clients.pop(next(iter(self._clients))).weight)
            self.forgotten += 1
        return whole

    def lose(self, entry: Any) -> None:
        """Forgets the client of a delta that is not filled: what it would have changed is not known."""
        known = self._clients.pop(_client_of(entry), None) if type(entry) is dict else None
        if known is not None:
            self._weigh(-known.weight)
            self.forgotten += 1

    def forget(self) -> None:
        """Forgets all clients."""
        self._clients.clear()
        self._weigh(-self._weight)

    def _are_too_many(self) -> bool:
        return len(self._clients) > self._most_clients or self._weight > self._heaviest or self._shared.left < 0

    def _weigh(self, more: int) -> None:
        self._weight += more
        self._shared.left -= more


def _client_of(entry: Item) -> str | int | None:
    client_id = entry.get("clientId")
    return client_id if type(client_id) in (str, int) else None


class _Shape(NamedTuple):
    """What an object is made of: lists of things with an id, and what of it is never or differently carried forward.

    Of its texts, and of its objects as JSON, at most `texts` characters are carried forward.
    """

    lists: Mapping[str, tuple[str, "_Shape"]]
    never: frozenset[str] = frozenset()
    chained: tuple[str, ...] = ()
    texts: int = 4_096


class _Known:
    """What was said of one thing: values, objects as JSON, the things in its lists.

    `texts` is how long its texts and objects are, `told` how long its objects are; `own` is what it weighs, and
    `weight` what it weighs with its lists, roughly in bytes.
    """

    __slots__ = ("last", "lists", "objects", "own", "texts", "told", "values", "weight")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.objects: dict[str, bytes] = _NO_OBJECTS
        self.lists: dict[str, dict[Any, _Known]] = _NO_LISTS
        self.last: dict[str, Item] = _NO_LAST
        self.texts = self.told = self.own = self.weight = 0

    def forget_values(self) -> None:
        """Forgets all but the things in its lists."""
        self.values, self.objects, self.texts, self.told = {}, _NO_OBJECTS, 0, 0


# Most things have none of these; they are never written to.
_NO_OBJECTS: dict[str, bytes] = {}
_NO_LISTS: dict[str, dict[Any, _Known]] = {}
_NO_LAST: dict[str, Item] = {}

_WEIGHT_OF_VALUE = 100
_WEIGHT_OF_THING = 500
_WEIGHT_OF_OBJECT = 4
"""How much an object weighs for each character of its JSON: as much as becomes of it when it is brought back."""
_LONGEST_CHAINED = 1_024
_LONGEST_NAME = 64
_LONGEST_ID = 255
_MOST_VALUES = 256
_IDS = (int, str, float)
_CHAINED = ("type", "payload", "timestamp")
_DIFFED = ("psnrSum", "qualityLimitationDurations")
"""The objects of which only those values are sent that changed; all others are replaced as they are."""


def _filled(item: Item, known: _Known, shape: _Shape, allowance: Allowance) -> Item:
    """`item` made whole; `known` afterwards knows it. Raises `TooMuch`."""
    _take(allowance, _WEIGHT_OF_THING + known.own)
    passing = _learn(item, known, shape)
    whole = {**known.values, **passing}
    for name, told in known.objects.items():
        if name not in whole:
            whole[name] = orjson.loads(told)
    more = _WEIGHT_OF_OBJECT - 1
    weight = _WEIGHT_OF_THING + _WEIGHT_OF_VALUE * len(known.values) + known.texts + more * known.told
    known.own = weight
    for name, (id_name, inner) in shape.lists.items():
        entries = item.get(name)
        before = known.lists.pop(name, None) if known.lists else None
        if type(entries) is list and entries:
            things: dict[Any, _Known] = {}
            whole[name] = [_filled_entry(entry, id_name, inner, before or {}, things, allowance) for entry in entries]
            weight += sum([thing.weight for thing in things.values()])
            if things:
                known.lists = known.lists or {}
                known.lists[name] = things
    for name in shape.chained:
        entries = item.get(name)
        if type(entries) is list:
            known.last = known.last or {}
            last = known.last.setdefault(name, {})
            whole[name] = [_chained(entry, last, allowance) if type(entry) is dict else entry for entry in entries]
    weight += sum([_WEIGHT_OF_THING + _length(last) for last in known.last.values()])
    known.weight = weight
    return whole


def _take(allowance: Allowance, weight: int) -> None:
    allowance.left -= weight
    if allowance.left < 0:
        raise TooMuch


def _learn(item: Item, known: _Known, shape: _Shape) -> Item:
    """Puts into `known` what of `item` is carried forward; tells what else `whole` must have of it."""
    if len(item) > _MOST_VALUES:
        known.forget_values()
        return item
    passing: Item = {}
    values = known.values
    for name, value in item.items():
        kind = type(value)
        if kind is dict and name in _DIFFED and name in known.objects:
            value = {**orjson.loads(known.objects[name]), **value}
        if value is None and (name in values or name in known.objects):
            continue
        before = values.pop(name, None)
        if type(before) is str:
            known.texts -= len(before)
        if name in known.objects:
            length = len(known.objects.pop(name))
            known.texts -= length
            known.told -= length
        if kind is dict or kind is list or name in shape.never or len(name) > _LONGEST_NAME:
            passing[name] = value
            if kind is dict and name not in shape.never and len(name) <= _LONGEST_NAME:
                _remember(name, value, known, shape.texts)
        elif kind is not str:
            values[name] = value
        elif known.texts + len(value) <= shape.texts:
            values[name] = value
            known.texts += len(value)
        else:
            passing[name] = value
    if len(values) + len(known.objects) > _MOST_VALUES:
        passing = {**values, **passing}
        known.forget_values()
    return passing


def _remember(name: str, value: Item, known: _Known, most: int) -> None:
    try:
        told = orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        return
    if known.texts + len(told) <= most:
        known.objects = known.objects or {}
        known.objects[name] = told
        known.texts += len(told)
        known.told += len(told)


def _filled_entry(
    entry: Any,
    id_name: str,
    shape: _Shape,
    before: dict[Any, _Known],
    things: dict[Any, _Known],
    allowance: Allowance,
) -> Any:
    """An entry of a list made whole; one without an id, and one more of the same id, as it is.

    A few bytes may stand for all that is known of a thing: those who say them again and again get it once.
    """
    id_ = entry.get(id_name) if type(entry) is dict else None
    if type(id_) not in _IDS or (type(id_) is str and len(id_) > _LONGEST_ID) or id_ in things:
        return entry
    known = things[id_] = before.get(id_) or _Known()
    return _filled(entry, known, shape, allowance)


def _chained(entry: Item, last: Item, allowance: Allowance) -> Item:
    """An event with what it has in common with the one before it; afterwards that is this one. Raises `TooMuch`."""
    _take(allowance, _WEIGHT_OF_THING + _length(last))
    whole = {**last, **entry}
    for name in _CHAINED:
        value = whole.get(name)
        if type(value) in (int, float) or (type(value) is str and len(value) <= _LONGEST_CHAINED):
            last[name] = value
        else:
            last.pop(name, None)
    return whole


def _length(last: Item) -> int:
    return sum([len(value) for value in last.values() if type(value) is str])


_TEXTS_OF_SAMPLE = 16_384
_LEAF = _Shape({})
_STREAMS = ("inboundRtps", "outboundRtps", "remoteInboundRtps", "remoteOutboundRtps")
_MEASURED = (
    "certificates",
    "codecs",
    "dataChannels",
    "iceCandidatePairs",
    "iceCandidates",
    "iceTransports",
    "inboundTracks",
    "mediaPlayouts",
    "mediaSources",
    "outboundTracks",
    "peerConnectionTransports",
)
_TRACKS = ("inboundAudioTracks", "inboundVideoTracks", "outboundAudioTracks", "outboundVideoTracks")
_TOLD_ONCE_2 = frozenset(("engine", "platform", "browser", "os"))


def _of_3(chained: tuple[str, ...], never: frozenset[str]) -> _Shape:
    leaf = _Shape({}, never)
    inner = dict.fromkeys(_STREAMS, ("ssrc", leaf)) | dict.fromkeys(_MEASURED, ("id", leaf))
    return _Shape({"peerConnections": ("peerConnectionId", _Shape(inner, never))}, never, chained, _TEXTS_OF_SAMPLE)


_SHAPES = {
    Flavour.CODEC: _of_3((), frozenset(("scoreReasons",))),
    Flavour.ENCODER_3: _of_3(("clientEvents", "clientIssues"), frozenset()),
    Flavour.ENCODER_2: _Shape(
        dict.fromkeys(_TRACKS, ("ssrc", _LEAF))
        | {
            "iceCandidatePairs": ("candidatePairId", _LEAF),
            "pcTransports": ("peerConnectionId", _LEAF),
            "dataChannels": ("peerConnectionId", _LEAF),
        },
        _TOLD_ONCE_2,
        texts=_TEXTS_OF_SAMPLE,
    ),
}
