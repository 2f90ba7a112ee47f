"""How long Python's collector of cycles made the node wait, as a metric."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from observer.metrics.families import Group
from observer.metrics.histogram import Histogram


def garbage_families(group: Group, pauses: Histogram) -> Iterator[Metric]:
    """All of them; `pauses` are in s."""
    yield group.histogram(
        "garbage_collection_pause",
        "How long Python's collector of cycles made everything wait, each time. (s)",
        pauses,
        unit="seconds",
    )
