import logging
import time
from email.utils import parsedate_to_datetime

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.web.serving import ECHO, Client, echo, get, post, serving
from web import Cors, HttpError, Limits, Request, Response, Route, Routes, Server, WebSocketRoute

pytestmark = pytest.mark.usefixtures("wires")


async def test_a_request_is_answered() -> None:
    async with serving(ECHO) as served:
        answer = await served.client().ask(post(b"hello"))

    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("path", ["/echo", "/later"])
async def test_a_connection_is_kept_for_the_next_request(path: str) -> None:
    async with serving(ECHO) as served:
        client = served.client()
        bodies = [(await client.ask(post(body, path=path))).body for body in (b"one", b"two", b"three")]

        assert bodies == [b"one", b"two", b"three"]
        assert served.server.statistics.opened_connections == 1
        assert served.server.statistics.requests == {200: 3}


async def test_requests_sent_at_once_are_answered_in_order() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        await client.stream.send_all(post(b"one") + post(b"two", path="/later") + post(b"three"))

        assert [(await client.answer()).body for _ in range(3)] == [b"one", b"two", b"three"]


async def test_what_comes_in_pieces_is_answered_when_it_is_whole() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        for byte in post(b"hello") + post(b"again"):
            await client.stream.send_all(bytes([byte]))
            await wait_all_tasks_blocked()

        assert [(await client.answer()).body for _ in range(2)] == [b"hello", b"again"]
        assert (await client.ask(post(b"whole"))).body == b"whole"


async def test_a_body_that_is_longer_than_one_read_is_taken_whole_and_answered_whole() -> None:
    body = bytes(range(256)) * 20_000
    async with serving(ECHO) as served:
        client = served.client()
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.stream.send_all, post(body))
                assert (await client.answer()).body == body


async def test_an_answer_that_a_connection_does_not_hold_is_sent_whole() -> None:
    body = bytes(range(256)) * 20_000
    routes = Routes(http=[Route("GET", "/", lambda request: Response(body=body))])
    async with serving(routes) as served:
        client = served.client()

        assert [(await client.ask(get())).body == body for _ in range(2)] == [True, True]


async def test_who_sends_many_requests_at_once_does_not_keep_the_others_waiting() -> None:
    asked = []

    def note(request: Request) -> Response:
        asked.append(request.segments)
        return Response()

    many = 1000
    routes = Routes(http=[Route("GET", "/many", note), Route("GET", "/other", note)])
    async with trio.open_nursery() as nursery:
        [port] = await nursery.start(Server(routes).serve, "127.0.0.1", 0)
        eager, other = [Client(await trio.open_tcp_stream("127.0.0.1", port)) for _ in range(2)]
        await eager.stream.send_all(get("/many") * many)
        await other.stream.send_all(get("/other"))
        await other.answer()
        for _ in range(many):
            await eager.answer()
        for client in (eager, other):
            await client.stream.aclose()
        nursery.cancel_scope.cancel()

    assert asked.index(("other",)) < many - 1


async def test_a_request_may_arrive_byte_by_byte() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        for byte in post(b"hello"):
            await client.stream.send_all(bytes([byte]))

        assert (await client.answer()).body == b"hello"


async def test_a_chunked_body_is_put_together() -> None:
    chunked = (
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    )
    async with serving(ECHO) as served:
        assert (await served.client().ask(chunked)).body == b"abcde"


async def test_who_waits_to_go_on_is_told_to_each_time() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        for _ in range(4):
            await client.stream.send_all(
                b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
            )

            assert (await client.answer()).status == 100
            assert (await client.ask(b"ok")).body == b"ok"


async def test_who_waits_to_go_on_with_too_much_is_refused_at_once() -> None:
    async with serving(ECHO, Limits(max_body_size=10)) as served:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"

        assert (await served.client().ask(head)).status == 413


async def test_who_does_not_wait_to_go_on_is_not_told_to() -> None:
    async with serving(ECHO) as served:
        assert (await served.client().ask(post(b"ok", "Expect: 100-continue"))).body == b"ok"


@pytest.mark.parametrize("offered", ["h2c", "TLS/1.0, foo/1"])
async def test_who_offers_another_protocol_is_answered_in_this_one(offered: str) -> None:
    async with serving(ECHO) as served:
        client = served.client()
        request = post(
            b"hello", f"Upgrade: {offered}", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk"
        )

        assert (await client.ask(request)).body == b"hello"
        assert (await client.ask(post(b"again"))).body == b"again"


