"""The track statistics of a planned call: one entry of a sample's track lists for each stream that is sent or heard.

Every value is a function of the plan and the time, so the ends of a stream agree: what is received was sent, what was
sent is received or lost, and no counter ever goes back. Inbound entries carry what the other side's sender reports
tell, outbound ones what its receiver reports tell, as browsers' do. Source: getStats of Chromium, sample schemas 2.2.0.
"""

import math
from typing import Any

from observer.simulation.calls import Call, Participant, Reception, Stream

Item = dict[str, Any]

AUDIO_HEADERS, VIDEO_HEADERS = 28, 24
"""Header bytes of one packet."""

LATENCY = 0.02
"""How long a packet is under way in a peer-to-peer call; an SFU doubles it. (s)"""

REPORT_INTERVAL = 2
"""Time between two RTCP reports. (s)"""


def track_lists(call: Call, person: Participant, at: float, epoch: float) -> Item:
    """The four track lists of `person`'s sample; empty ones are left out. `epoch` is when the call began (ms)."""
    received = [r for r in call.receptions if r.client_id == person.client_id and r.starts <= at < r.ends]
    sent = [s for s in call.streams if s.client_id == person.client_id and s.starts <= at < s.ends]
    lists = {
        "inboundAudioTracks": [_inbound_audio(r, at, epoch) for r in received if r.stream.media.kind == "audio"],
        "inboundVideoTracks": [_inbound_video(r, at, epoch) for r in received if r.stream.media.kind == "video"],
        "outboundAudioTracks": [_outbound_audio(s, at) for s in sent if s.media.kind == "audio"],
        "outboundVideoTracks": [_outbound_video(s, at) for s in sent if s.media.kind == "video"],
    }
    return {name: entries for name, entries in lists.items() if entries}


def packets_sent(stream: Stream, at: float) -> int:
    """How many packets `stream` has sent."""
    return int(max(0.0, min(at, stream.ends) - stream.starts) * stream.media.packet_rate)


def packets_received(reception: Reception, at: float) -> tuple[int, int]:
    """How many packets came in, and how many got lost."""
    latency = LATENCY if reception.sfu_sink_id is None else 2 * LATENCY
    arrived = int(max(0.0, min(at - latency, reception.ends) - reception.starts) * reception.stream.media.packet_rate)
    lost = int(arrived * reception.loss)
    return arrived - lost, lost


def _wobble(key: int, at: float, low: float, high: float) -> float:
    """A gauge that drifts slowly between two values, at its own pace for each `key`."""
    return round(low + (high - low) * (0.5 + 0.5 * math.sin(at / (5 + key % 7) + key)), 6)


def _received(r: Reception, at: float, epoch: float, letter: str, headers: int) -> Item:
    count, lost = packets_received(r, at)
    reports = max(0, int((at - r.starts) / REPORT_INTERVAL))
    entry = {
        "id": f"IT01{letter}{r.ssrc}",
        "type": "inbound-rtp",
        "kind": r.stream.media.kind,
        "mediaType": r.stream.media.kind,
        "ssrc": r.ssrc,
        "transportId": "T01",
        "jitter": round(_wobble(r.ssrc, at, 0.0005, 0.012), 3),
        "packetsLost": lost,
        "packetsReceived": count,
        "bytesReceived": count * r.stream.media.packet_size,
        "headerBytesReceived": count * headers,
        "lastPacketReceivedTimestamp": round(epoch + at * 1000 - 8.3, 3),
        "packetsDiscarded": 0,
        "fecPacketsReceived": 0,
        "fecPacketsDiscarded": 0,
        "nackCount": 0 if letter == "A" else lost,
        "mid": "0" if letter == "A" else "1",
    }
    if reports:
        told_at = r.starts + REPORT_INTERVAL * reports
        sent = int((told_at - r.starts) * r.stream.media.packet_rate)
        entry |= {
            "bytesSent": sent * r.stream.media.packet_size,
            "packetsSent": sent,
            "localId": entry["id"],
            "remoteId": f"RO{letter}{r.ssrc}",
            "remoteTimestamp": round(epoch + told_at * 1000, 3),
            "reportsSent": reports,
            "roundTripTime": _wobble(r.ssrc, told_at, 0.001, 0.08),
            "roundTripTimeMeasurements": reports,
            "totalRoundTripTime": round(reports * 0.041, 6),
        }
    return entry


def _identity(r: Reception) -> Item:
    passed = {"sfuStreamId": r.stream.sfu_stream_id, "sfuSinkId": r.sfu_sink_id} if r.sfu_sink_id else {}
    return {
        "trackIdentifier": r.track_id,
        "trackId": r.track_id,
        "peerConnectionId": r.peer_connection_id,
        **passed,
    }


def _inbound_audio(r: Reception, at: float, epoch: float) -> Item:
    entry = _received(r, at, epoch, "A", AUDIO_HEADERS)
    samples = entry["packetsReceived"] * 960
    concealed = entry["packetsLost"] * 960
    return entry | {
        "codecId": "CIT01_111_minptime=10;useinbandfec=1",
        "audioLevel": _wobble(r.ssrc, at, 0.001, 0.4),
        "totalAudioEnergy": round((at - r.starts) * 0.012, 6),
        "totalSamplesDuration": round(at - r.starts, 3),
        "totalSamplesReceived": samples + concealed,
        "concealedSamples": concealed,
        "silentConcealedSamples": concealed // 3,
        "concealmentEvents": entry["packetsLost"],
        "insertedSamplesForDeceleration": samples // 700,
        "removedSamplesForAcceleration": samples // 520,
        "jitterBufferDelay": round(samples * 0.055, 1),
        "jitterBufferEmittedCount": samples,
        "jitterBufferMinimumDelay": round(samples * 0.05, 1),
        "jitterBufferTargetDelay": round(samples * 0.05, 1),
        "totalProcessingDelay": round(samples * 0.056, 5),
        "playoutId": "AP",
        **_identity(r),
    }


