"""A door before a service: it forwards connections of loopback. Usage: forwarding.py PORT BEHIND."""

import socket
import socketserver
import sys
from contextlib import suppress
from threading import Thread

_BLOCK = 65_536


class Connection(socketserver.BaseRequestHandler):
    """One connection, forwarded both ways until one side has ended and the other too."""

    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as behind:
            answers = Thread(target=_forward, args=(behind, self.request), daemon=True)
            answers.start()
            _forward(self.request, behind)
            answers.join()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(_BLOCK):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Door(socketserver.ThreadingTCPServer):
    """One thread a connection and way."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100


if __name__ == "__main__":
    with Door(("127.0.0.1", int(sys.argv[1])), Connection) as door:
        door.serve_forever()
