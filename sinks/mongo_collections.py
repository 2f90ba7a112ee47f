"""Which collection of MongoDB a report goes to.

A service id is chosen by whoever sends samples. So it is escaped before it names a collection, no two ids ever share a
name, and no name is one of the server's own.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any

from schemas.reports import ReportType

COLLECTION = "reports"
"""The one collection of `SavingStrategy.ONE_COLLECTION`."""

COLLECTIONS: Mapping[ReportType, str] = {
    ReportType.OBSERVER_EVENT: "ObserverEventReports",
    ReportType.CALL_EVENT: "CallEventReports",
    ReportType.CALL_META_DATA: "CallMetaReports",
    ReportType.CLIENT_EXTENSION_DATA: "ClientExtensionReports",
    ReportType.PEER_CONNECTION_TRANSPORT: "ClientTransportReports",
    ReportType.ICE_CANDIDATE_PAIR: "IceCandidatePairReports",
    ReportType.PEER_CONNECTION_DATA_CHANNEL: "ClientDataChannelReports",
    ReportType.INBOUND_AUDIO_TRACK: "InboundAudioTrackReports",
    ReportType.INBOUND_VIDEO_TRACK: "InboundVideoTrackReports",
    ReportType.OUTBOUND_AUDIO_TRACK: "OutboundAudioTrackReports",
    ReportType.OUTBOUND_VIDEO_TRACK: "OutboundVideoTrackReports",
    ReportType.SFU_EVENT: "SfuEventReports",
    ReportType.SFU_META_DATA: "SfuMetaReports",
    ReportType.SFU_EXTENSION_DATA: "SfuExtensionReports",
    ReportType.SFU_TRANSPORT: "SFUTransportReports",
    ReportType.SFU_INBOUND_RTP_PAD: "SfuInboundRtpPadReports",
    ReportType.SFU_OUTBOUND_RTP_PAD: "SfuOutboundRtpPadReports",
    ReportType.SFU_SCTP_STREAM: "SfuSctpStreamReports",
}
"""The collections of `SavingStrategy.REPORT_TYPE_BASED`. Source: the reference, which lacks two of them."""

UNKNOWN_SERVICE = "~unknown"
"""The collection of reports without a service id."""
OTHER_SERVICES = "~others"
"""The collection of the services for which there is no room for one of their own."""

LONGEST_NAME = 100
"""The longest name of a collection; servers take longer ones. (bytes)"""


class SavingStrategy(StrEnum):
    """What decides about the collection of a report."""

    ONE_COLLECTION = "ONE_COLLECTION"
    SERVICE_ID_BASED = "SERVICE_ID_BASED"
    REPORT_TYPE_BASED = "REPORT_TYPE_BASED"


Envelope = Mapping[str, Any]
"""A report as it is on the wire: ``type``, ``schemaVersion``, ``payload``."""

CollectionOf = Callable[[Envelope], str]


class ServiceCollections:
    """The collections of services in one database: at most `limit` collections, those that are there included.

    Once there is no room, a service that has no collection yet shares `OTHER_SERVICES`. None has one of those `taken`.
    """

    def __init__(self, limit: int, present: Iterable[str], taken: Collection[str] = ()) -> None:
        self._limit = limit
        self._taken = frozenset(taken)
        self._present = set(present)

    def __call__(self, envelope: Envelope) -> str:
        """The collection of the report's service."""
        name = collection_of_service(envelope["payload"]["serviceId"])
        if name in self._taken:
            name += "~"  # as the name of no other service ends
        if name not in self._present:
            if len(self._present) >= self._limit:
                return OTHER_SERVICES
            self._present.add(name)
        return name


def collection_of(strategy: SavingStrategy, names: Mapping[ReportType, str], services: CollectionOf) -> CollectionOf:
    """What tells the collection of a report; `names` are collections of types, and go before everything else."""
    by_type: dict[str, str] = {type_.value: name for type_, name in names.items()}
    if strategy is SavingStrategy.ONE_COLLECTION:
        return lambda envelope: by_type.get(envelope["type"], COLLECTION)
    if strategy is SavingStrategy.REPORT_TYPE_BASED:
        by_type = {**{type_.value: name for type_, name in COLLECTIONS.items()}, **by_type}
        return lambda envelope: by_type[envelope["type"]]
    return lambda envelope: by_type.get(envelope["type"]) or services(envelope)


_NO_NAME = re.compile(r"\A(system\.|\.|\Z)|[$\0\ud800-\udfff]|\.\.|\.\Z")


def is_name_of_collection(name: str) -> bool:
    """Whether MongoDB takes it as the name of a collection that is not the server's own."""
    return not _NO_NAME.search(name) and len(name.encode()) <= LONGEST_NAME


_PLAIN = re.compile(r"(?!system\.)[A-Za-z0-9_-](?:[A-Za-z0-9_ :@/+-]|\.(?=[A-Za-z0-9_-]))*", re.ASCII)
"""What needs no escape: words, with dots between them."""
_WORD = re.compile(rb"[A-Za-z0-9_-]")


def collection_of_service(service_id: str | None) -> str:
    """The name of a service's collection: its id, if that is plain.

    Else every byte of its UTF-8 that is no letter, digit, ``_`` or ``-`` becomes ``%`` and two hexadecimal digits. A
    name that would be too long is cut, and ends with ``~`` and a hash of the whole. So different ids have different
    names, and no name has a ``$``, begins with ``system.`` or is empty.
    """
    if not service_id:
        return UNKNOWN_SERVICE
    name = service_id
    if not _PLAIN.fullmatch(name):
        raw = service_id.encode(errors="surrogatepass")
        name = "".join(chr(byte) if _WORD.match(raw, at) else f"%{byte:02X}" for at, byte in enumerate(raw))
    if len(name) > LONGEST_NAME:
        mark = sha256(name.encode()).hexdigest()[:32]
        name = f"{name[: LONGEST_NAME - len(mark) - 1]}~{mark}"
    return name
