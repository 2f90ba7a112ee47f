"""How a node stands to others: it is one of a cluster, or alone."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cluster.alone import alone
from cluster.cluster import Cluster
from cluster.machine import Commit
from cluster.status import Role, Status
from discovery import Discovery
from discovery.kubernetes import K8sPodsDiscovery
from discovery.pods import Pods
from discovery.static import StaticDiscovery
from observer.config.clustering import endpoint, listed_peers
from observer.config.hamok import Hamok
from observer.metrics.cluster import ClusterFigures
from store.commands import Outcome
from store.machine import Machine


@dataclass(frozen=True)
class Peers:
    """What a node needs of its cluster; `cluster` is ``None`` if it is alone, `pods` if it does not look for pods.

    `longest_command` is in bytes.
    """

    commit: Commit[Outcome]
    status: Callable[[], Status]
    longest_command: float
    cluster: Cluster[Outcome] | None = None
    pods: K8sPodsDiscovery | None = None

    def standing(self) -> Status | None:
        """How the node stands to its cluster; ``None`` if it is alone."""
        return None if self.cluster is None else self.status()

    def figures(self) -> ClusterFigures | None:
        """What there is to count; ``None`` if it is alone."""
        member = self.cluster
        if member is None:
            return None
        return ClusterFigures(member.status, member.statistics, member.links, member.certificate_expires_at)


def peers(hamok: Hamok, machine: Machine, name: str) -> Peers:
    """Those of a node that replicates `machine`, as its settings say. A node that is alone is called `name`."""
    settings = endpoint(hamok)
    if settings is None:
        status = status_alone(name)
        return Peers(alone(machine), lambda: status, math.inf)
    known = hamok.discovery.config
    pods = K8sPodsDiscovery(known, settings.address) if isinstance(known, Pods) else None
    discovery: Discovery = pods or StaticDiscovery(listed_peers(hamok.discovery), settings.address)
    cluster = Cluster(machine, settings, discovery.found)
    return Peers(cluster.commit, cluster.status, cluster.longest_command, cluster, pods)


def status_alone(name: str) -> Status:
    """What a node that is a cluster by itself has to say: it leads, and always has a majority."""
    return Status(
        member=name,
        cluster=None,
        role=Role.LEADER,
        term=0,
        leader=name,
        members=(name,),
        connected=(),
        commit_index=0,
        applied_index=0,
        log_entries=0,
        log_bytes=0,
        ready=True,
        quorum=True,
        leads=True,
        waits_for=None,
    )
