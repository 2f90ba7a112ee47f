"""Between the sockets and the pipeline: batches by count, by bytes and by time, and a bound that is felt."""

import trio
from trio.testing import MockClock

from observer.intake import Departed, Intake, SamplesCollector
from schemas.messages import Samples


def message(unit: str = "mu") -> Samples:
    return Samples("svc", unit, [])


async def test_a_batch_goes_when_its_time_is_over(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_time_in_ms=100))
    intake.offer(message("a"), 1)

    batch = await intake.take(10)

    assert trio.current_time() == 0.1
    assert [item.media_unit_id for item in batch if isinstance(item, Samples)] == ["a"]


async def test_a_batch_that_is_full_goes_at_once(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_items=2, max_time_in_ms=100))
    intake.offer(message(), 1)
    intake.offer(message(), 1)

    assert len(await intake.take(10)) == 2
    assert trio.current_time() == 0


async def test_an_eager_taker_is_content_with_a_small_batch(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(batch_bytes=10))
    intake.offer(message(), 10)

    assert len(await intake.take(10, eager=True)) == 1
    assert trio.current_time() == 0


async def test_who_is_not_eager_waits_for_a_large_one(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(batch_bytes=10, max_time_in_ms=100))
    intake.offer(message(), 10)

    assert len(await intake.take(10)) == 1
    assert trio.current_time() == 0.1


async def test_who_can_wait_does_while_an_eager_taker_has_enough(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(batch_bytes=100))
    await intake.take(0, eager=True)
    intake.offer(message(), 124)
    assert intake.pause() is None
    intake.offer(message(), 1)
    pause = intake.pause()
    assert pause is not None

    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.take, 10, True)
        await pause

    assert intake.pause() is None


async def test_nobody_pauses_for_a_taker_that_wants_large_batches(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(batch_bytes=10, max_bytes=1000))
    await intake.take(0)
    intake.offer(message(), 999)

    assert intake.pause() is None


async def test_nobody_pauses_once_it_is_closed(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(batch_bytes=10))
    await intake.take(0, eager=True)
    intake.offer(message(), 100)
    intake.close()

    assert intake.pause() is None


async def test_bytes_fill_a_batch_too(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_bytes=10, max_time_in_ms=100))
    intake.offer(message(), 10)

    refused = intake.offer(message(), 1)

    assert not refused
    assert len(await intake.take(10)) == 1
    assert trio.current_time() == 0


async def test_nothing_to_take_ends_at_the_deadline(autojump_clock: MockClock) -> None:
    assert await Intake(SamplesCollector()).take(5) == []
    assert trio.current_time() == 5


async def test_a_batch_that_gathers_for_long_holds_nobody_beyond_the_deadline(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_time_in_ms=60_000))
    intake.offer(message(), 1)

    early = await intake.take(5)
    asked_again_at = trio.current_time()
    batch = await intake.take(100)

    assert (early, asked_again_at) == ([], 5)
    assert len(batch) == 1
    assert trio.current_time() == 60


async def test_a_batch_is_taken_at_once_when_its_time_is_over(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_time_in_ms=100))
    intake.offer(message(), 1)
    await trio.sleep(30)

    assert len(await intake.take(10)) == 1
    assert trio.current_time() == 30


async def test_who_puts_into_a_full_intake_waits_until_there_is_room(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_items=1))
    taken: list[str] = []

    async def put(unit: str) -> None:
        await intake.put(message(unit), 1)
        taken.append(unit)

    async with trio.open_nursery() as nursery:
        for unit in ("a", "b", "c"):
            nursery.start_soon(put, unit)
        await trio.testing.wait_all_tasks_blocked()
        assert len(taken) == 1
        for _ in range(3):
            assert len(await intake.take(10)) == 1
            await trio.testing.wait_all_tasks_blocked()

    assert sorted(taken) == ["a", "b", "c"]


async def test_a_departure_stays_in_its_place_among_the_messages(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector(max_items=2))
    intake.offer(message("a"), 1)
    intake.departed("svc", {"alice"})
    intake.offer(message("b"), 1)

    kinds = [type(item) for item in await intake.take(10)]

    assert kinds == [Samples, Departed, Samples]


async def test_a_departure_alone_makes_a_batch(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector())
    intake.departed("svc", {"alice"})

    assert await intake.take(10) == [Departed("svc", {"alice"})]


async def test_a_closed_intake_gives_at_once_what_it_holds_and_takes_nothing_more(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector())
    intake.offer(message(), 1)
    intake.close()

    refused = intake.offer(message(), 1)
    batch = await intake.take(10)

    assert not refused
    assert len(batch) == 1
    assert trio.current_time() == 0
    assert intake.exhausted


async def test_an_intake_that_closes_wakes_who_waits_for_samples(autojump_clock: MockClock) -> None:
    intake = Intake(SamplesCollector())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(intake.take, 1000)
        await trio.testing.wait_all_tasks_blocked()
        intake.close()

    assert trio.current_time() == 0
