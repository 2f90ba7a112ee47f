"""The figures of client metrics and of values are told under fixed names, with every reason from the start."""

from collections import Counter
from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from ingest.client_metrics import ClientMetricsStatistics, PushRefused
from observer.metrics.client_metrics import client_metrics_families, values_families
from observer.metrics.families import Group
from tests.world import World


def told(families: Iterable[Metric]) -> dict[str, float]:
    """The values by their names, with the value of their label, if they have one."""
    samples = [sample for family in families for sample in family.samples]
    return {" ".join([sample.name, *sample.labels.values()]): sample.value for sample in samples}


def test_pushes_and_scrapes_are_told() -> None:
    statistics = ClientMetricsStatistics(5, 3, Counter({PushRefused.INVALID: 2}))

    figures = told(client_metrics_families(Group("o", "client_metrics"), statistics))

    assert figures["o_client_metrics_pushes_total"] == 5
    assert figures["o_client_metrics_scrapes_total"] == 3
    reasons = {reason: 2 if reason is PushRefused.INVALID else 0 for reason in PushRefused}
    assert {reason: figures[f"o_client_metrics_refused_total {reason}"] for reason in PushRefused} == reasons


def test_values_are_told() -> None:
    world = World()
    keeping = world.pipeline.keeping
    keeping.keep("x", "key", b"value", 60_000)
    keeping.keep("x", "key", b"value", -1)
    world.pass_time(1000)
    keeping.keep("x", "other", b"value", 60_000)

    figures = told(values_families(Group("o", "values"), world.registry.values, keeping))

    assert figures == {
        "o_values_entries": 1,
        "o_values_size_bytes": 8,
        "o_values_waiting": 1,
        "o_values_said_total kept": 1,
        "o_values_said_total touched": 0,
        "o_values_said_total refused": 1,
    }
