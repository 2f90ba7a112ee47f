"""WebsocketSink and servers that are killed and come back: nothing is lost, and the order holds."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from sinks.dialing import Tls
from sinks.settings import ReportsCollector
from sinks.websocket import WebsocketSink
from tests.sinks.services.receiver import self_signed
from tests.sinks.services.websocket_server import WebsocketServer
from tests.sinks.sinks_for_tests import batch, delivery, lines, names, reports, running

OFTEN = ReportsCollector(max_items=50, max_time_in_ms=1)
"""Batches so small that a server is killed between them, and within them."""


def in_order(arrived: Sequence[str]) -> bool:
    """Whether each report came after those before it; what is sent again begins no later than after what came last."""
    first = list(dict.fromkeys(arrived))
    steps = pairwise(map(int, arrived))
    return first == [str(n) for n in range(len(first))] and all(after <= before + 1 for before, after in steps)


@pytest.mark.processes
@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
async def test_a_server_that_is_killed_again_and_again_gets_all_in_order(tmp_path: Path, secure: bool) -> None:
    pair = self_signed(tmp_path) if secure else ()
    with WebsocketServer(tmp_path, *pair) as server:
        sink = WebsocketSink(server.uri, tls=Tls(ca=str(pair[0])) if secure else Tls())
        one = delivery(sink, collector=OFTEN, chance=lambda: 0.1)
        async with running(one) as deliveries:
            for number in range(400):
                deliveries.offer(reports(10, start=10 * number))
                await trio.sleep(0.001)
                if number % 200 == 60:
                    server.kill()
                if number % 200 == 100:
                    await trio.to_thread.run_sync(server.start)

        arrived = names(server.arrived())

    assert one.statistics().acknowledged == 4000
    assert len(set(arrived)) == 4000
    assert in_order(arrived)


@pytest.mark.processes
async def test_a_server_that_was_killed_while_nothing_was_sent_gets_the_next_batch_once(tmp_path: Path) -> None:
    with WebsocketServer(tmp_path) as server:
        one = delivery(WebsocketSink(server.uri), chance=lambda: 0.1)
        async with running(one) as deliveries:
            deliveries.offer(reports(5))
            while one.statistics().acknowledged < 5:  # noqa: ASYNC110 - a delivery has no event for it
                await trio.sleep(0.01)
            server.kill()
            while one.statistics().failing_for_s is None:  # noqa: ASYNC110 - as above
                await trio.sleep(0.01)
            await trio.to_thread.run_sync(server.start)
            deliveries.offer(reports(5, start=5))

        assert names(server.arrived()) == [str(n) for n in range(10)]


@pytest.mark.processes
async def test_what_was_sent_is_in_the_server_when_send_returns(tmp_path: Path) -> None:
    with WebsocketServer(tmp_path) as server:
        async with WebsocketSink(server.uri, token="secret").opened("mySink") as send:
            await send(batch(2000))

            assert server.arrived() == lines(2000)

        [request] = [line for line in server.requests() if "Bearer secret" in line]
        assert request.startswith("/reports ")
