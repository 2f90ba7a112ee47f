"""The payload fields of the 18 report types, in wire order, as ``name:kind`` words.

Kinds: ``s`` string, ``i`` int32 and ``l`` int64 (both taken as any JSON number, 64 bit, fractions kept), ``d`` double,
``b`` boolean, ``t`` a point in time in ms since the epoch (fractions are cut). Source: ObserveRTC report schemas 2.2.0.
"""

REPORT_FIELDS: dict[str, str] = {
    "OBSERVER_EVENT": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        sampleTimestamp:t sampleSeq:i name:s message:s value:s attachments:s
    """,
    "CALL_EVENT": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        mediaTrackId:s SSRC:l sampleTimestamp:t sampleSeq:i name:s message:s value:s attachments:s
    """,
    "CALL_META_DATA": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        sampleTimestamp:t sampleSeq:i type:s payload:s
    """,
    "CLIENT_EXTENSION_DATA": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        sampleSeq:i extensionType:s payload:s
    """,
    "PEER_CONNECTION_TRANSPORT": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        label:s sampleSeq:i packetsSent:i packetsReceived:i bytesSent:l bytesReceived:l iceRole:s
        iceLocalUsernameFragment:s dtlsState:s selectedCandidatePairId:s iceState:s localCertificateId:s
        remoteCertificateId:s tlsVersion:s dtlsCipher:s srtpCipher:s tlsGroup:s selectedCandidatePairChanges:i
    """,
    "ICE_CANDIDATE_PAIR": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        label:s sampleSeq:i transportId:s localCandidateId:s remoteCandidateId:s state:s nominated:b packetsSent:i
        packetsReceived:i bytesSent:l bytesReceived:l lastPacketSentTimestamp:t lastPacketReceivedTimestamp:t
        totalRoundTripTime:d currentRoundTripTime:d availableOutgoingBitrate:d availableIncomingBitrate:d
        requestsReceived:i requestsSent:i responsesReceived:i responsesSent:i consentRequestsSent:i
        packetsDiscardedOnSend:i bytesDiscardedOnSend:l
    """,
    "PEER_CONNECTION_DATA_CHANNEL": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        peerConnectionLabel:s sampleSeq:i label:s protocol:s state:s messagesSent:i bytesSent:l messagesReceived:i
        bytesReceived:l
    """,
    "INBOUND_AUDIO_TRACK": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        label:s trackId:s sfuStreamId:s sfuSinkId:s remoteTrackId:s remoteUserId:s remoteClientId:s
        remotePeerConnectionId:s sampleSeq:i ssrc:l packetsReceived:i packetsLost:i jitter:d
        lastPacketReceivedTimestamp:t headerBytesReceived:l packetsDiscarded:i fecPacketsReceived:i
        fecPacketsDiscarded:i bytesReceived:l nackCount:i totalProcessingDelay:d estimatedPlayoutTimestamp:t
        jitterBufferDelay:d jitterBufferTargetDelay:d jitterBufferEmittedCount:i jitterBufferMinimumDelay:d
        totalSamplesReceived:i concealedSamples:i silentConcealedSamples:i concealmentEvents:i
        insertedSamplesForDeceleration:i removedSamplesForAcceleration:i audioLevel:i totalAudioEnergy:i
        totalSamplesDuration:i decoderImplementation:s packetsSent:i bytesSent:l remoteTimestamp:t reportsSent:i
        roundTripTime:d totalRoundTripTime:d roundTripTimeMeasurements:i synthesizedSamplesDuration:i
        synthesizedSamplesEvents:i totalPlayoutDelay:d totalSamplesCount:i
    """,
    "INBOUND_VIDEO_TRACK": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        label:s trackId:s sfuStreamId:s sfuSinkId:s remoteTrackId:s remoteUserId:s remoteClientId:s
        remotePeerConnectionId:s sampleSeq:i ssrc:l packetsReceived:i packetsLost:i jitter:d framesDropped:i
        lastPacketReceivedTimestamp:t headerBytesReceived:l packetsDiscarded:i fecPacketsReceived:i
        fecPacketsDiscarded:i bytesReceived:l nackCount:i totalProcessingDelay:d estimatedPlayoutTimestamp:t
        jitterBufferDelay:d jitterBufferTargetDelay:d jitterBufferEmittedCount:i jitterBufferMinimumDelay:d
        decoderImplementation:s framesDecoded:i keyFramesDecoded:i frameWidth:i frameHeight:i framesPerSecond:d
        qpSum:l totalDecodeTime:d totalInterFrameDelay:d totalSquaredInterFrameDelay:d firCount:i pliCount:i
        framesReceived:i packetsSent:i bytesSent:l remoteTimestamp:t reportsSent:i roundTripTime:d
        totalRoundTripTime:d roundTripTimeMeasurements:i
    """,
    "OUTBOUND_AUDIO_TRACK": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        label:s trackId:s sfuStreamId:s sampleSeq:i ssrc:l packetsSent:i bytesSent:l rid:s headerBytesSent:l
        retransmittedPacketsSent:i retransmittedBytesSent:l targetBitrate:i totalEncodedBytesTarget:l
        totalPacketSendDelay:d averageRtcpInterval:d nackCount:i encoderImplementation:s active:b packetsReceived:i
        packetsLost:i jitter:d roundTripTime:d totalRoundTripTime:d fractionLost:d roundTripTimeMeasurements:i
        relayedSource:b audioLevel:d totalAudioEnergy:d totalSamplesDuration:d echoReturnLoss:d
        echoReturnLossEnhancement:d droppedSamplesDuration:d droppedSamplesEvents:i totalCaptureDelay:d
        totalSamplesCaptured:d
    """,
    "OUTBOUND_VIDEO_TRACK": """
        serviceId:s mediaUnitId:s marker:s timestamp:t callId:s roomId:s clientId:s userId:s peerConnectionId:s
        label:s trackId:s sfuStreamId:s sampleSeq:i ssrc:l packetsSent:i bytesSent:l rid:s headerBytesSent:l
        retransmittedPacketsSent:i retransmittedBytesSent:l targetBitrate:i totalEncodedBytesTarget:l
        totalPacketSendDelay:d averageRtcpInterval:d nackCount:i encoderImplementation:s active:b frameWidth:i
        frameHeight:i framesPerSecond:d framesSent:i hugeFramesSent:i framesEncoded:i keyFramesEncoded:i qpSum:l
        totalEncodeTime:d qualityLimitationDurationNone:d qualityLimitationDurationCPU:d
        qualityLimitationDurationBandwidth:d qualityLimitationDurationOther:d qualityLimitationReason:s
        qualityLimitationResolutionChanges:i firCount:i pliCount:i packetsReceived:i packetsLost:i jitter:d
        roundTripTime:d totalRoundTripTime:d fractionLost:d roundTripTimeMeasurements:i framesDropped:i
        relayedSource:b width:i height:i frames:i
    """,
    "SFU_EVENT": """
        serviceId:s mediaUnitId:s marker:s timestamp:t sfuId:s callId:s transportId:s mediaStreamId:s mediaSinkId:s
        sctpStreamId:s rtpPadId:s name:s message:s value:s attachments:s
    """,
    "SFU_META_DATA": """
        serviceId:s mediaUnitId:s marker:s timestamp:t sfuId:s callId:s transportId:s mediaStreamId:s mediaSinkId:s
        sctpStreamId:s rtpPadId:s type:s payload:s
    """,
    "SFU_EXTENSION_DATA": """
        serviceId:s mediaUnitId:s marker:s timestamp:t sfuId:s extensionType:s payload:s
    """,
    "SFU_TRANSPORT": """
        serviceId:s mediaUnitId:s sfuId:s marker:s timestamp:t internal:b callId:s roomId:s transportId:s dtlsState:s
        iceState:s sctpState:s iceRole:s localAddress:s localPort:i protocol:s remoteAddress:s remotePort:i
        rtpBytesReceived:l rtpBytesSent:l rtpPacketsReceived:i rtpPacketsSent:i rtpPacketsLost:i rtxBytesReceived:l
        rtxBytesSent:l rtxPacketsReceived:i rtxPacketsSent:i rtxPacketsLost:i rtxPacketsDiscarded:i
        sctpBytesReceived:l sctpBytesSent:l sctpPacketsReceived:i sctpPacketsSent:i
    """,
    "SFU_INBOUND_RTP_PAD": """
        serviceId:s mediaUnitId:s sfuId:s marker:s internal:b timestamp:t remoteSfuId:s remoteTransportId:s
        remoteSinkId:s remoteRtpPadId:s transportId:s sfuStreamId:s rtpPadId:s ssrc:l trackId:s clientId:s callId:s
        mediaType:s payloadType:i mimeType:s clockRate:i sdpFmtpLine:s rid:s rtxSsrc:l targetBitrate:i
        voiceActivityFlag:b firCount:i pliCount:i nackCount:i sliCount:i packetsLost:i packetsReceived:i
        packetsDiscarded:i packetsRepaired:i packetsFailedDecryption:i packetsDuplicated:i fecPacketsReceived:i
        fecPacketsDiscarded:i bytesReceived:l rtcpSrReceived:i rtcpRrSent:i rtxPacketsReceived:i rtxPacketsDiscarded:i
        framesReceived:i framesDecoded:i keyFramesDecoded:i fractionLost:d jitter:d roundTripTime:d
    """,
    "SFU_OUTBOUND_RTP_PAD": """
        serviceId:s mediaUnitId:s sfuId:s marker:s internal:b timestamp:t transportId:s sfuStreamId:s sfuSinkId:s
        rtpPadId:s ssrc:l callId:s clientId:s trackId:s mediaType:s payloadType:i mimeType:s clockRate:i sdpFmtpLine:s
        rid:s rtxSsrc:l targetBitrate:i voiceActivityFlag:b firCount:i pliCount:i nackCount:i sliCount:i packetsLost:i
        packetsSent:i packetsDiscarded:i packetsRetransmitted:i packetsFailedEncryption:i packetsDuplicated:i
        fecPacketsSent:i fecPacketsDiscarded:i bytesSent:l rtcpSrSent:i rtcpRrReceived:i rtxPacketsSent:i
        rtxPacketsDiscarded:i framesSent:i framesEncoded:i keyFramesEncoded:i roundTripTime:d
    """,
    "SFU_SCTP_STREAM": """
        serviceId:s mediaUnitId:s sfuId:s marker:s timestamp:t internal:b callId:s roomId:s transportId:s streamId:s
        label:s protocol:s sctpSmoothedRoundTripTime:d sctpCongestionWindow:d sctpReceiverWindow:d sctpMtu:i
        sctpUnackData:i messageReceived:i messageSent:i bytesReceived:l bytesSent:l
    """,
}
