"""What the SFU of a planned call says: SfuSamples of schema 2.2.0, in the shape real media servers give them.

Each connection of a client ends at a transport of the SFU. What a client publishes comes in at one pad, and each client
that hears it is fed by another. Ids follow from the plan, so the same call has the same pads whenever it is asked for.
Source: ObserveRTC sample schemas 2.2.0; the keys are those of sfu-monitor-js 1.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from observer.simulation.calls import Call, Connection, Reception, Stream
from observer.simulation.tracks import AUDIO_HEADERS, LATENCY, VIDEO_HEADERS, packets_sent

Item = dict[str, Any]

INBOUND, OUTBOUND = "INBOUND", "OUTBOUND"


@dataclass(frozen=True, slots=True)
class Pad:
    """Where one stream comes into the SFU, or goes out of it to one client.

    `client_id` and `track_id` say who publishes it, or who hears it and as which track.
    """

    direction: str
    pad_id: str
    transport_id: str
    client_id: str
    track_id: str
    ssrc: int
    starts: float
    ends: float
    sink_id: str | None
    stream: Stream


def through_sfu(call: Call) -> bool:
    """Whether the call goes through an SFU."""
    return any(stream.sfu_stream_id for stream in call.streams)


def sfu_id_of(call: Call) -> str:
    """The id of the SFU that the call goes through."""
    return _id("sfu", call.participants[0].client_id)


def pads(call: Call) -> list[Pad]:
    """The pads of a call that goes through an SFU, inbound ones first."""
    return [_inbound(stream) for stream in call.streams] + [_outbound(heard) for heard in call.receptions]


def sfu_sample(call: Call, at: float, *, epoch: float) -> Item:
    """The sample that the SFU makes `at` seconds after the call began, which was at `epoch` (ms)."""
    told = [(pad, _received(pad, at) if pad.direction == INBOUND else _sent(pad, at)) for pad in pads(call)]
    so_far = [entry for _, entry in told]
    now = [(pad.direction, entry) for pad, entry in told if pad.starts <= at < pad.ends]
    lists = {
        "transports": [_transport(wire, so_far) for wire in call.connections if wire.opened <= at < wire.closed],
        "inboundRtpPads": [entry for direction, entry in now if direction == INBOUND],
        "outboundRtpPads": [entry for direction, entry in now if direction == OUTBOUND],
    }
    return {
        "sfuId": sfu_id_of(call),
        "timestamp": round(epoch + at * 1000),
        "marker": "simulated",
        **{name: entries for name, entries in lists.items() if entries},
    }


def _inbound(stream: Stream) -> Pad:
    transport, pad = _id("transport", stream.peer_connection_id), _id("pad", stream.ssrc, stream.track_id)
    of = (stream.client_id, stream.track_id, stream.ssrc, stream.starts, stream.ends)
    return Pad(INBOUND, pad, transport, *of, None, stream)


def _outbound(heard: Reception) -> Pad:
    transport, pad = _id("transport", heard.peer_connection_id), _id("pad", heard.ssrc, heard.track_id)
    of = (heard.client_id, heard.track_id, heard.ssrc, heard.starts, heard.ends)
    return Pad(OUTBOUND, pad, transport, *of, heard.sfu_sink_id, heard.stream)


def _id(*of: object) -> str:
    return str(uuid5(NAMESPACE_OID, " ".join(map(str, of))))


def _transport(wire: Connection, so_far: Sequence[Item]) -> Item:
    """One end of a connection; it has carried what all its pads have, those too that are gone."""
    own = _id("transport", wire.peer_connection_id)
    of_it = [entry for entry in so_far if entry["transportId"] == own]
    return {
        "transportId": own,
        "noReport": False,
        "internal": False,
        "dtlsState": "connected",
        "iceState": "completed",
        "iceRole": "controlled",
        "localAddress": wire.remote.address,
        "localPort": wire.remote.port,
        "remoteAddress": wire.local.address,
        "remotePort": wire.local.port,
        "protocol": "udp",
        "rtpBytesReceived": sum(entry.get("bytesReceived", 0) for entry in of_it),
        "rtpBytesSent": sum(entry.get("bytesSent", 0) for entry in of_it),
        "rtpPacketsReceived": sum(entry.get("packetsReceived", 0) for entry in of_it),
        "rtpPacketsSent": sum(entry.get("packetsSent", 0) for entry in of_it),
    }


def _of_pad(pad: Pad) -> Item:
    audio = pad.stream.media.kind == "audio"
    return {
        "transportId": pad.transport_id,
        "padId": pad.pad_id,
        "streamId": pad.stream.sfu_stream_id,
        "ssrc": pad.ssrc,
        "mediaType": pad.stream.media.kind,
        "mimeType": "audio/opus" if audio else "video/VP8",
        "clockRate": 48000 if audio else 90000,
        "internal": False,
        "noReport": False,
    }


def _received(pad: Pad, at: float) -> Item:
    arrived = packets_sent(pad.stream, at - LATENCY)
    lost = int(arrived * pad.stream.loss)
    size = pad.stream.media.packet_size + (AUDIO_HEADERS if pad.stream.media.kind == "audio" else VIDEO_HEADERS)
    counts = {"packetsReceived": arrived - lost, "packetsLost": lost, "bytesReceived": (arrived - lost) * size}
    return _of_pad(pad) | counts


def _sent(pad: Pad, at: float) -> Item:
    media = pad.stream.media
    passed = int(max(0.0, min(at - LATENCY, pad.ends) - pad.starts) * media.packet_rate)
    size = media.packet_size + (AUDIO_HEADERS if media.kind == "audio" else VIDEO_HEADERS)
    return _of_pad(pad) | {"sinkId": pad.sink_id, "packetsSent": passed, "bytesSent": passed * size, "packetsLost": 0}
