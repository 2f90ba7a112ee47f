"""minRemotePeers: a node takes sessions once so many others have joined, and from then on."""

from pathlib import Path

import pytest

from tests.faults.doors import NOT_READY, TAKEN, post_is_refused, session_refusal
from tests.faults.standing import Place, nodes

pytestmark = pytest.mark.processes

ONE_PEER = {"websocket": {"minRemotePeers": 1}}


async def test_a_node_alone_takes_no_sessions_until_its_peer_has_joined(tmp_path: Path) -> None:
    alone_first = {"n1": ["n1"], "n2": ["n1", "n2"]}
    async with nodes(tmp_path, [Place()] * 2, start=False, listed=alone_first, sources=ONE_PEER) as (first, second):
        await first.start()
        await first.wait_unready_for("0 of 1 remote peers have joined")
        await first.wait_listening()
        alone = (await session_refusal(first), await post_is_refused(first))
        await second.start()
        await first.wait_ready()
        together = (await session_refusal(first), await post_is_refused(first))
        code = await second.stop()
        afterwards = (await session_refusal(first), await first.is_ready())

    assert alone == (NOT_READY, False)
    assert together == (TAKEN, False)
    assert (code, afterwards) == (0, (TAKEN, True))


async def test_a_node_whose_peers_are_not_there_says_who_is_missing(tmp_path: Path) -> None:
    async with nodes(tmp_path, start=False) as cluster:
        first = cluster[0]
        missing = sorted(node.address for node in cluster[1:])
        await first.start()
        await first.wait_unready_for(f"{', '.join(missing)} have not answered")
        await first.wait_listening()
        refused = (await session_refusal(first), await post_is_refused(first))
        await cluster.start()
        taken = (await session_refusal(first), await post_is_refused(first))

    assert refused == (NOT_READY, True)
    assert taken == (TAKEN, False)
