"""What Jitsi's client metrics are: the families of gauges, and what one participant pushed last.

A participant pushes its own view of its call every few seconds. Its latest values are kept as one: when a label of it
changes, such as its room or its address, nothing is left of the series that it had before.

Source: the interface of jitsi-client-metrics-collector 1.6: names, labels, order and texts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.webrtc_user_agents import user_agent_data

FAMILIES: Mapping[str, str] = {
    "connectionquality": "Connection Quality",
    **{
        name: name
        for name in (
            "bandwidth_upload",
            "bandwidth_download",
            "bitrate_audio_upload",
            "bitrate_audio_download",
            "bitrate_video_upload",
            "bitrate_video_download",
            "bitrate_download",
            "bitrate_upload",
            "packetloss_upload",
            "packetloss_download",
            "packetloss_total",
            "transport_rtt",
        )
    },
}
"""Each family with its help, in the order in which they are told."""

CONNECTION_QUALITY = "connectionquality"
TRANSPORT_RTT = "transport_rtt"
PLAIN_FAMILIES = tuple(name for name in FAMILIES if name not in (CONNECTION_QUALITY, TRANSPORT_RTT))
"""Those that have no labels of their own."""

ROOM = "roomname"
QUALITY_LABELS = ("serverregion", "username")
DEVICE_LABELS = ("browser_name", "browser_version", "os_name", "os_version")
TRANSPORT_LABELS = ("src_ip", "dst_ip", "protocol", "networkType")
LABELS = (ROOM, *QUALITY_LABELS, *DEVICE_LABELS, *TRANSPORT_LABELS)
"""All that can be left out; the ids of client and participant always stay."""

_ABSENT = "undefined"
"""The label of what a ``User-Agent`` does not tell."""


class Series(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A value with its labels, beside those that all values of its participant have."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Participant(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a participant pushed last: the series of each family that it told of. `room` is left out where ``None``."""

    client_id: str
    participant_id: str
    room: str | None
    families: dict[str, tuple[Series, ...]]

    @property
    def key(self) -> str:
        """Its name among all; an id of a client holds no space."""
        return f"{self.client_id} {self.participant_id}"


class Reading(NamedTuple):
    """How pushes are read: the labels that stay, how long a label may be, how many transports one may have."""

    labels: frozenset[str] = frozenset(LABELS)
    longest_label: int = 128
    most_transports: int = 8


def participant_of(push: Mapping[str, Any], user_agent: str | None, reading: Reading) -> Participant:
    """What a push that was found valid says.

    Values that are null are left out, so their families are empty; labels that are too long are cut, and of two
    transports with the same labels the last counts. Transports beyond the most are left out.
    """
    ids, metrics = push["default_labels"], push["metrics"]
    families: dict[str, tuple[Series, ...]] = {}
    for name, told in metrics.items():
        if name == CONNECTION_QUALITY:
            labels = (*(told.get("labels") or {}).items(), *_device(user_agent))
            families[name] = _series([(told.get("value"), labels)], reading)
        elif name == TRANSPORT_RTT:
            rows = [(row.get("value"), (row.get("labels") or {}).items()) for row in told]
            families[name] = _series(rows, reading)[: reading.most_transports]
        else:
            families[name] = _series([(told.get("value"), ())], reading)
    room = ids[ROOM][: reading.longest_label] if ROOM in reading.labels else None
    return Participant(ids["client_id"], ids["participant_id"], room, families)


def merged(former: Participant | None, latest: Participant) -> Participant:
    """The latest, and from the former the families that the latest does not tell of."""
    if former is None:
        return latest
    return Participant(latest.client_id, latest.participant_id, latest.room, {**former.families, **latest.families})


def encode(participant: Participant) -> bytes:
    """As bytes; the same for the same."""
    return _encoder.encode(participant)


def decode(data: bytes) -> Participant | None:
    """What `encode` was given; ``None`` for bytes that it did not give."""
    try:
        return _decoder.decode(data)
    except (ValueError, RecursionError):
        return None


def _series(rows: Iterable[tuple[Any, Iterable[tuple[str, Any]]]], reading: Reading) -> tuple[Series, ...]:
    found: dict[tuple[tuple[str, str], ...], Series] = {}
    for value, labels in rows:
        if value is not None:
            kept = tuple(_labels(labels, reading))
            found[kept] = Series(float(value), kept)
    return tuple(found.values())


def _labels(labels: Iterable[tuple[str, Any]], reading: Reading) -> Iterator[tuple[str, str]]:
    for name, value in labels:
        if name in reading.labels:
            yield name, "null" if value is None else value[: reading.longest_label]


def _device(user_agent: str | None) -> Sequence[tuple[str, str]]:
    told = user_agent_data(user_agent)
    browser, system = told.get("browser") or {}, told.get("os") or {}
    # What a browser calls the version of a Linux is the machine.
    version = None if system.get("name") == "Linux" else system.get("version")
    values = (browser.get("name"), browser.get("version"), system.get("name"), version)
    return [(name, value or _ABSENT) for name, value in zip(DEVICE_LABELS, values, strict=True)]


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(Participant)
