"""Which path leads where. A path is written ``/rest/samples/{serviceId}``; a name in braces stands for one segment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from web.cors import Cors
from web.limits import SessionLimits
from web.requests import HttpError, Request, Response
from web.websocket import Refusal, WebSocket

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Answer = Callable[[Request], Awaitable[Response]]
Check = Callable[[Request], None]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. What `answer` raises becomes its `HttpError`'s answer, or 500 and a line in the log.

    `max_body_size` is in bytes; without one the server's holds. `check` sees a request before its body is read, and
    raises `HttpError` for one that is refused whatever follows.
    """

    method: str
    path: str
    answer: Answer
    max_body_size: int | None = None
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class WebSocketRoute:
    """One path for WebSockets. The upgrade always succeeds; `serve` refuses by raising `Refusal`.

    Any other exception of `serve` closes that session with `failure` and is logged.
    """

    path: str
    serve: Callable[[Request, WebSocket], Awaitable[None]]
    limits: SessionLimits = field(default_factory=SessionLimits)
    failure: Refusal = field(default_factory=lambda: Refusal(1011, "Internal error"))


@dataclass(frozen=True, slots=True)
class Routes:
    """All that one server answers to. The first route that fits is taken."""

    http: Sequence[Route] = ()
    websockets: Sequence[WebSocketRoute] = ()
    cors: Cors | None = None

    def websocket(self, request: Request) -> tuple[WebSocketRoute, Request]:
        """The route of a WebSocket, and the request with its parameters. Raises `HttpError` with 404."""
        for route in self.websockets:
            parameters = match(route.path, request.segments)
            if parameters is not None:
                return route, replace(request, parameters=parameters)
        raise _not_found()

    def find(self, request: Request) -> tuple[Route, Request]:
        """The route of a request, and the request with its parameters. A HEAD is led to GET.

        Raises `HttpError`: 404, 405, 426 where only a WebSocket is spoken, 501 for a method nobody knows.
        """
        if request.method not in KNOWN_METHODS:
            raise HttpError(501, "The method is not known here")
        wanted = "GET" if request.method == "HEAD" else request.method
        for route in self.http:
            if route.method == wanted:
                parameters = match(route.path, request.segments)
                if parameters is not None:
                    return route, replace(request, parameters=parameters)
        raise HttpError(405, "The method is not allowed here", ("Allow", ", ".join(self.methods(request))))

    def methods(self, request: Request) -> list[str]:
        """The methods that a request's path takes. Raises `HttpError`: 404, 426 where only a WebSocket is spoken."""
        methods = [route.method for route in self.http if match(route.path, request.segments) is not None]
        if not methods:
            if any(match(route.path, request.segments) is not None for route in self.websockets):
                raise HttpError(426, "A WebSocket is spoken here", ("Upgrade", "websocket"))
            raise _not_found()
        if "GET" in methods:
            methods.append("HEAD")
        return [*methods, "OPTIONS"]


def match(path: str, segments: Sequence[str]) -> Mapping[str, str] | None:
    """What stands in `segments` for the names in `path`; ``None`` where they do not fit. No name is empty."""
    expected = [part for part in path.split("/") if part]
    if len(expected) != len(segments):
        return None
    parameters = {}
    for part, segment in zip(expected, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            parameters[part[1:-1]] = segment
        elif part != segment:
            return None
    return parameters


def _not_found() -> HttpError:
    return HttpError(404, "There is nothing here")
