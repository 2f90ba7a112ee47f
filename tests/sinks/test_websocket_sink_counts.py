"""WebsocketSink to a server that says how many reports it has stored."""

import pytest
from wsproto.events import BytesMessage, Event, Ping, TextMessage

from sinks.sink import NotDelivered
from sinks.websocket import WebsocketConfirmation
from tests.sinks.listening import listening
from tests.sinks.sinks_for_tests import batch, delivery, lines, names, reports, running
from tests.sinks.websocket_receiver import WebsocketReceiver, Wire, opened, sink

COUNT = WebsocketConfirmation.COUNT


async def counting(wire: Wire, event: Event) -> bool:
    """Says after each message how many there were. Answers no ping."""
    if isinstance(event, TextMessage) and event.message_finished:
        wire.heard += 1
        await wire.send(TextMessage(str(wire.heard)))
    return isinstance(event, Ping)


async def test_a_batch_may_count_once_the_server_says_that_it_has_stored_it() -> None:
    async with opened(WebsocketReceiver(counting), confirmation=COUNT) as send:
        await send(batch(3))
        await send(batch(2, start=3))


async def test_a_server_that_stores_less_than_it_was_sent_is_waited_for() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        return wire.heard == 2 or await counting(wire, event)

    async with opened(WebsocketReceiver(hear), confirmation=COUNT, answer_timeout_in_s=1) as send:
        with pytest.raises(NotDelivered, match=r"did not answer within 1 s") as partial:
            await send(batch(5))

        assert list(partial.value.again) == lines(3, start=2)


async def test_what_the_server_has_stored_before_it_went_is_not_sent_again() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if wire.heard == 3:
            raise ConnectionError
        return await counting(wire, event)

    receiver = WebsocketReceiver(hear)
    async with listening(receiver) as port:
        one = delivery(sink(port, confirmation=COUNT), chance=lambda: 0.0)
        async with running(one) as deliveries:
            deliveries.offer(reports(10))

    assert names(receiver.messages) == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (TextMessage("2"), "more reports than it was sent"),
        (TextMessage("-1"), "no number"),
        (TextMessage("1.0"), "no number"),
        (TextMessage("9" * 100), "no number"),
        (BytesMessage(b"\xff"), "no number"),
    ],
)
async def test_a_server_that_counts_wrongly_is_left(said: Event, why: str) -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, TextMessage):
            await wire.send(said)
        return False

    async with opened(WebsocketReceiver(hear), confirmation=COUNT) as send:
        with pytest.raises(ConnectionError, match=why):
            await send(batch(1))


async def test_a_count_may_come_in_parts() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        wire.heard += isinstance(event, TextMessage)
        if wire.heard == 12:
            await wire.send(TextMessage("1", message_finished=False))
            await wire.send(TextMessage("2"))
        return False

    async with opened(WebsocketReceiver(hear), confirmation=COUNT) as send:
        await send(batch(12))
