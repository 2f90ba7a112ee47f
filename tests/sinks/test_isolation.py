"""A report that a sink stumbles over is found, and costs only itself."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from sinks.encoding import type_of
from sinks.isolation import isolating
from sinks.lines import Batch, batch_of
from sinks.sink import NotDelivered, Rejection
from tests.sinks.sinks_for_tests import batch, lines, names

LONG = 1_000.0


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
        await isolating(send, LONG)(some)
    return caught.value


async def test_a_batch_that_goes_is_sent_once() -> None:
    send = Stumbling(set())

    await isolating(send, LONG)(batch(5))

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
        await isolating(Stumbling({"0", "1", "2"}), LONG)(batch(3))


async def test_a_sole_report_is_not_rejected() -> None:
    with pytest.raises(KeyError):
        await isolating(Stumbling({"0"}), LONG)(batch(1))


async def test_an_error_of_the_service_is_raised_as_it_is() -> None:
    with pytest.raises(ConnectionResetError):
        await isolating(Stumbling({"3"}, ConnectionResetError), LONG)(batch(10))


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
        await isolating(send, LONG)(batch(8))

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
        await isolating(send, LONG)(batch(4))

    assert names(caught.value.again) == ["1", "2", "3"]
    assert names(it.line for it in caught.value.rejected) == ["0"]


async def test_what_a_sink_could_not_bring_does_not_show_that_it_is_sound() -> None:
    async def send(some: Batch) -> None:
        if "0" in names(some):
            raise KeyError
        raise NotDelivered("the service is away", some)

    with pytest.raises(KeyError):
        await isolating(send, LONG)(batch(2))


async def read_types(some: Batch) -> None:
    for one in some:
        type_of(one)


UNKNOWN = b'{"type":"SONG","schemaVersion":"2.2.0","payload":{}}'


async def test_a_line_that_is_no_report_is_rejected_though_it_is_alone() -> None:
    with pytest.raises(NotDelivered) as caught:
        await isolating(read_types, LONG)(batch_of([UNKNOWN]))

    assert [it.line for it in caught.value.rejected] == [UNKNOWN]


async def test_lines_that_are_no_reports_are_rejected_though_there_are_no_others() -> None:
    with pytest.raises(NotDelivered) as caught:
        await isolating(read_types, LONG)(batch_of([UNKNOWN] * 5))

    assert len(caught.value.rejected) == 5


async def test_what_a_sink_raises_from_its_tasks_counts_as_raised_by_itself() -> None:
    async def send(some: Batch) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read_types, some)

    with pytest.raises(NotDelivered) as caught:
        await isolating(send, LONG)(batch_of([*lines(3), UNKNOWN]))

    assert [it.line for it in caught.value.rejected] == [UNKNOWN]


async def test_when_time_is_up_the_rest_of_the_batch_is_left_for_later(autojump_clock: MockClock) -> None:
    stumbling = Stumbling({"0", "6"})

    async def send(some: Batch) -> None:
        await trio.sleep(1)
        await stumbling(some)

    with pytest.raises(NotDelivered) as caught:
        await isolating(send, 4)(batch(8))

    assert names(it.line for it in caught.value.rejected) == ["0"]
    assert names(caught.value.again) == ["2", "3", "4", "5", "6", "7"]


async def test_time_is_not_up_before_something_is_known(autojump_clock: MockClock) -> None:
    stumbling = Stumbling({"0", "6"})

    async def send(some: Batch) -> None:
        await trio.sleep(1)
        await stumbling(some)

    with pytest.raises(NotDelivered) as caught:
        await isolating(send, 1)(batch(8))

    assert names(caught.value.again) == ["2", "3", "4", "5", "6", "7"]
