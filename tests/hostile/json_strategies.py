"""JSON made to hurt: any value, and client samples in which anything may stand anywhere.

Values are written by `written`, so that there is what `json.dumps` never writes: keys that repeat, numbers of any
length, brackets thousands deep, escapes of half a surrogate pair.
"""

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st

from analysis.events import EVENT_NAMES
from schemas.client_samples import OBJECT_LISTS, STRING_LISTS, TRACK_LISTS
from schemas.reports import NAMES, ReportType
from schemas.samples_2_0 import PAIR_FIELDS


class Raw(NamedTuple):
    """A piece of JSON, or of what is none, as it is."""

    text: str


class Pairs(NamedTuple):
    """An object whose keys may repeat."""

    pairs: tuple[tuple[str, Any], ...]


def written(value: Any) -> str:
    """The value as JSON."""
    match value:
        case Raw(text):
            return text
        case Pairs(pairs):
            return "{" + ",".join(f"{json.dumps(key)}:{written(inner)}" for key, inner in pairs) + "}"
        case dict():
            return written(Pairs(tuple(value.items())))
        case list():
            return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


_DEEPEST = 1000
"""How deep JSON may be that is taken."""

_NUMBERS = st.sampled_from(
    [
        *(sign * 2**bits + near for bits in (31, 32, 53, 63) for near in (-1, 0, 1) for sign in (1, -1)),
        *(2**64 - 1, 2**64, 0, -1, -0.0, 1.5, 5e-324, 1.7976931348623157e308, 1e15, 18, -18, 14.01, -1080.5, 1081),
        *(Raw(text) for text in ("1e-400", "0.1e1", "-0", "1" + "0" * 300)),
    ]
)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        *(
            "",
            "NULL",
            "null",
            "true",
            "1",
            "0",
            "-1",
            "1e5",
            " 7 ",
            "1_000",
            "\u0663",
            "nan",
            "-inf",
            "1e400",
            "9" * 30,
        ),
        *("\0", "a\0b", "\U0010ffff", "\u2028", '"', "\\", "\r\n", "x" * 511, "x" * 513, "a" * 5000),
        *("CALL_STARTED", "CLIENT_JOINED", "MEDIA_TRACK_ADDED", "CUSTOM_CALL_ENDED", "__class__"),
    ]
)
_SCALARS = (
    st.none()
    | st.booleans()
    | _NUMBERS
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS
)
_DEEP = st.builds(
    lambda depth, shape: Raw(shape[0] * depth + shape[1] + shape[2] * depth),
    st.integers(1, _DEEPEST),
    st.sampled_from([("[", "", "]"), ('{"a":', "1", "}")]),
)
_NO_JSON = st.sampled_from(
    [Raw(text) for text in ("1e400", "9" * 400, "NaN", "-Infinity", "01", '"\\ud800"', "[" * 2000, "{", "'a'", "")]
)

_IDS = st.sampled_from(["a", "b", "c"])
_EVENT_NAMES = st.sampled_from(sorted(EVENT_NAMES))
_ID_KEYS = ("clientId", "roomId", "callId", "userId", "peerConnectionId", "trackId", "sfuStreamId", "sfuSinkId")
_META_KEYS = ("os", "engine", "platform", "browser")
_KEYS = st.sampled_from(
    [
        *(_ID_KEYS + _META_KEYS + OBJECT_LISTS + STRING_LISTS),
        *("clientSamples", "sfuSamples", "turnSamples", "controls", "close", "timestamp", "ssrc", "label", "payload"),
        *("marker", "sampleSeq", "timeZoneOffsetInHours", "serviceId", "mediaUnitId", "customObserverEvents"),
    ]
)


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = _KEYS | _TEXTS
    return st.dictionaries(keys, values, max_size=6) | st.builds(
        lambda pairs: Pairs(tuple(pairs)), st.lists(st.tuples(keys, values), max_size=4)
    )


def _nested(leaves: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, lambda values: st.lists(values, max_size=6) | _objects(values), max_leaves=most)


ALMOST_JSON = _nested(_SCALARS | _DEEP | _NO_JSON, 20)
"""What is JSON, or would be but for a detail."""

ANYTHING = _nested(_SCALARS | _DEEP, 5)
"""Any JSON value."""


def _or_anything(values: st.SearchStrategy[Any], weight: int = 6) -> st.SearchStrategy[Any]:
    """Mostly one of `values`."""
    return st.one_of(*[values] * weight, ANYTHING)


