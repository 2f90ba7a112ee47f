"""The keys of the reference's YAML that do nothing here, each with the reason.

People move over with the configuration they have: such a key is accepted and told in a notice, while a key that neither
the reference nor we know is an error. A key may stand both here and in a dataclass: it is then checked for its type as
well.

Sources: README of the reference, its packaged application.yaml, its sink builders (1.0.1).
"""

from observer.config.foreign import Branch, Row, Status, tree

MEANINGLESS = tuple(
    Row(block, tuple(keys.split()), Status.MEANINGLESS, reason)
    for block, keys, reason in (
        (
            "micronaut",
            "application.** config.** configClient.** heartbeat.** http.** executors.** io.** jackson.** caches.**",
            "a setting of the Java framework that the reference runs on",
        ),
        ("micronaut", "metrics.**", "metrics are always collected; observer.metrics switches the groups"),
        ("micronaut", "security.**", "see observer.sources.security.accessTokens for who may send samples"),
        ("micronaut.server", "ssl.** dualProtocol httpToHttpsRedirect", "TLS ends at the proxy in front"),
        ("micronaut.server", "readIdleTimeout writeIdleTimeout", "see micronaut.server.limits"),
        ("micronaut.server", "cors.**", "see observer.sources.rest.corsAllowedOrigins"),
        (
            "micronaut.server",
            "netty.** multipart.** threadSelection contextPath logHandledExceptions serverHeader dateHeader "
            "defaultCharset clientAddressHeader hostResolution.** localeResolution.** responses.** router.** "
            "maxHeaderSize validateUrl notFoundOnMissingBody semanticVersion",
            "a setting of the Java framework's server",
        ),
        ("endpoints", "all.enabled all.sensitive all.path", "the endpoints of this port have switches of their own"),
        ("endpoints", "prometheus.sensitive health.sensitive info.sensitive", "the endpoints need no authentication"),
        (
            "endpoints",
            "health.detailsVisible health.diskSpace.** health.jdbc.** info.git.**",
            "the answer has one form",
        ),
        (
            "endpoints",
            " ".join(
                f"{name}.**"
                for name in [
                    "beans",
                    "caches",
                    "env",
                    "loggers",
                    "logout",
                    "metrics",
                    "refresh",
                    "routes",
                    "stop",
                    "threaddump",
                ]
            ),
            "an endpoint of the Java framework",
        ),
        ("", "logger.**", "a setting of the Java logger"),
        ("", "jackson.**", "a setting of the Java JSON library"),
        ("", "netty.**", "a setting of the Java network library"),
        ("", "kubernetes.**", "a setting of the Java framework's Kubernetes client"),
        ("observer.metrics.repositoryMetrics", "exposePeriodInMins", "entries are counted whenever metrics are read"),
        ("observer.metrics", "flawMetrics.enabled", "the reference never used it"),
        (
            "observer.metrics",
            "serviceIdTagName mediaUnitIdTagName",
            "no metric carries these ids: senders choose them, so there is no bound to their number",
        ),
        ("observer.repository", "useBackups", "every node of the cluster holds the whole registry"),
        (
            "observer.buffers",
            "debouncers.maxItems debouncers.maxTimeInMs",
            "no buffer stands between the evaluators: a batch runs through them at once",
        ),
        (
            "observer.buffers",
            "samplesCollector.overloadThreshold samplesCollector.maxConsecutiveOverloaded "
            "reportsCollector.overloadThreshold reportsCollector.maxConsecutiveOverloaded",
            "a full buffer makes the sender wait, and nothing accepted is thrown away",
        ),
        ("observer.security", "allowExposeConfig", "the configuration is not served over HTTP"),
        ("observer.evaluators", "callUpdater.enabled", "without calls there is nothing to report"),
        ("observer.evaluators", "observerReports.createCallSummaryReports", "the reference never made these reports"),
        ("observer.hamok", "memberNamesPool", "nodes are named by their address"),
        ("observer.hamok", "usePartialResponses", "nodes do not ask each other for entries"),
        (
            "observer.hamok",
            "firstMinRemotePeers",
            "a cluster is formed once all who are listed have answered; sessions wait for "
            "observer.sources.websocket.minRemotePeers",
        ),
        (
            "observer.hamok.storageGrid",
            "raftMaxLogEntriesRetentionTimeInMinutes",
            "the log is bounded in entries and bytes: see observer.hamok.storageGrid.log",
        ),
        (
            "observer.hamok.storageGrid",
            "sendingHelloTimeoutInMs applicationCommitIndexSyncTimeoutInMs",
            "the cluster finds its members in another way",
        ),
        (
            "observer.hamok.endpoint",
            "config.maxMessageSize",
            "messages are not sent in fragments; see limits.maxFrameSize for how long one may be",
        ),
        ("observer.hamok.endpoint", "config.addConnection", "the reference never used it"),
    )
)

REFERENCE_KEYS = tree(MEANINGLESS)
"""The table as one tree from the top of the file."""


def row_at(path: str) -> Row | None:
    """The row that names the key at a path such as ``observer.repository.useBackups``."""
    branch: Branch | None = REFERENCE_KEYS
    for name in path.split("."):
        branch = branch.child(name) if branch else None
    return branch.row if branch else None


PLACEHOLDER_SINK = "SinkType"
"""The type of the sink in the reference's README that only shows the form of a sink's block."""
