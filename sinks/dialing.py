"""Connections over TCP and TLS to where reports go, and what to tell the operator when there is none."""

import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import trio

T = TypeVar("T")

_HOST = re.compile(r"[^\s\0-\x20\x7f/@\[\]]+")
_LONGEST_HOST = 253

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]
"""A connection, encrypted or not."""


def is_host(text: str) -> bool:
    """Whether it may be the name, or the IP address, of a host; nobody is asked whether there is one."""
    try:
        return bool(_HOST.fullmatch(text)) and len(text.encode("idna")) <= _LONGEST_HOST
    except UnicodeError:  # an empty part, or one that is too long
        return False


@dataclass(frozen=True)
class Tls:
    """TLS of a connection: whom to trust, and who we are. The files are read whenever the sink is opened."""

    ca: str = ""
    """A PEM file with the authorities that may have signed the receiver's certificate; those of the system if empty."""
    cert: str = ""
    """A PEM file with our own certificate and its intermediates, for receivers that ask for one."""
    key: str = ""
    """A PEM file with the private key of `cert`, not encrypted; `cert` holds it as well if empty."""
    server_name: str = ""
    """The name or IP address that the receiver's certificate must bear; the host that is dialed if empty."""

    def __post_init__(self) -> None:
        if self.key and not self.cert:
            raise ValueError("key needs cert: there is no certificate that it belongs to")

    def context(self) -> ssl.SSLContext:
        """For connections that we dial. Raises ConnectionError, which names the file that cannot be used."""
        context = _made("tls.ca", self.ca, lambda: ssl.create_default_context(cafile=self.ca or None))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Some versions of Python 3.11 take a connection that was cut for one that was closed.
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        if self.cert:
            # Never ask for a password at the terminal.
            _made("tls.cert", self.cert, lambda: context.load_cert_chain(self.cert, self.key or None, password=""))
        return context


@dataclass(frozen=True)
class Destination:
    """Where to connect to. `context` is None where TLS is not wanted; with it, `name` is in the peer's certificate.

    `lenient`: the peer may close a connection of TLS without saying so within TLS.
    """

    host: str
    port: int
    context: ssl.SSLContext | None = None
    name: str = ""
    lenient: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def dialed(self) -> Stream:
        """A connection, its TLS handshake done. Whoever dials closes it. Raises ConnectionError, fit for the log."""
        try:
            stream = await trio.open_tcp_stream(self.host, self.port)
            return stream if self.context is None else await self._secured(stream, self.context)
        except (OSError, trio.BrokenResourceError) as error:
            raise ConnectionError(f"{self}: {told(error)}") from error

    async def _secured(self, stream: trio.SocketStream, context: ssl.SSLContext) -> Stream:
        secured = trio.SSLStream(stream, context, server_hostname=self.name or self.host, https_compatible=self.lenient)
        try:
            await secured.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secured


async def tried(destination: Destination, connect: Callable[[], Awaitable[T]], retries: int, within_s: float) -> T:
    """What `connect` gives, which is tried again at once when it raises ConnectionError, so many times at most.

    Raises ConnectionError when all tries failed, or when they took too long together.
    """
    failure: ConnectionError | None = None
    with trio.move_on_after(within_s):
        for _ in range(retries + 1):
            try:
                return await connect()
            except ConnectionError as error:
                failure = error
        assert failure is not None  # noqa: S101 - there was at least one try
        raise failure
    raise ConnectionError(f"{destination}: no connection within {within_s:g} s")


def told(error: BaseException) -> str:
    """Why a connection failed, in words that hold nothing of a report."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        # Of the addresses of one host, the last was the last hope.
        cause = cause.exceptions[-1] if isinstance(cause, BaseExceptionGroup) else cause.__cause__
    return "the connection broke"


def _made(key: str, path: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except (OSError, ValueError) as error:  # `ssl.SSLError` is an OSError
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "nothing that can be used"
        raise ConnectionError(f"{key}: {path}: {reason}") from error
