"""The cluster port: links to members, and questions of and to anybody who may ask. Knows no cluster and no log.

Between two members there is one link; the one with the greater name dials. A link is up on both sides or on none: the
dialer takes it for up when the other has accepted it. What strangers do here is counted by reason and harms nobody.
"""

import logging
import random
from collections.abc import Callable, Collection

import trio

from cluster.dialing import Dialer, DialFailed, Known, accepted, first_frames
from cluster.frames import FrameTooLarge, LinkHello, Question, encode_hello
from cluster.links import Closed, Link, LinkStatistics, Refused
from cluster.names import address_of, host_and_port
from cluster.questions import Asked, Questions
from cluster.settings import LinkLimits
from cluster.strangers import Door, Visitor
from cluster.tls import Tls, covers

logger = logging.getLogger(__name__)

_LOG_INTERVAL = 1.0
_MOST_TROUBLES = 256


class Transport:
    """Holds links with the members it is told to keep, serves the port, and asks questions.

    `me` gives our own name as it is now. `received` gets the frames of a member, in order, only between `connected` and
    `disconnected` of that member; each `connected` is followed by exactly one `disconnected`, at the latest when `run`
    ends. `asked` gets the questions of others, as `cluster.questions` says.

    All of them are called from tasks of `run`, or from within `keep`, and may call `keep` and `send`. What they raise
    is a fault of ours and ends `run`.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        limits: LinkLimits,
        tls: Tls | None,
        me: Callable[[], str],
        received: Callable[[str, bytes], None],
        connected: Callable[[str], None],
        disconnected: Callable[[str], None],
        asked: Asked,
        statistics: LinkStatistics | None = None,
        known: Known = lambda host: None,
    ) -> None:
        self.statistics = statistics or LinkStatistics()
        self._host = host
        self._port = port
        self._limits = limits
        self._dialer = Dialer(tls, limits, known=known)
        self._me = me
        self._received = received
        self._connected = connected
        self._disconnected = disconnected
        self._door = Door(tls, limits)
        self._questions = Questions(asked, limits)
        self._name = ""
        self._wanted: frozenset[str] = frozenset()
        self._links: dict[str, Link] = {}
        self._dialers: dict[str, trio.CancelScope] = {}
        self._troubles: dict[str, str] = {}
        self._logged_at = float("-inf")
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Listens, dials and serves until it is cancelled. Starts with the port; to be called once.

        Raises `OSError`, which names the address, when that cannot be bound.
        """
        try:
            listeners = await trio.open_tcp_listeners(self._port, host=self._host)
        except OSError as error:
            raise OSError(error.errno, f"{self._host}:{self._port}: {error.strerror}") from error
        try:
            async with trio.open_nursery() as self._nursery:
                self._dial_wanted()
                task_status.started(listeners[0].socket.getsockname()[1])
                await trio.serve_listeners(self._accept, listeners, handler_nursery=self._nursery)
        finally:
            self._nursery = None

    def keep(self, members: Collection[str]) -> None:
        """The members to hold links with from now on: new ones are dialed at once, links to others are closed.

        To be called, too, when our own name has changed: then all links are closed and made anew under the new name.
        """
        name = self._me()
        renamed, self._name = name != self._name, name
        self._wanted = frozenset(members) - {name}
        for member in list(self._dialers):
            if renamed or member not in self._wanted:
                self._dialers.pop(member).cancel()
        for link in list(self._links.values()):
            if renamed or link.member not in self._wanted:
                self._end(link, Closed.DROPPED)
        self._dial_wanted()

    def send(self, member: str, frame: bytes) -> bool:
        """Queues a frame for a member; False if there is no link to it, or its outbox is full. Never blocks.

        Raises `ValueError` for a frame that is empty or larger than `max_frame_size`.
        """
        if not 0 < len(frame) <= self._limits.max_frame_size:
            raise ValueError(f"a frame of {len(frame)} bytes")
        link = self._links.get(member)
        return link is not None and link.push(frame)

    def pending(self, member: str) -> int:
        """Bytes that wait to be sent to a member; 0 without a link."""
        link = self._links.get(member)
        return 0 if link is None else link.pending

    async def ask(self, address: str, question: bytes, timeout: float) -> bytes | None:  # noqa: ASYNC109 - not an error
        """The answer of whoever listens at an address, on a connection of its own; None if there is none in time.

        Raises `ValueError` for a question that is no small frame.
        """
        hello = Question(question)
        if len(encode_hello(hello)) > self._limits.max_stranger_frame_size:
            raise ValueError(f"a question of {len(question)} bytes")
        with trio.move_on_after(timeout):
            try:
                stream, reader = await self._dialer.dial(address, hello)
            except DialFailed as failure:
                self._note(address, str(failure))
                return None
            try:
                frames = await first_frames(stream, reader)
            except FrameTooLarge:
                frames = []
            finally:
                await trio.aclose_forcefully(stream)
            answer = frames[0] if frames else b""
            self._note(address, None if answer else "it gave no answer")
            return answer or None
        self._note(address, "it gave no answer in time")
        return None

    def trouble(self, address: str) -> str | None:
        """Why an address could not be reached when it was last dialed or asked, in words for operators."""
        return self._troubles.get(address)

    async def _accept(self, stream: trio.SocketStream) -> None:
        try:
            match await self._door.hear(stream):
                case Visitor(hello=LinkHello() as hello) as visitor:
                    refusal = await self._link(visitor, hello)
                case Visitor(hello=Question(data)) as visitor:
                    refusal = await self._questions.answer(visitor, data)
                case refusal:
                    pass
            if refusal is not None:
                self._refuse(refusal, stream)
        finally:
            await trio.aclose_forcefully(stream)

    async def _link(self, visitor: Visitor, hello: LinkHello) -> Refused | None:
        """Serves a link, or tells why not."""
        refusal = self._refusal(hello, visitor.names)
        if refusal is None and (former := self._links.get(hello.me)) is not None:
            self._end(former, Closed.REPLACED)
            # Hearing of that, our owner may keep others now.
            refusal = self._refusal(hello, visitor.names)
        if refusal is None:
            link = Link(hello.me, visitor.stream, visitor.reader, self._received, self._limits, self.statistics)
            await self._serve(link, visitor.early)
        return refusal

    def _refusal(self, hello: LinkHello, names: frozenset[str] | None) -> Refused | None:
        try:
            host, _ = host_and_port(address_of(hello.me))
        except ValueError:
            return Refused.MALFORMED_HELLO
        me = self._me()
        if names is not None and not covers(names, host):
            return Refused.WRONG_NAME
        if hello.me not in self._wanted:
            return Refused.NOT_A_MEMBER
        if hello.you != me:
            return Refused.WRONG_TARGET
        return Refused.WRONG_SIDE if hello.me < me else None

    async def _serve(self, link: Link, early: list[bytes]) -> None:
        self._links[link.member] = link
        self.statistics.opened += 1
        try:
            self._connected(link.member)
            await link.run(early)
        finally:
            self._end(link, Closed.DROPPED)

    def _end(self, link: Link, why: Closed) -> None:
        """Closes a link, if that has not been done, and tells of it, if that has not been done."""
        link.close(why)
        if self._links.get(link.member) is link:
            del self._links[link.member]
            self.statistics.closed[link.closed or why] += 1
            self._disconnected(link.member)

    def _dial_wanted(self) -> None:
        if self._nursery is None:
            return
        for member in self._wanted:
            if member < self._name and member not in self._dialers:
                self._dialers[member] = scope = trio.CancelScope()
                self._nursery.start_soon(self._dial, member, scope)

    async def _dial(self, member: str, scope: trio.CancelScope) -> None:
        """Keeps a link to a member, again and again."""
        interval = self._limits.redial_interval_in_s
        with scope:
            while True:
                try:
                    await self._dial_once(member, scope)
                except DialFailed as failure:
                    self.statistics.failed_dials += 1
                    self._note(address_of(member), str(failure))
                await trio.sleep(random.uniform(interval * 2 / 3, interval * 4 / 3))  # noqa: S311 - spreads load

    async def _dial_once(self, member: str, scope: trio.CancelScope) -> None:
        stream, reader = await self._dialer.dial(address_of(member), LinkHello(me=self._name, you=member))
        try:
            early = await accepted(stream, reader, self._limits)
            self._note(address_of(member), None)
            # It may have been cancelled since, without having come to know of it.
            if self._dialers.get(member) is scope:
                await self._serve(Link(member, stream, reader, self._received, self._limits, self.statistics), early)
        finally:
            await trio.aclose_forcefully(stream)

    def _refuse(self, why: Refused, stream: trio.SocketStream) -> None:
        self.statistics.refused[why] += 1
        now = trio.current_time()
        if now - self._logged_at >= _LOG_INTERVAL:
            self._logged_at = now
            logger.info(
                "A connection to the cluster port was refused: %s (%d so far)", why, self.statistics.refused[why]
            )
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("Refused %s: %s", _peer(stream), why)

    def _note(self, address: str, trouble: str | None) -> None:
        self._troubles.pop(address, None)
        if trouble is not None:
            while len(self._troubles) >= _MOST_TROUBLES:
                del self._troubles[next(iter(self._troubles))]
            self._troubles[address] = trouble


def _peer(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername())
    except OSError:
        return "a peer that is gone"
