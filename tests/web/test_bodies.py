import gzip
import zlib

import pytest
import trio

from tests.web.serving import ECHO, echo, post, serving
from web import Ended, HttpError, Limits, Request, Response, Route, Routes
from web.bodies import BodiesFull, Body, BodyTooLarge, ByteBudget

pytestmark = pytest.mark.usefixtures("wires")


async def test_a_gzipped_body_is_inflated() -> None:
    async with serving(ECHO) as served:
        assert (await served.client().ask(post(gzip.compress(b"hello" * 99), "Content-Encoding: GZip"))).body == (
            b"hello" * 99
        )


async def test_a_deflated_body_is_inflated() -> None:
    async with serving(ECHO) as served:
        assert (await served.client().ask(post(zlib.compress(b"hello"), "Content-Encoding: deflate"))).body == b"hello"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"no gzip at all", id="not-gzip"),
        pytest.param(gzip.compress(b"hello")[:-9], id="cut"),
        pytest.param(gzip.compress(b"hello") + b"more", id="more-behind-it"),
        pytest.param(gzip.compress(b"a")[:5], id="cut-in-its-head"),
    ],
)
async def test_a_body_that_cannot_be_inflated_is_refused(body: bytes) -> None:
    async with serving(ECHO) as served:
        client = served.client()

        assert (await client.ask(post(body, "Content-Encoding: gzip"))).status == 400
        assert (await client.ask(post(b"hello"))).body == b"hello"


@pytest.mark.hostile
def test_a_bomb_is_given_up_at_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    budget = ByteBudget(1_000_000)
    body = Body({"content-encoding": "gzip"}, 10_000, budget)

    with pytest.raises(BodyTooLarge):
        body.feed(bomb)
    body.release()
    assert budget.free == 1_000_000


async def test_a_bomb_is_answered_413() -> None:
    async with serving(ECHO, Limits(max_body_size=10_000)) as served:
        bomb = gzip.compress(b"\0" * 1_000_000)

        assert (await served.client().ask(post(bomb, "Content-Encoding: gzip"))).status == 413
        assert served.server.statistics.ended == {Ended.BODY_TOO_LARGE: 1}


def test_a_body_as_large_as_allowed_is_taken() -> None:
    body = Body({"content-encoding": "gzip"}, 10_000, ByteBudget(1_000_000))
    body.feed(gzip.compress(b"x" * 10_000))

    assert len(body.finish()) == 10_000


def test_a_body_may_be_inflated_in_pieces() -> None:
    body = Body({"content-encoding": "gzip"}, 10_000, ByteBudget(1_000_000))
    for byte in gzip.compress(b"hello"):
        body.feed(bytes([byte]))

    assert body.finish() == b"hello"


def test_a_body_that_says_it_is_too_large_is_not_awaited() -> None:
    with pytest.raises(BodyTooLarge):
        Body({"content-length": "11"}, 10, ByteBudget(100))


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(HttpError) as raised:
        Body({"content-encoding": "zstd"}, 10, ByteBudget(100))

    assert raised.value.response.status == 415


def test_all_bodies_together_have_a_bound() -> None:
    budget = ByteBudget(10)
    first, second = Body({}, 100, budget), Body({}, 100, budget)
    first.feed(b"x" * 6)
    with pytest.raises(BodiesFull):
        second.feed(b"x" * 6)

    first.release()
    second.feed(b"x" * 6)

    assert second.finish() == b"x" * 6


async def test_what_exceeds_the_bound_of_all_bodies_is_answered_503() -> None:
    answering, go_on = trio.Event(), trio.Event()

    async def wait(request: Request) -> Response:
        answering.set()
        await go_on.wait()
        return Response()

    routes = Routes(http=[Route("POST", "/wait", wait), Route("POST", "/echo", echo)])
    async with serving(routes, Limits(max_bodies_size=100)) as served:
        slow, other = served.client(), served.client()
        await slow.stream.send_all(post(b"x" * 60, path="/wait"))
        await answering.wait()
        refused = await other.ask(post(b"x" * 60))
        go_on.set()

        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert (await slow.answer()).status == 200
        assert (await served.client().ask(post(b"x" * 60))).status == 200


async def test_a_route_may_have_a_bound_of_its_own() -> None:
    async with serving(Routes(http=[Route("POST", "/echo", echo, max_body_size=3)])) as served:
        assert (await served.client().ask(post(b"four"))).status == 413
