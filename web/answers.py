"""The bytes of answers. What answers have in common is put together once."""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from web.requests import Response

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")
_HEADS_KEPT = 256

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"

Headers = tuple[tuple[str, str], ...]


def encode(response: Response, more: Headers, *, without_body: bool, last: bool) -> bytes:
    """An answer with its date and its length, and with the headers `more`; `last` says that no other will follow.

    Raises `ValueError` for headers that cannot be sent.
    """
    head = _head(response.status, response.headers, more, len(response.body), last) + _date(int(time.time()))
    return head if without_body else head + response.body


@lru_cache(_HEADS_KEPT)
def _head(status: int, headers: Headers, more: Headers, length: int, last: bool) -> bytes:
    lines = [f"HTTP/1.1 {status} {_reason(status)}"]
    for name, value in (*headers, *more):
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"The header {name!r} cannot be sent")
        lines.append(f"{name}: {value}")
    if status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {length}")
    if last:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "Date: "]).encode("ascii")


@lru_cache(1)
def _date(now: int) -> bytes:
    return formatdate(now, usegmt=True).encode("ascii") + b"\r\n\r\n"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
