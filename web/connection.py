"""One connection: its requests are answered one after the other, until it ends or becomes a WebSocket."""

import logging
import re
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio

from web.bodies import BodiesFull, Body, BodyTooLarge, ByteBudget
from web.gathering import Gathering
from web.heads import Head
from web.limits import Limits
from web.peer import Peer, Phase
from web.requests import HttpError, Malformed, Request, Response, read_target, text_response, tokens
from web.routing import Check, Route, Routes
from web.statistics import Ended, Statistics
from web.streams import Stream, TcpStream, close_gently
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
    gathering: Gathering | None = None


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
            served = self._serve_session(session)
            # A session may be open for days: nothing of what opened it is held.
            del session, self._peer
            await served

    def stop(self) -> None:
        """Ends the connection if no request is in hand; otherwise it ends with that request's answer."""
        if self._peer.phase in (Phase.RESTING, Phase.HEAD):
            self._peer.phase = Phase.RESTING
            self._peer.scope.cancel()

    async def _converse(self) -> Request | None:
        """Answers requests until there are no more, or until one opens a WebSocket: then that one."""
        more = True
        while more and not self._shared.stopping:
            head: Head | None = None
            request: Request | None = None
            try:
                head = await self._peer.receive_head()
                if head is None:
                    return None
                request = _request_of(head)
                if "upgrade" in head.headers and "websocket" in tokens(head.headers["upgrade"]):
                    self._check_handshake(request)
                    return request
                response = await self._answer(request)
            except Malformed as error:
                self._shared.statistics.ended[error.ended] += 1
                response = error.response
            except HttpError as error:
                response = error.response
            more = await self._send(response, head)
            # It may be large, and the connection may rest for long.
            del response
        return None

    async def _answer(self, request: Request) -> Response:
        shared = self._shared
        if request.method == "OPTIONS":
            return self._options(request)
        route, request.parameters = shared.routes.find(request.method, request.segments)
        if route.check is not None:
            self._check(route, route.check, request)
        limit = shared.limits.max_body_size if route.max_body_size is None else route.max_body_size
        body = Body(request.headers, limit, shared.bodies)
        try:
            request.body = await self._peer.receive_body(body)
            return await self._ask(route, request)
        except BodyTooLarge:
            shared.statistics.ended[Ended.BODY_TOO_LARGE] += 1
            raise
        except BodiesFull:
            shared.statistics.ended[Ended.BODIES_FULL] += 1
            raise
        finally:
            body.release()

    def _check(self, route: Route, check: Check, request: Request) -> None:
        """Raises `HttpError` for a request whose body need not be read."""
        try:
            request.checked = check(request)
        except HttpError:
            raise
        except Exception:
            raise HttpError(500, self._failed("Checking", route)) from None

    async def _ask(self, route: Route, request: Request) -> Response:
        try:
            answer = route.answer(request)
            if isinstance(answer, Response):
                return answer
            self._peer.answering()
            return await answer
        except HttpError as error:
            return error.response
        except Exception:
            return text_response(500, self._failed("Answering", route))

    def _failed(self, what: str, route: Route) -> str:
        """Notes the exception in hand; says what is told of it."""
        logger.exception("%s %s %s failed", what, route.method, route.path)
        self._shared.statistics.failures += 1
        return "Internal error"

    def _options(self, request: Request) -> Response:
        methods = self._shared.routes.methods(request.segments)
        allow = ("Allow", ", ".join(methods))
        cors = self._shared.routes.cors
        if cors is None or "access-control-request-method" not in request.headers:
            return Response(204, headers=(allow,))
        return Response(204, headers=(allow, *cors.on_preflight(methods)))

    async def _send(self, response: Response, head: Head | None) -> bool:
        cors = self._shared.routes.cors
        headers = cors.on_answer(head.headers.get("origin")) if cors is not None and head is not None else ()
        without_body = head is not None and head.method == "HEAD"
        return await self._peer.send(response, headers, without_body=without_body, last=self._shared.stopping)

    def _check_handshake(self, request: Request) -> None:
        """Raises `HttpError` for a request that cannot become a WebSocket."""
        self._shared.routes.websocket(request.segments)
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

    def _serve_session(self, request: Request) -> Coroutine[Any, Any, None]:
        shared = self._shared
        route, request.parameters = shared.routes.websocket(request.segments)
        if shared.gathering is not None and isinstance(self._stream, TcpStream):
            self._stream.gather(shared.gathering)
        return serve_session(
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


def _request_of(head: Head) -> Request:
    """The request whose head it is, without its body. Raises `Malformed`."""
    try:
        segments, query = read_target(head.target)
    except ValueError:
        raise Malformed(400, "The path or the query cannot be read") from None
    return Request(head.method, head.target, segments, query, head.headers)
