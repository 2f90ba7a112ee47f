"""The bounds that are in force, as metrics: how full something is can so be told wherever metrics are read."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric

from analysis.bounds import Bounds
from observer.intake import SamplesCollector
from observer.metrics.families import Group


@dataclass(frozen=True)
class Limits:
    """The settings that bound what a node holds; `connections` is how many may be open."""

    samples: SamplesCollector = field(default_factory=SamplesCollector)
    connections: int = 0
    registry: Bounds = field(default_factory=Bounds)


def source_limits(group: Group, limits: Limits) -> Iterator[Metric]:
    """Of what comes in."""
    yield group.gauges(
        "limit",
        "How much of each there may be at once.",
        "of",
        {
            "waiting_samples": limits.samples.max_items,
            "waiting_bytes": limits.samples.max_bytes,
            "open_connections": limits.connections,
        },
    )


def repository_limits(group: Group, limits: Limits) -> Iterator[Metric]:
    """Of what the registry holds."""
    bounds = limits.registry
    yield group.gauges(
        "limit",
        "How many entities of each kind the registry may hold.",
        "storage",
        {
            "calls": bounds.max_calls,
            "clients": bounds.max_clients,
            "peer_connections": bounds.max_peer_connections,
            "tracks": bounds.max_tracks,
            "sfus": bounds.max_sfus,
            "sfu_transports": bounds.max_sfu_transports,
            "sfu_pads": bounds.max_sfu_pads,
        },
    )
