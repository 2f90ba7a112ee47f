"""What the program itself can be told: ports, metrics, idle limits, buffers, memory, evaluators, security.

The YAML keys are the fields in camelCase, the defaults are those of the reference's README unless the docstring says
otherwise. The unit stands in brackets at the end of a docstring. A setting that another folder obeys stands there.
"""

from dataclasses import dataclass, field

from analysis.bounds import Bounds
from analysis.client_reports import ClientSamplesAnalyser
from analysis.observe import CallIdAssignMode
from analysis.privacy import Obfuscations, Obfuscator
from analysis.sfu_reports import SfuSamplesAnalyser
from observer.intake import SamplesCollector
from observer.metrics.families import metric_prefix
from sinks.settings import ReportsCollector
from web.limits import Limits

_PORT = {"minimum": 0, "maximum": 65_535}
_SECONDS = {"minimum": 1, "maximum": 604_800}


@dataclass(frozen=True, slots=True)
class Server:
    """The server that takes samples in."""

    host: str = "0.0.0.0"  # noqa: S104 - clients come from other machines
    """The address to listen on."""

    port: int = field(default=7080, metadata=_PORT)
    """The port to listen on; 0 takes a free one. Without the key: `APPLICATION_SERVER_PORT`, if that is set."""

    limits: Limits = field(default_factory=Limits)
    """What its peers may take of it."""


@dataclass(frozen=True, slots=True)
class Micronaut:
    """The block is named after the framework of the reference, whose configuration loads unchanged."""

    server: Server = field(default_factory=Server)
    """Where and how samples come in."""


@dataclass(frozen=True, slots=True)
class ManagementPort:
    """Where the management endpoints listen."""

    host: str = "0.0.0.0"  # noqa: S104 - probes and scrapers come from other machines
    """The address to listen on."""

    port: int = field(default=7081, metadata=_PORT)
    """The port to listen on; 0 takes a free one. Without the key: `APPLICATION_MANAGEMENT_PORT`, if that is set."""

    limits: Limits = field(default_factory=lambda: Limits(max_connections=100))
    """What those who watch may take of it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One management endpoint."""

    enabled: bool = True
    """Whether the endpoint answers; if not, 404."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The management endpoints, on a port of their own."""

    all: ManagementPort = field(default_factory=ManagementPort)
    """Where they listen."""

    prometheus: Endpoint = field(default_factory=Endpoint)
    """`/metrics` and `/prometheus`."""

    health: Endpoint = field(default_factory=Endpoint)
    """`/health`, `/health/liveness` and `/health/readiness`."""

    info: Endpoint = field(default_factory=Endpoint)
    """`/info`."""


@dataclass(frozen=True, slots=True)
class MetricsGroup:
    """One group of metrics."""

    enabled: bool = True
    """Whether the group is exposed. The reference's README shows false, its own configuration true."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What `/metrics` tells."""

    prefix: str = field(default="observertc", metadata={"parse": metric_prefix})
    """What every metric's name begins with."""

    service_id_tag_name: str = "service"
    """The label that carries a service id, where one is exposed."""

    media_unit_id_tag_name: str = "mediaUnit"
    """The label that carries a media unit id, where one is exposed. Also understood: `mediaUnitTagName`."""

    evaluator_metrics: MetricsGroup = field(default_factory=MetricsGroup)
    """How long the steps of the pipeline take."""

    report_metrics: MetricsGroup = field(default_factory=MetricsGroup)
    """What the reports say: events, round trip times, bitrates, durations of calls."""

    sink_metrics: MetricsGroup = field(default_factory=MetricsGroup)
    """Reports delivered and dropped, for each sink."""

    source_metrics: MetricsGroup = field(default_factory=MetricsGroup)
    """Samples received and refused, WebSockets opened and closed."""

    repository_metrics: MetricsGroup = field(default_factory=MetricsGroup)
    """How many entities the registry holds."""

    client_samples_metric_config: MetricsGroup = field(default_factory=MetricsGroup)
    """Browsers, operating systems and platforms of the clients."""


