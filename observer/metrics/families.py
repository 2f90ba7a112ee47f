"""Makes families of Prometheus metrics out of plain numbers, at the moment they are asked for.

Nothing is kept here: parts of the house count in their own way, and pay nothing for being watched.
"""

import re
from collections.abc import Mapping, Sequence

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from observer.metrics.histogram import Histogram

_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


def metric_prefix(text: str) -> str:
    """`text`, if the names of metrics may begin with it. Raises `ValueError` with words for the operator."""
    if not _PREFIX.fullmatch(text):
        raise ValueError("expected up to 64 letters, digits and underscores, and no digit first")
    return text


class Group:
    """Makes the metrics of one group: their names are the prefix, the name of the group, and their own.

    A `unit` is a base unit of Prometheus; it ends the name. Names of counters get ``_total`` behind it.
    """

    def __init__(self, prefix: str, name: str = "") -> None:
        self.prefix = prefix
        self._head = f"{prefix}_{name}_" if name else f"{prefix}_"

    def counter(self, name: str, documentation: str, value: float, unit: str = "") -> Metric:
        """A number that only grows."""
        return CounterMetricFamily(self._head + name, documentation, value=value, unit=unit)

    def counters(
        self, name: str, documentation: str, label: str, values: Mapping[str, float], unit: str = ""
    ) -> Metric:
        """Numbers that only grow, by the value of a label."""
        family = CounterMetricFamily(self._head + name, documentation, labels=[label], unit=unit)
        for of, value in values.items():
            family.add_metric([of], value)
        return family

    def counters_of_two(
        self, name: str, documentation: str, labels: tuple[str, str], values: Mapping[tuple[str, str], float]
    ) -> Metric:
        """Numbers that only grow, by the values of two labels."""
        family = CounterMetricFamily(self._head + name, documentation, labels=labels)
        for of, value in values.items():
            family.add_metric(of, value)
        return family

    def gauge(self, name: str, documentation: str, value: float, unit: str = "") -> Metric:
        """A number as it is now."""
        return GaugeMetricFamily(self._head + name, documentation, value=value, unit=unit)

    def gauges(self, name: str, documentation: str, label: str, values: Mapping[str, float], unit: str = "") -> Metric:
        """Numbers as they are now, by the value of a label."""
        family = GaugeMetricFamily(self._head + name, documentation, labels=[label], unit=unit)
        for of, value in values.items():
            family.add_metric([of], value)
        return family

    def gauges_of_two(
        self, name: str, documentation: str, labels: tuple[str, str], values: Mapping[tuple[str, str], float]
    ) -> Metric:
        """Numbers as they are now, by the values of two labels."""
        family = GaugeMetricFamily(self._head + name, documentation, labels=labels)
        for of, value in values.items():
            family.add_metric(of, value)
        return family

    def info(self, name: str, documentation: str, labels: Mapping[str, str]) -> Metric:
        """A constant 1 whose labels say it all; its name ends in ``_info``."""
        family = GaugeMetricFamily(f"{self._head}{name}_info", documentation, labels=list(labels))
        family.add_metric(list(labels.values()), 1)
        return family

    def summaries(
        self, name: str, documentation: str, label: str, values: Mapping[str, tuple[int, float]], unit: str
    ) -> Metric:
        """How many there were and what they sum up to, by the value of a label."""
        family = SummaryMetricFamily(self._head + name, documentation, labels=[label], unit=unit)
        for of, (count, total) in values.items():
            family.add_metric([of], count, total)
        return family

    def histogram(self, name: str, documentation: str, histogram: Histogram, unit: str = "") -> Metric:
        """How values are spread."""
        return self.histogram_of(name, documentation, histogram.bounds, histogram.counts, histogram.total, unit)

    def histogram_of(
        self,
        name: str,
        documentation: str,
        bounds: Sequence[float],
        counts: Sequence[int],
        total: float,
        unit: str = "",
    ) -> Metric:
        """How values are spread: `counts` has one for each of `bounds`, and one for what is beyond all."""
        return HistogramMetricFamily(
            self._head + name, documentation, buckets=_cumulative(bounds, counts), sum_value=total, unit=unit
        )


def _cumulative(bounds: Sequence[float], counts: Sequence[int]) -> Sequence[tuple[str, float]]:
    """For each bound, how many values are not beyond it."""
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    so_far, buckets = 0, []
    for bound, count in zip(names, counts, strict=True):
        so_far += count
        buckets.append((bound, so_far))
    return buckets
