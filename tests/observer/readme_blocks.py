"""The YAML blocks of the reference's README, each at its place in a whole file.

A block that shows a fragment is put where it belongs: `sinks:` under `observer:`, `discovery:` and `endpoint:` under
`observer: hamok:`, a sink by itself under `observer: sinks:`. Three blocks are no YAML as they are printed, and are
mended here as their author evidently meant them; each says how.
"""

from textwrap import dedent, indent


def placed(block: str, *above: str) -> str:
    """The fragment under the keys above it."""
    text = dedent(block)
    for key in reversed(above):
        text = f"{key}:\n{indent(text, '  ')}"
    return text


MICRONAUT = """
micronaut:
  server:
    port: 7080
  metrics:
    enabled: True
    export:
      prometheus:
        enabled: true
        descriptions: true
        step: PT1M
  security:
    enabled: false
"""

ENDPOINTS = """
endpoints:
  all:
    port: 7081
  prometheus:
    enabled: true
    sensitive: false
  health:
    enabled: true
"""

# Printed with `metrics` and `callUpdater` one column right of their siblings: no YAML. Mended: all in one column.
OBSERVER = """
observer:
  metrics:
    prefix: "observertc"
    serviceIdTagName: "service"
    mediaUnitIdTagName: "mediaUnit"
    evaluatorMetrics:
      enabled: false
    reportMetrics:
      enabled: false
    sinkMetrics:
      enabled: false
    sourceMetrics:
      enabled: false
    repositoryMetrics:
      enabled: false
      exposePeriodInMins: 5
  sources:
    acceptSfuSamples: true
    acceptClientSamples: true
    useServerTimestamp: false
    rest:
      enabled: true
    websocket:
      enabled: true
      minRemotePeers: 0
  repository:
    useBackups: false
    callMaxIdleTimeInS: 300
    sfuMaxIdleTimeInS: 300
    sfuTransportMaxIdleTimeInS: 600
    clientsMaxIdle: 300
    peerConnectionsMaxIdle: 300
    inboundTracksMaxIdle: 300
    outboundTracksMaxIdle: 300
    sfuInboundRtpPadMaxIdleTimeInS: 300
    sfuOutboundRtpPadMaxIdleTimeInS: 300
    sfuSctpChannelMaxIdleTimeInS: 300
  buffers:
    samplesCollector:
      maxItems: 10000
      maxTimeInMs: 10000
    debouncers:
      maxItems: 10000
      maxTimeInMs: 1000
    reportsCollector:
      maxItems: 10000
      maxTimeInMs: 10000
  security:
    printConfigs: True
    obfuscations:
      hashAlgorithm: SHA-256
      hashSalt: "MySalt"
  evaluators:
    callUpdater:
      callIdAssignMode: master
    clientSamplesAnalyser:
      dropUnmatchedReports: false
    sfuSamplesAnalyser:
      dropUnmatchedInboundReports: false
      dropUnmatchedOutboundReports: false
      dropUnmatchedInternalInboundReports: false
    obfuscator:
      enabled: false
      iceAddresses: none
      roomId: none
      userId: none
  sinks: {}
  hamok:
    storageGrid:
      raftMaxLogEntriesRetentionTimeInMinutes: 5
      heartbeatInMs: 150
      followerMaxIdleInMs: 1000
      requestTimeoutInMs: 3000
    discovery:
      type: StaticDiscovery
      config:
        peers:
          my-other-peer:
            port: 5603
            host: "localhost"
    endpoint:
      type: WebsocketEndpoint
      config:
        serverHost: "localhost"
        serverPort: 5600
"""

HAMOK = """
observer:
  hamok:
    storageGrid: {}
    discovery: {}
    endpoint: {}
"""

# Printed as `endpoint: {}` with keys below it: no YAML. Mended: the mapping with these keys.
ENDPOINT = placed(
    """
    endpoint:
      type: WebsocketEndpoint
      config:
        serverHost: "localhost"
        serverPort: 5600
    """,
    "observer",
    "hamok",
)

STATIC_DISCOVERY = placed(
    """
    discovery:
      type: StaticDiscovery
      config:
        peers:
          my-other-wonderful-peer:
            port: 5603
            host: "localhost"
    """,
    "observer",
    "hamok",
)

# The # belongs to the value, as there is no space before it.
KUBERNETES_DISCOVERY = placed(
    """
    discovery:
      type: K8sPodsDiscovery
      config:
        namespace: "default"
        prefix: "observertc"
        port: 5601#
    """,
    "observer",
    "hamok",
)