def _inbound_video(r: Reception, at: float, epoch: float) -> Item:
    entry = _received(r, at, epoch, "V", VIDEO_HEADERS)
    media = r.stream.media
    frames = int(entry["packetsReceived"] * media.frame_rate / media.packet_rate)
    return entry | {
        "codecId": "CIT01_96",
        "decoderImplementation": "libvpx",
        "powerEfficientDecoder": False,
        "frameWidth": media.width,
        "frameHeight": media.height,
        "framesPerSecond": media.frame_rate,
        "framesReceived": frames,
        "framesDecoded": frames,
        "framesDropped": 0,
        "framesAssembledFromMultiplePackets": frames * 4 // 5,
        "keyFramesDecoded": 1 + frames // 3000,
        "firCount": 0,
        "pliCount": entry["packetsLost"] // 40,
        "freezeCount": 0,
        "pauseCount": 0,
        "totalFreezesDuration": 0,
        "totalPausesDuration": 0,
        "qpSum": frames * 17,
        "jitterBufferDelay": round(frames * 0.031, 6),
        "jitterBufferEmittedCount": frames,
        "jitterBufferMinimumDelay": round(frames * 0.022, 6),
        "jitterBufferTargetDelay": round(frames * 0.025, 6),
        "totalAssemblyTime": round(frames * 0.00007, 6),
        "totalDecodeTime": round(frames * 0.0009, 6),
        "totalInterFrameDelay": round(frames / media.frame_rate, 3),
        "totalSquaredInterFrameDelay": round(frames / media.frame_rate**2, 6),
        "totalProcessingDelay": round(frames * 0.034, 6),
        "estimatedPlayoutTimestamp": int(epoch + at * 1000) + 2_208_988_800_000,
        "rtxSsrc": r.rtx_ssrc,
        **_identity(r),
    }


def _sent(s: Stream, at: float, letter: str, headers: int) -> Item:
    count = packets_sent(s, at)
    reports = max(0, int((at - s.starts) / REPORT_INTERVAL))
    entry = {
        "id": f"OT01{letter}{s.ssrc}",
        "type": "outbound-rtp",
        "kind": s.media.kind,
        "mediaType": s.media.kind,
        "ssrc": s.ssrc,
        "transportId": "T01",
        "bytesSent": count * s.media.packet_size,
        "packetsSent": count,
        "active": True,
        "headerBytesSent": count * headers,
        "mediaSourceId": f"S{letter}{1 if letter == 'A' else 2}",
        "mid": "0" if letter == "A" else "1",
        "nackCount": 0,
        "retransmittedBytesSent": 0,
        "retransmittedPacketsSent": 0,
        "totalPacketSendDelay": round(count * 0.000012, 6),
    }
    if reports:
        heard = int(REPORT_INTERVAL * reports * s.media.packet_rate)
        entry |= {
            "jitter": _wobble(s.ssrc, at, 0.0005, 0.012),
            "packetsLost": int(heard * s.loss),
            "packetsReceived": heard - int(heard * s.loss),
            "fractionLost": s.loss,
            "localId": entry["id"],
            "remoteId": f"RI{letter}{s.ssrc}",
            "roundTripTime": _wobble(s.ssrc, at, 0.001, 0.08),
            "roundTripTimeMeasurements": reports,
            "totalRoundTripTime": round(reports * 0.041, 6),
        }
    return entry


def _origin(s: Stream) -> Item:
    passed = {"sfuStreamId": s.sfu_stream_id} if s.sfu_stream_id else {}
    return {"peerConnectionId": s.peer_connection_id, "trackId": s.track_id, **passed}


def _outbound_audio(s: Stream, at: float) -> Item:
    return _sent(s, at, "A", AUDIO_HEADERS) | {
        "codecId": "COT01_111_minptime=10;useinbandfec=1",
        "targetBitrate": 32000,
        **_origin(s),
    }


def _outbound_video(s: Stream, at: float) -> Item:
    frames = int(max(0.0, at - s.starts) * s.media.frame_rate)
    return _sent(s, at, "V", VIDEO_HEADERS) | {
        "codecId": "COT01_96",
        "encoderImplementation": "libvpx",
        "powerEfficientEncoder": False,
        "encodingIndex": 0,
        "frameWidth": s.media.width,
        "frameHeight": s.media.height,
        "framesPerSecond": s.media.frame_rate,
        "framesEncoded": frames,
        "framesSent": frames,
        "hugeFramesSent": 0,
        "keyFramesEncoded": 1 + frames // 3000,
        "firCount": 0,
        "pliCount": 0,
        "qpSum": frames * 17,
        "qualityLimitationReason": "none",
        "qualityLimitationResolutionChanges": 0,
        "qualityLimitationDurationNone": round(at - s.starts, 3),
        "qualityLimitationDurationCPU": 0,
        "qualityLimitationDurationBandwidth": 0,
        "rtxSsrc": s.rtx_ssrc,
        "scalabilityMode": "L1T1",
        "targetBitrate": int(s.media.packet_rate * s.media.packet_size * 8),
        "totalEncodeTime": round(frames * 0.0013, 6),
        "totalEncodedBytesTarget": 0,
        **_origin(s),
    }
