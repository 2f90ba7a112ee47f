"""What a new client hears at a node's door."""

import trio
from trio_websocket import ConnectionClosed, wrap_client_stream

from observer.simulation.sessions import Refused, rest_session
from tests.faults.node import Node

NOT_READY = (4226, "The service is not ready")
"""What a new session is told by a node that takes none."""

TAKEN = None

_LISTENS = 0.3


async def session_refusal(node: Node) -> tuple[int, str] | None:
    """Code and reason with which a new session is closed; ``None`` if it stays open for a while."""
    closed: tuple[int, str] | None = TAKEN
    with trio.fail_after(5):
        async with await trio.open_tcp_stream(node.host, node.port) as stream, trio.open_nursery() as nursery:
            socket = await wrap_client_stream(nursery, stream, f"{node.host}:{node.port}", "/samples/svc/mu")
            try:
                with trio.move_on_after(_LISTENS):
                    await socket.get_message()
            except ConnectionClosed as error:
                closed = (error.reason.code, error.reason.reason or "") if error.reason else (1006, "")
            nursery.cancel_scope.cancel()
    return closed


async def post_is_refused(node: Node) -> bool:
    """Whether samples by REST are answered 503. Raises `Lost` of the simulation at any other answer but 200."""
    try:
        async with rest_session(f"http://{node.host}:{node.port}/rest/samples/svc/mu", patience=5) as send:
            await send(b"{}")
    except Refused:
        return True
    return False
