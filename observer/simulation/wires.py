"""The peer connections of a planned call as samples tell them: transports and candidate pairs, and what is told once.

Transport counters hold at least what the connection's streams sent and received. Source: getStats of Chromium, sample
schemas 2.2.0.
"""

from collections.abc import Sequence
from typing import Any

from observer.simulation.calls import Call, Connection, Endpoint, Media
from observer.simulation.tracks import AUDIO_HEADERS, VIDEO_HEADERS, packets_received, packets_sent

Item = dict[str, Any]

OVERHEAD = 120.0
"""What each side of a connection sends beside media: STUN, DTLS and RTCP. (bytes/s)"""


def wire_lists(call: Call, connections: Sequence[Connection], at: float, epoch: float) -> Item:
    """``iceCandidatePairs`` and ``pcTransports`` of these connections; `epoch` is when the call began (ms)."""
    traffic = [_traffic(call, connection, at) for connection in connections]
    return {
        "iceCandidatePairs": [_pair(c, t, at, epoch) for c, t in zip(connections, traffic, strict=True)],
        "pcTransports": [_transport(c, t) for c, t in zip(connections, traffic, strict=True)],
    }


def told_once(connections: Sequence[Connection]) -> Item:
    """The lists that a client tells when a connection is new."""
    sides = [side for c in connections for side in (c.local, c.remote)]
    return {
        "mediaSources": [
            {"id": "SA1", "type": "media-source", "kind": "audio"},
            {"id": "SV2", "type": "media-source", "kind": "video", "width": 640, "height": 480},
        ],
        "codecs": [codec for way in ("I", "O") for codec in _codecs(way)],
        "certificates": [_certificate(side) for side in sides],
        "iceLocalCandidates": [_candidate(c, c.local, remote=False) for c in connections],
        "iceRemoteCandidates": [_candidate(c, c.remote, remote=True) for c in connections],
    }


def descriptions(connections: Sequence[Connection]) -> list[str]:
    """The lines of the local session descriptions."""
    return [line for connection in connections for line in _description(connection)]


def _traffic(call: Call, connection: Connection, at: float) -> tuple[int, int, int, int]:
    """Packets and bytes sent, packets and bytes received."""
    own = connection.peer_connection_id
    beside = max(0.0, at - connection.opened)
    sent, received = int(beside), int(beside)
    bytes_sent, bytes_received = int(beside * OVERHEAD), int(beside * OVERHEAD)
    for stream in call.streams:
        if stream.peer_connection_id == own:
            count = packets_sent(stream, at)
            sent, bytes_sent = sent + count, bytes_sent + count * _on_the_wire(stream.media)
    for reception in call.receptions:
        if reception.peer_connection_id == own:
            count, _ = packets_received(reception, at)
            received, bytes_received = received + count, bytes_received + count * _on_the_wire(reception.stream.media)
    return sent, bytes_sent, received, bytes_received


def _on_the_wire(media: Media) -> int:
    return media.packet_size + (AUDIO_HEADERS if media.kind == "audio" else VIDEO_HEADERS)


def _pair(c: Connection, traffic: tuple[int, int, int, int], at: float, epoch: float) -> Item:
    pair_id = f"CP{c.local.candidate_id[1:]}_{c.remote.candidate_id[1:]}"
    checks = 2 + int((at - c.opened) / 2.5)
    return {
        "candidatePairId": pair_id,
        "peerConnectionId": c.peer_connection_id,
        "id": pair_id,
        "type": "candidate-pair",
        "availableOutgoingBitrate": 2_400_000,
        "bytesDiscardedOnSend": 0,
        "bytesReceived": traffic[3],
        "bytesSent": traffic[1],
        "consentRequestsSent": checks - 1,
        "currentRoundTripTime": round(c.round_trip, 3),
        "lastPacketReceivedTimestamp": int(epoch + at * 1000 - 6),
        "lastPacketSentTimestamp": int(epoch + at * 1000 - 2),
        "localCandidateId": c.local.candidate_id,
        "nominated": True,
        "packetsDiscardedOnSend": 0,
        "packetsReceived": traffic[2],
        "packetsSent": traffic[0],
        "priority": 9115060245863753000,
        "remoteCandidateId": c.remote.candidate_id,
        "requestsReceived": checks,
        "requestsSent": checks,
        "responsesReceived": checks,
        "responsesSent": checks,
        "state": "succeeded",
        "totalRoundTripTime": round(checks * c.round_trip, 6),
        "transportId": "T01",
        "writable": True,
    }


