"""The fields of samples 2.1.8, and what 2.1.0 to 2.2.12 do otherwise; read by `schemas.protobuf.fields`.

Source: the protobuf schemas of ObserveRTC, 2.1.8, 2.2.0 and 2.2.12.
"""

V2_1_8 = """
Samples
    repeated ClientSample clientSamples
    repeated SfuSample sfuSamples
    repeated TurnSample turnSamples
    optional Controls controls
Controls
    optional string accessClaim
    optional bool close
ClientSample
    repeated Certificate certificates
    repeated MediaCodecStats codecs
    repeated DataChannel dataChannels
    repeated ExtensionStat extensionStats
    repeated IceCandidatePair iceCandidatePairs
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
Engine
    optional string name version
Platform
    optional string model type vendor
Browser
    optional string name version
OperationSystem
    optional string name version versionName
MediaDevice
    optional string id kind label
ExtensionStat
    required string payload type
DataChannel
    required string peerConnectionId
    optional int64 bytesReceived bytesSent
    optional int32 dataChannelIdentifier messageReceived messageSent
    optional string label protocol state
PeerConnectionTransport
    required string peerConnectionId transportId
    optional int64 bytesReceived bytesSent
    optional string dtlsCipher dtlsRole dtlsState iceLocalUsernameFragment iceRole iceState label localCertificateId
        remoteCertificateId selectedCandidatePairId srtpCipher tlsGroup tlsVersion
    optional int32 packetsReceived packetsSent selectedCandidatePairChanges
IceCandidatePair
    required string candidatePairId peerConnectionId
    optional double availableIncomingBitrate availableOutgoingBitrate currentRoundTripTime totalRoundTripTime
    optional int64 bytesDiscardedOnSend bytesReceived bytesSent lastPacketReceivedTimestamp lastPacketSentTimestamp
    optional int32 consentRequestsSent packetsDiscardedOnSend packetsReceived packetsSent requestsReceived
        requestsSent responsesReceived responsesSent
    optional string label localCandidateId remoteCandidateId state transportId
    optional bool nominated
MediaSourceStat
    optional double audioLevel droppedSamplesDuration echoReturnLoss echoReturnLossEnhancement framesPerSecond
        totalAudioEnergy totalCaptureDelay totalSamplesCaptured totalSamplesDuration
    optional int32 droppedSamplesEvents frames height width
    optional string kind trackIdentifier
    optional bool relayedSource
MediaCodecStats
    optional int32 channels clockRate
    optional string codecType mimeType payloadType sdpFmtpLine
Certificate
    optional string base64Certificate fingerprint fingerprintAlgorithm issuerCertificateId
InboundAudioTrack
    required int64 ssrc
    optional int32 audioLevel concealedSamples concealmentEvents fecPacketsDiscarded fecPacketsReceived
        insertedSamplesForDeceleration jitterBufferEmittedCount nackCount packetsDiscarded packetsLost packetsReceived
        packetsSent removedSamplesForAcceleration reportsSent roundTripTimeMeasurements silentConcealedSamples
        synthesizedSamplesDuration synthesizedSamplesEvents totalAudioEnergy totalSamplesCount totalSamplesDuration
        totalSamplesReceived
    optional int64 bytesReceived bytesSent estimatedPlayoutTimestamp headerBytesReceived lastPacketReceivedTimestamp
        remoteTimestamp
    optional string decoderImplementation peerConnectionId remoteClientId sfuSinkId sfuStreamId trackId
    optional double jitter jitterBufferDelay jitterBufferMinimumDelay jitterBufferTargetDelay roundTripTime
        totalPlayoutDelay totalProcessingDelay totalRoundTripTime
InboundVideoTrack
    required int64 ssrc
    optional int64 bytesReceived bytesSent estimatedPlayoutTimestamp headerBytesReceived lastPacketReceivedTimestamp
        qpSum remoteTimestamp
    optional string decoderImplementation peerConnectionId remoteClientId sfuSinkId sfuStreamId trackId
    optional int32 fecPacketsDiscarded fecPacketsReceived firCount frameHeight frameWidth framesDecoded framesDropped
        framesReceived jitterBufferEmittedCount keyFramesDecoded nackCount packetsDiscarded packetsLost
        packetsReceived packetsSent pliCount reportsSent roundTripTimeMeasurements
    optional double framesPerSecond jitter jitterBufferDelay jitterBufferMinimumDelay jitterBufferTargetDelay
        roundTripTime totalDecodeTime totalInterFrameDelay totalProcessingDelay totalRoundTripTime
        totalSquaredInterFrameDelay
OutboundAudioTrack
    required int64 ssrc
    optional bool active relayedSource
    optional double audioLevel averageRtcpInterval droppedSamplesDuration echoReturnLoss echoReturnLossEnhancement
        fractionLost jitter roundTripTime totalAudioEnergy totalCaptureDelay totalPacketSendDelay totalRoundTripTime
        totalSamplesCaptured totalSamplesDuration
    optional int64 bytesSent headerBytesSent retransmittedBytesSent totalEncodedBytesTarget
    optional int32 droppedSamplesEvents nackCount packetsLost packetsReceived packetsSent retransmittedPacketsSent
        roundTripTimeMeasurements targetBitrate
    optional string encoderImplementation peerConnectionId rid sfuStreamId trackId
OutboundVideoTrack
    required int64 ssrc
    optional bool active relayedSource
    optional double averageRtcpInterval fractionLost framesPerSecond jitter qualityLimitationDurationBandwidth
        qualityLimitationDurationCPU qualityLimitationDurationNone qualityLimitationDurationOther roundTripTime
        totalEncodeTime totalPacketSendDelay totalRoundTripTime
    optional int64 bytesSent headerBytesSent qpSum retransmittedBytesSent totalEncodedBytesTarget
    optional string encoderImplementation peerConnectionId qualityLimitationReason rid sfuStreamId trackId
    optional int32 firCount frameHeight frameWidth frames framesDropped framesEncoded framesSent height hugeFramesSent
        keyFramesEncoded nackCount packetsLost packetsReceived packetsSent pliCount qualityLimitationResolutionChanges
        retransmittedPacketsSent roundTripTimeMeasurements targetBitrate width
IceLocalCandidate
    optional string address candidateType id peerConnectionId protocol relayProtocol url
    optional int32 port
    optional int64 priority
IceRemoteCandidate
    optional string address candidateType id peerConnectionId protocol relayProtocol url
    optional int32 port
    optional int64 priority
SfuSample
    repeated SfuExtensionStats extensionStats
    repeated SfuInboundRtpPad inboundRtpPads
    repeated SfuOutboundRtpPad outboundRtpPads
    repeated SfuSctpChannel sctpChannels
    repeated SfuTransport transports
    required string sfuId
    required int64 timestamp
    optional string marker
    optional int32 timeZoneOffsetInHours
SfuTransport
    required string transportId
    optional string dtlsState iceRole iceState localAddress protocol remoteAddress sctpState
    optional bool internal noReport
    optional int32 localPort remotePort rtpPacketsLost rtpPacketsReceived rtpPacketsSent rtxPacketsDiscarded
        rtxPacketsLost rtxPacketsReceived rtxPacketsSent sctpPacketsReceived sctpPacketsSent
    optional int64 rtpBytesReceived rtpBytesSent rtxBytesReceived rtxBytesSent sctpBytesReceived sctpBytesSent
SfuInboundRtpPad
    required string padId streamId transportId
    required int64 ssrc
    optional int64 bytesReceived rtxSsrc
    optional int32 clockRate fecPacketsDiscarded fecPacketsReceived firCount framesDecoded framesReceived
        keyFramesDecoded nackCount packetsDiscarded packetsDuplicated packetsFailedDecryption packetsLost
        packetsReceived packetsRepaired payloadType pliCount rtcpRrSent rtcpSrReceived rtxPacketsDiscarded
        rtxPacketsReceived sliCount targetBitrate
    optional double fractionLost jitter roundTripTime
    optional bool internal noReport voiceActivityFlag
    optional string mediaType mimeType rid sdpFmtpLine
SfuOutboundRtpPad
    required string padId sinkId streamId transportId
    required int64 ssrc
    optional int64 bytesSent rtxSsrc
    optional string callId clientId mediaType mimeType rid sdpFmtpLine trackId
    optional int32 clockRate fecPacketsDiscarded fecPacketsSent firCount framesEncoded framesSent keyFramesEncoded
        nackCount packetsDiscarded packetsDuplicated packetsFailedEncryption packetsLost packetsRetransmitted
        packetsSent payloadType pliCount rtcpRrReceived rtcpSrSent rtxPacketsDiscarded rtxPacketsSent sliCount
        targetBitrate
    optional double fractionLost jitter roundTripTime
    optional bool internal noReport voiceActivityFlag
SfuSctpChannel
    required string channelId streamId transportId
    optional int64 bytesReceived bytesSent
    optional bool internal noReport
    optional string label protocol
    optional int32 messageReceived messageSent sctpMtu sctpUnackData
    optional double sctpCongestionWindow sctpReceiverWindow sctpSmoothedRoundTripTime
SfuExtensionStats
    required string payload type
TurnSample
    repeated TurnPeerAllocation allocations
    repeated TurnSession sessions
    required string serverId
TurnPeerAllocation
    required string peerId relayedAddress sessionId transportProtocol
    required int32 relayedPort
    optional string peerAddress
    optional int32 peerPort receivedPackets receivingBitrate sendingBitrate sentPackets
    optional int64 receivedBytes sentBytes
TurnSession
    required string sessionId
    optional string clientAddress clientId realm serverAddress transportProtocol username
    optional int32 clientPort receivedPackets receivingBitrate sendingBitrate sentPackets serverPort
    optional int64 nonceExpirationTime receivedBytes sentBytes started
"""

