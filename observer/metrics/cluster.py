"""How a node and its cluster do, as metrics. A node that is alone has none of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.metrics_core import Metric

from cluster.links import Closed, LinkStatistics, Refused
from cluster.statistics import COMMIT_BOUNDS, Proposal, Statistics
from cluster.status import Role, Status
from observer.metrics.families import Group
from observer.pipeline import Counts


@dataclass(frozen=True)
class ClusterFigures:
    """What a member counts and tells of itself."""

    status: Callable[[], Status]
    statistics: Statistics
    links: LinkStatistics
    certificate_expires_at: Callable[[], datetime | None] = lambda: None


def cluster_families(group: Group, figures: ClusterFigures, counts: Counts) -> Iterator[Metric]:
    """All of them."""
    yield from _standing_families(group, figures.status())
    yield from _life_families(group, figures.statistics, counts)
    yield from _proposal_families(group, figures.statistics)
    yield from _link_families(group, figures.links, figures.statistics.malformed)
    if (expires_at := figures.certificate_expires_at()) is not None:
        yield group.gauge(
            "certificate_expiry_timestamp",
            "When the certificate for links to members expires, or its authority, since the epoch. (s)",
            expires_at.timestamp(),
            unit="seconds",
        )


def _standing_families(group: Group, status: Status) -> Iterator[Metric]:
    if status.cluster is not None:
        yield Group(group.prefix).info("cluster", "Which cluster it belongs to.", {"cluster_id": status.cluster})
    yield group.gauges(
        "role", "1 for what the member is.", "role", {role.value: float(role is status.role) for role in Role}
    )
    yield group.gauge("is_leader", "1 while this member leads.", status.role is Role.LEADER)
    yield group.gauge("quorum", "1 while it is in touch with a majority.", status.quorum)
    yield group.gauge("term", "The number of the last election that it knows of.", status.term)
    yield group.gauge("members", "Members of the cluster, as this one knows.", len(status.members))
    yield group.gauge("connected_peers", "Other members that it has a link to.", len(status.connected))
    yield group.gauge("commit_index", "Entries of the log that it knows to be committed.", status.commit_index)
    yield group.gauge("applied_index", "Entries of the log that it has applied.", status.applied_index)
    yield group.gauge("log_entries", "Entries that it keeps for members that lag behind.", status.log_entries)
    yield group.gauge("log", "Size of these entries. (bytes)", status.log_bytes, unit="bytes")


def _life_families(group: Group, statistics: Statistics, counts: Counts) -> Iterator[Metric]:
    yield group.counter("elections", "Elections that this member stood for.", statistics.elections)
    yield group.counter("leader_changes", "Changes of the leader that it saw.", statistics.leader_changes)
    yield group.counter("rebirths", "How often it lost its place and joined anew.", statistics.rebirths)
    yield group.counter("evictions", "Silent members that it removed as leader.", statistics.evictions)
    yield group.counter("inherited_members", "Members that are gone whose events it took over.", counts.inherited)
    yield group.counter("snapshots_sent", "Snapshots sent whole.", statistics.snapshots_sent)
    yield group.counter("snapshots_received", "Snapshots received whole.", statistics.snapshots_received)
    yield group.counter(
        "snapshots_aborted", "Snapshots, sent or received, that came to no end.", statistics.snapshots_aborted
    )


def _proposal_families(group: Group, statistics: Statistics) -> Iterator[Metric]:
    yield group.counters(
        "proposals",
        "What became of commands of this node.",
        "outcome",
        {outcome.value: statistics.proposals[outcome] for outcome in Proposal},
    )
    times = statistics.commit_times
    yield group.histogram_of(
        "commit_latency",
        "Time from the proposal of a command until it was applied here. (s)",
        COMMIT_BOUNDS,
        times.buckets,
        times.sum,
        unit="seconds",
    )


def _link_families(group: Group, links: LinkStatistics, malformed: int) -> Iterator[Metric]:
    yield group.counter("sent", "Sent on links to members. (bytes)", links.bytes_sent, unit="bytes")
    yield group.counter("received", "Received on links to members. (bytes)", links.bytes_received, unit="bytes")
    yield group.counter("sent_messages", "Messages sent on links to members.", links.messages_sent)
    yield group.counter("received_messages", "Messages received on links to members.", links.messages_received)
    yield group.counter("malformed_messages", "Messages of members that made no sense.", malformed)
    yield group.counter("opened_links", "Links to members that came up.", links.opened)
    yield group.counters(
        "closed_links", "Links that ended.", "reason", {reason.value: links.closed[reason] for reason in Closed}
    )
    yield group.counter("failed_dials", "How often a member could not be reached.", links.failed_dials)
    yield group.counters(
        "refused_strangers",
        "Connections to the cluster port that were refused.",
        "reason",
        {reason.value: links.refused[reason] for reason in Refused},
    )
