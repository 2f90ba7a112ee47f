"""Which path leads where. A path is written ``/rest/samples/{serviceId}``; a name in braces stands for one segment.

A last part ``{rest...}`` stands for all that follows, which may be nothing.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from web.cors import Cors
from web.limits import SessionLimits
from web.requests import HttpError, Request, Response
from web.websocket import Refusal, WebSocket

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_PLACES_KEPT = 512
_PATHS_KEPT = 64

Answer = Callable[[Request], Response | Awaitable[Response]]
Check = Callable[[Request], object]
Speaks = Callable[[str], bool]
"""Whether a sub-protocol that a peer offers is one of a route; never called with anything but a token of HTTP."""

_REST = "..."
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. What `answer` raises becomes its `HttpError`'s answer, or 500 and a line in the log.

    An `answer` that never waits may be a plain function. `max_body_size` is in bytes; without one the server's holds.
    `check` sees a request before its body is read, and raises `HttpError` for one that is refused whatever follows;
    what it returns is the request's `checked`.
    """

    method: str
    path: str
    answer: Answer
    max_body_size: int | None = None
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class WebSocketRoute:
    """One path for WebSockets. The upgrade always succeeds; `serve` refuses by raising `Refusal`.

    Any other exception of `serve` closes that session with `failure` and is logged. Of the sub-protocols that a peer
    offers the first that the route `speaks` is agreed on; a peer that offers none of them is served as well.
    """

    path: str
    serve: Callable[[Request, WebSocket], Awaitable[None]]
    limits: SessionLimits = field(default_factory=SessionLimits)
    failure: Refusal = field(default_factory=lambda: Refusal(1011, "Internal error"))
    speaks: Speaks | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """All that one server answers to. The first route that fits is taken."""

    http: Sequence[Route] = ()
    websockets: Sequence[WebSocketRoute] = ()
    cors: Cors | None = None

    def websocket(self, segments: tuple[str, ...]) -> tuple[WebSocketRoute, Mapping[str, str]]:
        """The route of a WebSocket, and the parameters in its path. Raises `HttpError` with 404."""
        for route in self.websockets:
            parameters = match(route.path, segments)
            if parameters is not None:
                return route, parameters
        raise _not_found()

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Route, Mapping[str, str]]:
        """The route of a request, and the parameters in its path. A HEAD is led to GET.

        Raises `HttpError`: 404, 405, 426 where only a WebSocket is spoken, 501 for a method nobody knows.
        """
        if method not in KNOWN_METHODS:
            raise HttpError(501, "The method is not known here")
        wanted = "GET" if method == "HEAD" else method
        for route in self.http:
            if route.method == wanted:
                parameters = match(route.path, segments)
                if parameters is not None:
                    return route, parameters
        raise HttpError(405, "The method is not allowed here", ("Allow", ", ".join(self.methods(segments))))

    def methods(self, segments: tuple[str, ...]) -> list[str]:
        """The methods that a path takes. Raises `HttpError`: 404, 426 where only a WebSocket is spoken."""
        methods = [route.method for route in self.http if match(route.path, segments) is not None]
        if not methods:
            if any(match(route.path, segments) is not None for route in self.websockets):
                raise HttpError(426, "A WebSocket is spoken here", ("Upgrade", "websocket"))
            raise _not_found()
        if "GET" in methods:
            methods.append("HEAD")
        return [*methods, "OPTIONS"]


def agreed(route: WebSocketRoute, offered: str | None) -> str | None:
    """The first that `route` speaks of the sub-protocols in a header that offers some; ``None`` for none."""
    if offered is None or route.speaks is None:
        return None
    names = (name.strip(" \t") for name in offered.split(","))
    return next((name for name in names if _TOKEN.fullmatch(name) and route.speaks(name)), None)


@lru_cache(_PLACES_KEPT)
def match(path: str, segments: tuple[str, ...]) -> Mapping[str, str] | None:
    """What stands in `segments` for the names in `path`; ``None`` where they do not fit. No name but the rest is empty.

    Senders mostly come again, so what was found last is kept.
    """
    parts, rest = _parts(path)
    if len(segments) < len(parts) or (rest is None and len(segments) > len(parts)):
        return None
    parameters = {} if rest is None else {rest: "/".join(segments[len(parts) :])}
    for (name, part), segment in zip(parts, segments, strict=False):
        if name:
            if not segment:
                return None
            parameters[name] = segment
        elif part != segment:
            return None
    return parameters


@lru_cache(_PATHS_KEPT)
def _parts(path: str) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """The parts of a path between slashes, each with the name in its braces, if any; and the name of the rest."""
    parts = [(part[1:-1] if part.startswith("{") else "", part) for part in path.split("/") if part]
    rest = parts.pop()[0].removesuffix(_REST) if parts and parts[-1][0].endswith(_REST) else None
    return tuple(parts), rest


def _not_found() -> HttpError:
    return HttpError(404, "There is nothing here")
