"""The fields of client samples 3.0, and what 3.3 and 3.4 do otherwise; read by `schemas.protobuf.fields`.

Source: the protobuf schemas of ObserveRTC 3.0.0, 3.3.0 and 3.5.0.
"""

V3_0 = """
ClientSample
    repeated ClientEvent clientEvents
    repeated ClientIssue clientIssues
    repeated ClientMetaData clientMetaItems
    repeated ExtensionStat extensionStats
    repeated PeerConnectionSample peerConnections
    required double timestamp
    optional string attachments scoreReasons
    optional id callId clientId
    optional double score
PeerConnectionSample
    repeated CertificateStats certificates
    repeated CodecStats codecs
    repeated DataChannelStats dataChannels
    repeated IceCandidatePairStats iceCandidatePairs
    repeated IceCandidateStats iceCandidates
    repeated IceTransportStats iceTransports
    repeated InboundRtpStats inboundRtps
    repeated InboundTrackSample inboundTracks
    repeated MediaPlayoutStats mediaPlayouts
    repeated MediaSourceStats mediaSources
    repeated OutboundRtpStats outboundRtps
    repeated OutboundTrackSample outboundTracks
    repeated PeerConnectionTransportStats peerConnectionTransports
    repeated RemoteInboundRtpStats remoteInboundRtps
    repeated RemoteOutboundRtpStats remoteOutboundRtps
    required id peerConnectionId
    optional string attachments scoreReasons
    optional double score
InboundTrackSample
    required string id kind
    required double timestamp
    optional string attachments scoreReasons
    optional double score
OutboundTrackSample
    required string id kind
    required double timestamp
    optional string attachments scoreReasons
    optional double score
CodecStats
    required string id mimeType
    required double timestamp
    optional string attachments sdpFmtpLine transportId
    optional int32 channels clockRate payloadType
InboundRtpStats
    required string id kind
    required int64 ssrc
    required double timestamp
    required id trackIdentifier
    optional string attachments codecId decoderImplementation mid playoutId remoteId transportId
    optional double audioLevel estimatedPlayoutTimestamp framesPerSecond jitter jitterBufferDelay
        jitterBufferMinimumDelay jitterBufferTargetDelay lastPacketReceivedTimestamp qpSum totalAssemblyTime
        totalAudioEnergy totalCorruptionProbability totalDecodeTime totalFreezesDuration totalInterFrameDelay
        totalPausesDuration totalProcessingDelay totalSamplesDuration totalSquaredCorruptionProbability
        totalSquaredInterFrameDelay
    optional int64 bytesReceived fecBytesReceived fecSsrc headerBytesReceived retransmittedBytesReceived rtxSsrc
    optional int32 concealedSamples concealmentEvents corruptionMeasurements fecPacketsDiscarded fecPacketsReceived
        firCount frameHeight frameWidth framesAssembledFromMultiplePackets framesDecoded framesDropped framesReceived
        framesRendered freezeCount insertedSamplesForDeceleration jitterBufferEmittedCount keyFramesDecoded nackCount
        packetsDiscarded packetsLost packetsReceived pauseCount pliCount removedSamplesForAcceleration
        retransmittedPacketsReceived silentConcealedSamples totalSamplesReceived
    optional bool powerEfficientDecoder
RemoteInboundRtpStats
    required string id kind
    required int64 ssrc
    required double timestamp
    optional string attachments codecId localId transportId
    optional double fractionLost jitter roundTripTime totalRoundTripTime
    optional int32 packetsLost packetsReceived roundTripTimeMeasurements
OutboundRtpStats
    required string id kind
    required int64 ssrc
    required double timestamp
    optional bool active powerEfficientEncoder
    optional string attachments codecId encoderImplementation mediaSourceId mid qualityLimitationReason remoteId rid
        scalabilityMode transportId
    optional int64 bytesSent headerBytesSent retransmittedBytesSent rtxSsrc totalEncodedBytesTarget
    optional int32 firCount frameHeight frameWidth framesEncoded framesSent hugeFramesSent keyFramesEncoded nackCount
        packetsSent pliCount qualityLimitationResolutionChanges retransmittedPacketsSent
    optional double framesPerSecond qpSum targetBitrate totalEncodeTime totalPacketSendDelay
    optional QualityLimitationDurations qualityLimitationDurations
QualityLimitationDurations
    optional double bandwidth cpu none other
RemoteOutboundRtpStats
    required string id kind
    required int64 ssrc
    required double timestamp
    optional string attachments codecId localId transportId
    optional int64 bytesSent
    optional int32 packetsSent reportsSent roundTripTimeMeasurements
    optional double remoteTimestamp roundTripTime totalRoundTripTime
MediaSourceStats
    required string id kind
    required double timestamp
    optional string attachments
    optional double audioLevel echoReturnLoss echoReturnLossEnhancement framesPerSecond totalAudioEnergy
        totalSamplesDuration
    optional int32 frames height width
    optional id trackIdentifier
MediaPlayoutStats
    required string id kind
    required double timestamp
    optional string attachments
    optional double synthesizedSamplesDuration totalPlayoutDelay totalSamplesDuration
    optional int32 synthesizedSamplesEvents totalSamplesCount
PeerConnectionTransportStats
    required string id
    required double timestamp
    optional string attachments
    optional int32 dataChannelsClosed dataChannelsOpened
DataChannelStats
    required string id
    required double timestamp
    optional string attachments label protocol state
    optional int64 bytesReceived bytesSent
    optional int32 dataChannelIdentifier messagesReceived messagesSent
IceTransportStats
    required string id
    required double timestamp
    optional string attachments dtlsCipher dtlsRole dtlsState iceLocalUsernameFragment iceRole iceState
        localCertificateId remoteCertificateId selectedCandidatePairId srtpCipher tlsVersion
    optional int64 bytesReceived bytesSent
    optional int32 packetsReceived packetsSent selectedCandidatePairChanges
IceCandidateStats
    required string id
    required double timestamp
    optional string address attachments candidateType foundation protocol relatedAddress relayProtocol tcpType
        transportId url usernameFragment
    optional int32 port relatedPort
    optional int64 priority
IceCandidatePairStats
    required string id
    required double timestamp
    optional string attachments localCandidateId remoteCandidateId transportId
    optional double availableIncomingBitrate availableOutgoingBitrate currentRoundTripTime lastPacketReceivedTimestamp
        lastPacketSentTimestamp totalRoundTripTime
    optional int64 bytesDiscardedOnSend bytesReceived bytesSent
    optional int32 consentRequestsSent packetsDiscardedOnSend packetsReceived packetsSent requestsReceived
        requestsSent responsesReceived responsesSent
    optional bool nominated
    optional new|in-progress|waiting|failed|succeeded|cancelled state
CertificateStats
    required string id
    required double timestamp
    optional string attachments base64Certificate fingerprint fingerprintAlgorithm issuerCertificateId
ClientEvent
    required string type
    optional string payload
    optional double timestamp
ClientIssue
    required string type
    optional string payload
    optional double timestamp
ClientMetaData
    required string type
    optional string payload
    optional id peerConnectionId trackId
    optional int64 ssrc
    optional double timestamp
ExtensionStat
    required string type
    optional string payload
"""

