"""Which pods of a Kubernetes namespace are peers: facts about pods in, peers out. No clock and no API in here."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

from discovery import Found


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What the API server may take of a node, and a node of the API server."""

    connect_timeout_in_s: float = field(default=5.0, metadata={"minimum": 0.1, "maximum": 60})
    """How long connecting to the API server may take. (s)"""

    read_timeout_in_s: float = field(default=10.0, metadata={"minimum": 0.1, "maximum": 120})
    """How long the API server may say nothing when an answer is due. (s)"""

    watch_in_s: int = field(default=30, metadata={"minimum": 1, "maximum": 300})
    """How long a watch lasts before it is asked for anew, from where it ended. A connection that is silently broken is
    noticed after this and `readTimeoutInS`. (s)"""

    retry_in_s: float = field(default=0.5, metadata={"minimum": 0.01, "maximum": 60})
    """How long a node waits at most after a first failure; twice as long after each further one. (s)"""

    longest_retry_in_s: float = field(default=30.0, metadata={"minimum": 0.01, "maximum": 600})
    """How long it waits at most after any failure. (s)"""

    list_every_in_s: float = field(default=600.0, metadata={"minimum": 1, "maximum": 86_400})
    """How often all pods are listed anew, in case a watch has missed something. (s)"""

    hosts_for_in_s: float = field(default=60.0, metadata={"minimum": 0, "maximum": 3_600})
    """How long after the last word of the API server the IP addresses that it told are preferred to those of DNS;
    more than `watchInS` and `readTimeoutInS` together. (s)"""

    page_size: int = field(default=500, metadata={"minimum": 1, "maximum": 10_000})
    """How many pods are asked for at a time."""

    max_answer_size: int = field(default=67_108_864, metadata={"minimum": 65_536, "maximum": 1_073_741_824})
    """How long a page of pods, or one event of a watch, may be. (bytes)"""

    max_pods: int = field(default=1_000, metadata={"minimum": 1, "maximum": 100_000})
    """How many pods may be peers; if there are more, those that were known before stay known."""


@dataclass(frozen=True, slots=True)
class Pods:
    """Which pods are peers, and how they are reached. The node needs a Role with `list` and `watch` on `pods`."""

    namespace: str = "default"
    """The namespace of the pods."""

    prefix: str = ""
    """How the names of the pods begin. This or `labelSelector` is needed; with both, both must hold."""

    label_selector: str = ""
    """Which labels the pods have, as `kubectl get pods --selector` takes it, such as
    `app.kubernetes.io/name=webrtc-observer`. Where a namespace holds many other pods, this spares the API server from
    sending them."""

    port: int = field(default=5601, metadata={"minimum": 1, "maximum": 65_535})
    """The port at which the pods listen for their peers."""

    service: str | None = None
    """The headless service by which the pods have names: a pod is then known as
    `{pod}.{service}.{namespace}.svc.{clusterDomain}`, which is what its certificate must name. Without it a pod is
    known by its IP address."""

    cluster_domain: str = "cluster.local"
    """The domain of the Kubernetes cluster, the last part of the names of pods."""

    limits: ApiLimits = field(default_factory=ApiLimits)
    """How patiently the API server is asked."""

    def __post_init__(self) -> None:
        if not self.prefix and not self.label_selector:
            raise ValueError("prefix or labelSelector must say which pods are peers")


class Pod(NamedTuple):
    """What is known of a pod, as far as it matters here."""

    name: str
    uid: str
    phase: str
    """Pending, Running, Succeeded, Failed or Unknown."""
    scheduled: bool
    """Whether it has a node to run on."""
    ips: tuple[str, ...] = ()
    """Its IP addresses, each in its one spelling; the first is the one that it is known by."""

    @property
    def runs(self) -> bool:
        """Whether its containers were started, and not all have ended."""
        return self.phase == "Running"

    @property
    def ended(self) -> bool:
        """Whether its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")


def found_among(pods: Iterable[Pod], settings: Pods, own: str) -> Found:
    """The peers among pods, for whoever is known as `own`: that is always in both sets, and no other name of itself is.

    Found are the pods that run and have an IP address. Founders are all that have a node and have not ended, those that
    are being deleted among them: a pod without a node has never run, and of two that have one, whichever lists the pods
    later sees the other. So no two that start at the same time form two clusters. A founder that has no IP address yet
    goes by its name.
    """
    addresses, founders, hosts = {own}, {own}, dict[str, str]()
    own_host = _host(own)
    for pod in pods:
        if pod.ended:
            continue
        host = _host_of(pod, settings)
        if len(host) > _LONGEST_HOST:
            continue
        if pod.ips and host not in pod.ips:
            hosts[host] = pod.ips[0]
        if _is_called(pod, own_host, settings):
            continue
        address = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
        if pod.runs and pod.ips:
            addresses.add(address)
        if pod.scheduled:
            founders.add(address)
    return Found(frozenset(addresses), frozenset(founders), hosts, exact=settings.service is not None)


_LONGEST_HOST = 253
"""RFC 1035: who has a longer name cannot be asked by it, and no node accepts it as its own."""


def is_founder(pods: Iterable[Pod], settings: Pods, own: str) -> bool:
    """Whether whoever is known as `own` is a founder by what is known of pods, and not only by what it knows itself.

    If not, the pods are others than its own, or as they were before it was there: then who else is there cannot be told
    from them.
    """
    host = _host(own)
    return any(pod.scheduled and not pod.ended and _is_called(pod, host, settings) for pod in pods)


def strayed(pods: int, settings: Pods, own: str) -> str:
    """What operators are told when their own pod is not among so many."""
    wanted = {"prefix": settings.prefix, "labelSelector": settings.label_selector, "service": settings.service}
    by = ", ".join([f"namespace {settings.namespace}", *(f"{key} {value}" for key, value in wanted.items() if value)])
    return f"no pod that has a node and has not ended is known as {own}, this one's own address ({pods} pods of {by})"


def _host_of(pod: Pod, settings: Pods) -> str:
    if settings.service is not None:
        return f"{pod.name}.{settings.service}.{settings.namespace}.svc.{settings.cluster_domain}"
    return pod.ips[0] if pod.ips else pod.name


def _is_called(pod: Pod, host: str, settings: Pods) -> bool:
    """Whether a pod may be known by the name or IP address of a host."""
    if host in pod.ips:
        return True
    if settings.service is not None:
        return host in (pod.name, _host_of(pod, settings).lower())
    return one_spelling(host) is None and pod.name in (host, host.partition(".")[0])


def _host(address: str) -> str:
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]").lower()
    return one_spelling(host) or host


def one_spelling(address: object) -> str | None:
    """An IP address as it is always written; None for what is none."""
    try:
        return str(ip_address(address)) if isinstance(address, str) else None
    except ValueError:
        return None
