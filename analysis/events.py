"""Call events and SFU events: what an outcome tells, as reports. Tables, not code.

Names, messages, timestamps and attachments are those of the reference; what is absent is ``None``, and ``null`` within
a message. Attachments are base64 of pretty-printed JSON.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from schemas.reports import Report, ReportType, report_of
from schemas.samples import Item, Reason, Tally, text, whole
from store.commands import (
    CALL,
    CLIENT,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    Happening,
    Outcome,
    SfuHappening,
)
from store.entities import INBOUND, OUTBOUND


class Event(NamedTuple):
    """How one kind of happening of a call is told."""

    name: str
    message: Callable[[Happening], str]
    attachments: Callable[[Happening], dict[str, Any]] | None = None


class SfuEvent(NamedTuple):
    """How one kind of happening of an SFU is told."""

    name: str
    message: str
    attachments: Callable[[SfuHappening], dict[str, Any]] | None = None


def _or_null(text: str | None) -> str:
    return "null" if text is None else text


def _track_added(it: Happening) -> str:
    if it.direction == INBOUND:
        return (
            f"Media Track is added. streamId: {_or_null(it.sfu_stream_id)}, sinkId: {_or_null(it.sfu_sink_id)}, "
            f"direction: INBOUND, kind: {it.media_kind}"
        )
    return f"Media Track is added. streamId: {_or_null(it.sfu_stream_id)}, direction: OUTBOUND"


def _track_removed(it: Happening) -> str:
    if it.direction == INBOUND:
        return (
            f"Media Track is removed. sfuStreamId: {_or_null(it.sfu_stream_id)}, "
            f"sfuSinkId: {_or_null(it.sfu_sink_id)}, direction: INBOUND, kind: {it.media_kind}"
        )
    return f"Media Track is removed. sfuStreamId: {_or_null(it.sfu_stream_id)}, direction: OUTBOUND"


def _of_client(it: Happening) -> dict[str, Any]:
    return {"timeZoneId": time_zone_id(it.time_zone_offset)}


def _of_track(it: Happening) -> dict[str, Any]:
    return {
        "streamDirection": it.direction,
        "mediaKind": it.media_kind,
        "sfuStreamId": it.sfu_stream_id,
        "sfuSinkId": it.sfu_sink_id,
    }


def _of_transport(it: SfuHappening) -> dict[str, Any]:
    return {"internal": it.internal}


def _of_pad(it: SfuHappening) -> dict[str, Any]:
    return {"streamDirection": it.direction, "internal": it.internal}


OPENED = {
    CALL: Event("CALL_STARTED", lambda it: f"Call ({it.call_id}) is started"),
    CLIENT: Event("CLIENT_JOINED", lambda it: "Client is joined", _of_client),
    PEER_CONNECTION: Event("PEER_CONNECTION_OPENED", lambda it: f"PeerConnection ({it.peer_connection_id}) is opened"),
    TRACK: Event("MEDIA_TRACK_ADDED", _track_added, _of_track),
}
CLOSED = {
    CALL: Event("CALL_ENDED", lambda it: f"Call ({it.call_id}) is ended"),
    CLIENT: Event("CLIENT_LEFT", lambda it: "Client left", _of_client),
    PEER_CONNECTION: Event("PEER_CONNECTION_CLOSED", lambda it: f"Peer Connection ({it.peer_connection_id}) is closed"),
    TRACK: Event("MEDIA_TRACK_REMOVED", _track_removed, _of_track),
}

SFU_OPENED = {
    SFU: SfuEvent("SFU_JOINED", "Sfu is joined"),
    SFU_TRANSPORT: SfuEvent("SFU_TRANSPORT_OPENED", "Sfu Transport is opened", _of_transport),
    RTP_PAD: SfuEvent("SFU_RTP_PAD_ADDED", "Sfu Rtp Pad is added", _of_pad),
    SCTP_CHANNEL: SfuEvent("SFU_SCTP_STREAM_ADDED", "Sfu SCTP stream is added"),
}
SFU_CLOSED = {
    SFU: SfuEvent("SFU_LEFT", "Sfu is left"),
    SFU_TRANSPORT: SfuEvent("SFU_TRANSPORT_CLOSED", "Sfu Transport is closed", _of_transport),
    RTP_PAD: SfuEvent("SFU_RTP_PAD_REMOVED", "Sfu Rtp Pad is removed", _of_pad),
    SCTP_CHANNEL: SfuEvent("SFU_SCTP_STREAM_REMOVED", "Sfu SCTP stream is removed"),
}

_RANKS = {CALL: 0, CLIENT: 1, PEER_CONNECTION: 2, TRACK: 3}
_SFU_RANKS = {SFU: 0, SFU_TRANSPORT: 1, RTP_PAD: 2, SCTP_CHANNEL: 4}

EVENT_NAMES = frozenset(
    [event.name for event in (*OPENED.values(), *CLOSED.values())]
    + [event.name for event in (*SFU_OPENED.values(), *SFU_CLOSED.values())]
)
"""The names that only the observer itself gives to events: each is told exactly once."""


def opened(outcome: Outcome) -> list[Report]:
    """The events of what opened: calls, clients, peer connections, inbound tracks, outbound tracks; then SFUs,
    transports, inbound pads, outbound pads, SCTP streams."""
    calls = [_report(OPENED[it.what], it) for it in sorted(outcome.opened, key=_rank)]
    return calls + [_sfu_report(SFU_OPENED[it.what], it) for it in sorted(outcome.sfus_opened, key=_sfu_rank)]


def closed(outcome: Outcome) -> list[Report]:
    """The events of what closed, in the order in which it did: children before their parents; SFUs last."""
    calls = [_report(CLOSED[it.what], it) for it in outcome.closed]
    return calls + [_sfu_report(SFU_CLOSED[it.what], it) for it in outcome.sfus_closed]


def custom_name(name: str) -> str:
    """The name under which an event that an application made up is told: never one of ours."""
    return f"CUSTOM_{name}" if name in EVENT_NAMES else name


def named_events(items: Iterable[Item] | None, sampled: int, rejected: Tally) -> Iterator[tuple[Item, str, int]]:
    """Each event that an application made up, the name that it is told under, and its time: its own, else that of its
    sample, `sampled` (ms). One without a name is tallied."""
    for item in items or ():
        name, timestamp = text(item.get("name")), whole(item.get("timestamp"))
        if name:
            yield item, custom_name(name), sampled if timestamp is None else timestamp
        else:
            rejected[Reason.NAME_MISSING] += 1


def time_zone_id(offset: float | None) -> str | None:
    """The ISO offset that ``timeZoneOffsetInHours`` means: ``Z``, ``+05:30``; ``None`` for none and beyond 18 h.

    Within 14 it is hours east, as the name says. Beyond, it is minutes as JavaScript's getTimezoneOffset gives them,
    which real clients send: positive is west.
    """
    if offset is None:
        return None
    minutes = round(offset * 60) if -14 <= offset <= 14 else -round(offset)
    if not -18 * 60 <= minutes <= 18 * 60:
        return None
    if minutes == 0:
        return "Z"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _rank(it: Happening) -> int:
    return _RANKS[it.what] + (it.direction == OUTBOUND)


def _sfu_rank(it: SfuHappening) -> int:
    return _SFU_RANKS[it.what] + (it.direction == OUTBOUND)


def _report(event: Event, it: Happening) -> Report:
    return report_of(
        ReportType.CALL_EVENT,
        it.service_id,
        it.media_unit_id,
        it.marker,
        it.timestamp,
        it.call_id,
        it.room_id,
        it.client_id,
        it.user_id,
        it.peer_connection_id,
        it.track_id,
        it.ssrcs[0] if len(it.ssrcs) == 1 else None,
        None,
        None,
        event.name,
        event.message(it),
        None,
        None if event.attachments is None else _attached(event.attachments(it)),
    )


def _sfu_report(event: SfuEvent, it: SfuHappening) -> Report:
    return report_of(
        ReportType.SFU_EVENT,
        it.service_id,
        it.media_unit_id,
        it.marker,
        it.timestamp,
        it.sfu_id,
        None,
        it.transport_id,
        it.stream_id,
        it.sink_id,
        it.sctp_stream_id,
        it.pad_id,
        event.name,
        event.message,
        None,
        None if event.attachments is None else _attached(event.attachments(it)),
    )


def _attached(attachments: dict[str, Any]) -> str:
    return b64encode(orjson.dumps(attachments, option=orjson.OPT_INDENT_2)).decode()
