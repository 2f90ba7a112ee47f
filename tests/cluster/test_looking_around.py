"""A cluster asks discovery again and again, and goes by what it said last."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from cluster.cluster import Cluster
from cluster.names import address
from cluster.settings import Endpoint
from discovery import Found
from tests.cluster.linking import until
from tests.cluster.tape import Tape


class Discovery:
    """Says what it is told to say."""

    def __init__(self, says: Found | OSError) -> None:
        self.says = says
        self.asked = 0

    async def found(self) -> Found:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if isinstance(self.says, OSError):
            raise self.says
        return self.says


@asynccontextmanager
async def looking(discovery: Discovery, own: str) -> AsyncIterator[Cluster[int]]:
    async with trio.open_nursery() as nursery:
        cluster = Cluster(Tape(), Endpoint(own, "127.0.0.1", 0), discovery.found)
        await nursery.start(cluster.run)
        yield cluster
        nursery.cancel_scope.cancel()


def among(*addresses: str, **hosts: str) -> Found:
    return Found(frozenset(addresses), frozenset(addresses), hosts)


OWN = "127.0.0.1:9"
REFUSED = OSError("listing pods is not allowed")


async def test_a_node_whose_peers_cannot_be_looked_up_forms_no_cluster_and_says_why() -> None:
    async with looking(discovery := Discovery(REFUSED), OWN) as cluster:
        await until(lambda: discovery.asked > 1)

        assert cluster.status().cluster is None
        assert cluster.status().waits_for == "no peers were looked up yet: listing pods is not allowed"


async def test_a_failure_is_logged_once_however_often_it_comes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cluster"):
        async with looking(discovery := Discovery(REFUSED), OWN):
            await until(lambda: discovery.asked > 2)

    assert [record.getMessage() for record in caplog.records] == [
        "Looking for peers failed, those that were known stay known: listing pods is not allowed"
    ]


async def test_a_failure_is_logged_again_when_all_went_well_in_between(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cluster"):
        async with looking(discovery := Discovery(REFUSED), OWN) as cluster:
            discovery.says = among(OWN)
            await until(lambda: cluster.status().quorum)
            discovery.says, asked = REFUSED, discovery.asked
            await until(lambda: discovery.asked > asked + 1)

    assert len(caplog.records) == 2


async def test_a_founder_that_does_not_run_yet_is_told_with_what_keeps_it_from_answering() -> None:
    discovery = Discovery(Found(frozenset({OWN}), frozenset({OWN, "127.0.0.1:1"})))
    async with looking(discovery, OWN) as cluster:
        await until(lambda: "(127.0.0.1:1: " in (cluster.status().waits_for or ""))


async def test_who_was_found_stays_known_while_looking_fails() -> None:
    async with looking(discovery := Discovery(among(OWN, "127.0.0.1:1")), OWN) as cluster:
        discovery.says, asked = REFUSED, discovery.asked
        await until(lambda: discovery.asked > asked + 1)

        assert cluster.status().cluster is None
        assert "127.0.0.1:1 has not answered" in (cluster.status().waits_for or "")


async def test_a_node_that_finds_itself_alone_forms_a_cluster() -> None:
    async with looking(discovery := Discovery(REFUSED), OWN) as cluster:
        discovery.says = among(OWN)
        await until(lambda: cluster.status().quorum)


async def test_while_looking_fails_dns_decides_where_a_host_is() -> None:
    found = among(OWN, "observer-1.cluster.invalid:1", **{"observer-1.cluster.invalid": "127.0.0.1"})
    async with looking(discovery := Discovery(found), OWN) as cluster:
        discovery.says = REFUSED
        await until(lambda: "observer-1.cluster.invalid cannot be found" in (cluster.status().waits_for or ""))


async def test_peers_are_reached_at_the_addresses_that_discovery_tells() -> None:
    async with trio.open_nursery() as nursery:
        reached = trio.Event()

        async def serve(stream: trio.SocketStream) -> None:
            reached.set()
            await stream.aclose()

        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        found = among(OWN, address("observer-1.cluster.test.svc", port), **{"observer-1.cluster.test.svc": "127.0.0.1"})
        async with looking(Discovery(found), OWN):
            with trio.fail_after(10):
                await reached.wait()
        nursery.cancel_scope.cancel()