async def test_a_tunnel_is_not_opened() -> None:
    async with serving(ECHO) as served:
        client = served.client()

        assert (await client.ask(b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n")).status == 501
        assert (await client.ask(get())).status == 200


async def test_what_is_malformed_behind_a_request_is_told_behind_its_answer() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        await client.stream.send_all(post(b"hello") + b"nonsense\r\n\r\n" + post(b"never"))

        assert (await client.answer()).body == b"hello"
        refusal = await client.answer()
        assert (refusal.status, refusal.headers["connection"]) == (400, "close")
        assert await client.ended()


async def test_a_body_that_is_refused_is_not_read_as_a_request() -> None:
    async with serving(ECHO, Limits(max_body_size=3)) as served:
        client = served.client()
        await client.stream.send_all(post(get("/smuggled")) + get())

        assert [(await client.answer()).status for _ in range(2)] == [413, 200]
        assert served.server.statistics.requests == {413: 1, 200: 1}


async def test_an_answer_bears_its_date() -> None:
    async with serving(ECHO) as served:
        date = (await served.client().ask(get())).headers["date"]

    assert abs(parsedate_to_datetime(date).timestamp() - time.time()) < 60


async def test_head_is_answered_like_get_without_a_body() -> None:
    async def page(request: Request) -> Response:
        return Response(body=b"page")

    async with serving(Routes(http=[Route("GET", "/", page)])) as served:
        client = served.client()
        answer = await client.ask(get(method="HEAD"), has_body=False)

        assert (answer.status, answer.headers["content-length"]) == (200, "4")
        assert (await client.ask(get())).body == b"page"


async def test_a_client_of_http_1_0_is_answered_and_left() -> None:
    async with serving(ECHO) as served:
        client = served.client()

        assert (await client.ask(b"GET / HTTP/1.0\r\n\r\n")).status == 200
        assert await client.ended()


async def test_who_asks_to_close_is_left() -> None:
    async with serving(ECHO) as served:
        client = served.client()

        assert (await client.ask(get("/", "Connection: close"))).headers["connection"] == "close"
        assert await client.ended()


async def test_who_sends_no_more_is_still_answered() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        await client.stream.send_all(post(b"last"))
        await client.stream.send_eof()

        assert (await client.answer()).body == b"last"
        assert await client.ended()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get("/nowhere"), 404),
        (get("/echo"), 405),
        (get("/", method="BREW"), 501),
        (get("/", method="TRACE"), 501),
        (get("/session"), 426),
        (get("/%ff"), 400),
        (get("/?a=%ff"), 400),
        (get("/?" + "a=1&" * 65), 400),
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (post(b"x", "Content-Encoding: br"), 415),
        (post(b"x" * 101), 413),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n", 413),
        (get("/", "X-Long: " + "x" * 2000), 431),
    ],
)
async def test_each_error_has_its_status(data: bytes, status: int) -> None:
    async def never(*args: object) -> None:
        raise AssertionError

    routes = Routes(ECHO.http, [WebSocketRoute("/session", never)])
    async with serving(routes, Limits(max_body_size=100, max_head_size=1000)) as served:
        answer = await served.client().ask(data)

        assert answer.status == status
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert 0 < len(answer.body) < 100
        assert served.server.statistics.requests == {status: 1}


async def test_an_endless_head_is_refused() -> None:
    async with serving(ECHO, Limits(max_head_size=1000)) as served:
        assert (await served.client().ask(b"GET / HTTP/1.1\r\nX: " + b"x" * 1001)).status == 431


async def test_a_method_not_allowed_is_answered_with_those_that_are() -> None:
    async with serving(ECHO) as served:
        client = served.client()

        assert (await client.ask(get("/echo"))).headers["allow"] == "POST, OPTIONS"
        assert (await client.ask(get("/", method="DELETE"))).headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_body_that_no_route_takes_does_not_disturb_the_next_request() -> None:
    async with serving(ECHO) as served:
        client = served.client()

        assert (await client.ask(post(b"x", path="/nowhere"))).status == 404
        assert (await client.ask(post(b"hello"))).body == b"hello"


