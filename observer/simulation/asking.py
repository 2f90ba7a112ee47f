"""Asks a node on its port for operators."""

import h11
import trio

PATIENCE = 5.0
"""How long an answer may take. (s)"""


async def ask(host: str, ops_port: int, path: str) -> tuple[int, bytes]:
    """Status and body of ``GET path``.

    Raises `OSError` when nothing listens there, or the connection breaks, or no answer came in time.
    """
    try:
        with trio.fail_after(PATIENCE):
            async with await trio.open_tcp_stream(host, ops_port) as stream:
                return await _get(stream, f"{host}:{ops_port}", path)
    except trio.TooSlowError:
        raise TimeoutError(f"no answer for {PATIENCE:g} s") from None
    except (trio.BrokenResourceError, h11.ProtocolError) as error:
        raise ConnectionResetError(f"the connection broke: {error}") from None


async def _get(stream: trio.SocketStream, host: str, path: str) -> tuple[int, bytes]:
    http = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target=path, headers=[("Host", host), ("Connection", "close")])
    await stream.send_all((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
    status, body = 0, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(65536)))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
        elif isinstance(event, h11.ConnectionClosed):
            raise h11.RemoteProtocolError("the server closed the connection")
