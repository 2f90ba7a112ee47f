"""A WebSocket that says nothing, seen frame by frame: how long it lives behind a proxy."""

import trio
import wsproto
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Request

from tests.deploy.guests import PATH
from tests.deploy.proxies import Proxy

_PATIENCE = 30.0


async def silent_session(proxy: Proxy, seconds: float, body: bytes) -> float:
    """Opens a session, answers pings for more than so many seconds, and then sends this body.

    Returns the longest silence of the client between two pongs (s). Raises `EOFError` when the session is cut.
    """
    plain = await trio.open_tcp_stream(proxy.host, proxy.port)
    stream = trio.SSLStream(plain, proxy.trust, server_hostname=proxy.host)
    connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
    with trio.fail_after(_PATIENCE):
        try:
            await stream.send_all(connection.send(Request(host=proxy.place, target=PATH.format("samples"))))
            began = spoke = longest = 0.0
            while not began or trio.current_time() - began <= seconds:
                for event in await _events(stream, connection):
                    now = trio.current_time()
                    if isinstance(event, AcceptConnection):
                        began = spoke = now
                    elif isinstance(event, Ping):
                        longest, spoke = max(longest, now - spoke), now
                        await stream.send_all(connection.send(event.response()))
            await stream.send_all(connection.send(BytesMessage(data=body)) + connection.send(CloseConnection(1000)))
            while connection.state is not ConnectionState.CLOSED:
                await _events(stream, connection)
        finally:
            await trio.aclose_forcefully(stream)
    return longest


async def _events(stream: trio.SSLStream[trio.SocketStream], connection: wsproto.WSConnection) -> list[object]:
    received = bytes(await stream.receive_some(65536))
    if not received:
        raise EOFError
    connection.receive_data(received)
    return list(connection.events())