WITHOUT_PAIR_LABEL = """
IceCandidatePair
    without label
"""
"""2.1.4 to 2.1.7, against 2.1.8."""

WITHOUT_TRANSPORT_LABEL = """
PeerConnectionTransport
    without label
"""
"""2.1.3, against 2.1.4."""

FRACTIONAL_DROPS = """
InboundVideoTrack
    optional double framesDropped
"""
"""2.1.0 to 2.1.2, against 2.1.3."""

CUSTOM_EVENTS = """
ClientSample
    repeated CustomCallEvent customCallEvents
    repeated CustomObserverEvent customObserverEvents
CustomCallEvent
    required string name
    optional string attachments mediaTrackId message peerConnectionId value
    optional int64 timestamp
CustomObserverEvent
    required string name
    optional string attachments mediaTrackId message
    optional int64 timestamp
SfuSample
    repeated CustomSfuEvent customSfuEvents
CustomSfuEvent
    required string name
    optional string attachments message sfuSinkId sfuStreamId transportId value
    optional int64 timestamp
"""
"""2.2.0, against 2.1.8."""

IDS_AS_BYTES = """
ClientSample
    required id clientId
    optional id callId
CustomCallEvent
    optional id peerConnectionId
DataChannel
    required id peerConnectionId
PeerConnectionTransport
    required id peerConnectionId
    optional client|server|unknown dtlsRole
IceCandidatePair
    required id peerConnectionId
IceLocalCandidate
    optional id peerConnectionId
    optional tcp|udp|tls protocol relayProtocol
IceRemoteCandidate
    optional id peerConnectionId
    optional tcp|udp|tls protocol relayProtocol
MediaCodecStats
    optional encode|decode codecType
MediaDevice
    optional videoinput|audioinput|audiooutput kind
MediaSourceStat
    optional audio|video kind
    optional id trackIdentifier
InboundAudioTrack
    optional id peerConnectionId remoteClientId sfuSinkId sfuStreamId trackId
    optional double audioLevel synthesizedSamplesDuration totalAudioEnergy totalSamplesDuration
InboundVideoTrack
    optional id peerConnectionId remoteClientId sfuSinkId sfuStreamId trackId
OutboundAudioTrack
    optional id peerConnectionId sfuStreamId trackId
OutboundVideoTrack
    optional id peerConnectionId sfuStreamId trackId
SfuSample
    required id sfuId
CustomSfuEvent
    optional id sfuSinkId sfuStreamId
SfuInboundRtpPad
    required id padId streamId
    optional audio|video mediaType
SfuOutboundRtpPad
    required id padId sinkId streamId
    optional id callId clientId trackId
    optional audio|video mediaType
SfuSctpChannel
    required id channelId streamId
TurnSession
    optional id clientId
"""
"""2.2.12, against 2.2.0: ids became bytes, some texts became enums, four whole numbers of audio became fractions."""
