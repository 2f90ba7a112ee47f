"""Spools over many lives: outages, restarts and full disks in an order drawn from a seed. No report is ever missing."""

from pathlib import Path
from random import Random

import pytest
import trio

from sinks.delivery import Delivery
from sinks.fan_out import Deliveries
from sinks.lines import Batch
from sinks.settings import ReportsCollector
from tests.sinks.sinks_for_tests import RecordingSink, reports
from tests.sinks.test_journal import files_of_at_most
from tests.sinks.test_spool import is_balanced, settings, until


class Story:
    """A sink that is up or down, and the nodes that deliver to it, one after the other."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = Random(seed)
        self.up = False
        self.offered = 0
        self.sink = RecordingSink(self.before)
        self._folder = folder

    def before(self, batch: Batch) -> float | None:
        if not self.up and self.chance.random() < 0.9:
            raise ConnectionResetError("down")
        return 0.001 if self.chance.random() < 0.2 else None

    async def life(self, *, steps: int) -> None:
        """A node at work, until it is killed with everything that it took on disk."""
        one = Delivery("mySink", self.sink, settings(self._folder), ReportsCollector(7, 0), lambda: 1.0)
        async with trio.open_nursery() as nursery:
            deliveries = Deliveries([one])
            await nursery.start(deliveries.run)
            for _ in range(steps):
                position = await self._step(deliveries)
                assert is_balanced(one)
            await until(lambda: deliveries.settled() == position)
            nursery.cancel_scope.cancel()

    async def last_life(self) -> None:
        """A node at work until all has arrived."""
        self.up = True
        one = Delivery("mySink", self.sink, settings(self._folder), ReportsCollector(7, 0), lambda: 1.0)
        async with trio.open_nursery() as nursery:
            deliveries = Deliveries([one])
            await nursery.start(deliveries.run)
            await until(lambda: len(set(self.sink.received)) == self.offered)
            await deliveries.drain(10)
        assert is_balanced(one)
        assert one.statistics().spool.spooled == 0

    async def _step(self, deliveries: Deliveries) -> int:
        self.up = self.chance.random() < 0.5
        if self.chance.random() < 0.2:
            with files_of_at_most(self.chance.randrange(1, 5000)):
                position = self._offer(deliveries)
                await trio.sleep(0.002)
        else:
            position = self._offer(deliveries)
        if self.chance.random() < 0.5:
            await trio.sleep(0.001)
        return position

    def _offer(self, deliveries: Deliveries) -> int:
        number = self.chance.randrange(1, 30)
        self.offered += number
        return deliveries.offer(reports(number, self.offered - number))


@pytest.mark.parametrize("seed", range(8))
async def test_every_report_arrives_and_the_first_time_in_its_order(seed: int, tmp_path: Path) -> None:
    story = Story(seed, tmp_path)

    for _ in range(4):
        await story.life(steps=15)
    await story.last_life()

    assert list(dict.fromkeys(story.sink.received)) == [str(number) for number in range(story.offered)]
