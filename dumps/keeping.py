"""All that a node does about dumps: they are written, completed, entered in the catalogue, and deleted in the end."""

from collections.abc import Callable

import trio

from dumps.completion import Completed
from dumps.figures import DumpFigures
from dumps.filing import Filing, FilingFigures
from dumps.recorder import Recorder
from dumps.retention import Retention, RetentionFigures
from dumps.settings import Dumps


class Keeping:
    """Keeps dumps for as long as it runs. Sessions ask `recorder` for theirs, and `recorder.stop` lets `run` end."""

    def __init__(self, settings: Dumps, now_ms: Callable[[], int]) -> None:
        self.settings = settings
        self.recorder = Recorder(settings, DumpFigures(), self._file, now_ms)
        self.filing = FilingFigures()
        self.retention = RetentionFigures()
        self._now_ms = now_ms
        self._filing: Filing | None = None

    async def run(self) -> None:
        """As `dumps.recorder.Recorder.run`; meanwhile dumps are deleted when they are due."""
        settings = self.settings
        async with settings.chosen_catalogue().opened() as catalogue, trio.open_nursery() as nursery:
            self._filing = Filing(catalogue, self.filing)
            storage = settings.chosen_storage()
            nursery.start_soon(Retention(settings.keep, catalogue, storage, self._now_ms, self.retention).run)
            await self.recorder.run()
            nursery.cancel_scope.cancel()

    async def _file(self, one: Completed) -> None:
        assert self._filing is not None  # noqa: S101 - dumps are completed while it runs
        await self._filing(one)
