"""A report that a sink stumbles over is found, and costs only itself."""

from collections.abc import Callable

import pytest

from sinks.isolation import isolating
from sinks.lines import Batch, batch_of
from sinks.sink import NotDelivered, Rejection
from tests.sinks.sinks_for_tests import batch, names


class Stumbling:
    """Sends to a list, and stumbles over some."""

    def __init__(
        self, poison: set[str], error: Callable[[], Exception] = lambda: KeyError("what a client said")
    ) -> None:
        self.received: list[str] = []
        self._poison = poison
        self._error = error

    async def __call__(self, some: Batch) -> None:
        if self._poison & set(names(some)):
            raise self._error()
        self.received.extend(names(some))


async def failure_of(send: Stumbling, some: Batch) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await isolating(send)(some)
    return caught.value


async def test_a_batch_that_goes_is_sent_once() -> None:
    send = Stumbling(set())

    await isolating(send)(batch(5))

    assert send.received == ["0", "1", "2", "3", "4"]


async def test_all_others_arrive_in_their_order() -> None:
    send = Stumbling({"3", "7"})

    await failure_of(send, batch(10))

    assert send.received == ["0", "1", "2", "4", "5", "6", "8", "9"]


async def test_those_that_it_stumbles_over_are_rejected() -> None:
    failure = await failure_of(Stumbling({"3", "7"}), batch(10))

    assert names(it.line for it in failure.rejected) == ["3", "7"]
    assert not failure.again


async def test_the_reason_quotes_nothing_of_the_report() -> None:
    failure = await failure_of(Stumbling({"3"}), batch(10))

    assert "unexpected KeyError" in failure.rejected[0].reason
    assert "what a client said" not in failure.rejected[0].reason


async def test_a_sink_that_stumbles_over_everything_rejects_nothing() -> None:
    with pytest.raises(KeyError):
        await isolating(Stumbling({"0", "1", "2"}))(batch(3))


async def test_a_sole_report_is_not_rejected() -> None:
    with pytest.raises(KeyError):
        await isolating(Stumbling({"0"}))(batch(1))


async def test_an_error_of_the_service_is_raised_as_it_is() -> None:
    with pytest.raises(ConnectionResetError):
        await isolating(Stumbling({"3"}, ConnectionResetError))(batch(10))


async def test_a_service_that_goes_away_meanwhile_leaves_the_rest_for_later() -> None:
    calls = 0

    async def send(some: Batch) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KeyError
        if calls == 3:
            raise ConnectionResetError

    with pytest.raises(NotDelivered) as caught:
        await isolating(send)(batch(8))

    assert names(caught.value.again) == ["4", "5", "6", "7"]


async def test_what_a_sink_says_of_a_part_is_said_of_the_whole() -> None:
    calls = 0

    async def send(some: Batch) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KeyError
        lines = list(some)
        raise NotDelivered("half", batch_of(lines[1:]), [Rejection(lines[0], "no")])

    with pytest.raises(NotDelivered) as caught:
        await isolating(send)(batch(4))

    assert names(caught.value.again) == ["1", "2", "3"]
    assert names(it.line for it in caught.value.rejected) == ["0"]
