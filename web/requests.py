"""A request and its answer as values: no sockets, no waiting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from web.statistics import Ended

_MOST_QUERY_FIELDS = 64
_TARGETS_KEPT = 1024
_LONGEST_KEPT = 512

_NOTHING: Mapping[str, str] = MappingProxyType({})

Target = tuple[tuple[str, ...], Mapping[str, str]]


def nobody() -> None:
    """The address of a peer that has none."""


class Request(msgspec.Struct):
    """One HTTP request. `target` is as it was sent; `segments`, `query` and `parameters`, which it holds, are
    percent-decoded. Names of `headers` are in lower case.

    `parameters` are what the path holds where its route's path has ``{names}``. `checked` is what its route's check
    made of it, ``None`` without one; `checked_before` is what a check made of the one before on the same connection,
    which a check may return again. `body` is inflated, and empty until it has come. `at_once` says that it came with
    the head and as it is, so that nothing has happened since the check. `peer_address` tells the address of who is
    connected, which may be a proxy; ``None`` where there is none.
    """

    method: str
    target: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = _NOTHING
    headers: Mapping[str, str] = _NOTHING
    parameters: Mapping[str, str] = _NOTHING
    body: bytes = b""
    checked: object = None
    checked_before: object = None
    at_once: bool = False
    peer_address: Callable[[], str | None] = nobody


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


class Malformed(HttpError):
    """Bytes that are no request, or none that is understood here. `ended` says as what it counts."""

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(status, text or _MALFORMED[status])
        self.ended = Ended.HEAD_TOO_LARGE if status == 431 else Ended.MALFORMED


_MALFORMED = {
    400: "This is no HTTP request",
    431: "The head is too long",
    501: "The transfer encoding is not known here",
    505: "This version of HTTP is not spoken here",
}


def text_response(status: int, text: str, *headers: tuple[str, str]) -> Response:
    """An answer in plain text."""
    return Response(status, text.encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))


def read_target(target: str) -> Target:
    """The segments of the path and the query that a request's target holds, decoded. Raises `ValueError`.

    Who sends again mostly sends to the same target, so what was read last is kept.
    """
    return _read_again(target) if len(target) <= _LONGEST_KEPT else _read(target)


def _read(target: str) -> Target:
    path, query = _split(target)
    return (
        tuple(unquote(segment, errors="strict") for segment in _segments(path)),
        dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_QUERY_FIELDS)),
    )


_read_again = lru_cache(_TARGETS_KEPT)(_read)


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
