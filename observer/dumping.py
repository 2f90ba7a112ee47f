"""Dumps of guests' sessions, as a part of the node that starts and ends with it."""

from collections.abc import Callable

import trio

from dumps.dump import Dump, Head
from dumps.formats import Kind, jitsi_client_type, jitsi_head, rtcstats_head, stats_format_of
from dumps.keeping import Keeping
from dumps.settings import Dumps
from ingest.guest_sessions import Began
from observer.metrics.guests import DumpsWatched


class Dumping:
    """Keeps dumps while it runs. `now` is in ms since the epoch."""

    def __init__(self, settings: Dumps, now: Callable[[], int]) -> None:
        self._keeping = keeping = Keeping(settings, now)
        self._ended = trio.Event()
        self.watched = DumpsWatched(settings, keeping.recorder.figures, keeping.filing, keeping.retention)

    def opened(self, began: Began) -> Dump:
        """The dump of a session that begins."""
        return self._keeping.recorder.opened(_head(began))

    async def run(self) -> None:
        """Write, complete, enter and delete, until it is stopped and a while after."""
        try:
            await self._keeping.run()
        finally:
            self._ended.set()

    def stop(self) -> None:
        """No dump begins any more: write what is left, and complete it."""
        self._keeping.recorder.stop()

    async def ended(self, until: float) -> None:
        """Wait until that is done, up to a time of trio's; what is not done then is done after a start."""
        with trio.move_on_at(until):
            await self._ended.wait()


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
