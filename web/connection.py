"""One connection: what its conversation needs is seen to, each in limited time."""

import math
from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import Any

import trio

from web import answers
from web.conversation import Conversation
from web.peer import End, Need, Peer, Phase, Wait
from web.requests import Request, Response, text_response
from web.resting import AtRest
from web.routing import agreed
from web.shared import Shared
from web.statistics import Ended
from web.streams import RECEIVE_SIZE, Stream, TcpStream, close_gently, peer_address
from web.websocket import serve_session


class Connection:
    """Serves one connection. What goes wrong with it ends it, is counted, and goes no further.

    Its task sleeps while the peer rests. A request that comes whole and is answered at once does not wake it: see
    `web.resting`. All else is awaited within a scope, which is cancelled when a phase takes longer than its limit.
    """

    __slots__ = ("_peer", "_scope", "_shared", "_steps", "_stream")

    def __init__(self, stream: Stream, shared: Shared) -> None:
        self._stream = stream
        self._shared = shared
        self._scope = trio.CancelScope()
        self._peer = Peer(shared.limits, shared.statistics)
        self._steps = Conversation(self._peer, shared, partial(peer_address, stream)).steps()

    async def serve(self) -> None:
        """Answers until the connection ends, then closes the stream. Raises nothing for what a peer may do."""
        session = None
        stop = self._stop
        self._shared.connections.add(stop)
        try:
            with self._scope:
                session = await self._converse()
            if self._scope.cancelled_caught:
                # What the request held is given back before its peer is told.
                self._steps.close()
                await self._end_slow()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The peer is gone.
            pass
        finally:
            self._shared.connections.discard(stop)
            self._steps.close()
            if session is None:
                await close_gently(self._stream, self._shared.limits.close_timeout_in_s)
        if session is not None:
            served = self._serve_session(session)
            # A session may be open for days: nothing of what opened it is held.
            del session, stop, self._peer, self._steps
            await served

    def _stop(self) -> None:
        """Ends the connection if no request is in hand; otherwise it ends with that request's answer."""
        if self._peer.phase in (Phase.RESTING, Phase.HEAD):
            self._peer.phase = Phase.RESTING
            self._scope.cancel()

    async def _converse(self) -> Request | None:
        """Answers requests until there are no more, or until one opens a WebSocket: then that one."""
        need = next(self._steps)
        while not isinstance(need, End):
            rests = need is Wait.MORE and self._peer.phase is Phase.RESTING
            need = await (self._rest() if rests else self._meet(need))
        return need.session

    async def _rest(self) -> Need:
        """Waits for what the peer says next; who rests for too long says no more. What is needed then."""
        stream, attending = self._stream, self._shared.attending
        self._scope.deadline = math.inf
        if attending is not None and isinstance(stream, TcpStream):
            at_rest = AtRest(stream, self._peer, self._steps)
            if await at_rest.listen(attending):
                return at_rest.need
        with trio.move_on_after(self._peer.rest_timeout):
            return self._steps.send(bytes(await stream.receive_some(RECEIVE_SIZE)))
        return self._steps.send(b"")

    async def _meet(self, need: Wait | bytes | Awaitable[Response]) -> Need:
        """Does what is needed; what is needed next."""
        seconds = self._peer.time_limit()
        if seconds is not None:
            # One scope for the whole connection costs less than one for each phase.
            self._scope.relative_deadline = seconds
        if need is Wait.MORE:
            return self._steps.send(bytes(await self._stream.receive_some(RECEIVE_SIZE)))
        if need is Wait.TURN:
            await trio.lowlevel.checkpoint()
        elif isinstance(need, bytes):
            await self._stream.send_all(need)
        else:
            return await self._await(need)
        return next(self._steps)

    async def _await(self, answer: Awaitable[Response]) -> Need:
        try:
            response = await answer
        except Exception as error:
            return self._steps.throw(error)
        return self._steps.send(response)

    async def _end_slow(self) -> None:
        """Ends the exchange whose phase took too long: with 408 where the peer waits for an answer."""
        statistics, limits = self._shared.statistics, self._shared.limits
        match self._peer.phase:
            case Phase.HEAD | Phase.BODY as phase:
                statistics.ended[Ended.HEAD_TIMEOUT if phase is Phase.HEAD else Ended.BODY_TIMEOUT] += 1
                slow = text_response(408, "The request took too long")
                with trio.move_on_after(limits.close_timeout_in_s):
                    await self._stream.send_all(answers.encode(slow, (), without_body=False, last=True))
                    statistics.requests[slow.status] += 1
            case Phase.WRITING:
                statistics.ended[Ended.WRITE_TIMEOUT] += 1
                await trio.aclose_forcefully(self._stream)
            case _:
                pass

    def _serve_session(self, request: Request) -> Coroutine[Any, Any, None]:
        shared = self._shared
        route, request.parameters = shared.routes.websocket(request.segments)
        if shared.gathering is not None and isinstance(self._stream, TcpStream):
            self._stream.gather(shared.gathering)
        return serve_session(
            self._stream,
            request.headers["sec-websocket-key"],
            agreed(route, request.headers.get("sec-websocket-protocol")),
            self._peer.early,
            partial(route.serve, request),
            route.failure,
            route.limits,
            shared.limits,
            shared.statistics,
            shared.watch,
        )
