"""A client of AWS is kept over openings, and made anew some time after one failed."""

import pytest
import trio
from trio.testing import MockClock

from sinks.aws import Access, Clients
from sinks.aws_credentials import AwsStatic
from sinks.aws_errors import Away

ACCESS = Access("eu-west-1", AwsStatic("key", "secret"), "http://127.0.0.1:1")


async def opened(clients: Clients) -> object:
    """The client of an opening that went well."""
    async with clients.opened("firehose", ACCESS, trio.CapacityLimiter(1)) as client:
        return client


async def failed(clients: Clients, error: type[ConnectionError] = ConnectionError) -> object:
    """The client of an opening that failed."""
    client = None
    with pytest.raises(error):
        async with clients.opened("firehose", ACCESS, trio.CapacityLimiter(1)) as client:
            raise error("the service says no")
    return client


async def test_an_opening_has_the_client_of_the_one_before(mock_clock: MockClock) -> None:
    clients = Clients()
    first = await opened(clients)
    mock_clock.jump(100_000)

    assert await opened(clients) is first


async def test_a_failure_is_no_reason_for_a_new_client_at_once(mock_clock: MockClock) -> None:
    clients = Clients()
    first = await failed(clients)
    mock_clock.jump(0.9)

    assert await failed(clients) is first


async def test_a_second_after_a_failure_there_is_a_new_client(mock_clock: MockClock) -> None:
    clients = Clients()
    first = await failed(clients)
    mock_clock.jump(1.1)

    assert await failed(clients) is not first


async def test_in_a_day_of_failures_there_are_few_clients(mock_clock: MockClock) -> None:
    clients, seen = Clients(), []
    for _ in range(24 * 60 // 5):
        seen.append(await failed(clients))
        mock_clock.jump(300)

    assert 10 < len({id(client) for client in seen}) < 40


async def test_a_service_that_is_away_for_a_day_costs_no_new_client(mock_clock: MockClock) -> None:
    clients = Clients()
    first = await failed(clients, Away)
    mock_clock.jump(86_400)

    assert await failed(clients, Away) is first
