"""Opening a connection to a peer: its address is looked up each time, and its certificate must cover the host of it."""

import ssl

import trio

from cluster.frames import FrameReader, FrameTooLarge, Hello, encode_hello, framed
from cluster.names import host_and_port
from cluster.settings import LinkLimits
from cluster.tls import Tls

_RECEIVE_SIZE = 65_536


class DialFailed(Exception):
    """A peer was not reached, or is not whom it should be; the text says why, for the operator."""


async def dialed(
    address: str, hello: Hello, tls: Tls | None, limits: LinkLimits
) -> tuple[trio.abc.Stream, FrameReader]:
    """A connection on which `hello` has been said, and the reader of what comes back; raises `DialFailed`."""
    raw = await _connected(address, limits.dial_timeout_in_s)
    try:
        stream = raw if tls is None else await _secured(raw, address, tls, limits.handshake_timeout_in_s)
        with trio.move_on_after(limits.hello_timeout_in_s) as limit:
            await stream.send_all(framed(encode_hello(hello)))
        if limit.cancelled_caught:
            raise DialFailed("it reads nothing")
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        await trio.aclose_forcefully(raw)
        raise DialFailed(_words(error)) from error
    except BaseException:
        await trio.aclose_forcefully(raw)
        raise
    return stream, FrameReader(limits.max_stranger_frame_size)


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


async def _connected(address: str, seconds: float) -> trio.SocketStream:
    """Trio sends small frames at once (TCP_NODELAY) unless it is told otherwise."""
    with trio.move_on_after(seconds):
        try:
            return await trio.open_tcp_stream(*host_and_port(address))
        except (OSError, ValueError) as error:  # ValueError: no address, or a name that DNS cannot hold
            raise DialFailed(str(error)) from error
    raise DialFailed("it did not answer in time")


async def _secured(
    raw: trio.SocketStream, address: str, tls: Tls, seconds: float
) -> "trio.SSLStream[trio.SocketStream]":
    host, _ = host_and_port(address)
    with trio.move_on_after(seconds):
        try:
            stream = trio.SSLStream(raw, tls.dialing(), server_hostname=host)
            await stream.do_handshake()
        except ValueError as error:
            raise DialFailed(f"TLS: {error}") from error
        return stream
    raise DialFailed("TLS: the handshake took too long")


def _words(error: BaseException) -> str:
    match error.__cause__:
        case ssl.SSLCertVerificationError() as cause:
            return f"TLS: {cause.verify_message}"
        case ssl.SSLError() as cause:
            return f"TLS: {cause.reason or 'the peer ended the handshake'}"
        case _:
            return "the connection broke"
