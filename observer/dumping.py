"""Dumps of guests' sessions: who writes them down, where they are entered, and who deletes them in the end."""

from collections.abc import Callable

import trio

from dumps.completion import Completed
from dumps.dump import Dump, Head
from dumps.figures import DumpFigures
from dumps.filing import Filing, FilingFigures
from dumps.formats import Kind, jitsi_client_type, jitsi_head, rtcstats_head, stats_format_of
from dumps.recorder import Recorder
from dumps.retention import Retention, RetentionFigures
from dumps.settings import Dumps
from ingest.guest_sessions import Began
from observer.metrics.guests import DumpsWatched


class Dumping:
    """Keeps dumps while it runs. `now` is in ms since the epoch."""

    def __init__(self, settings: Dumps, now: Callable[[], int]) -> None:
        self._settings = settings
        self._now = now
        self._recorder = Recorder(settings, DumpFigures(), self._completed, now)
        self._filing: Filing | None = None
        self._ended = trio.Event()
        self.watched = DumpsWatched(settings, self._recorder.figures, FilingFigures(), RetentionFigures())

    def opened(self, began: Began) -> Dump:
        """The dump of a session that begins."""
        return self._recorder.opened(_head(began))

    async def run(self) -> None:
        """Write, complete, enter and delete, until it is stopped and a while after."""
        settings, watched = self._settings, self.watched
        try:
            async with settings.chosen_catalogue().opened() as catalogue, trio.open_nursery() as nursery:
                self._filing = Filing(catalogue, watched.filing)
                retention = Retention(settings.keep, catalogue, settings.chosen_storage(), self._now, watched.retention)
                nursery.start_soon(retention.run)
                await self._recorder.run()
                nursery.cancel_scope.cancel()
        finally:
            self._ended.set()

    def stop(self) -> None:
        """No dump begins any more: write what is left, and complete it."""
        self._recorder.stop()

    async def ended(self, until: float) -> None:
        """Wait until that is done, up to a time of trio's; what is not done then is done after a start."""
        with trio.move_on_at(until):
            await self._ended.wait()

    async def _completed(self, one: Completed) -> None:
        if self._filing is None:
            raise ConnectionError("the catalogue is not open yet")
        await self._filing(one)


def _head(began: Began) -> Head:
    kind = Kind(began.kind.value)
    if kind is Kind.RTCSTATS:
        lines = rtcstats_head(
            url=began.target,
            origin=began.origin,
            user_agent=began.user_agent,
            started_ms=began.started_ms,
            remote_addresses=began.addresses,
            client_protocol=began.protocol,
        )
    else:
        lines = jitsi_head(
            path=began.target,
            origin=began.origin,
            user_agent=began.user_agent,
            client_protocol=began.protocol,
            stats_format=stats_format_of(began.user_agent),
            client_type=jitsi_client_type(began.client),
            now_ms=began.started_ms,
        )
    return Head(kind, began.started_ms, tuple(lines), began.id, began.client, began.identity)
