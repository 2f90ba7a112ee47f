"""Opening a connection to a peer: its address is looked up each time, and its certificate must cover the host of it."""

import socket
import ssl
from collections.abc import Callable

import trio

from cluster.frames import FrameReader, FrameTooLarge, Hello, encode_hello, framed
from cluster.names import host_and_port
from cluster.settings import LinkLimits
from cluster.tls import Tls, ip_address

_RECEIVE_SIZE = 65_536


class DialFailed(Exception):
    """A peer was not reached, or is not whom it should be; the text says why, for the operator."""


LookUp = Callable[[str, int], list[str]]
"""The IP addresses of a host, for TCP to a port; raises `OSError` or `UnicodeError`. Called in a thread."""

Known = Callable[[str], str | None]
"""The IP address of a host, where it is known without a look-up."""


class Dialer:
    """Opens connections; without TLS only to this machine itself.

    A look-up that hangs occupies a thread until the system gives it up. So each host has one thread at most, however
    often it is dialed meanwhile, and no thread that others wait for.
    """

    def __init__(
        self, tls: Tls | None, limits: LinkLimits, look_up: LookUp | None = None, known: Known = lambda host: None
    ) -> None:
        self._tls = tls
        self._limits = limits
        self._look_up = look_up or _look_up
        self._known = known
        self._looking_up: dict[str, trio.CapacityLimiter] = {}

    async def dial(self, address: str, hello: Hello) -> tuple[trio.abc.Stream, FrameReader]:
        """A connection on which `hello` has been said, and the reader of what comes back; raises `DialFailed`."""
        try:
            host, port = host_and_port(address)
        except ValueError as error:
            raise DialFailed(str(error)) from error
        raw = await self._connected(host, port)
        try:
            stream = raw if self._tls is None else await self._secured(raw, host, self._tls)
            with trio.move_on_after(self._limits.hello_timeout_in_s) as limit:
                await stream.send_all(framed(encode_hello(hello)))
            if limit.cancelled_caught:
                raise DialFailed("it reads nothing")
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            await trio.aclose_forcefully(raw)
            raise DialFailed(_words(error)) from error
        except BaseException:
            await trio.aclose_forcefully(raw)
            raise
        return stream, FrameReader(self._limits.max_stranger_frame_size)

    async def _connected(self, host: str, port: int) -> trio.SocketStream:
        """Trio sends small frames at once (TCP_NODELAY) unless it is told otherwise."""
        why = "it did not answer in time"
        with trio.move_on_after(self._limits.dial_timeout_in_s) as limit:
            found = await self._addresses(host, port)
            for index, each in enumerate(found):
                share = (limit.deadline - trio.current_time()) / (len(found) - index)
                if self._tls is None and not _is_loopback(each):
                    raise DialFailed("plain text is spoken on loopback only")
                with trio.move_on_after(share):
                    try:
                        return await trio.open_tcp_stream(each, port)
                    except OSError as error:
                        why = str(error)
        raise DialFailed(why)

    async def _addresses(self, host: str, port: int) -> list[str]:
        if ip_address(host) is not None:
            return [host]
        if (known := self._known(host)) is not None:
            return [known]
        for idle in [host for host, limiter in self._looking_up.items() if not limiter.borrowed_tokens]:
            del self._looking_up[idle]
        limiter = self._looking_up.setdefault(host, trio.CapacityLimiter(1))
        try:
            return await trio.to_thread.run_sync(self._look_up, host, port, abandon_on_cancel=True, limiter=limiter)
        except (OSError, UnicodeError) as error:
            raise DialFailed(f"{host} cannot be found: {error}") from error

    async def _secured(self, raw: trio.SocketStream, host: str, tls: Tls) -> "trio.SSLStream[trio.SocketStream]":
        with trio.move_on_after(self._limits.handshake_timeout_in_s):
            try:
                stream = trio.SSLStream(raw, tls.dialing(), server_hostname=host)
                await stream.do_handshake()
            except ValueError as error:
                raise DialFailed(f"TLS: {error}") from error
            return stream
        raise DialFailed("TLS: the handshake took too long")


async def accepted(stream: trio.abc.Stream, reader: FrameReader, limits: LinkLimits) -> list[bytes]:
    """Waits until the peer accepts a link; the frames that came behind that. Raises `DialFailed` if it does not."""
    frames = None
    with trio.move_on_after(limits.hello_timeout_in_s):
        try:
            frames = await first_frames(stream, reader)
        except FrameTooLarge as error:
            raise DialFailed("it speaks another language") from error
    if frames is None:
        raise DialFailed("it says nothing")
    if not frames:
        raise DialFailed("it does not accept the link")
    if frames[0]:
        raise DialFailed("it speaks another language")
    return frames[1:]


async def first_frames(stream: trio.abc.Stream, reader: FrameReader) -> list[bytes]:
    """What the peer says first: one frame or more, none if it closed; raises `FrameTooLarge`."""
    frames: list[bytes] = []
    while not frames:
        try:
            chunk = await stream.receive_some(_RECEIVE_SIZE)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            break
        if not chunk:
            break
        frames = reader.feed(bytes(chunk))
    return frames


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def _is_loopback(host: str) -> bool:
    address = ip_address(host)
    return address is not None and address.is_loopback


def _words(error: BaseException) -> str:
    match error.__cause__:
        case ssl.SSLCertVerificationError() as cause:
            return f"TLS: {cause.verify_message}"
        case ssl.SSLError() as cause:
            return f"TLS: {cause.reason or 'the peer ended the handshake'}"
        case _:
            return "the connection broke"
