"""Three nodes by `deploy/observer.yaml`, with TLS between them, each at an address of its own."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trio
import yaml

from cluster.certificates import Authority, new_authority
from tests.deploy.placed import COUNT, Site
from tests.faults.node import Node
from tests.faults.standing import Nodes

Block = Mapping[str, Any]
Before = Callable[[Path], Sequence[str]]

REPORTS_EVERY = 0.01
"""How long reports wait for others. (s)"""


def certify(site: Site) -> Authority:
    """Puts certificates where nodes and proxies look for them: all of one authority, ``ca.pem`` in the folder."""
    now = datetime.now(UTC)
    authority = new_authority(2, now)
    (site.folder / "ca.pem").write_bytes(authority.pair().certificate)
    for host in site.hosts:
        own = site.folder / host
        own.mkdir()
        (own / "ca.pem").write_bytes(authority.pair().certificate)
        _issue(authority, host, own / "node.pem", own / "node.key")
    certify_proxy(site, authority)
    return authority


def certify_proxy(site: Site, authority: Authority) -> None:
    """Puts a fresh certificate of the proxy there."""
    proxy = site.folder / "proxy.pem", site.folder / "proxy.key"
    _issue(authority, site.proxy_host, *proxy)
    (site.folder / "proxy-and-key.pem").write_bytes(b"".join(path.read_bytes() for path in proxy))


def _issue(authority: Authority, host: str, cert: Path, key: Path) -> None:
    pair = authority.issue(host, 1, datetime.now(UTC))
    cert.write_bytes(pair.certificate)
    key.touch(mode=0o600)
    key.write_bytes(pair.key)


@asynccontextmanager
async def machines(
    site: Site, over: Block | None = None, *, apart: bool = False, before: Before | None = None
) -> AsyncIterator[Nodes]:
    """The nodes, which are one cluster when the block begins; none of them runs after it.

    What differs from three machines: where each listens, how long reports wait, and what `over` lays over it all.
    `before` gives, for the folder of a node, what stands before its command.
    With `apart` the last node is not of the cluster, nobody there knows it, and it waits for others in vain.
    """
    nodes = Nodes(_nodes(site, over or {}, apart, before or _nothing))
    try:
        await (Nodes(nodes[:-1]) if apart else nodes).start()
        if apart:
            await nodes[-1].start()
            await nodes[-1].wait_readiness(503)
        yield nodes
    finally:
        with trio.CancelScope(shield=True):
            for node in nodes:
                await node.end()


def _nodes(site: Site, over: Block, apart: bool, before: Before) -> Iterator[Node]:
    port, ops_port, cluster_port = site.ports
    for number, host in enumerate(site.hosts, 1):
        peers: dict[str, Any] = {}
        if apart and number < COUNT:
            peers = {f"observer-{COUNT}": None}
        elif apart:
            peers = {f"observer-{n}": {"host": site.nobody[n]} for n in range(1, COUNT)}
        listens = {
            "micronaut": {"server": {"host": host, "port": port}},
            "endpoints": {"all": {"host": host, "port": ops_port}},
            "observer": {
                "hamok": {
                    "endpoint": {"config": {"serverHost": host, "serverPort": cluster_port}},
                    "discovery": {"config": {"peers": peers}},
                },
                "buffers": {"reportsCollector": {"maxTimeInMs": int(1000 * REPORTS_EVERY)}},
            },
        }
        config = _laid_over(_laid_over(yaml.safe_load(site.node(host)), listens), over)
        folder = site.folder / host
        node = Node(host, folder, host, site.ports, config, (*before(folder), "env", f"REPORTS_FOLDER={folder}"))
        node.reports = folder / "reports.jsonl"
        yield node


def _nothing(folder: Path) -> Sequence[str]:
    return ()


def _laid_over(block: Block, over: Block) -> dict[str, Any]:
    """The block with another laid over it; ``None`` takes a key away."""
    merged = dict(block)
    for key, value in over.items():
        under = merged.get(key)
        merged[key] = _laid_over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return {key: value for key, value in merged.items() if value is not None}
