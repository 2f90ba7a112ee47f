"""Receivers of reports in the test's own process: each connection is served by a function of the test."""

import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from cluster.certificates import new_authority
from sinks.dialing import Stream

HOST = "127.0.0.1"
PATIENCE_S = 20
"""A test that waits for longer has failed. (s)"""


@asynccontextmanager
async def listening(
    serve: Callable[[Stream], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """The port where each connection is served; what goes wrong with a connection ends only that."""

    async def served(tcp: trio.SocketStream) -> None:
        stream = tcp if tls is None else trio.SSLStream(tcp, tls, server_side=True)
        try:
            await serve(stream)
        except (trio.BrokenResourceError, ConnectionError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            [listener] = await trio.open_tcp_listeners(0, host=HOST)
            nursery.start_soon(trio.serve_listeners, served, [listener])
            yield listener.socket.getsockname()[1]
            nursery.cancel_scope.cancel()


@contextmanager
def refusing(tls: ssl.SSLContext) -> Iterator[int]:
    """The port of a server, in a thread, that reads nothing from a client whose certificate it refuses.

    OpenSSL tells such a client why, which trio's streams do not.
    """

    def serve() -> None:
        stream, _ = listener.accept()
        with suppress(ssl.SSLError), tls.wrap_socket(stream, server_side=True) as secured:
            secured.recv(1)
        stream.close()

    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@dataclass
class Certificates:
    """PEM files: an authority, and for each name that `issue` was asked for its certificate and key."""

    folder: Path

    def __post_init__(self) -> None:
        self._authority = new_authority(2, datetime.now(UTC))
        self.ca = str(self.folder / "ca.pem")
        Path(self.ca).write_bytes(self._authority.pair().certificate)

    def issue(self, host: str) -> tuple[str, str]:
        pair = self._authority.issue(host, 1, datetime.now(UTC))
        files = self.folder / f"{host}.pem", self.folder / f"{host}.key"
        for path, content in zip(files, (pair.certificate, pair.key), strict=True):
            path.write_bytes(content)
        return str(files[0]), str(files[1])

    def encrypted_key(self) -> bytes:
        key = ec.generate_private_key(ec.SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))

    def serving(self, host: str = HOST, *, asks: bool = False) -> ssl.SSLContext:
        """For a server of that name, which `asks` its clients for certificates of the same authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        context.load_cert_chain(*self.issue(host))
        context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
        return context
