"""What is answered does not depend on how the bytes were cut on their way."""

import re
from collections.abc import Awaitable, Coroutine, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.serving import ECHO, get, handshake, post
from web import HttpError, Limits, Request, Response, Route, Routes, Statistics
from web.bodies import ByteBudget
from web.conversation import Conversation
from web.peer import End, Peer, Wait
from web.routing import WebSocketRoute
from web.shared import Shared

LIMITS = Limits(max_head_size=1000, max_body_size=100, max_bodies_size=70_000)
CHUNKS = b"5\r\nhello\r\n0;x=y\r\nTrailer: z\r\n\r\n"
CHUNKED = b"POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
REQUESTS = [
    get(),
    get("/nowhere"),
    get("/", method="HEAD"),
    get("/", method="BREW"),
    post(b"hello"),
    post(b"later", path="/later"),
    post(b"refused", path="/refused"),
    post(b"waits", "Expect: 100-continue"),
    CHUNKED,
    CHUNKED.replace(b"5\r", b"z\r"),
    post(b"bye", "Connection: close"),
    b"GET / HTTP/1.1\r\n\r\n",
    get("/", "X: " + "x" * 1000),
    b"nonsense\r\n\r\n",
]

REFUSED_EARLY = [post(b"x" * 101), post(b"no gzip", "Content-Encoding: gzip")]
"""What is wrong with them shows before all of them is there."""


async def serve(*_: object) -> None:
    raise AssertionError("nobody is served here")


async def refuse(request: Request) -> Response:
    raise HttpError(418, "not here")


ROUTES = Routes(
    [*ECHO.http, Route("POST", "/refused", refuse)],
    [WebSocketRoute("/session", serve)],
)


def told(segments: Sequence[bytes]) -> tuple[bytes, Statistics, Request | None, ByteBudget]:
    """All that a peer is told who sends these and then no more; what was counted, and how it ended."""
    statistics, budget, said, waiting = Statistics(), ByteBudget(LIMITS.max_bodies_size), b"", list(segments)
    peer = Peer(LIMITS, statistics)
    steps = Conversation(peer, Shared(ROUTES, LIMITS, statistics, budget)).steps()
    need = next(steps)
    while not isinstance(need, End):
        if need is Wait.MORE:
            need = steps.send(waiting.pop(0) if waiting else b"")
        elif need is Wait.TURN:
            need = next(steps)
        elif isinstance(need, bytes):
            said += need
            need = next(steps)
        else:
            try:
                response = awaited(need)
            except HttpError as error:
                need = steps.throw(error)
            else:
                need = steps.send(response)
    return re.sub(rb"Date: [^\r]*", b"Date", said), statistics, need.session, budget


def awaited(answer: Awaitable[Response]) -> Response:
    """What comes of an answer that does not wait after all."""
    assert isinstance(answer, Coroutine)
    running: Coroutine[Any, Any, Response] = answer
    try:
        running.send(None)
    except StopIteration as end:
        response: Response = end.value
        return response
    raise AssertionError("it waits")


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in pairwise(marks)]


def without_goings_on(said: bytes) -> bytes:
    """A peer is told to go on only if its body is not there yet."""
    return said.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")


@given(st.lists(st.sampled_from(REQUESTS), max_size=5), st.lists(st.integers(0, 10_000), max_size=40))
def test_requests_are_answered_alike_however_they_were_cut(requests: list[bytes], places: list[int]) -> None:
    whole, cut_up = told(requests), told(cut(b"".join(requests), places))

    assert without_goings_on(cut_up[0]) == whole[0]
    assert (cut_up[1].requests, cut_up[1].ended) == (whole[1].requests, whole[1].ended)


@given(st.sampled_from(REFUSED_EARLY), st.lists(st.integers(0, 10_000), max_size=5))
def test_who_is_refused_before_all_of_it_is_there_is_told_that_nothing_else_is_heard(
    request_: bytes, places: list[int]
) -> None:
    whole, cut_up = told([request_ + get()]), told([*cut(request_, places), get()])
    statuses = [re.findall(rb"HTTP/1.1 (\d+)", said) for said in (cut_up[0], whole[0])]

    assert statuses[1][1:] == [b"200"]
    assert statuses[0] == statuses[1][: 1 if b"Connection: close" in cut_up[0] else 2]


@given(st.lists(st.sampled_from(REQUESTS + REFUSED_EARLY), max_size=5), st.lists(st.integers(0, 10_000), max_size=40))
def test_whatever_comes_the_budget_of_bodies_is_whole_in_the_end(requests: list[bytes], places: list[int]) -> None:
    assert told(cut(b"".join(requests), places))[3].free == LIMITS.max_bodies_size


@pytest.mark.parametrize("place", range(0, len(handshake()), 7))
def test_a_handshake_is_one_however_it_was_cut(place: int) -> None:
    said, _, session, _ = told(cut(post(b"before") + handshake(), [place + len(post(b"before"))]))

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert session is not None
    assert session.target == "/session"


def test_who_stops_in_the_middle_of_a_request_is_told_so() -> None:
    assert told([post(b"hello")[:-1]])[0].startswith(b"HTTP/1.1 400 ")
    assert told([get()[:-1]])[0].startswith(b"HTTP/1.1 400 ")
    assert told([])[0] == b""
