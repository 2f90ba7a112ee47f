"""Messages of schemas 2.1 and 2.2 that are as their schema says, read from JSON by C straight into reports.

Nearly all messages are: then reading one costs about as much as finding the ends of its values does. Whatever is
unusual (another shape or schema, a value of another kind, too many entries) is not read here but left to the way that
takes anything; both give the same.
"""

import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import msgspec
import orjson
from msgspec.structs import astuple

from schemas.browser_order import LISTS, OF_BROWSERS, WITH_FRACTIONS, make_reports, seems_to_be_of_browser
from schemas.client_samples import (
    OBJECT_LISTS,
    STRING_LISTS,
    ClientSample,
    Identity,
    data_channels,
    identity,
)
from schemas.reports import LONGEST_ID, REPORTS, Absent, Report, ReportType, Whole
from schemas.samples import LARGEST_TIME, NO_ID, Budget, Item, Tally, whole
from schemas.samples_2_0 import bring_channel_to_2_2

_ANYTHING = ("dataChannels", "extensionStats", "customCallEvents", "customObserverEvents")
_FLAT_LISTS = tuple(name for name in OBJECT_LISTS if name not in (*LISTS, *_ANYTHING))
_FLAT_OBJECTS = ("engine", "platform", "browser", "os")
_TOLD = (*_ANYTHING, *_FLAT_LISTS, *STRING_LISTS, *_FLAT_OBJECTS)
"""What of a sample does not become a report as it is: first what may nest, then what is no list, or one of objects or
texts, and does not."""

_OF_3 = ("peerConnections", "clientEvents", "clientIssues", "clientMetaItems", "score", "scoreReasons")
"""What tells a sample of 3.x from one of 2.x."""

_Id = Annotated[str, msgspec.Meta(max_length=LONGEST_ID)] | None
_Flat = dict[str, Whole | float | str | bool | None]

_NAMES = {
    "client_id": "clientId",
    "room_id": "roomId",
    "call_id": "callId",
    "user_id": "userId",
    "sample_seq": "sampleSeq",
    "time_zone_offset": "timeZoneOffsetInHours",
    "transports": "pcTransports",
    "candidate_pairs": "iceCandidatePairs",
}
"""What fields of a `ClientSample` are called by senders, where that is another name."""
_NOTHING: Any = types.MappingProxyType({})
_OWN = {
    **dict.fromkeys(("inbound_tracks", "tracks", "data_channels", "entries"), ()),
    "told": _NOTHING,
    "told_flat": True,
}
"""What of a `ClientSample` is filled in later, if there is more of it; no sender may have something of such a name."""


def _sample(classes: Mapping[ReportType, type[Report]], times: Any = Whole | None) -> Any:
    """A `ClientSample` that is read as it stands in JSON, its entries into these classes, and completed then."""
    lists = {name: types.GenericAlias(list, (classes[type_],)) for name, type_ in LISTS.items()}
    told: dict[str, Any] = {
        **dict.fromkeys(_ANYTHING, msgspec.Raw),
        **dict.fromkeys(_FLAT_LISTS, list[_Flat] | None),
        **dict.fromkeys(STRING_LISTS, list[str] | None),
        **dict.fromkeys(_FLAT_OBJECTS, _Flat | None),
    }
    return msgspec.defstruct(
        "_Sample",
        [
            *((name, _Id, None) for name in ("client_id", "room_id", "call_id", "user_id", "marker")),
            *(("timestamp", times, None), ("sample_seq", times, None)),
            ("time_zone_offset", Whole | float | None, None),
            *((name, lists.pop(_NAMES[name]), ()) for name in ("transports", "candidate_pairs")),
            *((name, Absent, nothing) for name, nothing in _OWN.items()),
            *((name, type_, ()) for name, type_ in lists.items()),
            *((name, type_, None) for name, type_ in told.items()),
            *((name, Absent, None) for name in _OF_3),
        ],
        bases=(ClientSample,),
        rename={**_NAMES, **{name: f"{name} is ours" for name in _OWN}},
        gc=False,
    )


