"""Reports as Chrome gave them before ``getStats`` was standardised, in the standard's words.

Old pages, and apps with an old engine, still hand them on. All their values are texts, times are in ms and not in s,
and whether a stream is sent or received is told by what it counts. What has no counterpart is left out.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from schemas.samples import Item

_CANDIDATE_TYPES = {
    "host": "host",
    "serverreflexive": "srflx",
    "peerreflexive": "prflx",
    "relayed": "relay",
}

_OF_EVERY_STREAM = {
    "ssrc": "ssrc",
    "mediaType": "kind",
    "googTrackId": "trackIdentifier",
    "transportId": "transportId",
    "packetsLost": "packetsLost",
    "qpSum": "qpSum",
    "audioLevel": "audioLevel",
    "totalAudioEnergy": "totalAudioEnergy",
    "totalSamplesDuration": "totalSamplesDuration",
}
_SENT = _OF_EVERY_STREAM | {
    "packetsSent": "packetsSent",
    "bytesSent": "bytesSent",
    "framesEncoded": "framesEncoded",
    "codecImplementationName": "encoderImplementation",
    "googFrameRateSent": "framesPerSecond",
    "googFrameWidthSent": "frameWidth",
    "googFrameHeightSent": "frameHeight",
    "googNacksReceived": "nackCount",
    "googPlisReceived": "pliCount",
    "googFirsReceived": "firCount",
}
_RECEIVED = _OF_EVERY_STREAM | {
    "packetsReceived": "packetsReceived",
    "bytesReceived": "bytesReceived",
    "framesDecoded": "framesDecoded",
    "codecImplementationName": "decoderImplementation",
    "googFrameRateReceived": "framesPerSecond",
    "googFrameWidthReceived": "frameWidth",
    "googFrameHeightReceived": "frameHeight",
    "googNacksSent": "nackCount",
    "googPlisSent": "pliCount",
    "googFirsSent": "firCount",
}
_PAIR = {
    name: name
    for name in (
        *("localCandidateId", "remoteCandidateId", "bytesSent", "bytesReceived", "packetsSent"),
        *("requestsSent", "requestsReceived", "responsesSent", "responsesReceived", "consentRequestsSent"),
    )
} | {"googChannelId": "transportId"}
_TRANSPORT = {name: name for name in ("selectedCandidatePairId", "dtlsCipher", "srtpCipher")}
_CANDIDATE = {
    "ipAddress": "address",
    "portNumber": "port",
    "transport": "protocol",
    "priority": "priority",
    "networkType": "networkType",
}


def modernised(report: Mapping[str, Any]) -> Item:
    """The report in the standard's words; nothing for one of a type that has no counterpart."""
    type_ = report.get("type")
    if type_ == "ssrc":
        if "packetsSent" in report:
            return _renamed(report, _SENT, "outbound-rtp") | _seconds(report, googRtt="roundTripTime")
        return _renamed(report, _RECEIVED, "inbound-rtp") | _seconds(report, googJitterReceived="jitter")
    if type_ == "googCandidatePair":
        pair = _renamed(report, _PAIR, "candidate-pair") | _seconds(report, googRtt="currentRoundTripTime")
        return pair | {"nominated": report.get("googActiveConnection") in ("true", True)}
    if type_ == "googComponent":
        return _renamed(report, _TRANSPORT, "transport")
    if type_ in ("localcandidate", "remotecandidate", "local-candidate", "remote-candidate"):
        side = "local-candidate" if type_.startswith("local") else "remote-candidate"
        kind = report.get("candidateType")
        told = _renamed(report, _CANDIDATE, side)
        return told | {"candidateType": _CANDIDATE_TYPES.get(kind, kind)} if type(kind) is str else told
    return {}


def _renamed(report: Mapping[str, Any], names: Mapping[str, str], type_: str) -> Item:
    told = {new: report[old] for old, new in names.items() if old in report}
    return {**told, "type": type_, "id": report.get("id"), "timestamp": report.get("timestamp")}


def _seconds(report: Mapping[str, Any], **names: str) -> Item:
    """Times that were in ms."""
    told: Item = {}
    for old, new in names.items():
        try:
            seconds = float(report[old]) / 1000
        except (KeyError, TypeError, ValueError):
            continue
        if isfinite(seconds):
            told[new] = seconds
    return told
