"""Streams as connections use them: TCP with few system calls, and closing so that the last words are read."""

import socket
from collections.abc import Awaitable, Callable

import trio
from trio.lowlevel import checkpoint, checkpoint_if_cancelled, notify_closing, wait_readable, wait_writable

from web.gathering import Gathering, Hear

RECEIVE_SIZE = 120 * 1024
"""The most that is read at once: about a batch of samples. Half of it costs 2 to 9 % more of a sample, twice as much
brings nothing. (bytes)"""

Stream = trio.abc.HalfCloseableStream


class TcpStream(trio.abc.HalfCloseableStream):
    """A connection over TCP.

    It waits until there is something to read, and reads once: trio's own stream tries to read first, which is in vain
    for a peer that speaks now and then. To be read by one task at a time, and written by one.
    """

    __slots__ = ("_begun", "_closed", "_gathering", "_number", "_socket", "_wait_readable", "_was_full")

    def __init__(self, connected: socket.socket) -> None:
        """`connected` must not block; it is closed with the stream."""
        self._socket = connected
        self._number = connected.fileno()
        self._closed = False
        self._was_full = False
        self._begun = b""
        """The rest of what was sent a part of."""
        self._gathering: Gathering | None = None
        self._wait_readable: Callable[[int], Awaitable[None]] = wait_readable

    @property
    def number(self) -> int:
        """Its file descriptor."""
        return self._number

    @property
    def peer_address(self) -> str | None:
        """The address of the other end; ``None`` if it has none, or is gone."""
        try:
            name = self._socket.getpeername()
        except OSError:
            return None
        return str(name[0]) if type(name) is tuple else None

    def receive_now(self) -> bytes | None:
        """What is there to be received; ``None`` if nothing is. Raises as `receive_some` does."""
        try:
            data = self._socket.recv(RECEIVE_SIZE)
        except BlockingIOError:
            return None
        except OSError as error:
            self._check_open()
            raise trio.BrokenResourceError(f"Receiving failed: {error}") from error
        self._note(len(data) == RECEIVE_SIZE)
        return data

    def send_now(self, data: bytes) -> int:
        """Sends what the system takes at once; says how many bytes that were. Raises as `send_all` does."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._check_open()
            raise trio.BrokenResourceError(f"Sending failed: {error}") from error

    def begin(self, data: bytes) -> int:
        """Sends what the system takes at once; says how many bytes that were. Raises as `send_all` does.

        Only for when nothing else is being sent. What is left of a part comes before what `send_all` sends next.
        """
        if self._begun:
            return 0
        sent = self.send_now(data)
        if sent:
            self._begun = data[sent:]
        return sent

    def gather(self, gathering: Gathering) -> None:
        """From now on it is read together with others, unless so many cannot be watched: for a peer that waits for no
        answers."""
        try:
            gathering.add(self._number)
        except OSError:
            return
        self._gathering = gathering
        self._wait_readable = gathering.wait_readable

    async def listen(self, hear: Hear) -> bool:
        """Has `hear` called whenever there is something to be received, until it listens no more, if the stream is read
        together with others; says whether it is. What `hear` raises is raised here."""
        if self._gathering is None:
            return False
        self._check_open()
        await self._gathering.listen(self._number, hear)
        return True

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receives as `trio.abc.ReceiveStream` does."""
        size = RECEIVE_SIZE if max_bytes is None else max_bytes
        if size < 1:
            raise ValueError("max_bytes must be at least 1")
        self._check_open()
        if self._was_full and self._gathering is None:
            # As much came as was asked for: more is likely there.
            await checkpoint()
        else:
            await self._wait_readable(self._number)
        while True:
            try:
                data = self._socket.recv(size)
            except BlockingIOError:
                self._check_open()
                await self._wait_readable(self._number)
            except OSError as error:
                self._check_open()
                raise trio.BrokenResourceError(f"Receiving failed: {error}") from error
            else:
                self._note(len(data) == size)
                return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Sends as `trio.abc.SendStream` does. Other tasks run meanwhile only if the peer is to be waited for.

        When it is cancelled with a part sent, the rest comes before what is sent next: half a frame of a WebSocket
        would spoil all that follow it.
        """
        await checkpoint_if_cancelled()
        self._check_open()
        begun = bool(self._begun)
        if begun:
            data, self._begun = self._begun + data, b""
        sent = 0
        try:
            sent = self._send(data)
            while sent < len(data):
                await wait_writable(self._number)
                self._check_open()
                with memoryview(data) as view:
                    sent += self._send(view[sent:])
        except OSError as error:
            raise trio.BrokenResourceError(f"Sending failed: {error}") from error
        except trio.Cancelled:
            self._begun = bytes(data[sent:]) if sent or begun else b""
            raise

    async def wait_send_all_might_not_block(self) -> None:
        """Waits as `trio.abc.SendStream` does."""
        self._check_open()
        await wait_writable(self._number)

    async def send_eof(self) -> None:
        """Says that nothing more comes, as `trio.abc.HalfCloseableStream` does."""
        await checkpoint_if_cancelled()
        self._check_open()
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise trio.BrokenResourceError(f"The peer is gone: {error}") from error

    async def aclose(self) -> None:
        """Closes; who waits for the stream is told by `trio.ClosedResourceError`."""
        if not self._closed:
            self._closed = True
            if self._gathering is not None:
                self._gathering.remove(self._number)
            notify_closing(self._number)
            self._socket.close()
        await checkpoint()

    def _note(self, full: bool) -> None:
        """As much came as was asked for: more is likely there."""
        self._was_full = full
        if full and self._gathering is not None:
            self._gathering.hasten()

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("The stream is closed")


def peer_address(stream: Stream) -> str | None:
    """The address of the other end; ``None`` if it has none, or is gone."""
    return stream.peer_address if isinstance(stream, TcpStream) else None


async def close_gently(stream: Stream, seconds: float) -> None:
    """Says that nothing more comes, reads until the peer has closed too, at most `seconds`, and closes.

    Closing while unread bytes wait makes TCP reset the connection, and the peer may then never read our last answer.
    """
    try:
        if seconds:
            with trio.move_on_after(seconds):
                await stream.send_eof()
                while await stream.receive_some(RECEIVE_SIZE):
                    pass
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(stream)
