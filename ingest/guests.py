"""The routes of guests: of clients that speak neither samples nor with us, but what they tell becomes samples."""

from collections.abc import Callable
from dataclasses import dataclass

import trio

import web
from ingest.guest_sessions import Opened, Receiving
from ingest.guest_settings import Jitsi, Rtcstats
from ingest.guest_statistics import GuestStatistics
from ingest.guest_values import KeepValue, KeptValue
from ingest.intake import Intake, Obscure
from ingest.jitsi import JitsiSessions
from ingest.rest import Offer
from ingest.rtcstats import RtcstatsSessions
from ingest.sessions import Admits, Departed, Put
from ingest.sources import Sources
from ingest.statistics import Statistics
from schemas.deltas import Allowance

_PERIOD = 1.0

MAX_REMEMBERED_SIZE = 2_000_000_000
"""What all sessions together may have remembered, unless it is said otherwise. (bytes, about)"""


@dataclass(frozen=True, slots=True)
class Guests:
    """Serves them. `run` is to run while they are served, and `close` to be called when they are no more."""

    rtcstats: RtcstatsSessions | None
    jitsi: JitsiSessions | None
    statistics: GuestStatistics

    def routes(self) -> tuple[web.WebSocketRoute, ...]:
        """Where they connect to; a route that takes all paths stands last."""
        routes = [sessions.route() for sessions in (self.rtcstats, self.jitsi) if sessions is not None]
        return tuple(sorted(routes, key=lambda route: len(route.path), reverse=True))

    async def run(self) -> None:
        """Does what is to be done now and then, until it is cancelled."""
        while True:
            await trio.sleep(_PERIOD)
            await self.tend()

    async def tend(self) -> None:
        """Forgets sessions that do not come back, and tells all nodes what is new of the others."""
        for sessions in (self.rtcstats, self.jitsi):
            if sessions is not None:
                for _ in sessions.tending():
                    await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Nobody comes back to this node any more."""
        for sessions in (self.rtcstats, self.jitsi):
            if sessions is not None:
                sessions.remembered.forget_all()


def guest_routes(
    rtcstats: Rtcstats | None,
    jitsi: Jitsi | None,
    sources: Sources,
    *,
    offer: Offer,
    put: Put,
    admits: Admits,
    departed: Departed,
    now: Callable[[], int],
    fresh_id: Callable[[], str],
    statistics: Statistics,
    guest_statistics: GuestStatistics,
    max_remembered_size: int = MAX_REMEMBERED_SIZE,
    obscure: Obscure | None = None,
    opened: Opened | None = None,
    keep: KeepValue | None = None,
    kept: KeptValue | None = None,
) -> Guests:
    """Who serves the guests that are configured.

    Samples go where `ingest.routes` sends those of WebSockets. Dumps are `opened` if any are to be kept. By `keep` all
    nodes learn what sessions need to go on at another, and `kept` says what they know. What all sessions together have
    remembered is at most `max_remembered_size`, in bytes, about. Raises `ValueError` for paths
    that are the same.
    """
    if rtcstats is not None and jitsi is not None and rtcstats.path == jitsi.path:
        raise ValueError("rtcstats and jitsi have the same path")
    receiving = Receiving(
        Intake(sources, now, statistics, obscure),
        offer,
        put,
        admits,
        departed,
        fresh_id,
        Allowance(max_remembered_size),
        opened,
        keep,
        kept,
        guest_statistics,
    )
    return Guests(
        RtcstatsSessions(rtcstats, receiving) if rtcstats is not None else None,
        JitsiSessions(jitsi, receiving) if jitsi is not None else None,
        guest_statistics,
    )
