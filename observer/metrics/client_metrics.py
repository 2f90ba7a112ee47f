"""How the collecting of client metrics does, and what all nodes hold, as metrics: of a node that takes any guests."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from ingest.client_metrics import ClientMetricsStatistics, PushRefused
from observer.keeping import Keeping
from observer.metrics.families import Group
from store.values import Values


def client_metrics_families(group: Group, statistics: ClientMetricsStatistics) -> Iterator[Metric]:
    """Pushes and scrapes; who is refused is counted whatever was asked."""
    refused = {reason.value: statistics.refused[reason] for reason in PushRefused}
    yield group.counter("pushes", "Pushes of participants that were taken.", statistics.pushes)
    yield group.counter("scrapes", "Scrapes that were answered.", statistics.scrapes)
    yield group.counters("refused", "Pushes and scrapes that were refused.", "reason", refused)


def values_families(group: Group, values: Values, keeping: Keeping) -> Iterator[Metric]:
    """The values that all nodes hold for their guests, and what came of those of this node."""
    counts = keeping.counts
    came_of = {"kept": counts.kept, "touched": counts.touched, "refused": counts.refused}
    yield group.gauge("entries", "Values that all nodes hold.", len(values))
    yield group.gauge("size", "How long these are, with their keys. (bytes, about)", values.size, unit="bytes")
    yield group.gauge("waiting", "Values of this node that are not committed yet.", len(keeping))
    yield group.counters("said", "Values of this node, by what came of them.", "outcome", came_of)
