"""The text that Prometheus scrapes: what the node has counted, read when it is asked for."""

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from platform import python_version

import trio
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import web
from discovery.kubernetes import PodsStatistics
from ingest import statistics as ingest_statistics
from ingest.client_metrics import ClientMetricsStatistics
from observer.collecting import Collecting
from observer.config.settings import Metrics
from observer.intake import Intake
from observer.keeping import Keeping
from observer.metrics.client_metrics import client_metrics_families, values_families
from observer.metrics.cluster import ClusterFigures, cluster_families
from observer.metrics.discovery import discovery_families
from observer.metrics.families import Group, metric_prefix
from observer.metrics.garbage import garbage_families
from observer.metrics.guests import GuestsWatched, dump_families, guest_families
from observer.metrics.limits import Limits, repository_limits, source_limits
from observer.metrics.node import (
    count_entries,
    evaluator_families,
    repository_families,
    sink_families,
    source_families,
)
from observer.metrics.reports import ReportMetrics
from observer.metrics.rtcstats import known_names
from observer.metrics.vitals import Vitals, vital_families
from observer.pipeline import Counts
from observer.version import own_version
from schemas.reports import REPORT_SCHEMA_VERSION
from sinks.statistics import SinkStatistics
from store.registry import Registry

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True)
class Watched:
    """Where the figures come from: parts of the node that count for themselves.

    `served` are the statistics of the port for samples, `unsettled` the rows of `analysis.hearing.Hearing`,
    `departures` the clients of `observer.departures.Departures`, `loop_lag` is in seconds. A node without
    `cluster` is alone; one without `pods` does not look for them; one without `guests` or `pushed` takes none.
    `clock` is in seconds.
    """

    ingest: ingest_statistics.Statistics
    served: web.Statistics
    intake: Intake
    counts: Counts
    registry: Callable[[], Registry]
    unsettled: Sized
    departures: Sized
    sinks: Callable[[], Sequence[SinkStatistics]]
    loop_lag: Callable[[], float]
    vitals: Vitals
    limits: Limits
    cluster: ClusterFigures | None = None
    pods: PodsStatistics | None = None
    guests: GuestsWatched | None = None
    pushed: ClientMetricsStatistics | None = None
    keeping: Keeping | None = None
    clock: Callable[[], float] = trio.current_time
    collecting: Collecting = field(default_factory=Collecting)


class Exposition:
    """Puts all metrics into words, in a registry of its own.

    Raises `ValueError` for a prefix that no metric's name may begin with.
    """

    def __init__(self, settings: Metrics, watched: Watched, reports: ReportMetrics) -> None:
        metric_prefix(settings.prefix)
        self._watched = watched
        self._node = _NodeMetrics(settings, watched)
        self._collectors = CollectorRegistry()
        self._collectors.register(self._node)
        self._collectors.register(reports)
        ProcessCollector(registry=self._collectors)
        PlatformCollector(registry=self._collectors)
        GCCollector(registry=self._collectors)

    async def text(self) -> bytes:
        """All metrics as they are now, in the text format of Prometheus (`CONTENT_TYPE`)."""
        self._node.entries = await count_entries(self._watched.registry())
        text = generate_latest(self._collectors)
        return text + known_names(self._watched.guests).encode() if self._watched.guests else text


class _NodeMetrics(Collector):
    """The metrics that are read from plain counters, without the groups that are switched off."""

    def __init__(self, settings: Metrics, watched: Watched) -> None:
        self.entries: dict[str, int] = {}
        self._settings = settings
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        settings, watched, prefix = self._settings, self._watched, self._settings.prefix
        yield from self._always(Group(prefix))
        if settings.source_metrics.enabled:
            group = Group(prefix, "sources")
            yield from source_families(group, watched.ingest, watched.served, watched.intake, watched.counts)
            yield from source_limits(group, watched.limits)
        if settings.evaluator_metrics.enabled:
            yield from evaluator_families(Group(prefix, "evaluators"), watched.counts)
        if settings.repository_metrics.enabled:
            group = Group(prefix, "repository")
            yield from repository_families(group, self.entries, watched.unsettled, watched.departures, watched.counts)
            yield from repository_limits(group, watched.limits)
        if watched.cluster is not None:
            yield from cluster_families(Group(prefix, "cluster"), watched.cluster, watched.counts)
        if watched.pods:
            yield from discovery_families(Group(prefix, "discovery"), watched.pods, watched.clock)
        if watched.guests is not None:
            yield from guest_families(Group(prefix, "guests"), watched.guests.statistics)
            if watched.guests.dumps is not None:
                yield from dump_families(Group(prefix, "dumps"), watched.guests.dumps)
        if watched.pushed is not None:
            yield from client_metrics_families(Group(prefix, "client_metrics"), watched.pushed)
        if watched.keeping is not None and (watched.guests is not None or watched.pushed is not None):
            yield from values_families(Group(prefix, "values"), watched.registry().values, watched.keeping)
        if settings.sink_metrics.enabled:
            yield from sink_families(Group(prefix, "sinks"), watched.sinks())

    def _always(self, group: Group) -> Iterator[Metric]:
        yield group.info(
            "build",
            "Which observer this is.",
            {"version": own_version(), "python": python_version(), "reports": REPORT_SCHEMA_VERSION},
        )
        yield group.gauge(
            "event_loop_lag",
            "The longest that the event loop kept a task waiting lately. (s)",
            self._watched.loop_lag(),
            unit="seconds",
        )
        yield from vital_families(group, self._watched.vitals)
        yield from garbage_families(group, self._watched.collecting.pauses)
