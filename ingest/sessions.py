"""Samples by WebSocket: one message after the other; while one waits for room, the session is not read."""

import math
from collections.abc import Awaitable, Callable, Collection
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
from ingest.rest import Offer
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
    offer: Offer
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
            del request  # A session may be open for days, and needs nothing of it any more.
            with self._counted(of.grant):
                await _Session(self, self.intake.decoder(of, Transport.WEBSOCKET), websocket).serve()
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


class _Session:
    """One session: who was heard in it, and what it is to be told and when."""

    __slots__ = ("_decoder", "_expires", "_heard", "_of", "_parts", "_scope", "_silent_until", "_websocket")

    def __init__(self, parts: Sessions, decoder: Decoder, websocket: web.WebSocket) -> None:
        self._parts = parts
        self._decoder = decoder
        self._of = of = decoder.of
        self._expires = math.inf if of.grant is None or of.grant.expires is None else of.grant.expires
        self._websocket = websocket
        self._heard = Heard(set(), set())
        self._silent_until = trio.current_time() + parts.intake.sources.websocket.keep_alive_interval_in_s
        """Until when nothing need be said, in trio's time."""
        self._scope: trio.CancelScope | None = None

    async def serve(self) -> None:
        """Takes message after message. Raises `BadSamples`."""
        stopped = False
        try:
            await self._listen()
        except (trio.Cancelled, web.Stopped):
            stopped = True
            raise
        finally:
            self._decoder.done()
            if (self._heard.clients or self._heard.sfus) and not stopped:
                self._parts.departed(self._of.service_id, self._heard.clients, self._heard.sfus)

    async def _listen(self) -> None:
        """Listens until the session, or its token, is over. Raises `BadSamples`."""
        if self._expires == math.inf:
            await self._websocket.listen(self._take)
        while True:
            with trio.CancelScope(deadline=self._end_of_token()) as self._scope:
                await self._websocket.listen(self._take)
            # The clock on the wall may have been set back meanwhile.
            if self._parts.intake.now() >= self._expires:
                raise expired()

    def _end_of_token(self) -> float:
        """When the session's token is over, in trio's time, as far as the clock on the wall tells now."""
        return trio.current_time() + max(0.0, self._expires - self._parts.intake.now()) / 1000

    def _take(self, data: bytes, text: bool) -> Awaitable[None] | None:
        """Takes one message; returns what is still to be done for it, if anything. Raises `BadSamples`."""
        if text and self._of.format is Format.PROTOBUF:
            raise BadSamples(f"{UNDECODABLE}: protobuf comes in binary frames", Refused.UNDECODABLE)
        parts, heard = self._parts, self._heard
        samples = parts.intake.take(data, self._decoder, heard)
        for client in samples.clients:
            if client.client_id not in heard.clients:
                self._remember(heard.clients, client.client_id)
        if samples.sfus or samples.leaving or samples.leaving_sfus:
            for sfu in samples.sfus:
                if sfu.sfu_id not in heard.sfus:
                    self._remember(heard.sfus, sfu.sfu_id)
            heard.clients.difference_update(samples.leaving)
            heard.sfus.difference_update(samples.leaving_sfus)
        if not parts.offer(samples, len(data)):
            return self._finish(parts.put(samples, len(data)))
        return None if self._websocket.spoken_at <= self._silent_until else self._finish(None)

    async def _finish(self, wait: Awaitable[None] | None) -> None:
        """Waits until there is room for the samples, and says that we live if that is due.

        They were received in time, so the end of the token waits for them.
        """
        if self._scope is not None:
            self._scope.deadline = math.inf
        if wait is not None:
            await wait
        if trio.current_time() > self._silent_until:
            await self._websocket.send_text(KEEP_ALIVE)
            interval = self._parts.intake.sources.websocket.keep_alive_interval_in_s
            self._silent_until = trio.current_time() + interval
        if self._scope is not None:
            self._scope.deadline = self._end_of_token()

    def _remember(self, heard: set[str], id_: str) -> None:
        if len(heard) < self._parts.intake.sources.websocket.max_clients_per_session:
            heard.add(id_)
        else:
            self._parts.intake.statistics.forgotten_clients += 1
