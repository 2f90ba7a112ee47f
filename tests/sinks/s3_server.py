"""A small store of objects that fails when it is told to, which real ones do not.

It speaks as much of the protocol of S3 as putting objects needs, over HTTP, in threads of the test's process.
"""

import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote


class Fault(NamedTuple):
    """What goes wrong with a request."""

    status: int = 0
    """What it is answered with, in place of doing what it asks for; 0 for nothing."""
    code: str = "InternalError"
    """The code in the answer's body."""
    answers: bool = True
    """Whether there is an answer at all; without one the object is taken, and the connection is closed."""
    late_by_s: float = 0
    """How long the answer takes. (s)"""
    waits_for: threading.Event | None = None
    """What the answer waits for."""


class Stored(NamedTuple):
    """An object."""

    body: bytes
    content_type: str
    content_encoding: str | None


Fails = Callable[[str, str], Fault]
"""What goes wrong with a request: by its method and the key of the object, which is empty for the bucket."""


def fine(method: str, key: str) -> Fault:
    """Nothing goes wrong."""
    return Fault()


@dataclass
class S3Server:
    """The store, and what it has taken."""

    endpoint: str = ""
    fails: Fails = fine
    objects: dict[str, Stored] = field(default_factory=dict)
    """By their keys, in the order in which they came."""
    puts: list[str] = field(default_factory=list)
    """The key of each request that put an object, whatever became of it."""
    damaged: list[str] = field(default_factory=list)
    """The keys of objects whose hash was not that of their content."""
    signed_by: set[str] = field(default_factory=set)
    """The ids of the keys that signed requests."""
    most_at_once: int = 0
    """How many requests there were at the same time."""
    at_once: int = 0

    @property
    def lines(self) -> list[bytes]:
        """What its objects hold, in the order of their keys."""
        return b"".join(self.objects[key].body for key in sorted(self.objects)).splitlines()


@contextmanager
def s3_server(*pair: Path) -> Iterator[S3Server]:
    """The store, at a free port of loopback, with TLS if given a certificate and its key; any name is a bucket."""
    store, lock = S3Server(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._serve("HEAD", "", None)

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._serve("PUT", unquote(self.path.split("/", 2)[2]), body)

        def _serve(self, method: str, key: str, body: bytes | None) -> None:
            with lock:
                store.at_once += 1
                store.most_at_once = max(store.most_at_once, store.at_once)
                store.signed_by.add(self.headers["Authorization"].split("Credential=")[1].split("/")[0])
                if body is not None:
                    store.puts.append(key)
            fault = store.fails(method, key)
            time.sleep(fault.late_by_s)
            if fault.waits_for is not None:
                fault.waits_for.wait()
            with lock:
                store.at_once -= 1
                if body is not None and not fault.status:
                    self._store(key, body)
            if fault.answers:
                self._answer(fault)
            else:
                self.close_connection = True

        def _store(self, key: str, body: bytes) -> None:
            told = self.headers
            if told["Content-MD5"] != b64encode(md5(body, usedforsecurity=False).digest()).decode():
                store.damaged.append(key)
            store.objects[key] = Stored(body, told["Content-Type"], told["Content-Encoding"])

        def _answer(self, fault: Fault) -> None:
            body = (
                f"<Error><Code>{fault.code}</Code><Message>s3cret</Message></Error>".encode() if fault.status else b""
            )
            self.send_response(fault.status or 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away, or does not believe the certificate, is its own affair."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if pair:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*map(str, pair))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        store.endpoint = f"{'https' if pair else 'http'}://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield store
        finally:
            server.shutdown()
            serving.join()
