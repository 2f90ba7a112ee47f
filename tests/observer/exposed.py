"""A node's worth of figures, and what `/metrics` makes of them at 100 s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

import web
from discovery.kubernetes import PodsStatistics
from ingest import statistics as ingest_statistics
from ingest.client_metrics import ClientMetricsStatistics
from observer.config.settings import Metrics
from observer.intake import Intake, SamplesCollector
from observer.keeping import Keeping
from observer.metrics.cluster import ClusterFigures
from observer.metrics.exposition import Exposition, Watched
from observer.metrics.guests import GuestsWatched
from observer.metrics.limits import Limits
from observer.metrics.reports import ReportMetrics
from observer.metrics.vitals import Vitals
from observer.pipeline import Counts
from schemas.reports import NAMES, Report, ReportType, report_with
from sinks.statistics import SinkStatistics
from store.registry import Registry


@dataclass
class Figures:
    """What a node has counted; nothing yet, unless a test says so."""

    ingest: ingest_statistics.Statistics = field(default_factory=ingest_statistics.Statistics)
    served: web.Statistics = field(default_factory=web.Statistics)
    intake: Intake = field(default_factory=lambda: Intake(SamplesCollector()))
    counts: Counts = field(default_factory=Counts)
    registry: Registry = field(default_factory=Registry)
    unsettled: Sequence[object] = ()
    departures: Sequence[object] = ()
    sinks: Sequence[SinkStatistics] = ()
    loop_lag: float = 0.0
    cluster: ClusterFigures | None = None
    pods: PodsStatistics | None = None
    guests: GuestsWatched | None = None
    pushed: ClientMetricsStatistics | None = None
    vitals: Vitals = field(default_factory=lambda: Vitals(lambda: 1_700_000_000_500))
    limits: Limits = field(default_factory=Limits)


class Exposed:
    """The text of `/metrics`, read as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: Sequence[Metric] = list(text_string_to_metric_families(text))
        self.values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, /, **labels: str) -> float | None:
        """The value of the sample with exactly these labels, if there is one."""
        return self.values.get((name, frozenset(labels.items())))

    def labels(self, name: str, label: str) -> set[str]:
        """All values of a label."""
        return {dict(labels)[label] for of, labels in self.values if of == name}


async def exposed(
    figures: Figures | None = None, settings: Metrics | None = None, reports: Sequence[Report] = ()
) -> Exposed:
    """What `/metrics` tells of these figures after these reports."""
    figures, settings = figures or Figures(), settings or Metrics()
    report_metrics = ReportMetrics(settings)
    report_metrics.count(reports)
    watched = Watched(
        ingest=figures.ingest,
        served=figures.served,
        intake=figures.intake,
        counts=figures.counts,
        registry=lambda: figures.registry,
        unsettled=figures.unsettled,
        departures=figures.departures,
        sinks=lambda: figures.sinks,
        loop_lag=lambda: figures.loop_lag,
        cluster=figures.cluster,
        pods=figures.pods,
        guests=figures.guests,
        pushed=figures.pushed,
        keeping=Keeping(lambda: figures.registry, lambda: 0),
        vitals=figures.vitals,
        limits=figures.limits,
        clock=lambda: 100.0,
    )
    return Exposed((await Exposition(settings, watched, report_metrics).text()).decode())


def report(type_: ReportType, values: Mapping[str, Any]) -> Report:
    """A report whose other fields are absent."""
    assert values.keys() <= set(NAMES[type_])
    return report_with(type_, values)
