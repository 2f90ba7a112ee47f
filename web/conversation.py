"""What is said on one connection: its requests are answered one after the other, until it ends or becomes a WebSocket.

No sockets and no waiting: what is needed is yielded, and whoever runs the steps sees to it.
"""

import logging
import re
from collections.abc import Callable

from web.bodies import BodiesFull, Body, BodyTooLarge, WholeBody
from web.heads import Head
from web.peer import End, Peer, Steps
from web.requests import HttpError, Malformed, Request, Response, nobody, read_target, text_response, tokens
from web.routing import Check, Route
from web.shared import Shared
from web.statistics import Ended

logger = logging.getLogger(__name__)

_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
"""16 bytes as base64 (RFC 6455, 4.1)."""


class Conversation:
    """With one peer, whose address can be asked for. What goes wrong in it ends it, is counted, and goes no further."""

    __slots__ = ("_checked", "_peer", "_peer_address", "_shared")

    def __init__(self, peer: Peer, shared: Shared, peer_address: Callable[[], str | None] = nobody) -> None:
        self._peer = peer
        self._shared = shared
        self._peer_address = peer_address
        self._checked: object = None

    def steps(self) -> Steps[None]:
        """Answers requests until there are no more, or until one opens a WebSocket; the last need is `End`."""
        more = True
        while more and not self._shared.stopping:
            head: Head | None = None
            request: Request | None = None
            try:
                head = yield from self._peer.receive_head()
                if head is None:
                    break
                request = _request_of(head)
                request.peer_address = self._peer_address
                if "upgrade" in head.headers and "websocket" in tokens(head.headers["upgrade"]):
                    self._check_handshake(request)
                    yield End(request)
                response = yield from self._answer(request)
            except Malformed as error:
                self._shared.statistics.ended[error.ended] += 1
                response = error.response
            except HttpError as error:
                response = error.response
            more = yield from self._send(response, head)
            # It may be large, and the connection may rest for long.
            del response
        yield End(None)

    def _answer(self, request: Request) -> Steps[Response]:
        shared = self._shared
        if request.method == "OPTIONS":
            return self._options(request)
        route, request.parameters = shared.routes.find(request.method, request.segments)
        if route.check is not None:
            self._check(route, route.check, request)
        limit = shared.limits.max_body_size if route.max_body_size is None else route.max_body_size
        body: Body | WholeBody | None = None
        try:
            whole = None if "content-encoding" in request.headers else self._peer.whole_body()
            if whole is None:
                body = Body(request.headers, limit, shared.bodies)
                yield from self._peer.receive_body(body)
                request.body = body.finish()
            else:
                body = WholeBody(whole, limit, shared.bodies)
                request.at_once = True
                request.body = whole
            return (yield from self._ask(route, request))
        except BodyTooLarge:
            shared.statistics.ended[Ended.BODY_TOO_LARGE] += 1
            raise
        except BodiesFull:
            shared.statistics.ended[Ended.BODIES_FULL] += 1
            raise
        finally:
            if body is not None:
                body.release()

    def _check(self, route: Route, check: Check, request: Request) -> None:
        """Raises `HttpError` for a request whose body need not be read."""
        request.checked_before = self._checked
        try:
            request.checked = self._checked = check(request)
        except HttpError:
            raise
        except Exception:
            raise HttpError(500, self._failed("Checking", route)) from None

    def _ask(self, route: Route, request: Request) -> Steps[Response]:
        try:
            answer = route.answer(request)
            if isinstance(answer, Response):
                return answer
            self._peer.answering()
            awaited: Response = yield answer
            return awaited
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

    def _send(self, response: Response, head: Head | None) -> Steps[bool]:
        cors = self._shared.routes.cors
        headers = cors.on_answer(head.headers.get("origin")) if cors is not None and head is not None else ()
        without_body = head is not None and head.method == "HEAD"
        return self._peer.send(response, headers, without_body=without_body, last=self._shared.stopping)

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


def _request_of(head: Head) -> Request:
    """The request whose head it is, without its body. Raises `Malformed`."""
    try:
        segments, query = read_target(head.target)
    except ValueError:
        raise Malformed(400, "The path or the query cannot be read") from None
    return Request(head.method, head.target, segments, query, head.headers)
