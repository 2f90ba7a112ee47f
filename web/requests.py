"""A request and its answer as values: no sockets, no waiting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

_MOST_QUERY_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `segments`, `query` and `parameters` are percent-decoded; names of `headers` are lower case.

    `parameters` are what the path holds where its route's path has ``{names}``. `body` is inflated.
    """

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. Its length, its date and what keeps the connection are added when it is sent."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class HttpError(Exception):
    """A request that is answered with an error: `response`."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(status, text)
        self.response = text_response(status, text, *headers)


def text_response(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """An answer in plain text."""
    return Response(status, text.encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))


def request_of(event: h11.Request) -> Request:
    """The request whose head `event` is, without its body. Raises `HttpError` with 400."""
    try:
        path, query = _split(event.target.decode("ascii"))
        return Request(
            event.method.decode("ascii"),
            tuple(unquote(segment, errors="strict") for segment in _segments(path)),
            dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_FIELDS)),
            _headers(event),
        )
    except ValueError:
        raise HttpError(400, "The path or the query cannot be read") from None


def tokens(value: str | None) -> list[str]:
    """The words of a header that is a list with commas, in lower case."""
    return [word.strip().lower() for word in value.split(",")] if value else []


def _split(target: str) -> tuple[str, str]:
    if not target.startswith("/"):
        parts = urlsplit(target)
        return parts.path or "/", parts.query
    path, _, query = target.partition("?")
    return path, query


def _segments(path: str) -> list[str]:
    """The parts of the path between slashes; one slash at the end says nothing."""
    segments = path.removeprefix("/").split("/")
    if segments[-1] == "":
        segments.pop()
    return segments


def _headers(event: h11.Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in event.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
