"""Samples by WebSocket: one message after the other; while one waits for room, the session is not read."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass

import trio

import web
from ingest.incoming import BadSamples, Incoming, incoming
from ingest.intake import Intake
from ingest.statistics import Refused, Transport
from schemas.samples import Samples

PATH = "/samples/{serviceId}/{mediaUnitId}"

NOT_READY, INTERNAL_ERROR, DISABLED = 4226, 4227, 4229
"""Our close codes besides that of `BadSamples`."""

KEEP_ALIVE = "message"

Put = Callable[[Samples, int], Awaitable[None]]
"""Takes samples and the bytes they came in; waits until there is room for them."""

Admits = Callable[[], str | None]
"""``None``, or why no session is admitted now."""

Departed = Callable[[str, Collection[str]], None]
"""Told when a session has closed: its service, and its clients."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Serves sessions."""

    intake: Intake
    put: Put
    admits: Admits
    departed: Departed

    async def serve(self, request: web.Request, websocket: web.WebSocket) -> None:
        """Serves one session until it closes; raises `web.Refusal` with a close code of ours.

        When it has closed its clients have departed, except when the node stops: they will come back to another.
        """
        try:
            of = self._admit(request)
        except BadSamples as bad:
            raise self._refusal(bad) from None
        heard: set[str] = set()
        stopped = False
        try:
            await self._listen(of, websocket, heard)
        except BadSamples as bad:
            raise self._refusal(bad) from None
        except (trio.Cancelled, web.Stopped):
            stopped = True
            raise
        finally:
            if heard and not stopped:
                self.departed(of.service_id, heard)

    def _admit(self, request: web.Request) -> Incoming:
        """Whose samples the session brings. Raises `BadSamples`."""
        sources = self.intake.sources
        if not sources.websocket.enabled:
            raise BadSamples("The websocket is disabled", Refused.DISABLED, close_code=DISABLED)
        of = incoming(request.parameters, request.query, sources.max_id_length)
        reason = self.admits()
        if reason is not None:
            raise BadSamples(reason, Refused.NOT_READY, close_code=NOT_READY)
        return of

    async def _listen(self, of: Incoming, websocket: web.WebSocket, heard: set[str]) -> None:
        """Takes message after message, and keeps in `heard` the clients that are there."""
        interval = self.intake.sources.websocket.keep_alive_interval_in_s
        spoken_at = trio.current_time()
        while True:
            await self._take(await websocket.receive(), of, heard)
            if trio.current_time() - spoken_at > interval:
                await websocket.send_text(KEEP_ALIVE)
                spoken_at = trio.current_time()

    async def _take(self, data: bytes, of: Incoming, heard: set[str]) -> None:
        """Takes one message. A function of its own, so that a session that waits for the next one holds none."""
        samples = self.intake.take(data, of, Transport.WEBSOCKET, heard)
        self._remember(heard, (client.client_id for client in samples.clients))
        heard.difference_update(samples.leaving)
        await self.put(samples, len(data))

    def _refusal(self, bad: BadSamples) -> web.Refusal:
        self.intake.statistics.refused[bad.refused] += 1
        return web.Refusal(bad.close_code, bad.reason)

    def _remember(self, heard: set[str], client_ids: Iterable[str]) -> None:
        most = self.intake.sources.websocket.max_clients_per_session
        for client_id in client_ids:
            if client_id in heard:
                continue
            if len(heard) < most:
                heard.add(client_id)
            else:
                self.intake.statistics.forgotten_clients += 1
