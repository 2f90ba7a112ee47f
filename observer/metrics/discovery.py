"""How looking for pods does, as metrics. A node whose peers are listed, or that is alone, has none of them."""

from collections.abc import Callable, Iterator

from prometheus_client.metrics_core import Metric

from discovery.kubernetes import PodsStatistics
from discovery.pod_list import Failure
from observer.metrics.families import Group


def discovery_families(group: Group, statistics: PodsStatistics, clock: Callable[[], float]) -> Iterator[Metric]:
    """All of them; `clock` is that of `PodsStatistics.last_word_at`."""
    failures = {reason.value: statistics.failures[reason] for reason in Failure}
    yield group.counters("failures", "Talks with the Kubernetes API that came to nothing.", "reason", failures)
    yield group.counter("lists", "How often all pods were listed.", statistics.lists)
    yield group.counter("watches", "Watches that were begun.", statistics.watches)
    yield group.counter("events", "Changes of pods that were told of.", statistics.events)
    yield group.gauge("pods", "Pods that are known, also those that do not run.", statistics.pods)
    yield group.gauge("peers", "Other pods that run.", statistics.peers)
    if (silence := statistics.silence(clock())) is not None:
        yield group.gauge(
            "last_word_age", "How long ago the Kubernetes API said something last. (s)", silence, unit="seconds"
        )
