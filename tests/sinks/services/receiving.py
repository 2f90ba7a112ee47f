"""Programs that take reports over WebSocket, TCP or HTTP, and append each line to a file before they confirm it.

Usage: receiving.py websocket|tcp|http PORT FILE [CERTIFICATE KEY]. What stands in the file outlasts SIGKILL. A pong is
sent, and an end of the stream answered, once all that came before stands there.
"""

import json
import os
import socket
import socketserver
import ssl
import sys
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage

_BLOCK = 65_536


class LineReceiver(socketserver.BaseRequestHandler):
    """Lines of JSON over TCP."""

    request: socket.socket

    def handle(self) -> None:
        kept = b""
        while block := self.request.recv(_BLOCK):
            whole, newline, rest = (kept + block).rpartition(b"\n")
            SERVER.write(whole + newline)
            kept = rest


class WebsocketReceiver(socketserver.BaseRequestHandler):
    """One text message for each report."""

    request: socket.socket

    def handle(self) -> None:
        connection, text, opened = WSConnection(ConnectionType.SERVER), list[str](), True
        while opened and (block := self.request.recv(_BLOCK)):
            connection.receive_data(block)
            for event in connection.events():
                match event:
                    case Request():
                        SERVER.headers(event)
                        self.request.sendall(connection.send(AcceptConnection()))
                    case TextMessage():
                        text.append(event.data)
                        if event.message_finished:
                            SERVER.write("".join(text).encode() + b"\n")
                            text.clear()
                    case Ping():
                        self.request.sendall(connection.send(event.response()))
                    case CloseConnection():
                        self.request.sendall(connection.send(event.response()))
                        opened = False


class HttpReceiver(BaseHTTPRequestHandler):
    """Records as Firehose sends them to a destination with HTTP."""

    def do_POST(self) -> None:
        records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["records"]
        SERVER.write(b"".join(b64decode(record["data"]) for record in records))
        self.send_response(200)
        self.end_headers()


_RECEIVERS: Mapping[str, type[socketserver.BaseRequestHandler]] = {
    "websocket": WebsocketReceiver,
    "tcp": LineReceiver,
    "http": HttpReceiver,
}


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection; one file for all."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, kind: str, port: str, file: str, *pair: str) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if pair else None
        if self._tls is not None:
            self._tls.load_cert_chain(*pair)
        super().__init__(("127.0.0.1", int(port)), _RECEIVERS[kind])

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        if isinstance(request, ssl.SSLSocket):
            with suppress(OSError):
                request.unwrap()
            request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that breaks ends by itself."""

    def write(self, lines: bytes) -> None:
        """Appends whole lines."""
        if lines:
            os.write(self._file, lines)

    def headers(self, request: Request) -> None:
        """Tells in the log what was asked with."""
        print(request.target, request.extra_headers, flush=True)


if __name__ == "__main__":
    with Server(*sys.argv[1:]) as SERVER:
        SERVER.serve_forever()