@dataclass(frozen=True, slots=True)
class Repository:
    """How long an entity may go without a sample before it is closed; up to a tenth comes on top."""

    call_max_idle_time_in_s: int = field(default=300, metadata=_SECONDS)
    """How long a call is kept without a sample of it. (s)"""

    clients_max_idle: int = field(default=300, metadata=_SECONDS)
    """How long a client is kept without a sample of it. (s)"""

    peer_connections_max_idle: int = field(default=300, metadata=_SECONDS)
    """How long a peer connection is kept without a sample of it. (s)"""

    inbound_tracks_max_idle: int = field(default=300, metadata=_SECONDS)
    """How long an inbound track is kept without a sample of it. (s)"""

    outbound_tracks_max_idle: int = field(default=300, metadata=_SECONDS)
    """How long an outbound track is kept without a sample of it. (s)"""

    sfu_max_idle_time_in_s: int = field(default=300, metadata=_SECONDS)
    """How long an SFU is kept without a sample of it. (s)"""

    sfu_transport_max_idle_time_in_s: int = field(default=600, metadata=_SECONDS)
    """How long a transport of an SFU is kept without a sample of it. (s)"""

    sfu_inbound_rtp_pad_max_idle_time_in_s: int = field(default=300, metadata=_SECONDS)
    """How long an inbound pad of an SFU is kept without a sample of it. (s)"""

    sfu_outbound_rtp_pad_max_idle_time_in_s: int = field(default=300, metadata=_SECONDS)
    """How long an outbound pad of an SFU is kept without a sample of it. (s)"""

    sfu_sctp_channel_max_idle_time_in_s: int = field(default=300, metadata=_SECONDS)
    """How long an SCTP channel of an SFU is kept without a sample of it. (s)"""

    bounds: Bounds = field(default_factory=Bounds)
    """How much may be kept at once."""


@dataclass(frozen=True, slots=True)
class Buffers:
    """What collects before it hands on: by count and by time, whichever comes first."""

    samples_collector: SamplesCollector = field(default_factory=SamplesCollector)
    """Between the sources and the pipeline."""

    reports_collector: ReportsCollector = field(default_factory=ReportsCollector)
    """Between the pipeline and the sinks."""


@dataclass(frozen=True, slots=True)
class Memory:
    """How a node has its memory. The reference has no such block."""

    large_pages: bool = True
    """Whether Linux is asked for pages of 2 MB. With many clients a node needs less time for each message then."""


@dataclass(frozen=True, slots=True)
class CallUpdater:
    """How clients are assigned to calls."""

    call_id_assign_mode: CallIdAssignMode = CallIdAssignMode.MASTER
    """`master`: the observer names a room's call, and ends it. `slave`: the clients name it, and a new name ends the
    call before."""


@dataclass(frozen=True, slots=True)
class Evaluators:
    """What is made of the samples."""

    call_updater: CallUpdater = field(default_factory=CallUpdater)
    """How clients are assigned to calls."""

    client_samples_analyser: ClientSamplesAnalyser = field(default_factory=ClientSamplesAnalyser)
    """What becomes of the samples of clients."""

    sfu_samples_analyser: SfuSamplesAnalyser = field(default_factory=SfuSamplesAnalyser)
    """What becomes of the samples of SFUs."""

    obfuscator: Obfuscator = field(default_factory=Obfuscator)
    """What of samples is hidden before anything else sees them."""


@dataclass(frozen=True, slots=True)
class Security:
    """What is told and what is hidden."""

    print_configs: bool = True
    """Whether the effective configuration is logged at the start, its secrets masked."""

    obfuscations: Obfuscations = field(default_factory=Obfuscations)
    """How what is to be hidden is hidden."""