def _transport(c: Connection, traffic: tuple[int, int, int, int]) -> Item:
    return {
        "peerConnectionId": c.peer_connection_id,
        "transportId": "T01",
        "id": "T01",
        "type": "transport",
        "bytesReceived": traffic[3],
        "bytesSent": traffic[1],
        "dtlsCipher": "TLS_AES_128_GCM_SHA256",
        "dtlsRole": "server" if c.offers else "client",
        "dtlsState": "connected",
        "iceLocalUsernameFragment": c.local.fragment,
        "iceRole": "controlling" if c.offers else "controlled",
        "iceState": "connected",
        "localCertificateId": "CF" + c.local.fingerprint,
        "packetsReceived": traffic[2],
        "packetsSent": traffic[0],
        "remoteCertificateId": "CF" + c.remote.fingerprint,
        "selectedCandidatePairChanges": 1,
        "selectedCandidatePairId": f"CP{c.local.candidate_id[1:]}_{c.remote.candidate_id[1:]}",
        "srtpCipher": "SRTP_AES128_CM_HMAC_SHA1_80",
        "tlsVersion": "FEFC",
    }


def _codecs(way: str) -> list[Item]:
    return [
        {
            "id": f"C{way}T01_111_minptime=10;useinbandfec=1",
            "type": "codec",
            "channels": 2,
            "clockRate": 48000,
            "mimeType": "audio/opus",
            "payloadType": 111,
            "sdpFmtpLine": "minptime=10;useinbandfec=1",
            "transportId": "T01",
        },
        {
            "id": f"C{way}T01_96",
            "type": "codec",
            "clockRate": 90000,
            "mimeType": "video/VP8",
            "payloadType": 96,
            "transportId": "T01",
        },
    ]


def _certificate(side: Endpoint) -> Item:
    return {
        "id": "CF" + side.fingerprint,
        "type": "certificate",
        "base64Certificate": side.certificate,
        "fingerprint": side.fingerprint,
        "fingerprintAlgorithm": "sha-256",
    }


def _candidate(c: Connection, side: Endpoint, *, remote: bool) -> Item:
    return {
        "id": side.candidate_id,
        "type": "remote-candidate" if remote else "local-candidate",
        "address": side.address,
        "candidateType": "host",
        "foundation": str(side.port * 7919),
        "ip": side.address,
        "isRemote": remote,
        "port": side.port,
        "priority": 2122194687,
        "protocol": "udp",
        "transportId": "T01",
        "usernameFragment": side.fragment,
        "peerConnectionId": c.peer_connection_id,
    }


_SESSION = ("v=0", "o=- {number} 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=extmap-allow-mixed")
_SECTION = (
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=ice-ufrag:{fragment}",
    "a=ice-options:trickle",
    "a=fingerprint:sha-256 {fingerprint}",
    "a=setup:{setup}",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtcp-rsize",
)
_AUDIO = ("m=audio 9 UDP/TLS/RTP/SAVPF 111", *_SECTION, "a=rtpmap:111 opus/48000/2", "a=rtcp-fb:111 transport-cc")
_VIDEO = ("m=video 9 UDP/TLS/RTP/SAVPF 96 97", *_SECTION, "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli")


def _description(c: Connection) -> list[str]:
    words = {
        "number": str(c.local.port * 104729),
        "fragment": c.local.fragment,
        "fingerprint": c.local.fingerprint,
        "setup": "actpass" if c.offers else "active",
    }
    return [line.format_map(words) for line in (*_SESSION, *_AUDIO, *_VIDEO)]
