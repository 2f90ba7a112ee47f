"""Who asks is known by its address, on either family of addresses."""

import pytest
import trio

from tests.web.serving import serving
from web import Limits, Request, Response, Route, Routes, Server


def told(request: Request) -> Response:
    return Response(body=str(request.peer_address()).encode())


ROUTES = Routes(http=(Route("GET", "/who", told),))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_address_of_a_peer_is_told(host: str) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(ROUTES, Limits())
        (port, *_) = await nursery.start(server.serve, host, 0)
        async with await trio.open_tcp_stream(host, port) as stream:
            await stream.send_all(b"GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join([bytes(data) async for data in stream])
        nursery.cancel_scope.cancel()

    assert answer.endswith(b"\r\n\r\n" + host.encode())


async def test_a_peer_without_an_address_is_nobody() -> None:
    async with serving(ROUTES) as served:
        answer = await served.client().ask(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.body == b"None"