CONGESTION_AND_QUALITY = """
InboundRtpStats
    optional int32 packetsReceivedWithCe packetsReceivedWithEct1 packetsReportedAsLost
        packetsReportedAsLostButRecovered
    optional int64 concealedSamples insertedSamplesForDeceleration removedSamplesForAcceleration
        silentConcealedSamples totalSamplesReceived
RemoteInboundRtpStats
    optional int32 packetsReceivedWithCe packetsReceivedWithEct1 packetsReportedAsLost
        packetsReportedAsLostButRecovered
    optional int64 packetsWithBleachedEct1Marking roundTripTimeMeasurements
OutboundRtpStats
    optional PsnrSum psnrSum
    optional int32 encodingIndex
    optional int64 packetsSentWithEct1 psnrMeasurements qpSum
PsnrSum
    optional double u v y
MediaPlayoutStats
    optional int64 synthesizedSamplesEvents totalSamplesCount
IceTransportStats
    optional int64 ccfbMessagesReceived ccfbMessagesSent packetsReceived packetsSent selectedCandidatePairChanges
IceCandidatePairStats
    optional new|frozen|in-progress|waiting|failed|succeeded|cancelled state
"""
"""3.2, against 3.0. There is no encoder of 3.2 to compare with: it is 3.3 without what the schema of 3.3 adds."""

ISSUE_KEYS = """
ClientIssue
    optional string key
"""
"""3.3, against 3.2."""

LISTS_OF_REASONS = """
ClientSample
    repeated string scoreReasons
PeerConnectionSample
    repeated string scoreReasons
InboundTrackSample
    repeated string scoreReasons
OutboundTrackSample
    repeated string scoreReasons
"""
"""3.4 and 3.5, against 3.3."""
