"""Sockets that are listened to together: everybody is heard, nobody is called in vain, and an error is told its own."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from web.attending import MOST_AT_ONCE, Attending


class Ear:
    """Listens until it has heard so many times, and notes what happens in `notes`."""

    def __init__(self, near: socket.socket, notes: list[str], times: int = 1000) -> None:
        self.near = near
        self.number = near.fileno()
        self.notes = notes
        self.times = times
        self.on_hear: Callable[[], object] = lambda: None

    def hear(self) -> None:
        self.notes.append(f"heard {self.near.recv(100).decode()}")
        self.times -= 1
        self.on_hear()

    def say(self, now: float) -> bool:
        self.notes.append("said")
        return self.times > 0


class Scene:
    """Some who listen, and those who speak to them."""

    def __init__(
        self, attending: Attending, nursery: trio.Nursery, ears: list[Ear], peers: list[socket.socket]
    ) -> None:
        self.attending = attending
        self.nursery = nursery
        self.ears = ears
        self.peers = peers

    async def listen(self, ear: Ear) -> None:
        assert await self.attending.listen(ear.number, ear)
        ear.notes.append("wants no more")

    async def listening(self) -> None:
        for ear in self.ears:
            self.nursery.start_soon(self.listen, ear)
        await wait_all_tasks_blocked()


@asynccontextmanager
async def scene(number: int = 1, times: int = 1000) -> AsyncIterator[Scene]:
    attending, notes = Attending(), list[str]()
    with ExitStack() as stack:
        ears, peers = [], []
        for _ in range(number):
            near, far = (stack.enter_context(closing(it)) for it in socket.socketpair())
            ears.append(Ear(near, notes, times))
            peers.append(far)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(attending.run)
            yield Scene(attending, nursery, ears, peers)
            nursery.cancel_scope.cancel()


async def test_whoever_listens_hears_each_time_and_then_speaks() -> None:
    async with scene() as it:
        await it.listening()
        for word in (b"one", b"two"):
            it.peers[0].send(word)
            await wait_all_tasks_blocked()

        assert it.ears[0].notes == ["heard one", "said", "heard two", "said"]


async def test_what_was_there_before_is_heard() -> None:
    async with scene() as it:
        it.peers[0].send(b"early")
        await it.listening()

        assert it.ears[0].notes == ["heard early", "said"]


async def test_the_end_of_what_a_peer_says_is_heard() -> None:
    async with scene(times=1) as it:
        await it.listening()
        it.peers[0].close()
        await wait_all_tasks_blocked()

        assert it.ears[0].notes == ["heard ", "said", "wants no more"]


async def test_whoever_wants_no_more_is_not_called_again() -> None:
    async with scene(times=1) as it:
        await it.listening()
        for word in (b"one", b"two"):
            it.peers[0].send(word)
            await wait_all_tasks_blocked()

        assert it.ears[0].notes == ["heard one", "said", "wants no more"]


async def test_whoever_wanted_no_more_may_listen_again() -> None:
    async with scene(times=1) as it:
        for word in (b"one", b"two"):
            await it.listening()
            it.peers[0].send(word)
            await wait_all_tasks_blocked()

        assert it.ears[0].notes == ["heard one", "said", "wants no more", "heard two", "said", "wants no more"]


async def test_whoever_gave_up_listening_hears_nothing_and_may_listen_again() -> None:
    async with scene() as it:
        with trio.move_on_after(0):
            await it.listen(it.ears[0])
        it.peers[0].send(b"late")
        await wait_all_tasks_blocked()
        before = list(it.ears[0].notes)
        await it.listening()

        assert (before, it.ears[0].notes) == ([], ["heard late", "said"])


async def test_all_are_heard_before_the_first_is_answered() -> None:
    async with scene(3) as it:
        for peer in it.peers:
            peer.send(b"x")
        await it.listening()

        assert it.ears[0].notes == ["heard x"] * 3 + ["said"] * 3


async def test_of_many_that_speak_at_once_everybody_is_heard_and_others_have_their_turn_in_between() -> None:
    number = 3 * MOST_AT_ONCE
    async with scene(number) as it:
        await it.listening()
        notes, turns = it.ears[0].notes, []

        async def watch() -> None:
            while len(notes) < 2 * number:
                await trio.lowlevel.checkpoint()
                turns.append(len(notes))

        for peer in it.peers:
            peer.send(b"x")
        await watch()

    assert {*turns} & {2 * MOST_AT_ONCE, 4 * MOST_AT_ONCE}
    assert {*turns} <= {0, 2 * MOST_AT_ONCE, 4 * MOST_AT_ONCE, 6 * MOST_AT_ONCE}


@pytest.mark.parametrize("act", ["hear", "say"])
async def test_an_error_is_told_whoever_listens_and_nobody_else(act: str) -> None:
    async with scene(2) as it:
        for ear, peer in zip(it.ears, it.peers, strict=True):
            ear.near.setblocking(False)
            peer.send(b"x")
        failing, other = it.ears

        class Failing:
            def hear(self) -> None:
                failing.hear()
                assert act != "hear", "cannot hear"

            def say(self, now: float) -> bool:
                raise AssertionError("cannot say")

        it.nursery.start_soon(it.listen, other)
        with pytest.raises(AssertionError, match=f"cannot {act}"):
            await it.attending.listen(failing.number, Failing())
        await wait_all_tasks_blocked()

        assert other.notes.count("said") == 1


async def test_one_listener_may_end_another() -> None:
    async with scene(2) as it:
        scopes = [trio.CancelScope(), trio.CancelScope()]

        async def listen(mine: int) -> None:
            it.ears[mine].on_hear = scopes[1 - mine].cancel
            with scopes[mine]:
                await it.listen(it.ears[mine])

        it.nursery.start_soon(listen, 0)
        it.nursery.start_soon(listen, 1)
        await wait_all_tasks_blocked()
        for peer in it.peers:
            peer.send(b"x")
        await wait_all_tasks_blocked()

        assert it.ears[0].notes == ["heard x", "said"]


async def test_a_peer_that_says_nothing_costs_nothing(autojump_clock: MockClock) -> None:
    waits = 0

    class Waits(trio.abc.Instrument):
        def before_io_wait(self, timeout: float) -> None:
            nonlocal waits
            waits += 1

    async with scene(2) as it:
        await it.listening()
        trio.lowlevel.add_instrument(Waits())
        await trio.sleep(1000)

    assert waits < 10


async def test_when_it_has_ended_nobody_is_listened_to() -> None:
    async with scene() as it:
        pass

    assert not await it.attending.listen(0, it.ears[0])


async def test_what_cannot_be_watched_is_not_listened_to(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with scene() as it:
        with (tmp_path_factory.mktemp("here") / "file").open("w") as file:
            assert not await it.attending.listen(file.fileno(), it.ears[0])
