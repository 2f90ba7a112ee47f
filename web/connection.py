"""One connection: its requests are answered one after the other, until it ends or becomes a WebSocket."""

import logging
import re
from dataclasses import dataclass, field, replace
from functools import partial

import trio

from web.bodies import BodiesFull, Body, BodyTooLarge, ByteBudget
from web.limits import Limits
from web.peer import Peer, Phase
from web.requests import HttpError, Request, Response, text_response, tokens
from web.routing import Route, Routes
from web.statistics import Ended, Statistics
from web.streams import Stream, close_gently
from web.websocket import WebSocket, serve_session

logger = logging.getLogger(__name__)

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
"""16 bytes as base64 (RFC 6455, 4.1)."""


@dataclass(slots=True)
class Shared:
    """What all connections of one server share."""

    routes: Routes
    limits: Limits
    statistics: Statistics
    bodies: ByteBudget
    connections: set["Connection"] = field(default_factory=set)
    sessions: set[WebSocket] = field(default_factory=set)
    stopping: bool = False


class Connection:
    """Serves one connection. What goes wrong with it ends it, is counted, and goes no further."""

    def __init__(self, stream: Stream, shared: Shared) -> None:
        self._stream = stream
        self._shared = shared
        self._peer = Peer(stream, shared.limits, shared.statistics)

    async def serve(self) -> None:
        """Answers until the connection ends, then closes the stream. Raises nothing for what a peer may do."""
        session = None
        self._shared.connections.add(self)
        try:
            with self._peer.scope:
                session = await self._converse()
            if self._peer.scope.cancelled_caught:
                await self._peer.end_slow()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # The peer is gone.
            pass
        finally:
            self._shared.connections.discard(self)
            if session is None:
                await close_gently(self._stream, self._shared.limits.close_timeout_in_s)
        if session is not None:
            await self._serve_session(session)

    def stop(self) -> None:
        """Ends the connection if no request is in hand; otherwise it ends with that request's answer."""
        if self._peer.phase in (Phase.RESTING, Phase.HEAD):
            self._peer.phase = Phase.RESTING
            self._peer.scope.cancel()

    async def _converse(self) -> Request | None:
        """Answers requests until there are no more, or until one opens a WebSocket: then that one."""
        request: Request | None = None
        more = True
        while more and not self._shared.stopping:
            try:
                request = None
                request = await self._peer.receive_head()
                if request is None:
                    return None
                if "websocket" in tokens(request.headers.get("upgrade")):
                    self._check_handshake(request)
                    return request
                response = await self._answer(request)
            except HttpError as error:
                response = error.response
            more = await self._send(response, request)
        return None

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return self._options(request)
        route, request = self._shared.routes.find(request)
        self._check(route, request)
        limit = self._shared.limits.max_body_size if route.max_body_size is None else route.max_body_size
        body = Body(request.headers, limit, self._shared.bodies)
        try:
            request = replace(request, body=await self._peer.receive_body(body))
            return await self._ask(route, request)
        except BodyTooLarge:
            self._shared.statistics.ended[Ended.BODY_TOO_LARGE] += 1
            raise
        except BodiesFull:
            self._shared.statistics.ended[Ended.BODIES_FULL] += 1
            raise
        finally:
            body.release()

    def _check(self, route: Route, request: Request) -> None:
        """Raises `HttpError` for a request whose body need not be read."""
        if route.check is None:
            return
        try:
            route.check(request)
        except HttpError:
            raise
        except Exception:
            logger.exception("Checking %s %s failed", route.method, route.path)
            self._shared.statistics.failures += 1
            raise HttpError(500, "Internal error") from None

    async def _ask(self, route: Route, request: Request) -> Response:
        self._peer.answering()
        try:
            return await route.answer(request)
        except HttpError as error:
            return error.response
        except Exception:
            logger.exception("Answering %s %s failed", route.method, route.path)
            self._shared.statistics.failures += 1
            return text_response(500, "Internal error")

    def _options(self, request: Request) -> Response:
        methods = self._shared.routes.methods(request)
        allow = ("Allow", ", ".join(methods))
        cors = self._shared.routes.cors
        if cors is None or "access-control-request-method" not in request.headers:
            return Response(204, headers=(allow,))
        return Response(204, headers=(allow, *cors.on_preflight(methods)))

    async def _send(self, response: Response, request: Request | None) -> bool:
        cors = self._shared.routes.cors
        if cors is not None and request is not None:
            headers = (*response.headers, *cors.on_answer(request.headers.get("origin")))
            response = replace(response, headers=headers)
        last = self._shared.stopping or not self._peer.request_is_whole
        return await self._peer.send(response, without_body=request is not None and request.method == "HEAD", last=last)

    def _check_handshake(self, request: Request) -> None:
        """Raises `HttpError` for a request that cannot become a WebSocket."""
        self._shared.routes.websocket(request)
        headers = request.headers
        if headers.get("sec-websocket-version") != "13":
            wrong = HttpError(426, "WebSocket version 13 is spoken here", ("Sec-WebSocket-Version", "13"))
        elif (
            request.method == "GET"
            and "upgrade" in tokens(headers.get("connection"))
            and _KEY.fullmatch(headers.get("sec-websocket-key", ""))
            and self._peer.request_is_whole
        ):
            return
        else:
            wrong = HttpError(400, "This is no WebSocket handshake")
        self._shared.statistics.ended[Ended.HANDSHAKE_INVALID] += 1
        raise wrong

    async def _serve_session(self, request: Request) -> None:
        shared = self._shared
        route, request = shared.routes.websocket(request)
        await serve_session(
            self._stream,
            request.headers["sec-websocket-key"],
            self._peer.early,
            partial(route.serve, request),
            route.failure,
            route.limits,
            shared.limits,
            shared.statistics,
            shared.sessions,
        )
