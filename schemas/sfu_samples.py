"""Samples of SFUs: what media servers send, in the form the rest of the house works with.

Read as leniently as those of clients: what cannot be read costs only itself and is tallied by reason.
Source: ObserveRTC sample schemas 2.0 to 2.2, which do not differ in what is read here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from schemas.samples import (
    CONTROL,
    LARGEST_TIME,
    Budget,
    Item,
    Reason,
    Tally,
    TooLong,
    fitting,
    identifier,
    text,
    whole,
)

INBOUND = "INBOUND"
OUTBOUND = "OUTBOUND"


class SfuTransport(NamedTuple):
    """One entry of ``transports``; `no_report` says that its sender wants no report of it."""

    transport_id: str | None
    internal: bool
    no_report: bool
    stats: Item


class RtpPad(NamedTuple):
    """One entry of ``inboundRtpPads`` (media that comes in to the SFU) or ``outboundRtpPads`` (media that goes out).

    `direction` is ``INBOUND`` or ``OUTBOUND``. An inbound pad has no sink.
    """

    direction: str
    transport_id: str | None
    pad_id: str | None
    stream_id: str | None
    sink_id: str | None
    ssrc: int | None
    internal: bool
    no_report: bool
    stats: Item


class SctpChannel(NamedTuple):
    """One entry of ``sctpChannels``."""

    transport_id: str | None
    channel_id: str | None
    stream_id: str | None
    internal: bool
    no_report: bool
    stats: Item


@dataclass(slots=True)
class SfuSample:
    """One snapshot of one SFU.

    `timestamp` is in ms since the epoch. `time_zone_offset` is what the sender gave as ``timeZoneOffsetInHours``.
    `pads` has the inbound ones first. `stats` is the sender's own object; each of its lists that `SFU_LISTS` names
    holds objects only, none of them empty.
    """

    sfu_id: str
    timestamp: int
    marker: str | None
    time_zone_offset: float | None
    transports: list[SfuTransport]
    pads: list[RtpPad]
    channels: list[SctpChannel]
    stats: Item


SFU_LISTS = ("transports", "inboundRtpPads", "outboundRtpPads", "sctpChannels", "extensionStats", "customSfuEvents")
"""The lists of an SFU sample; their entries are objects."""

Entry = TypeVar("Entry")


def sfu_sample(item: object, budget: Budget, rejected: Tally) -> SfuSample | None:
    """Reads one entry of ``sfuSamples``; ``None``, and a reason tallied, if it lacks what a sample must have.

    It must be an object with an sfuId and a timestamp, and its ids hold no control characters. An entry of one of its
    lists that cannot be read costs only itself. Takes what it read from `budget`.
    """
    if type(item) is not dict:
        rejected[Reason.NOT_AN_OBJECT] += 1
        return None
    longest = budget.id_length
    try:
        sfu_id = identifier(item.get("sfuId"), longest)
        marker = text(item.get("marker"))
        if marker is not None and len(marker) > longest:
            raise TooLong
    except TooLong:
        rejected[Reason.ID_TOO_LONG] += 1
        return None
    if CONTROL.search(f"{sfu_id}{marker}"):
        rejected[Reason.ID_INVALID] += 1
        return None
    timestamp = whole(item.get("timestamp"))
    if sfu_id is None or timestamp is None or not 0 <= timestamp < LARGEST_TIME:
        rejected[_what_lacks(sfu_id, item.get("timestamp"))] += 1
        return None
    for name in SFU_LISTS:
        if item.get(name) is not None:
            item[name] = fitting(item[name], dict, budget, rejected)
    zone = item.get("timeZoneOffsetInHours")
    return SfuSample(
        sfu_id,
        timestamp,
        marker,
        zone if type(zone) in (int, float) else None,
        _read(_transport, item.get("transports"), longest, rejected),
        _read(_inbound_pad, item.get("inboundRtpPads"), longest, rejected)
        + _read(_outbound_pad, item.get("outboundRtpPads"), longest, rejected),
        _read(_channel, item.get("sctpChannels"), longest, rejected),
        item,
    )


def _what_lacks(sfu_id: str | None, timestamp: object) -> Reason:
    if sfu_id is None:
        return Reason.SFU_ID_MISSING
    return Reason.TIMESTAMP_MISSING if timestamp is None else Reason.TIMESTAMP_INVALID


def _read(read: Callable[[Item, int], Entry], entries: list[Item] | None, longest: int, rejected: Tally) -> list[Entry]:
    """What each entry says; one with an id that is too long is left out."""
    told = []
    for entry in entries or ():
        try:
            told.append(read(entry, longest))
        except TooLong:
            rejected[Reason.ID_TOO_LONG] += 1
    return told


def _transport(entry: Item, longest: int) -> SfuTransport:
    get = entry.get
    return SfuTransport(identifier(get("transportId"), longest), _says(get("internal")), _says(get("noReport")), entry)


def _inbound_pad(entry: Item, longest: int) -> RtpPad:
    return _pad(INBOUND, None, entry, longest)


def _outbound_pad(entry: Item, longest: int) -> RtpPad:
    return _pad(OUTBOUND, identifier(entry.get("sinkId"), longest), entry, longest)


def _pad(direction: str, sink_id: str | None, entry: Item, longest: int) -> RtpPad:
    get = entry.get
    return RtpPad(
        direction,
        identifier(get("transportId"), longest),
        identifier(get("padId"), longest),
        identifier(get("streamId"), longest),
        sink_id,
        whole(get("ssrc")),
        _says(get("internal")),
        _says(get("noReport")),
        entry,
    )


def _channel(entry: Item, longest: int) -> SctpChannel:
    get = entry.get
    return SctpChannel(
        identifier(get("transportId"), longest),
        identifier(get("channelId"), longest),
        identifier(get("streamId"), longest),
        _says(get("internal")),
        _says(get("noReport")),
        entry,
    )


def _says(flag: Any) -> bool:
    """Whether a flag is set, also by one who writes flags as numbers or text."""
    return flag is True or flag in (1, "true")
