"""Obfuscation: what says who someone is, or where, is replaced by a hash before anything else sees a sample.

A value gives the same hash on every node and after every restart, so clients of one room still share a call, and one
user's reports still belong together. The hash is ``hex(digest(value || salt))``: whoever knows the salt can try out
values (there are few IPv4 addresses), so the salt is a secret.

Hidden are, as the settings say, the user and the room of a sample and the addresses in it, wherever they stand in what
is told of it: in fields of their own, in candidates, SDP, labels and meta data, in what an application tells (texts,
JSON, also JSON in base64), in transports of SFUs, in sessions and allocations of TURN servers. Addresses of ICE servers
are hidden as any other, their host names are not.

Not hidden are the ids that join reports: callId (unless it is the roomId), clientId, marker, and the ids of peer
connections, tracks, streams, transports, pads and TURN sessions. An application must not make them of names.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from analysis.privacy_values import Hiding, Names, hashing
from schemas.client_samples import ClientSample
from schemas.messages import Samples
from schemas.reports import FIELDS, LEAD, REPORTS, Entry, ReportType, attribute_of
from schemas.samples import Item
from schemas.sfu_samples import SfuSample

PUBLISHED_SALT = "MySalt"
"""The salt of the reference's README: everybody knows it."""

_SHORTEST_SALT = 16


class Obfuscation(StrEnum):
    """What becomes of a value."""

    NONE = "none"
    ANONYMIZATION = "anonymization"


@dataclass(frozen=True, slots=True)
class Obfuscator:
    """What is hidden. Enabled, it must hide something."""

    enabled: bool = False
    """Whether anything is hidden. It needs a salt: `observer.security.obfuscations.hashSalt`."""

    ice_addresses: Obfuscation = Obfuscation.NONE
    """What becomes of IP addresses, and of host names where an address belongs: `none`, or `anonymization`, which puts
    a hash in their place."""

    room_id: Obfuscation = Obfuscation.NONE
    """What becomes of room ids: `none` or `anonymization`. Clients of one room still share a call."""

    user_id: Obfuscation = Obfuscation.NONE
    """What becomes of user ids: `none` or `anonymization`."""

    def __post_init__(self) -> None:
        if self.enabled and Obfuscation.ANONYMIZATION not in (self.ice_addresses, self.room_id, self.user_id):
            raise ValueError("enabled, but nothing is hidden: set iceAddresses, roomId or userId to anonymization")


HASH_ALGORITHMS = {
    "SHA-224": "sha224",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
    "SHA3-224": "sha3_224",
    "SHA3-256": "sha3_256",
    "SHA3-384": "sha3_384",
    "SHA3-512": "sha3_512",
}
"""The names that `Obfuscations.hash_algorithm` may have, each with Python's name of it."""


@dataclass(frozen=True, slots=True)
class Obfuscations:
    """How values are hidden."""

    hash_algorithm: str = "SHA-256"
    """The hash function: SHA-224, SHA-256, SHA-384, SHA-512, or one of SHA3-224 to SHA3-512."""

    hash_salt: str = field(default="", repr=False)
    """What is hashed together with each value: a secret of at least 16 characters, the same on all nodes. With another
    one, all hashes are others."""

    def __post_init__(self) -> None:
        if self.hash_algorithm.upper() not in HASH_ALGORITHMS:
            raise ValueError(f"hashAlgorithm must be one of {', '.join(HASH_ALGORITHMS)}")


def obscure(obfuscator: Obfuscator, obfuscations: Obfuscations) -> Callable[[Samples], None] | None:
    """What hides values in samples, in place; ``None`` if nothing is to be hidden.

    Raises ValueError, with a text for the operator, where the salt would hide nothing.
    """
    if not obfuscator.enabled:
        return None
    salt = obfuscations.hash_salt
    if len(salt) < _SHORTEST_SALT:
        lack = "is the published one" if salt == PUBLISHED_SALT else f"has less than {_SHORTEST_SALT} characters"
        raise ValueError(
            f"the obfuscator is enabled, but observer.security.obfuscations.hashSalt {lack}: whoever knows the salt "
            "can find out what was hashed; set a long random text"
        )
    rooms, users = (way is Obfuscation.ANONYMIZATION for way in (obfuscator.room_id, obfuscator.user_id))
    hiding = Hiding(
        hashing(HASH_ALGORITHMS[obfuscations.hash_algorithm.upper()], salt),
        addresses=obfuscator.ice_addresses is Obfuscation.ANONYMIZATION,
        rooms=rooms,
        users=users,
    )

    def obscured(samples: Samples) -> None:
        for sample in samples.clients:
            _hide_client(sample, hiding, rooms, users)
        for sfu in samples.sfus:
            _hide_sfu(sfu, hiding)
        for turn in samples.turns:
            _hide_turn(turn, hiding, users)

    return obscured


_JOINING = frozenset(
    {
        *("clientId", "callId", "marker", "peerConnectionId", "trackId", "mediaTrackId", "trackIdentifier"),
        *("remoteClientId", "remotePeerConnectionId", "remoteTrackId", "sfuStreamId", "sfuSinkId"),
        *("sfuId", "transportId", "padId", "rtpPadId", "streamId", "sinkId", "channelId"),
        *("serverId", "sessionId", "peerId"),
    }
)
"""The keys, at the top of an item, whose values join reports with each other."""

