"""Paths whose end is free, sub-protocols that are agreed on, and where a session comes from."""

import pytest
import trio

from tests.web.serving import Answer, handshake, ignore, serving
from web import Request, Routes, Server, WebSocket, WebSocketRoute
from web.routing import Speaks, match


@pytest.mark.parametrize(
    ("segments", "rest"),
    [(("stats",), ""), (("stats", "a"), "a"), (("stats", "a", "b c"), "a/b c"), (("stats", "", "b"), "/b")],
)
def test_a_rest_is_all_that_follows(segments: tuple[str, ...], rest: str) -> None:
    assert match("/stats/{rest...}", segments) == {"rest": rest}


@pytest.mark.parametrize("segments", [(), ("stat",), ("a", "stats")])
def test_what_stands_before_a_rest_must_fit(segments: tuple[str, ...]) -> None:
    assert match("/stats/{rest...}", segments) is None


def test_names_stand_before_a_rest() -> None:
    assert match("/{tenant}/stats/{rest...}", ("t", "stats", "a", "b")) == {"tenant": "t", "rest": "a/b"}
    assert match("/{tenant}/stats/{rest...}", ("", "stats", "a")) is None


def test_a_path_that_is_a_rest_takes_everything() -> None:
    assert match("/{rest...}", ()) == {"rest": ""}
    assert match("/{rest...}", ("a", "b")) == {"rest": "a/b"}


async def shaken(speaks: Speaks | None, *headers: str) -> Answer:
    """How a handshake with these headers is answered."""
    routes = Routes(websockets=[WebSocketRoute("/session", spoken_to, speaks=speaks)])
    async with serving(routes) as served:
        return await served.client().ask(handshake("/session", *headers))


async def spoken_to(request: Request, websocket: WebSocket) -> None:
    await websocket.listen(ignore)


def in_dialect(name: str) -> bool:
    return name.startswith("dialect#")


@pytest.mark.parametrize(
    ("headers", "agreed"),
    [
        (("Sec-WebSocket-Protocol: dialect#5.0",), "dialect#5.0"),
        (("Sec-WebSocket-Protocol: other, dialect#2 ,dialect#1",), "dialect#2"),
        (("Sec-WebSocket-Protocol: other", "Sec-WebSocket-Protocol: dialect#1"), "dialect#1"),
        (("Sec-WebSocket-Protocol: other",), None),
        (("Sec-WebSocket-Protocol: ",), None),
        ((), None),
    ],
)
async def test_the_first_subprotocol_that_a_route_speaks_is_agreed_on(
    headers: tuple[str, ...], agreed: str | None
) -> None:
    answer = await shaken(in_dialect, *headers)

    assert answer.status == 101
    assert answer.headers.get("sec-websocket-protocol") == agreed


async def test_a_route_that_speaks_none_agrees_on_none() -> None:
    assert "sec-websocket-protocol" not in (await shaken(None, "Sec-WebSocket-Protocol: dialect#5.0")).headers


@pytest.mark.parametrize("offered", ["dialect# 5", "dialect#\tx", "dialect#\xe9", 'dialect#"', f"dialect#{'x' * 256}"])
async def test_what_is_no_token_is_not_said_again(offered: str) -> None:
    routes = Routes(websockets=[WebSocketRoute("/session", spoken_to, speaks=lambda name: True)])
    async with serving(routes) as served:
        head = handshake("/session", "Sec-WebSocket-Protocol: @").replace(b"@", offered.encode("latin-1"))
        answer = await served.client().ask(head)

    assert answer.status == 101
    assert "sec-websocket-protocol" not in answer.headers


async def test_a_session_knows_what_is_spoken_and_where_it_comes_from() -> None:
    told: list[tuple[str | None, str | None]] = []

    async def tell(request: Request, websocket: WebSocket) -> None:
        told.append((websocket.subprotocol, websocket.peer_address))

    server = Server(Routes(websockets=[WebSocketRoute("/session", tell, speaks=in_dialect)]))
    async with trio.open_nursery() as nursery:
        (port, *_) = await nursery.start(server.serve, "127.0.0.1", 0)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(handshake("/session", "Sec-WebSocket-Protocol: dialect#1"))
            while await stream.receive_some():
                pass
        nursery.cancel_scope.cancel()

    assert told == [("dialect#1", "127.0.0.1")]
