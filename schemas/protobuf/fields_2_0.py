"""What samples 2.0 say otherwise than 2.1.8; read by `schemas.protobuf.fields`.

Source: the protobuf schema of ObserveRTC 2.0.4.
"""

V2_0_4 = """
ClientSample
    repeated Certificate certificates
    repeated MediaCodecStats codecs
    repeated DataChannel dataChannels
    repeated ExtensionStat extensionStats
    repeated IceLocalCandidate iceLocalCandidates
    repeated IceRemoteCandidate iceRemoteCandidates
    repeated string iceServers localSDPs mediaConstraints userMediaErrors
    repeated InboundAudioTrack inboundAudioTracks
    repeated InboundVideoTrack inboundVideoTracks
    repeated MediaDevice mediaDevices
    repeated MediaSourceStat mediaSources
    repeated OutboundAudioTrack outboundAudioTracks
    repeated OutboundVideoTrack outboundVideoTracks
    repeated PeerConnectionTransport pcTransports
    required string clientId
    required int64 timestamp
    optional Browser browser
    optional string callId marker roomId userId
    optional Engine engine
    optional OperationSystem os
    optional Platform platform
    optional int32 sampleSeq timeZoneOffsetInHours
PeerConnectionTransport
    required string peerConnectionId
    optional int64 bytesReceived bytesSent candidatePairBytesDiscardedOnSend candidatePairBytesReceived
        candidatePairBytesSent candidatePairConsentExpiredTimestamp candidatePairConsentRequestBytesSent
        candidatePairFirstRequestTimestamp candidatePairLastPacketReceivedTimestamp
        candidatePairLastPacketSentTimestamp candidatePairLastRequestTimestamp candidatePairLastResponseTimestamp
        candidatePairRequestBytesSent candidatePairResponseBytesSent
    optional double candidatePairAvailableIncomingBitrate candidatePairAvailableOutgoingBitrate
        candidatePairCurrentRoundTripTime candidatePairTotalRoundTripTime sctpCongestionWindow sctpReceiverWindow
        sctpSmoothedRoundTripTime
    optional int32 candidatePairCircuitBreakerTriggerCount candidatePairConsentRequestsSent
        candidatePairPacketsDiscardedOnSend candidatePairPacketsReceived candidatePairPacketsSent
        candidatePairRequestsReceived candidatePairRequestsSent candidatePairResponsesReceived
        candidatePairResponsesSent candidatePairRetransmissionReceived candidatePairRetransmissionSent
        dataChannelsAccepted dataChannelsClosed dataChannelsOpened dataChannelsRequested localPort packetsReceived
        packetsSent remotePort sctpMtu sctpUnackData selectedCandidatePairChanges
    optional string candidatePairState dtlsCipher dtlsState iceLocalUsernameFragment iceRole iceState label
        localAddress localCandidateICEServerUrl localCandidateRelayProtocol localCandidateType localProtocol
        remoteAddress remoteCandidateICEServerUrl remoteCandidateRelayProtocol remoteCandidateType remoteProtocol
        srtpCipher tlsGroup tlsVersion
MediaSourceStat
    optional double audioLevel echoReturnLoss echoReturnLossEnhancement framesPerSecond totalAudioEnergy
        totalSamplesDuration
    optional int32 bitDepth frames height width
    optional string kind trackIdentifier
    optional bool relayedSource
InboundAudioTrack
    required int64 ssrc
    optional double averageRtcpInterval burstDiscardRate burstLossRate gapDiscardRate gapLossRate jitter
        jitterBufferDelay roundTripTime totalProcessingDelay totalRoundTripTime
    optional int32 burstDiscardCount burstLossCount burstPacketsDiscarded burstPacketsLost channels clockRate
        concealedSamples concealmentEvents fecPacketsDiscarded fecPacketsReceived insertedSamplesForDeceleration
        jitterBufferEmittedCount nackCount packetsDiscarded packetsDuplicated packetsFailedDecryption packetsLost
        packetsReceived packetsRepaired packetsSent payloadType perDscpPacketsReceived removedSamplesForAcceleration
        reportsSent roundTripTimeMeasurements samplesDecodedWithCelt samplesDecodedWithSilk silentConcealedSamples
        totalSamplesDecoded totalSamplesReceived
    optional int64 bytesReceived bytesSent estimatedPlayoutTimestamp headerBytesReceived lastPacketReceivedTimestamp
        remoteTimestamp
    optional string decoderImplementation mimeType peerConnectionId remoteClientId sdpFmtpLine sfuSinkId sfuStreamId
        trackId
    optional bool ended voiceActivityFlag
InboundVideoTrack
    required int64 ssrc
    optional double averageRtcpInterval burstDiscardRate burstLossRate framesPerSecond gapDiscardRate gapLossRate
        jitter jitterBufferDelay roundTripTime totalDecodeTime totalInterFrameDelay totalProcessingDelay
        totalRoundTripTime totalSquaredInterFrameDelay
    optional int32 burstDiscardCount burstLossCount burstPacketsDiscarded burstPacketsLost channels clockRate
        fecPacketsDiscarded fecPacketsReceived firCount frameBitDepth frameHeight frameWidth framesDecoded
        framesDropped framesReceived fullFramesLost jitterBufferEmittedCount keyFramesDecoded nackCount
        packetsDiscarded packetsDuplicated packetsFailedDecryption packetsLost packetsReceived packetsRepaired
        packetsSent partialFramesLost payloadType perDscpPacketsReceived pliCount reportsSent
        roundTripTimeMeasurements sliCount
    optional int64 bytesReceived bytesSent estimatedPlayoutTimestamp headerBytesReceived lastPacketReceivedTimestamp
        qpSum remoteTimestamp
    optional string decoderImplementation mimeType peerConnectionId remoteClientId sdpFmtpLine sfuSinkId sfuStreamId
        trackId
    optional bool ended
OutboundAudioTrack
    required int64 ssrc
    optional double audioLevel averageRtcpInterval burstDiscardRate burstLossRate echoReturnLoss
        echoReturnLossEnhancement fractionLost gapDiscardRate gapLossRate jitter roundTripTime totalAudioEnergy
        totalPacketSendDelay totalRoundTripTime totalSamplesDuration
    optional int32 burstDiscardCount burstLossCount burstPacketsDiscarded burstPacketsLost channels clockRate
        fecPacketsSent nackCount packetsDiscarded packetsDiscardedOnSend packetsLost packetsReceived packetsRepaired
        packetsSent payloadType perDscpPacketsSent reportsReceived retransmittedPacketsSent roundTripTimeMeasurements
        samplesEncodedWithCelt samplesEncodedWithSilk targetBitrate totalSamplesSent
    optional int64 bytesDiscardedOnSend bytesSent headerBytesSent lastPacketSentTimestamp retransmittedBytesSent
        rtxSsrc totalEncodedBytesTarget
    optional string encoderImplementation mimeType peerConnectionId rid sdpFmtpLine sfuStreamId trackId
    optional bool ended relayedSource voiceActivityFlag
OutboundVideoTrack
    required int64 ssrc
    optional double averageRtcpInterval burstDiscardRate burstLossRate fractionLost framesPerSecond gapDiscardRate
        gapLossRate jitter qualityLimitationDurationBandwidth qualityLimitationDurationCPU
        qualityLimitationDurationNone qualityLimitationDurationOther roundTripTime totalEncodeTime
        totalPacketSendDelay totalRoundTripTime
    optional int32 bitDepth burstDiscardCount burstLossCount burstPacketsDiscarded burstPacketsLost channels clockRate
        fecPacketsSent firCount frameBitDepth frameHeight frameWidth frames framesDiscardedOnSend framesDropped
        framesEncoded framesSent fullFramesLost height hugeFramesSent keyFramesEncoded nackCount packetsDiscarded
        packetsDiscardedOnSend packetsLost packetsReceived packetsRepaired packetsSent partialFramesLost payloadType
        perDscpPacketsSent pliCount qualityLimitationResolutionChanges reportsReceived retransmittedPacketsSent
        roundTripTimeMeasurements sliCount targetBitrate width
    optional int64 bytesDiscardedOnSend bytesSent headerBytesSent lastPacketSentTimestamp qpSum retransmittedBytesSent
        rtxSsrc totalEncodedBytesTarget
    optional string encoderImplementation mimeType peerConnectionId qualityLimitationReason rid sdpFmtpLine
        sfuStreamId trackId
    optional bool ended relayedSource
DataChannel
    optional string address id label peerConnectionId protocol state
    optional int64 bytesReceived bytesSent
    optional int32 dataChannelIdentifier messagesReceived messagesSent port
"""
"""These messages stand for those of 2.1.8; its others are the same in 2.0."""

WITHOUT_INTERNAL_CHANNELS = """
SfuSctpChannel
    without internal
"""
"""2.0.0, against 2.0.4."""