Decode = Callable[[bytes], Any]


def _decoding(sample: Any) -> Decode:
    """What reads an envelope of such samples."""
    envelope: Any = msgspec.defstruct(
        "_Envelope",
        [
            ("clientSamples", list[sample]),
            *((name, Absent | None, None) for name in ("sfuSamples", "turnSamples", "controls")),
        ],
        gc=False,
    )
    return msgspec.json.Decoder(envelope).decode


_SAMPLE = _sample(REPORTS)
_decode = _decoding(_SAMPLE)
_decode_fractions, _decode_of_browser = (
    _decoding(_sample(classes, Whole | float | None)) for classes in (WITH_FRACTIONS, OF_BROWSERS)
)
_FIRST_TOLD = _SAMPLE.__struct_fields__.index(_TOLD[0])
_END_OF_TOLD = _FIRST_TOLD + len(_TOLD)
"""Where in a sample stands what it tells besides its measurements."""
_NOTHING_TOLD = (None,) * len(_TOLD)


class Sender:
    """Who sends the messages: the ids that stand in where a sample lacks them, and whose sample was read last.

    Senders say the same of themselves each time, which is checked once; and they tell values in the same way.
    """

    __slots__ = ("client_id", "decode", "fractions", "of_browser", "read", "room_id", "said", "stands_in", "user_id")

    def __init__(self, client_id: str | None = None, room_id: str | None = None, user_id: str | None = None) -> None:
        self.client_id = client_id
        self.room_id = room_id
        self.user_id = user_id
        self.said: tuple[str | None, ...] = ()
        self.read: Identity | None = None
        self.stands_in = False
        """Whether who was read is not just who was said."""
        self.of_browser: bool | None = None
        """Whether it lists values as browsers do; ``None`` until it has measured something."""
        self.fractions = False
        """Whether it tells times with fractions, as far as that is known."""
        self.decode: Decode | None = None
        """What reads its messages, once both are known."""


