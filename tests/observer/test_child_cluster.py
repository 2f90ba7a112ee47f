import re
from pathlib import Path
from typing import Any

import pytest
import trio

from cluster.settings import TlsFiles
from observer.simulation.child_cluster import child_cluster, leading, wait_linked
from observer.simulation.child_node import ChildNode, NodeFailed
from tests.observer.certified import write_certificates

pytestmark = pytest.mark.processes

QUIET: dict[str, Any] = {"security": {"printConfigs": False}}


async def members(node: ChildNode) -> set[str]:
    _, told = await node.get("/info")
    return set(told["cluster"]["members"])


async def test_nodes_form_a_cluster_with_one_leader() -> None:
    async with child_cluster(QUIET) as nodes:
        leader = await leading(nodes)

        assert [node.name for node in nodes] == ["n1", "n2", "n3"]
        assert leader in nodes
        known = [await members(node) for node in nodes]
        assert known[0] == known[1] == known[2]
        assert len(known[0]) == 3


async def test_a_leader_that_is_killed_is_followed_by_another_and_comes_back() -> None:
    async with child_cluster(QUIET) as nodes:
        killed = await leading(nodes)
        assert await killed.kill() == -9

        heir = await leading(nodes)
        assert heir is not killed
        assert not await killed.ready()

        await killed.start()
        await killed.wait_ready()
        assert await leading(nodes) is heir
        await wait_linked(nodes)


async def test_the_block_of_one_node_lies_over_that_of_all(tmp_path: Path) -> None:
    def extra(name: str) -> dict[str, Any]:
        return {"sinks": {"own": {"type": "FileSink", "config": {"path": str(tmp_path / name)}}}}

    shared = {**QUIET, "sinks": {"shared": {"type": "FileSink", "config": {"path": "-"}}}}
    async with child_cluster(shared, 2, extra=extra) as nodes:
        for node in nodes:
            _, told = await node.get("/health")
            assert sorted(told["details"]["sinks"]) == ["own", "shared"]

    assert [(tmp_path / name).exists() for name in ("n1", "n2")] == [True, True]


async def test_nodes_meet_over_tls(tmp_path: Path) -> None:
    write_certificates(tmp_path, "127.0.0.1")
    files = TlsFiles(*(str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem")))

    async with child_cluster(QUIET, 2, tls=lambda name: files) as nodes:
        assert re.fullmatch("n[12]", (await leading(nodes)).name)


async def test_nothing_runs_afterwards() -> None:
    async with child_cluster(QUIET, 2) as nodes:
        pass

    assert [node.runs() for node in nodes] == [False, False]


async def test_a_node_without_a_majority_is_not_ready() -> None:
    async with child_cluster(QUIET, 2) as (one, other):
        await other.kill()
        with trio.fail_after(20):
            while await one.ready():  # noqa: ASYNC110 - only the node knows
                await trio.sleep(0.05)

        with pytest.raises(NodeFailed, match="n1 is not ready"):
            await one.wait_ready(0.2)


async def test_nodes_that_are_stopped_together_all_leave() -> None:
    codes: list[int] = []

    async def stop(node: ChildNode) -> None:
        codes.append(await node.stop())

    async with child_cluster(QUIET) as nodes:
        async with trio.open_nursery() as stopping:
            for node in nodes:
                stopping.start_soon(stop, node)
        said = [node.log() for node in nodes]

    assert codes == [0, 0, 0]
    assert not any("did not let this node go" in text for text in said)