def _item(names: tuple[str, ...], **own: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An entry of a list of a sample, with some of these keys, the values of each being anything."""
    ids = {name: _or_anything(_IDS) for name in _ID_KEYS}
    some = st.dictionaries(st.sampled_from(names), _SCALARS | ANYTHING, max_size=8)
    known = st.fixed_dictionaries({}, optional=ids | own)
    return _or_anything(st.builds(lambda one, other: {**one, **other}, some, known))


def _track(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """An entry of a track list, mostly with the ids that it needs."""
    ids = st.fixed_dictionaries({name: _or_anything(_IDS, 20) for name in ("peerConnectionId", "trackId")})
    rest = _item(names, ssrc=_or_anything(st.integers(1, 4)))
    return st.builds(lambda item, own: {**item, **own} if isinstance(item, dict) else item, rest, ids)


def _some(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list of items, perhaps with one many times in it."""
    return st.lists(items, max_size=4) | st.builds(lambda item, times: [item] * times, items, st.integers(1, 40))


def _list_of(name: str) -> st.SearchStrategy[Any]:
    if name in TRACKS:
        return _some(_track(NAMES[TRACKS[name]]))
    if name in ("customCallEvents", "customObserverEvents"):
        return _some(_item(("message", "value", "attachments", "timestamp", "mediaTrackId"), name=_EVENT_NAMES))
    if name == "pcTransports":
        old = tuple("candidatePair" + field[0].upper() + field[1:] for field in PAIR_FIELDS)
        return _some(_item((*NAMES[ReportType.PEER_CONNECTION_TRANSPORT], *old)))
    if name == "iceCandidatePairs":
        return _some(_item(NAMES[ReportType.ICE_CANDIDATE_PAIR]))
    if name == "dataChannels":
        channel = (*NAMES[ReportType.PEER_CONNECTION_DATA_CHANNEL], "messageSent", "messageReceived")
        return _some(_item(channel))
    if name in STRING_LISTS:
        return _some(_or_anything(_TEXTS))
    return _some(_item(("type", "payload", "name", "value", "message", "attachments", "timestamp", "mediaTrackId")))


TRACKS = {
    **TRACK_LISTS,
}

_REQUIRED = {
    "clientId": _or_anything(_IDS, 30),
    "roomId": _or_anything(_IDS, 30),
    "timestamp": _or_anything(st.integers(0, 2**53), 30),
}
_MORE: dict[str, st.SearchStrategy[Any]] = {
    **{name: _or_anything(_list_of(name)) for name in OBJECT_LISTS + STRING_LISTS},
    **{name: _item(("name", "type", "version")) for name in _META_KEYS},
    **{name: _or_anything(_IDS) for name in ("callId", "userId", "marker", "serviceId", "mediaUnitId")},
    "sampleSeq": _or_anything(st.integers(0, 9)),
    "timeZoneOffsetInHours": _or_anything(st.integers(-900, 900)),
    "customObserverEvents": _or_anything(_list_of("customObserverEvents")),
}


_MORE_KEYS = st.sampled_from(sorted(_MORE)) | st.sampled_from([*sorted(TRACKS), "pcTransports", "customCallEvents"])


def _sample(keys: set[str]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(_REQUIRED | {key: _MORE[key] for key in sorted(keys)})


SAMPLES: st.SearchStrategy[Any] = st.sets(_MORE_KEYS, max_size=5).flatmap(_sample)
"""Something like a client sample, in which anything may stand in the place of anything."""

_SFU_IDS = ("sfuId", "transportId", "padId", "streamId", "sinkId", "channelId", "internal", "noReport")


def _pads(type_: ReportType) -> st.SearchStrategy[Any]:
    ids = st.fixed_dictionaries({name: _or_anything(_IDS, 20) for name in ("transportId", "padId", "streamId")})
    rest = _item((*NAMES[type_], *_SFU_IDS), ssrc=_or_anything(st.integers(1, 4)))
    return _some(st.builds(lambda item, own: {**item, **own} if isinstance(item, dict) else item, rest, ids))


SFU_SAMPLES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"sfuId": _or_anything(_IDS, 30), "timestamp": _or_anything(st.integers(0, 2**53), 30)},
    optional={
        "transports": _or_anything(_some(_item((*NAMES[ReportType.SFU_TRANSPORT], *_SFU_IDS)))),
        "inboundRtpPads": _or_anything(_pads(ReportType.SFU_INBOUND_RTP_PAD)),
        "outboundRtpPads": _or_anything(_pads(ReportType.SFU_OUTBOUND_RTP_PAD)),
        "sctpChannels": _or_anything(_some(_item((*NAMES[ReportType.SFU_SCTP_STREAM], *_SFU_IDS)))),
        "extensionStats": _or_anything(_list_of("extensionStats")),
        "customSfuEvents": _or_anything(_list_of("customCallEvents")),
        "marker": _or_anything(_IDS),
        "timeZoneOffsetInHours": _or_anything(st.integers(-900, 900)),
    },
)
"""Something like a sample of an SFU."""

_TURN_LISTS = _some(_item(("sessionId", "peerId", "clientId", "realm", "started", "relayedAddress", "sentBytes")))
TURN_SAMPLES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"serverId": _or_anything(_IDS)},
    optional={"sessions": _or_anything(_TURN_LISTS), "allocations": _or_anything(_TURN_LISTS)},
)
"""Something like a sample of a TURN server."""

MESSAGES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"clientSamples": _or_anything(st.lists(_or_anything(SAMPLES, 20), min_size=1, max_size=4), 20)},
    optional={
        "sfuSamples": _or_anything(st.lists(_or_anything(SFU_SAMPLES), max_size=3)),
        "turnSamples": _or_anything(st.lists(_or_anything(TURN_SAMPLES), max_size=3)),
        "controls": _or_anything(st.fixed_dictionaries({"close": _or_anything(st.just(True))})),
    },
)
"""Something like a whole message."""
