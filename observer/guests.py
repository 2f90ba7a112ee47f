"""Guests: clients of rtcstats and of Jitsi, and what of them is kept. All of it is off unless it is configured.

What guests tell goes the way of all samples. This wires what is theirs alone: their routes, the dumps of their
sessions, and what all nodes hold of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

import ingest
import web
from dumps.dump import Dump, Head
from dumps.figures import DumpFigures
from dumps.formats import Kind, jitsi_client_type, jitsi_head, rtcstats_head, stats_format_of
from dumps.recorder import Completed, Recorder
from dumps.settings import Dumps
from ingest.client_metrics import ClientMetricsStatistics, client_metrics_routes
from ingest.guest_sessions import Began
from ingest.guest_statistics import GuestStatistics
from ingest.guests import Guests, guest_routes
from observer.admission import Admission
from observer.config.guests import GuestSettings
from observer.intake import Intake
from observer.keeping import Keeping


@dataclass(frozen=True)
class GuestFigures:
    """What is counted of guests; None for what is not configured."""

    sessions: GuestStatistics | None
    dumps: DumpFigures | None
    client_metrics: ClientMetricsStatistics | None


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
        obscure: Callable[..., None] | None,
    ) -> None:
        self._recorder = _recorder(settings.dumps, now)
        guests = settings.rtcstats is not None or settings.jitsi is not None
        self._guests: Guests | None = None
        if guests:
            self._guests = guest_routes(
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
                guest_statistics=GuestStatistics(),
                obscure=obscure,
                opened=self._opened if self._recorder else None,
                keep=keeping.keep,
                kept=keeping.kept_one,
            )
        pushed = ClientMetricsStatistics() if settings.client_metrics else None
        self.figures = GuestFigures(
            self._guests.statistics if self._guests else None,
            self._recorder.figures if self._recorder else None,
            pushed,
        )
        self.websockets: Sequence[web.WebSocketRoute] = self._guests.routes() if self._guests else ()
        self.http: Sequence[web.Route] = ()
        if settings.client_metrics is not None and pushed is not None:
            self.http = client_metrics_routes(
                settings.client_metrics, values=keeping, takes=admission.post_refusal, statistics=pushed
            )
        self._ended = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep dumps, and do what is to be done now and then, until it is closed."""
        try:
            async with trio.open_nursery() as nursery:
                if self._guests is not None:
                    nursery.start_soon(self._guests.run)
                task_status.started()
                if self._recorder is not None:
                    await self._recorder.run()
                    nursery.cancel_scope.cancel()
        finally:
            self._ended.set()

    def close(self) -> None:
        """No guest comes any more: what is left of their dumps is written, and these are completed."""
        if self._guests is not None:
            self._guests.close()
        if self._recorder is not None:
            self._recorder.stop()

    async def ended(self, until: float) -> None:
        """Wait until dumps are completed, up to a time of trio's; what is not done then is done after a start."""
        if self._recorder is not None:
            with trio.move_on_at(until):
                await self._ended.wait()

    def _opened(self, began: Began) -> Dump:
        assert self._recorder is not None  # noqa: S101 - nobody opens dumps where there are none
        return self._recorder.opened(_head(began))


def _recorder(settings: Dumps | None, now: Callable[[], int]) -> Recorder | None:
    return None if settings is None else Recorder(settings, DumpFigures(), _forgotten, now)


async def _forgotten(completed: Completed) -> None:
    """What becomes of a completed dump where no catalogue is kept."""


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
