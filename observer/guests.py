"""Guests: clients of rtcstats and of Jitsi, and what of them is kept. All of it is off unless it is configured.

What guests tell goes the way of all samples. This wires what is theirs alone: their routes, the dumps of their
sessions, and what all nodes hold of them.
"""

from collections.abc import Callable, Sequence

import trio

import ingest
import web
from ingest.client_metrics import ClientMetricsStatistics, client_metrics_routes
from ingest.intake import Obscure
from observer.admission import Admission
from observer.config.guests import GuestSettings
from observer.dumping import Dumping
from observer.intake import Intake
from observer.keeping import Keeping
from observer.metrics.guests import GuestsWatched


class Reception:
    """Serves guests while it runs. Raises `ValueError` for settings that do not go together."""

    def __init__(
        self,
        settings: GuestSettings,
        sources: ingest.Sources,
        *,
        intake: Intake,
        admission: Admission,
        keeping: Keeping,
        now: Callable[[], int],
        fresh_id: Callable[[], str],
        statistics: ingest.Statistics,
        obscure: Obscure | None,
    ) -> None:
        self._dumping = None if settings.dumps is None else Dumping(settings.dumps, now)
        self._guests: ingest.Guests | None = None
        if settings.rtcstats is not None or settings.jitsi is not None:
            self._guests = ingest.guest_routes(
                settings.rtcstats,
                settings.jitsi,
                sources,
                offer=intake.offer,
                put=intake.put,
                admits=admission.refusal,
                departed=intake.departed,
                now=now,
                fresh_id=fresh_id,
                statistics=statistics,
                guest_statistics=ingest.GuestStatistics(),
                max_remembered_size=settings.max_remembered_size,
                obscure=obscure,
                opened=self._dumping.opened if self._dumping else None,
                keep=keeping.keep,
                kept=keeping.kept_one,
            )
        self.websockets: Sequence[web.WebSocketRoute] = self._guests.routes() if self._guests else ()
        self.pages: Sequence[web.Route] = ()
        self.pushed: ClientMetricsStatistics | None = None
        """What came of client metrics, if they are taken."""
        if settings.client_metrics is not None:
            self.pushed = ClientMetricsStatistics()
            self.pages = client_metrics_routes(
                settings.client_metrics, values=keeping, takes=admission.post_refusal, statistics=self.pushed
            )

    @property
    def watched(self) -> GuestsWatched | None:
        """What is told of sessions of guests, and of their dumps; None where none are taken."""
        if self._guests is None:
            return None
        return GuestsWatched(self._guests.statistics, self._dumping.watched if self._dumping else None)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do what is to be done now and then, and keep dumps, until it is closed."""
        async with trio.open_nursery() as nursery:
            if self._guests is not None:
                nursery.start_soon(self._guests.run)
            task_status.started()
            if self._dumping is not None:
                await self._dumping.run()
                nursery.cancel_scope.cancel()

    def close(self) -> None:
        """No guest comes any more: what is left of their dumps is written, and these are completed."""
        if self._guests is not None:
            self._guests.close()
        if self._dumping is not None:
            self._dumping.stop()

    async def ended(self, until: float) -> None:
        """Wait until dumps are completed, up to a time of trio's; what is not done then is done after a start."""
        if self._dumping is not None:
            await self._dumping.ended(until)