SINK = placed(
    """
    sinks:
      MyUniqueSinkKey:
        type: SinkType
        config: {}
        reports:
          sendObserverEvents: true
          sendCallEvents: true
          sendCallMeta: true
          sendClientExtensions: true
          sendInboundAudioTracks: true
          sendInboundVideoTracks: true
          sendOutboundAudioTracks: true
          sendOutboundVideoTracks: true
          sendPeerConnectionTransports: true
          sendIceCanddiatePairs: true
          sendClientDataChannels: true
          sendSfuEvents: true
          sendSfuMeta: true
          sendSfuTransports: true
          sendSfuSctpStreams: true
          sendSfuOutboundRtpStreams: true
          sendSfuInboundRtpStreams: true
          sendSfuExtensions: true
    """,
    "observer",
)

LOGGER_SINK = placed(
    """
    sinks:
      MyLoggerSink:
        type: LoggerSink
        config:
          logLevel: INFO
          printReports: True
          printTypeSummary: False
    """,
    "observer",
)

KAFKA_SINK = placed(
    """
    sinks:
      MyKafkaSink:
        type: KafkaSink
        config:
          tryReconnectOnFailure: True
          topic: "reports"
          keyAssignmentStrategy: INSTANCE_BASED
          properties:
            bootstrap.servers: localhost:9092
    """,
    "observer",
)

# Printed with `servers` one level below the text of `password`: no YAML. Mended: beside it.
MONGO_SINK = placed(
    """
    sinks:
      MyMongoSink:
        type: MongoSink
        config:
          uri: "mongodb://root:password@localhost:27017"
          connection:
            username: "admin"
            password: "password"
            servers:
              - "localhost:27017"
          database: "reports"
          savingStrategy: ONE_COLLECTION
          printSummary: True
    """,
    "observer",
)

REPORT_TYPES = (
    *("observer-event", "call-event", "call-meta-data", "client-extension-data", "peer-connection-transport"),
    *("ice-candidate-pair", "peer-connection-data-channel", "inbound-audio-track", "inbound-video-track"),
    *("outbound-autio-track", "outbound-video-track", "sfu-event", "sfu-meta-data", "sfu-extension-data"),
    *("sfu-transport", "sfu-inbound-rtp-pad", "sfu-outbound-rtp-pad", "sfu-sctp-stream"),
)
BY_TYPE = "\n".join(f"            {name}: observertc-{name}-reports-csv" for name in REPORT_TYPES)
STATIC_CREDENTIALS = """\
          credentials:
            type: AwsStatic
            config:
              accessKeyId: <ACCESS_KEY>
              secretAccessKey: <SECRET>
"""

FIREHOSE_SINK = f"""
observer:
  sinks:
      MyFireHoseSink:
        type: FirehoseSink
        config:
          encodingType: CSV
          regionId: eu-west-1
          defaultDeliveryStreamId: observertc-reports-csv
          streams:
{BY_TYPE}
{STATIC_CREDENTIALS}
          csvFormat: DEFAULT
          csvChunkSize: 100
"""

S3_SINK = f"""
observer:
  sinks:
      MyAwsS3Sink:
        type: AwsS3Sink
        config:
          encodingType: CSV
          bucketName: "my-bucket"
          regionId: eu-west-1
          defaultPrefix: observertc-reports-csv
          addServiceIdPrefix: false
          addReportCategoryPrefix: false
          addSfuOrCallIdPrefix: false
          prefixes:
{BY_TYPE}
{STATIC_CREDENTIALS}
          csvFormat: DEFAULT
"""


def s3(config: str) -> str:
    """A fragment about credentials, with what it leaves out: which bucket, and where."""
    config = "bucketName: my-bucket\nregionId: eu-west-1\n" + dedent(config)
    return placed("MyAwsS3Sink:\n  type: AwsS3Sink\n  config:\n" + indent(config, "    "), "observer", "sinks")


PROFILE = s3(
    """
    credentials:
      type: AwsProfile
      config:
        profileFilePath: /my/path/to/credential/file
        profileFileType: CREDENTIALS
        profileName: myprofileName
    """
)
ENVIRONMENT = s3("credentials:\n  type: AwsEnvironmentVariable")
ASSUME_ROLE = s3(
    """
    credentials:
      type: AwsStsAssumeRoleSession
      config:
        regionId: eu-west-1
        roleArn: "THE_ARN_OF_THE_ROLE"
        roleSessionName: "observer"
        credentials:
          type: AwsStatic
          config:
            accessKeyId: accessKey
            secretAccessKey: secret
        serialNumber: "1234-5678"
        policy: "policy"
        externalId: "external"
    """
)
STATIC = s3("credentials: {type: AwsStatic, config: {accessKeyId: accessKey, secretAccessKey: secret}}")
SYSTEM = s3("credentials:\n  type: AwsSystemProperty")
WEB_IDENTITY = s3("type: AwsWebIdentityTokenFile\nconfig: {roleArn: roleArn, roleSessionName: roleSessionName}")

BLOCKS = {
    name: text
    for name, text in globals().items()
    if name.isupper() and isinstance(text, str) and name not in ("BY_TYPE", "STATIC_CREDENTIALS")
}
