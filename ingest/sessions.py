"""Samples by WebSocket: one message after the other; while one waits for room, the session is not read."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import trio

import web
from ingest.access_tokens import expired
from ingest.decoder import Decoder, Heard
from ingest.grants import Grant
from ingest.incoming import BadSamples, Format, Incoming
from ingest.intake import Intake
from ingest.json_samples import UNDECODABLE
from ingest.statistics import Refused, Transport
from schemas.messages import Samples

PATH = "/samples/{serviceId}/{mediaUnitId}"

NOT_READY, INTERNAL_ERROR, DISABLED = 4226, 4227, 4229
"""Our close codes besides those of `BadSamples` and of access tokens."""

KEEP_ALIVE = "message"

Put = Callable[[Samples, int], Awaitable[None]]
"""Takes samples and the bytes they came in; waits until there is room for them."""

Admits = Callable[[], str | None]
"""``None``, or why no session is admitted now."""

Departed = Callable[[str, Collection[str], Collection[str]], None]
"""Told when a session has closed: its service, its clients, and its SFUs."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Serves sessions."""

    intake: Intake
    put: Put
    admits: Admits
    departed: Departed

    async def serve(self, request: web.Request, websocket: web.WebSocket) -> None:
        """Serves one session until it closes; raises `web.Refusal` with a close code of ours.

        When it has closed its clients and SFUs have departed, except when the node stops: they will come back to
        another.
        """
        try:
            of = self._admit(request)
            with self._counted(of.grant):
                await self._serve(of, websocket)
        except BadSamples as bad:
            self.intake.statistics.refused[bad.refused] += 1
            raise web.Refusal(bad.close_code, bad.reason) from None

    def _admit(self, request: web.Request) -> Incoming:
        """Whose samples the session brings. Raises `BadSamples`."""
        if not self.intake.sources.websocket.enabled:
            raise BadSamples("The websocket is disabled", Refused.DISABLED, close_code=DISABLED)
        grant = self.intake.grant(request)
        of = self.intake.incoming(request, grant)
        reason = self.admits()
        if reason is not None:
            raise BadSamples(reason, Refused.NOT_READY, close_code=NOT_READY)
        return of

    def _counted(self, grant: Grant | None) -> AbstractContextManager[None]:
        """Counts the session as one of its token. Raises `BadSamples` if there are too many."""
        access = self.intake.access
        return nullcontext() if access is None or grant is None else access.session(grant)

    async def _serve(self, of: Incoming, websocket: web.WebSocket) -> None:
        """Takes message after message. Raises `BadSamples`."""
        heard = Heard(set(), set())
        stopped = False
        decoder = self.intake.decoder(of)
        try:
            await self._listen(decoder, websocket, heard)
        except (trio.Cancelled, web.Stopped):
            stopped = True
            raise
        finally:
            decoder.done()
            if (heard.clients or heard.sfus) and not stopped:
                self.departed(of.service_id, heard.clients, heard.sfus)

    async def _listen(self, decoder: Decoder, websocket: web.WebSocket, heard: Heard) -> None:
        """Takes message after message, and keeps in `heard` who is there."""
        interval = self.intake.sources.websocket.keep_alive_interval_in_s
        spoken_at = trio.current_time()
        while True:
            await self._take(await self._receive(decoder.of, websocket), decoder, heard)
            if trio.current_time() - spoken_at > interval:
                await websocket.send_text(KEEP_ALIVE)
                spoken_at = trio.current_time()

    async def _receive(self, of: Incoming, websocket: web.WebSocket) -> bytes:
        """The next message. Raises `BadSamples` when the session's token is over."""
        grant = of.grant
        if grant is None or grant.expires is None:
            # A deadline for each message would cost a tenth of all that a message costs.
            return await self._message(of, websocket)
        while True:
            with trio.move_on_at(trio.current_time() + max(0.0, grant.expires - self.intake.now()) / 1000):
                return await self._message(of, websocket)
            # The clock on the wall may have been set back meanwhile.
            if grant.is_over(self.intake.now()):
                raise expired()

    async def _message(self, of: Incoming, websocket: web.WebSocket) -> bytes:
        """The next message. Raises `BadSamples` for text where protobuf was announced."""
        data = await websocket.receive()
        if of.format is Format.PROTOBUF and websocket.received_text:
            raise BadSamples(f"{UNDECODABLE}: protobuf comes in binary frames", Refused.UNDECODABLE)
        return data

    async def _take(self, data: bytes, decoder: Decoder, heard: Heard) -> None:
        """Takes one message. A function of its own, so that a session that waits for the next one holds none."""
        samples = self.intake.take(data, decoder, Transport.WEBSOCKET, heard)
        self._remember(heard.clients, (client.client_id for client in samples.clients))
        self._remember(heard.sfus, (sfu.sfu_id for sfu in samples.sfus))
        heard.clients.difference_update(samples.leaving)
        heard.sfus.difference_update(samples.leaving_sfus)
        await self.put(samples, len(data))

    def _remember(self, heard: set[str], ids: Iterable[str]) -> None:
        most = self.intake.sources.websocket.max_clients_per_session
        for id_ in ids:
            if id_ in heard:
                continue
            if len(heard) < most:
                heard.add(id_)
            else:
                self.intake.statistics.forgotten_clients += 1