async def test_a_large_body_that_no_route_takes_ends_the_connection() -> None:
    async with serving(ECHO) as served:
        client = served.client()
        answer = await client.ask(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx")

        assert (answer.status, answer.headers["connection"]) == (404, "close")
        assert await client.ended()


async def test_paths_and_queries_are_decoded() -> None:
    seen = []

    async def note(request: Request) -> Response:
        seen.append((dict(request.parameters), dict(request.query)))
        return Response()

    async with serving(Routes(http=[Route("GET", "/samples/{service}/{unit}", note)])) as served:
        client = served.client()
        await client.ask(get("/samples/a%2Fb/%C3%BC%20x/?q=1%202+3&empty="))
        await client.ask(get("http://elsewhere/samples/a/b?q=z"))

    assert seen == [
        ({"service": "a/b", "unit": "ü x"}, {"q": "1 2 3", "empty": ""}),
        ({"service": "a", "unit": "b"}, {"q": "z"}),
    ]


async def test_an_empty_segment_stands_for_nothing() -> None:
    async with serving(Routes(http=[Route("GET", "/samples/{service}/{unit}", echo)])) as served:
        assert (await served.client().ask(get("/samples//unit"))).status == 404


async def test_a_handler_that_never_waits_may_be_a_plain_function() -> None:
    def plain(request: Request) -> Response:
        return Response(body=request.body.upper())

    async with serving(Routes(http=[Route("POST", "/plain", plain)])) as served:
        assert (await served.client().ask(post(b"x", path="/plain"))).body == b"X"


async def test_a_handler_sees_what_the_check_made_of_its_request() -> None:
    def check(request: Request) -> int:
        return len(request.headers["content-length"])

    def answer(request: Request) -> Response:
        return Response(body=str(request.checked).encode())

    async with serving(Routes(http=[Route("POST", "/", answer, check=check)])) as served:
        assert (await served.client().ask(post(b"x" * 10, path="/"))).body == b"2"


async def test_a_check_sees_what_the_one_before_it_made_on_its_connection() -> None:
    def check(request: Request) -> bytes:
        if request.query.get("refused"):
            raise HttpError(403, "No")
        return bytes(str(request.checked_before), "ascii") + b"+"

    def answer(request: Request) -> Response:
        assert isinstance(request.checked, bytes)
        return Response(body=request.checked)

    async with serving(Routes(http=[*ECHO.http, Route("POST", "/", answer, check=check)])) as served:
        client, other = served.client(), served.client()
        assert (await client.ask(post(b"x", path="/"))).body == b"None+"
        assert (await client.ask(post(b"x", path="/?refused=1"))).status == 403
        assert (await client.ask(post(b"hello"))).body == b"hello"
        assert (await client.ask(post(b"x", path="/"))).body == b"b'None+'+"
        assert (await other.ask(post(b"x", path="/"))).body == b"None+"


async def test_a_handler_that_fails_costs_only_its_request(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(request: Request) -> Response:
        raise RuntimeError("a secret")

    async with serving(Routes(http=[*ECHO.http, Route("POST", "/fail", fail)])) as served:
        client = served.client()
        answer = await client.ask(post(b"x", path="/fail"))

        assert (answer.status, answer.body) == (500, b"Internal error")
        assert (await client.ask(post(b"hello"))).body == b"hello"
        assert served.server.statistics.failures == 1
        assert "a secret" in caplog.text


async def test_a_handler_may_answer_with_an_error() -> None:
    async def refuse(request: Request) -> Response:
        raise HttpError(409, "Not now", ("Retry-After", "7"))

    async with serving(Routes(http=[Route("GET", "/", refuse)])) as served:
        answer = await served.client().ask(get())

        assert (answer.status, answer.body, answer.headers["retry-after"]) == (409, b"Not now", "7")


async def test_a_check_that_fails_costs_only_its_request(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Request) -> None:
        raise RuntimeError("a secret")

    async with serving(Routes(http=[*ECHO.http, Route("POST", "/fail", echo, check=fail)])) as served:
        client = served.client()

        assert (await client.ask(post(b"x", path="/fail"))).status == 500
        assert (await client.ask(post(b"hello"))).body == b"hello"
        assert served.server.statistics.failures == 1


async def test_an_answer_that_cannot_be_sent_costs_only_its_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def malformed(request: Request) -> Response:
        return Response(headers=(("X", "a\r\nb"),))

    async with serving(Routes(http=[*ECHO.http, Route("GET", "/bad", malformed)])) as served:
        client = served.client()
        await client.stream.send_all(get("/bad"))

        assert await client.ended()
        assert (await served.client().ask(post(b"hello"))).body == b"hello"
        await client.stream.aclose()
        await wait_all_tasks_blocked()
        assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_options_says_what_is_allowed() -> None:
    async with serving(ECHO) as served:
        answer = await served.client().ask(get("/echo", method="OPTIONS"))

        assert (answer.status, answer.headers["allow"]) == (204, "POST, OPTIONS")


async def test_pages_of_every_origin_may_ask_where_all_are_allowed() -> None:
    async with serving(Routes(ECHO.http, cors=Cors(("*",)))) as served:
        client = served.client()
        answers = [await client.ask(get(path, "Origin: https://a.example")) for path in ("/", "/nowhere")]

        assert [answer.headers["access-control-allow-origin"] for answer in answers] == ["*", "*"]


async def test_only_pages_of_the_allowed_origins_may_ask() -> None:
    async with serving(Routes(ECHO.http, cors=Cors(("https://a.example",)))) as served:
        client = served.client()
        allowed = await client.ask(get("/", "Origin: https://a.example"))
        other = await client.ask(get("/", "Origin: https://b.example"))

        assert allowed.headers["access-control-allow-origin"] == "https://a.example"
        assert "access-control-allow-origin" not in other.headers
        assert allowed.headers["vary"] == other.headers["vary"] == "Origin"


async def test_a_preflight_is_answered() -> None:
    preflight = get("/echo", "Origin: https://a.example", "Access-Control-Request-Method: POST", method="OPTIONS")
    async with serving(Routes(ECHO.http, cors=Cors(max_age_in_s=60))) as served:
        answer = await served.client().ask(preflight)

        assert answer.status == 204
        assert answer.headers["access-control-allow-methods"] == "POST, OPTIONS"
        assert answer.headers["access-control-allow-headers"] == "content-type, content-encoding, authorization"
        assert answer.headers["access-control-max-age"] == "60"
