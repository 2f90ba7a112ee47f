"""SocketSink and receivers that are killed and come back: what is confirmed by the receiver itself is never lost."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from sinks.dialing import Tls
from sinks.settings import ReportsCollector
from sinks.socket import SocketConfirmation, SocketSink
from tests.sinks.counting_server import CountingServer
from tests.sinks.services.process import Service
from tests.sinks.services.receiver import self_signed
from tests.sinks.services.tcp_server import TcpServer
from tests.sinks.sinks_for_tests import delivery, names, reports, running

OFTEN = ReportsCollector(max_items=50, max_time_in_ms=1)
"""Batches so small that a receiver is killed between them, and within them."""


async def sent_to_one_that_is_killed(sink: SocketSink, receiver: Service) -> int:
    """Send four thousand reports while the receiver is killed twice; how many were acknowledged."""
    one = delivery(sink, collector=OFTEN, chance=lambda: 0.1)
    async with running(one) as deliveries:
        for number in range(400):
            deliveries.offer(reports(10, start=10 * number))
            await trio.sleep(0.001)
            if number % 200 == 60:
                receiver.kill()
            if number % 200 == 100:
                await trio.to_thread.run_sync(receiver.start)
    return one.statistics().acknowledged


def in_order(arrived: Sequence[str]) -> bool:
    """Whether each report came after those before it; what is sent again begins no later than after what came last."""
    first = list(dict.fromkeys(arrived))
    return first == [str(n) for n in range(len(first))] and all(
        after <= before + 1 for before, after in pairwise(map(int, arrived))
    )


@pytest.mark.processes
async def test_what_closing_confirms_over_tls_is_not_lost(tmp_path: Path) -> None:
    """Without TLS, the system closes for a receiver that was killed before it stored what it had read."""
    certificate, key = self_signed(tmp_path)
    with TcpServer(tmp_path, certificate, key) as server:
        sink = SocketSink(server.host, server.port, tls=Tls(ca=str(certificate)), confirmation=SocketConfirmation.CLOSE)
        acknowledged = await sent_to_one_that_is_killed(sink, server)
        arrived = names(server.arrived())

    assert acknowledged == 4000
    assert len(set(arrived)) == 4000
    assert in_order(arrived)


@pytest.mark.processes
async def test_what_the_receiver_counts_is_not_lost(tmp_path: Path) -> None:
    with CountingServer(tmp_path) as server:
        sink = SocketSink(server.host, server.port, confirmation=SocketConfirmation.COUNT)
        acknowledged = await sent_to_one_that_is_killed(sink, server)
        arrived = names(server.arrived())

    assert acknowledged == 4000
    assert len(set(arrived)) == 4000
    assert in_order(arrived)


@pytest.mark.processes
async def test_a_receiver_that_was_killed_while_nothing_was_sent_gets_the_next_batch_once(tmp_path: Path) -> None:
    with TcpServer(tmp_path) as server:
        one = delivery(SocketSink(server.host, server.port), chance=lambda: 0.1)
        async with running(one) as deliveries:
            deliveries.offer(reports(5))
            while len(server.arrived()) < 5:  # noqa: ASYNC110 - a file has no event for it
                await trio.sleep(0.01)
            server.kill()
            while one.statistics().failing_for_s is None:  # noqa: ASYNC110 - a delivery has no event for it
                await trio.sleep(0.01)
            await trio.to_thread.run_sync(server.start)
            deliveries.offer(reports(5, start=5))
            while len(server.arrived()) < 10:  # noqa: ASYNC110 - as above
                await trio.sleep(0.01)

        assert names(server.arrived()) == [str(n) for n in range(10)]
