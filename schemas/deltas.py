"""Samples that leave out what did not change, made whole.

Some encoders send only what differs from the client's sample before. What they all do: a value that is absent is as
it was; nothing can be unset; lists of things that are measured are complete, so what is missing in one has gone. Their
entries are known by an id (`peerConnectionId`, the SSRC of a stream, else `id`). What is told once (events, issues,
meta data, extensions) and lists of any other kind are never carried forward.

What is remembered of all clients together is bounded: long texts are not carried forward, and where too much comes
together the client that was heard longest ago is forgotten. Values may have any type.
Source: the encoders' golden vectors, of ObserveRTC's samples-encoder 2.2.12 and 3.0 and of its codecs of 3.5.
"""

from collections.abc import Mapping
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


class Deltas:
    """The clients of one session, each as its last sample left it: at most `most_clients`, and one at least."""

    def __init__(self, flavour: Flavour, most_clients: int) -> None:
        self._shape = _SHAPES[flavour]
        self._most_clients = max(most_clients, 1)
        self._clients: dict[str | int | None, _Known] = {}
        self._weight = 0

    def fill(self, entry: Item) -> Item:
        """The whole sample that `entry` stands for, in a new object.

        It shares nothing that can change with what was returned before. A client that is not known yet gets back what
        it sent. Samples that name no client are taken for those of one.
        """
        client_id = entry.get("clientId")
        if type(client_id) not in (str, int):
            client_id = None
        elif type(client_id) is str and len(client_id) > _LONGEST_ID:
            return dict(entry)
        known = self._clients.pop(client_id, None)
        if known is None:
            known = _Known()
        self._weight -= known.weight
        whole = _filled(entry, known, self._shape)
        self._weight += known.weight
        self._clients[client_id] = known
        while self._clients and (len(self._clients) > self._most_clients or self._weight > _HEAVIEST):
            self._weight -= self._clients.pop(next(iter(self._clients))).weight
        return whole


class _Shape(NamedTuple):
    """What an object is made of: lists of things with an id, and what of it is never or differently carried forward."""

    lists: Mapping[str, tuple[str, "_Shape"]]
    never: frozenset[str] = frozenset()
    chained: tuple[str, ...] = ()


class _Known:
    """What was said of one thing: values, objects as JSON, the things in its lists; `weight` is roughly in bytes."""

    __slots__ = ("last", "lists", "objects", "texts", "values", "weight")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.objects: dict[str, bytes] = {}
        self.lists: dict[str, dict[Any, _Known]] = {}
        self.last: dict[str, Item] = {}
        self.texts = 0
        self.weight = 0


_HEAVIEST = 4_000_000
"""What a session's clients may weigh together: the state of some hundreds of streams. (bytes, roughly)"""
_WEIGHT_OF_VALUE = 100
_WEIGHT_OF_THING = 500
_LONGEST_TEXT = 16_384
_LONGEST_NAME = 64
_LONGEST_ID = 255
_MOST_VALUES = 256
_IDS = (int, str, float)
_CHAINED = ("type", "payload", "timestamp")
_DIFFED = ("psnrSum", "qualityLimitationDurations")
"""The objects of which only those values are sent that changed; all others are replaced as they are."""


def _filled(item: Item, known: _Known, shape: _Shape) -> Item:
    """`item` made whole; `known` afterwards knows it."""
    passing = _learn(item, known, shape)
    whole = {**known.values, **passing}
    for name, told in known.objects.items():
        if name not in whole:
            whole[name] = orjson.loads(told)
    weight = _WEIGHT_OF_THING + _WEIGHT_OF_VALUE * len(known.values) + known.texts
    weight += sum([len(told) for told in known.objects.values()])
    for name, (id_name, inner) in shape.lists.items():
        entries = item.get(name)
        before = known.lists.pop(name, None)
        if type(entries) is list and entries:
            things = known.lists[name] = {}
            whole[name] = [_filled_entry(entry, id_name, inner, before or {}, things) for entry in entries]
            weight += sum([thing.weight for thing in things.values()])
    for name in shape.chained:
        entries = item.get(name)
        if type(entries) is list:
            last = known.last.setdefault(name, {})
            whole[name] = [_chained(entry, last) if type(entry) is dict else entry for entry in entries]
            weight += sum([len(value) for value in last.values() if type(value) is str])
    known.weight = weight
    return whole


def _learn(item: Item, known: _Known, shape: _Shape) -> Item:
    """Puts into `known` what of `item` is carried forward; tells what else `whole` must have of it."""
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
        known.objects.pop(name, None)
        if kind is dict or kind is list or name in shape.never or len(name) > _LONGEST_NAME:
            passing[name] = value
            if kind is dict and name not in shape.never and len(name) <= _LONGEST_NAME:
                _remember(name, value, known)
        elif kind is str and len(value) > _LONGEST_TEXT:
            passing[name] = value
        else:
            values[name] = value
            if kind is str:
                known.texts += len(value)
    if len(values) + len(known.objects) > _MOST_VALUES:
        passing = {**values, **passing}
        known.values, known.objects, known.texts = {}, {}, 0
    return passing


def _remember(name: str, value: Item, known: _Known) -> None:
    try:
        told = orjson.dumps(value)
    except orjson.JSONEncodeError:  # nested deeper than JSON is written
        return
    if len(told) + sum([len(other) for other in known.objects.values()]) <= _LONGEST_TEXT:
        known.objects[name] = told


def _filled_entry(entry: Any, id_name: str, shape: _Shape, before: dict[Any, _Known], things: dict[Any, _Known]) -> Any:
    """An entry of a list made whole; one without an id, and one more of the same id, as it is.

    A few bytes may stand for all that is known of a thing: those who say them again and again get it once.
    """
    id_ = entry.get(id_name) if type(entry) is dict else None
    if type(id_) not in _IDS or (type(id_) is str and len(id_) > _LONGEST_ID) or id_ in things:
        return entry
    known = things[id_] = before.get(id_) or _Known()
    return _filled(entry, known, shape)


def _chained(entry: Item, last: Item) -> Item:
    """An event with what it has in common with the one before it; afterwards that is this one."""
    whole = {**last, **entry}
    for name in _CHAINED:
        value = whole.get(name)
        if type(value) in (int, float) or (type(value) is str and len(value) <= _LONGEST_TEXT):
            last[name] = value
        else:
            last.pop(name, None)
    return whole


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
    return _Shape({"peerConnections": ("peerConnectionId", _Shape(inner, never))}, never, chained)


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
    ),
}
