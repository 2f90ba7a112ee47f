"""What the system knows of a TCP connection: whether the other side's system has all that was sent."""

import array
import fcntl
import socket
import termios

import trio

from sinks.dialing import Stream

_ESTABLISHED = 1
_FIRST_LOOK_S, _LAST_LOOK_S = 0.001, 0.05
_PROBES = 3


def unacknowledged(stream: Stream) -> int:
    """How much was sent that the other system has not acknowledged. (bytes)"""
    held = array.array("i", [0])
    fcntl.ioctl(_tcp(stream).socket.fileno(), termios.TIOCOUTQ, held)
    return held[0]


def is_established(stream: Stream) -> bool:
    """Whether neither side has closed, or broken, the connection; to the knowledge of our system."""
    return _tcp(stream).socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED


async def wait_acknowledged(stream: Stream) -> bool:
    """Wait until the other system has acknowledged all that was sent. False: one side closed the connection before.

    No event tells of it, so it is looked at now and then.
    """
    pause_s = _FIRST_LOOK_S
    while is_established(stream):
        if not unacknowledged(stream):
            return is_established(stream)
        await trio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LAST_LOOK_S)
    return False


def keep_alive(stream: Stream, every_s: int) -> None:
    """Let the system ask the other one whether it is there, that often while nothing is sent."""
    tcp = _tcp(stream)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, every_s)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, every_s // _PROBES))
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)


def _tcp(stream: Stream) -> trio.SocketStream:
    return stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