_TOLD_WHOLE = (
    "os",
    "engine",
    "platform",
    "browser",
    "mediaConstraints",
    "mediaDevices",
    "userMediaErrors",
    "iceServers",
    "mediaSources",
    "codecs",
    "certificates",
    "iceLocalCandidates",
    "iceRemoteCandidates",
    "localSDPs",
    "extensionStats",
    "customCallEvents",
    "customObserverEvents",
)
"""What of a client sample is told with whatever stands in it."""


def _texts(type_: ReportType) -> tuple[str, ...]:
    """The keys of an item that are told as text, but for ids that join reports."""
    return tuple(
        name for name, kind in FIELDS[type_] if kind == "s" and name not in _JOINING | {"serviceId", "mediaUnitId"}
    )


_MEASURED = {
    type_: tuple((name, attribute_of(name)) for name in _texts(type_) if name not in LEAD)
    for type_, made in REPORTS.items()
    if issubclass(made, Entry)
}
_MEASURED[ReportType.ICE_CANDIDATE_PAIR] += (("transportId", "transport_id"),)
"""What a client measured of one thing: the names of the texts that are told of it, and where these stand."""

_SAYING = frozenset({"roomId", "userId", "remoteUserId", "localAddress", "remoteAddress"})
"""Those among them whose key says what they are."""

_SFU_TRANSPORT = _texts(ReportType.SFU_TRANSPORT)
_SFU_PADS = tuple({*_texts(ReportType.SFU_INBOUND_RTP_PAD), *_texts(ReportType.SFU_OUTBOUND_RTP_PAD)})
_SFU_CHANNEL = _texts(ReportType.SFU_SCTP_STREAM)


def _hide_client(sample: ClientSample, hiding: Hiding, rooms: bool, users: bool) -> None:
    names, told = hiding.names(sample.user_id, sample.room_id), sample.told
    if rooms:
        room_id, sample.room_id = sample.room_id, hiding.hashed(sample.room_id)
        if sample.call_id == room_id:  # a sender that names no room is in the room of its call
            sample.call_id = sample.room_id
    if users and sample.user_id is not None:
        sample.user_id = hiding.hashed(sample.user_id)
    for entry in (*sample.transports, *sample.candidate_pairs, *sample.tracks, *sample.data_channels):
        _hide_entry(entry, hiding, names)
    if not told:
        return
    for name in ("roomId", "callId", "userId"):
        told.pop(name, None)
    for name in _TOLD_WHOLE:
        value = told.get(name)
        if value:
            told[name] = _hidden(value, hiding, names)


def _hide_entry(entry: Entry, hiding: Hiding, names: Names) -> None:
    for name, attribute in _MEASURED[entry.type]:
        value = getattr(entry, attribute)
        if value is not None:
            hidden = _hidden_text(name, value, hiding, names)
            if hidden is not value:
                setattr(entry, attribute, hidden)


def _hide_sfu(sample: SfuSample, hiding: Hiding) -> None:
    for transport in sample.transports:
        _hide_texts(transport.stats, _SFU_TRANSPORT, hiding, ())
    for pad in sample.pads:
        _hide_texts(pad.stats, _SFU_PADS, hiding, ())
    for channel in sample.channels:
        _hide_texts(channel.stats, _SFU_CHANNEL, hiding, ())
    for name in ("extensionStats", "customSfuEvents"):
        value = sample.stats.get(name)
        if value:
            sample.stats[name] = _hidden(value, hiding, ())


def _hide_turn(turn: Item, hiding: Hiding, users: bool) -> None:
    for name in ("sessions", "allocations"):
        value = turn.get(name)
        if value:
            turn[name] = _hidden(value, hiding, ())
    sessions = turn.get("sessions")
    if users and isinstance(sessions, list):
        for session in sessions:
            if isinstance(session, dict) and isinstance(session.get("username"), str):
                session["username"] = _user_of_turn(session["username"], hiding)


def _user_of_turn(username: str, hiding: Hiding) -> str:
    """The name hidden. Credentials that expire bear their end before the user's own name: ``1700000000:alice``."""
    end, colon, user = username.partition(":")
    return f"{end}:{hiding.hashed(user)}" if colon and end.isdecimal() and user else hiding.hashed(username)


def _hidden(value: Any, hiding: Hiding, names: Names) -> Any:
    """One thing that is told whole, or a list of such; ids that join reports stay."""
    if isinstance(value, list):
        return [
            _hidden(entry, hiding, names) if isinstance(entry, dict) else hiding.value(entry, names) for entry in value
        ]
    if not isinstance(value, dict):
        return hiding.value(value, names)
    return {
        hiding.text(key, names, 0): entry if _joins(key, entry) else hiding.member(key, entry, names)
        for key, entry in value.items()
    }


def _joins(key: str, value: object) -> bool:
    return key in _JOINING and not isinstance(value, (dict, list))


def _hide_texts(item: Item, keys: tuple[str, ...], hiding: Hiding, names: Names) -> None:
    for key, value in zip(keys, map(item.get, keys), strict=True):
        if value is not None:
            hidden = _hidden_text(key, value, hiding, names)
            if hidden is not value:
                item[key] = hidden


def _hidden_text(key: str, value: Any, hiding: Hiding, names: Names) -> Any:
    whole = key in _SAYING or type(value) is not str
    return hiding.member(key, value, names) if whole else hiding.text(value, names)