def clean_samples(data: bytes, sender: Sender, timestamp: int | None, budget: Budget) -> list[ClientSample] | None:
    """The samples of clients that a message is, if it is an envelope of these alone, and clean, so that all of it is
    taken; else ``None``, and nothing has happened but that more is known of the sender.

    What was read is taken from `budget`. `timestamp` replaces that of each sample. (ms)
    """
    if budget.id_length < LONGEST_ID:
        return None
    decode = sender.decode or _chosen(sender, data)
    items = 0
    try:
        if not data.isascii():
            data.decode()  # what C reads over it does not look at
        samples: list[ClientSample] = decode(data).clientSamples
        for sample in samples:
            size = _complete(sample, decode is not _decode, data)
            if not size or not _identify(sample, sender, timestamp, budget.id_length):
                return None
            items += size
    except msgspec.DecodeError:
        if decode is not _decode:
            return None
        sender.fractions, sender.decode = True, None
        return clean_samples(data, sender, timestamp, budget)
    except (orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    if items > budget.items:
        return None
    budget.items -= items
    return samples


def _chosen(sender: Sender, data: bytes) -> Decode:
    """What reads the messages of a sender, remembered once it has measured something."""
    sender.of_browser = seems_to_be_of_browser(data)
    decode = _decode_of_browser if sender.of_browser else _decode_fractions if sender.fractions else _decode
    if sender.of_browser is not None:
        sender.decode = decode
    return decode


def _complete(sample: Any, to_be_made: bool, data: bytes) -> int:
    """Fills in what a sample has from its lists; how many items it is, or 0 if it is not clean.

    Clean is one of 2.1 or 2.2 that tells the ids of all that it measured, and no item that is empty. Its entries may
    still have `to_be_made` reports. Raises as reading JSON does.
    """
    transports, pairs = sample.transports, sample.candidate_pairs
    heard_audio, heard_video = sample.inboundAudioTracks, sample.inboundVideoTracks
    sent_audio, sent_video = sample.outboundAudioTracks, sample.outboundVideoTracks
    sample.inbound_tracks = inbound = [*heard_audio, *heard_video] if heard_video else heard_audio
    sample.tracks = tracks = [*inbound, *sent_audio, *sent_video] if sent_audio or sent_video else inbound
    sample.entries = entries = [*transports, *pairs, *tracks] if transports or pairs else tracks
    if transports and not pairs and (b'"candidatePair' in data or b"\\u" in data):
        return 0  # in 2.0 it is part of the transport, and a name may be written otherwise
    for entry in transports:
        if entry.peer_connection_id is None:
            return 0
    for entry in pairs:
        if entry.peer_connection_id is None:
            return 0
    for entry in tracks:
        if entry.track_id is None:
            return 0
    if to_be_made:
        make_reports((transports, pairs, heard_audio, heard_video, sent_audio, sent_video))
        if type(sample.sample_seq) is float:
            sample.sample_seq = whole(sample.sample_seq)
    values = astuple(sample)[_FIRST_TOLD:_END_OF_TOLD]
    if values == _NOTHING_TOLD:
        return 1 + len(entries)
    told = _told(values)
    for name, value in zip(_TOLD, values, strict=True):
        if value is not None:
            setattr(sample, name, None)  # it is told in one place, and some of it would hold the whole message
    if told is None:
        return 0
    sample.told = told
    return 1 + len(entries) + sum([len(value) for value in told.values() if type(value) is list])


def _told(values: Iterable[Any]) -> Item | None:
    """What a sample tells besides its measurements; ``None`` if it is not clean. Raises `orjson.JSONDecodeError`."""
    told = {name: value for name, value in zip(_TOLD, values, strict=True) if value is not None}
    for name in _ANYTHING:
        if name in told:
            entries = orjson.loads(bytes(told.pop(name)))
            if entries is None:
                continue
            if type(entries) is not list or any(type(entry) is not dict for entry in entries):
                return None
            told[name] = entries
    for value in told.values():
        if type(value) is list and not all(value):
            return None
    return told


def _identify(sample: Any, sender: Sender, timestamp: int | None, longest: int) -> bool:
    """Makes a sample that is complete one that can be taken, if it says what it must, and no id that is too long."""
    said = sample.client_id, sample.room_id, sample.call_id, sample.user_id, sample.marker
    when = told = sample.timestamp if timestamp is None else timestamp
    if type(when) is not int:
        when = int(when) if when is not None and 0 <= when < LARGEST_TIME else -1  # browsers tell fractions
    who = sender.read
    if who is None or said != sender.said or not 0 <= when < LARGEST_TIME:
        who = _identity(said, told, sender, longest)
        if who is None:
            return False
        when = who.timestamp
    if sender.stands_in:
        sample.client_id, sample.room_id, sample.call_id, sample.user_id, sample.marker, _ = who
    sample.timestamp = when
    if sample.told:
        channels = sample.told.pop("dataChannels", ())
        for channel in channels:
            bring_channel_to_2_2(channel)
        sample.data_channels = data_channels(channels, longest, rejected := Tally())
        sample.entries = [*sample.entries, *sample.data_channels]
        return not rejected
    return True


def _identity(said: tuple[str | None, ...], when: object, sender: Sender, longest: int) -> Identity | None:
    client_id, room_id, call_id, user_id, marker = said
    if client_id in NO_ID:
        client_id = sender.client_id
    if room_id in NO_ID:
        room_id = sender.room_id
    if user_id in NO_ID:
        user_id = sender.user_id
    who = identity(client_id, room_id, call_id, user_id, marker, when, longest, Tally())
    if sender.said and said != sender.said:
        sender.of_browser = sender.decode = None  # somebody else speaks there now
    sender.said, sender.read, sender.stands_in = said, who, who is None or who[:5] != said
    return who
