"""Whether the node is ready, whether its pipeline moves, and how it has its memory, as metrics."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from observer.metrics.families import Group


@dataclass(frozen=True)
class Vitals:
    """What health is told by, as `observer.ops.Health` has it, and `observer.large_pages.LargePages.asked`.

    `now` is in ms since the epoch.
    """

    now: Callable[[], int]
    ready: Callable[[], str | None] = lambda: None
    round_age: Callable[[], float | None] = lambda: None
    waiting: Callable[[], float | None] = lambda: None
    large_pages_asked: Callable[[], int] = lambda: 0


def vital_families(group: Group, vitals: Vitals) -> Iterator[Metric]:
    """All of them."""
    yield group.gauge("ready", "1 while samples may come, as readiness tells.", vitals.ready() is None)
    if (age := vitals.round_age()) is not None:
        yield group.gauge(
            "pipeline_round_age", "How long ago the last round of the pipeline was. (s)", age, unit="seconds"
        )
    yield group.gauge(
        "pipeline_commit_wait",
        "How long the pipeline has been waiting for the cluster; 0 if it is not. (s)",
        vitals.waiting() or 0,
        unit="seconds",
    )
    yield group.gauge(
        "clock_timestamp",
        "What time it is for the node, since the epoch. (s)",
        vitals.now() / 1000,
        unit="seconds",
    )
    yield group.gauge(
        "large_pages_asked",
        "For how much memory the kernel was asked for large pages, given or not. (bytes)",
        vitals.large_pages_asked(),
        unit="bytes",
    )
