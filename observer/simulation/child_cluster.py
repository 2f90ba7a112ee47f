"""Nodes as child processes that form a cluster: for the demo, and for tests of faults with real processes.

    async with child_cluster({"sinks": {...}}) as nodes:    # n1, n2, n3: all are ready and linked
        first = await leading(nodes)
        await first.kill()                                  # SIGKILL
        ...
        await first.start()                                 # the same ports, the same configuration
        await first.wait_ready()

`ChildNode` has all that can be done with one of them.
"""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from cluster.settings import TlsFiles
from observer.simulation.child_node import LOOK, PATIENCE, Block, ChildNode, NodeFailed, configuration
from observer.simulation.free_ports import LOOPBACK, free_ports


@asynccontextmanager
async def child_cluster(
    observer: Block,
    count: int = 3,
    *,
    tell: bool = False,
    tls: Callable[[str], TlsFiles] | None = None,
    extra: Callable[[str], Block] | None = None,
) -> AsyncIterator[tuple[ChildNode, ...]]:
    """So many nodes called ``n1``, ``n2``, ..., each with this ``observer`` block; all are ready and linked.

    They meet on loopback, where all have the same list of peers. `tls` gives the files of the node of a name, whose
    certificate is for 127.0.0.1; without it they meet in plain text. `extra` gives a block for the node of a name,
    which is laid over `observer`: mappings are merged, all else replaced.

    With `tell` the standard output of each is a pipe, which must be read. Whatever still runs afterwards is killed.
    Raises `NodeFailed` when one does not come up, or they find no majority in time.
    """
    names = [f"n{n}" for n in range(1, count + 1)]
    free = free_ports(3 * count)
    ports = {name: free[3 * n : 3 * n + 3] for n, name in enumerate(names)}
    peers = {name: {"host": LOOPBACK, "port": own[2]} for name, own in ports.items()}
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-") as folder:
        nodes = []
        for name, own in ports.items():
            block = _over(observer, {"hamok": _hamok(own[2], peers, tls(name) if tls else None)})
            config = configuration(_over(block, extra(name) if extra else {}), own)
            nodes.append(ChildNode(name, Path(folder), config, own, tell=tell))
        try:
            await _start_together(nodes)
            await wait_linked(nodes)
            yield tuple(nodes)
        finally:
            with trio.CancelScope(shield=True):
                for node in nodes:
                    if node.runs():
                        await node.kill()


async def leading(nodes: Iterable[ChildNode], patience: float = PATIENCE) -> ChildNode:
    """The one of the `nodes` that leads, as all that run and are asked agree; the others are not asked.

    Raises `NodeFailed` when they do not agree within `patience` (s).
    """
    nodes = [node for node in nodes if node.runs()]
    with trio.move_on_after(patience):
        while True:
            told = [await _own_and_leader(node) for node in nodes]
            leaders = {leader for _, leader in told}
            for node, (own, _) in zip(nodes, told, strict=True):
                if leaders == {own} != {None}:
                    return node
            await trio.sleep(LOOK)
    raise NodeFailed(f"no leader that {', '.join(node.name for node in nodes)} agree on")


async def wait_linked(nodes: Sequence[ChildNode], patience: float = PATIENCE) -> None:
    """Waits until each of the `nodes` says that they are the members, and has a link to each of the others.

    Raises `NodeFailed` after `patience` (s).
    """
    with trio.move_on_after(patience):
        while True:
            told = [await _standing(node) for node in nodes]
            everyone = {standing.get("member") for standing in told}
            if all(everyone == set(s.get("members", ())) == {s.get("member"), *s.get("connected", ())} for s in told):
                return
            await trio.sleep(LOOK)
    raise NodeFailed(f"{', '.join(node.name for node in nodes)} are not all members, each with a link to the others")


async def _own_and_leader(node: ChildNode) -> tuple[str | None, str | None]:
    """What a node says that it is itself as a member, and who leads while there is a majority."""
    standing = await _standing(node)
    return standing.get("member"), standing["leader"] if standing.get("quorum") else None


async def _standing(node: ChildNode) -> Block:
    """What a node says of its cluster; nothing if it gives no answer."""
    try:
        _, told = await node.get("/info")
    except OSError:
        return {}
    standing: Block = told["cluster"]
    return standing


async def _start_together(nodes: Iterable[ChildNode]) -> None:
    failures: list[NodeFailed] = []

    async def start(node: ChildNode) -> None:
        try:
            await node.start()
            await node.wait_ready()
        except NodeFailed as failure:
            failures.append(failure)
            starting.cancel_scope.cancel()

    async with trio.open_nursery() as starting:
        for node in nodes:
            starting.start_soon(start, node)
    if failures:
        raise failures[0]


def _hamok(port: int, peers: Block, tls: TlsFiles | None) -> Block:
    files = {"tls": {"ca": tls.ca, "cert": tls.cert, "key": tls.key}} if tls else {}
    return {
        "endpoint": {"type": "WebsocketEndpoint", "config": {"serverHost": LOOPBACK, "serverPort": port, **files}},
        "discovery": {"type": "StaticDiscovery", "config": {"peers": peers}},
    }


def _over(block: Block, extra: Block) -> Block:
    """The block with another laid over it."""
    merged = dict(block)
    for key, value in extra.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged
