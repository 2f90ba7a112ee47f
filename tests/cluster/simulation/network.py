"""Links and frames between processes, as TCP gives them at its worst, and worse where a path says so.

* A link stands between two *names*; each end learns of its beginning and of its end at a time of its own.
* Frames of one link come in order, or with the link they are lost. A blocked path holds them back; a link that
  is silent for `link_timeout` ends, at the end that hears nothing.
* The greater name dials, again and again, for as long as it keeps the other. The newest link of a pair wins.
"""

from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Protocol
from zlib import crc32

from cluster.names import address_of
from tests.cluster.simulation.paths import Path, Paths
from tests.cluster.simulation.schedule import Schedule

Reply = Callable[[bytes], None]


class Place(Protocol):
    """A process at an address, as the network sees it."""

    address: str
    alive: bool
    name: str
    kept: frozenset[str]

    @property
    def paused_since(self) -> float | None: ...
    def received(self, member: str, frame: bytes) -> None: ...
    def connected(self, member: str) -> None: ...
    def disconnected(self, member: str) -> None: ...
    def asked(self, asker: str, question: bytes, reply: Reply) -> None: ...
    def answered(self, address: str, answer: bytes | None) -> None: ...


class Link:
    """A connection between two names: direction 0 leads from the lesser to the greater."""

    __slots__ = ("alive", "ends", "held", "last", "paths", "queues")

    def __init__(self, ends: tuple[str, str], paths: tuple[Path, Path]) -> None:
        self.ends = ends
        self.paths = paths
        self.alive = True
        self.last = [0.0, 0.0]
        """When the last frame comes."""
        self.queues: tuple[deque[bytes], deque[bytes]] = (deque(), deque())
        """What waits to leave over a path that has little room."""
        self.held: tuple[deque[bytes], deque[bytes]] = (deque(), deque())
        """What waits for a blocked path."""


class Network:
    """All processes and what is under way between them."""

    def __init__(self, schedule: Schedule, random: Random) -> None:
        self.schedule = schedule
        self.random = random
        self.paths = Paths()
        self.places: dict[str, Place] = {}
        """Who is at an address now."""
        self.outbox = 32 << 20
        """How many bytes may wait for one member."""
        self.link_timeout = 3.0
        """How long a link may be silent. (s)"""
        self.fingerprint = 0
        """Of all frames that were sent."""
        self._views: dict[tuple[str, str], Link] = {}
        """The link that a name has to another, as far as it knows."""
        self._dialing: set[tuple[str, str]] = set()

    # Frames

    def send(self, me: str, member: str, frame: bytes) -> bool:
        """Sends a frame on the link; false if there is none or too much waits already."""
        link = self._views.get((me, member))
        if link is None:
            return False
        direction = 0 if me < member else 1
        waits = link.queues[direction] or link.held[direction]
        if waits and self._waiting(link, direction) + len(frame) > self.outbox:
            return False
        self.fingerprint = crc32(frame, self.fingerprint)
        if link.alive:
            self._transmit(link, direction, frame)
        return True

    def pending(self, me: str, member: str) -> int:
        """How many bytes wait to leave."""
        link = self._views.get((me, member))
        return 0 if link is None else self._waiting(link, 0 if me < member else 1)

    def _waiting(self, link: Link, direction: int) -> int:
        return sum(map(len, link.queues[direction])) + sum(map(len, link.held[direction]))

    def _transmit(self, link: Link, direction: int, frame: bytes) -> None:
        path, random = link.paths[direction], self.random
        if path.unfaithful:
            if random.random() < path.loss:
                return
            if random.random() < path.doubled:
                self._carry(link, direction, frame)
        self._carry(link, direction, frame)

    def _carry(self, link: Link, direction: int, frame: bytes) -> None:
        path, queue = link.paths[direction], link.queues[direction]
        if path.blocks:
            link.held[direction].append(frame)
        elif path.rate or queue:
            queue.append(frame)
            if len(queue) == 1:
                self._squeeze(link, direction)
        else:
            self._fly(link, direction, frame)

    def _squeeze(self, link: Link, direction: int) -> None:
        """Lets the next frame through a path that has little room."""
        queue, rate = link.queues[direction], link.paths[direction].rate

        def leave() -> None:
            self._fly(link, direction, queue.popleft())
            if queue and link.alive:
                self._squeeze(link, direction)

        self.schedule.after(len(queue[0]) / rate if rate else 0.0, leave)

    def _fly(self, link: Link, direction: int, frame: bytes) -> None:
        path, random = link.paths[direction], self.random
        comes = self.schedule.now + random.uniform(path.least_delay, path.most_delay)
        if path.reordered and random.random() < path.reordered:
            comes += random.uniform(0, 0.2)
        else:
            comes = link.last[direction] = max(comes, link.last[direction])
        self.schedule.at(comes, lambda: self._arrive(link, direction, frame))

    def _arrive(self, link: Link, direction: int, frame: bytes) -> None:
        if not link.alive:
            return
        if link.paths[direction].blocks:
            link.held[direction].append(frame)
            return
        sender, receiver = link.ends[direction], link.ends[1 - direction]
        place = self.places.get(address_of(receiver))
        if place is not None and self._views.get((receiver, sender)) is link:
            place.received(sender, frame)

    # Links

    def keep(self, place: Place, members: frozenset[str]) -> list[str]:
        """Who a process will have links with: the others are closed at once; with whom those were."""
        me = place.name
        closed = [_other(link, me) for link in self.links_of(me) if _other(link, me) not in members]
        for member in closed:
            self.break_link(self._views[me, member], by=me)
            del self._views[me, member]
        for member in sorted(members):
            self._dial_soon(me, member)
        return closed

    def renamed(self, place: Place, before: str) -> None:
        """A process has another name: its links are closed, and dialed anew under the new name."""
        for link in self.links_of(before):
            self.break_link(link, by=before)
        for member in sorted(place.kept):
            self._dial_soon(place.name, member)

    def links_of(self, name: str) -> list[Link]:
        """The links that a name knows of."""
        return [link for (one, _), link in self._views.items() if one == name]

    def links_between(self, one: str, other: str) -> list[Link]:
        """The links between two addresses."""
        ways = {(one, other), (other, one)}
        return [
            link
            for (me, member), link in self._views.items()
            if me < member and (address_of(me), address_of(member)) in ways
        ]

    def break_link(self, link: Link, by: str | None = None) -> None:
        """Ends a link; `by` knows at once, the other when it hears of it. What is under way is lost."""
        if not link.alive:
            return
        link.alive = False
        for direction, end in enumerate(link.ends):
            heard = end == by or not link.paths[1 - direction].blocks
            delay = 0.0 if end == by else self.random.uniform(0.0003, 0.01) if heard else self._patience()
            self._forget_after(delay, link, end)
        self._dial_soon(*link.ends)

    def _forget_after(self, delay: float, link: Link, end: str) -> None:
        def forget() -> None:
            if self._views.get((end, _other(link, end))) is link:
                self._forget(link, end)

        self.schedule.after(delay, forget)

    def _forget(self, link: Link, end: str) -> None:
        other = _other(link, end)
        del self._views[end, other]
        place = self._place_of(end)
        if place:
            place.disconnected(other)
        self._dial_soon(end, other)

    def _patience(self) -> float:
        return self.link_timeout * self.random.uniform(1.0, 1.2)

    def _place_of(self, name: str) -> Place | None:
        place = self.places.get(address_of(name))
        return place if place is not None and place.alive and place.name == name else None

    def _dial_soon(self, one: str, other: str) -> None:
        pair = (min(one, other), max(one, other))
        if pair not in self._dialing:
            self._dialing.add(pair)
            self.schedule.after(self.random.uniform(0.0, 0.02), lambda: self._dial(pair))

    def _dial(self, pair: tuple[str, str]) -> None:
        acceptor_name, dialer_name = pair
        dialer, acceptor = self._place_of(dialer_name), self._place_of(acceptor_name)
        link = self._views.get((dialer_name, acceptor_name))
        if dialer is None or acceptor_name not in dialer.kept or link is not None:
            self._dialing.discard(pair)
            return
        there = self.paths[dialer.address, address_of(acceptor_name)]
        back = self.paths[address_of(acceptor_name), dialer.address]
        open_both_ways = not there.blocks and not back.blocks and dialer.paused_since is None
        if open_both_ways and acceptor and acceptor.paused_since is None and dialer_name in acceptor.kept:
            self._dialing.discard(pair)
            self._link(pair, dialer, acceptor, (back, there))
        else:
            self.schedule.after(self.random.uniform(0.2, 0.4), lambda: self._dial(pair))

    def _link(self, pair: tuple[str, str], dialer: Place, acceptor: Place, paths: tuple[Path, Path]) -> None:
        """The acceptor knows it first; the dialer a little later, before any frame."""
        link = Link(pair, paths)
        old = self._views.get(pair)
        if old:
            old.alive = False
            del self._views[pair]
            acceptor.disconnected(pair[1])
        self._views[pair] = link
        known = self.schedule.now + self.random.uniform(0.0003, 0.01)
        link.last[0] = known

        def heard() -> None:
            if link.alive and self._place_of(pair[1]) is dialer and pair[0] in dialer.kept:
                self._views[pair[1], pair[0]] = link
                dialer.connected(pair[0])
            else:
                self.break_link(link, by=pair[1])

        self.schedule.at(known, heard)
        acceptor.connected(pair[1])

    # Faults

    def block(self, ways: Iterable[tuple[str, str]]) -> None:
        """Lets nothing pass any more; links over it die of silence."""
        for way in ways:
            path = self.paths[way]
            path.blocks += 1
            if path.blocks == 1:
                path.blocked_since = self.schedule.now
                self._watch(path)

    def unblock(self, ways: Iterable[tuple[str, str]]) -> None:
        """Undoes one `block`; what was held back comes, in order, after TCP has noticed."""
        for way in ways:
            path = self.paths[way]
            path.blocks -= 1
            if not path.blocks:
                self._release(path)

    def _watch(self, path: Path) -> None:
        since = path.blocked_since
        for link in self._links():
            for direction in (0, 1):
                if link.paths[direction] is path:
                    deaf = link.ends[1 - direction]

                    def silent(link: Link = link, deaf: str = deaf) -> None:
                        if path.blocks and path.blocked_since == since:
                            self.break_link(link, by=deaf)
                            self._forget_after(0.0, link, deaf)

                    self.schedule.after(self._patience(), silent)

    def _release(self, path: Path) -> None:
        for link in self._links():
            for direction in (0, 1):
                if link.paths[direction] is path and link.held[direction]:
                    frames = [*link.held[direction]]
                    link.held[direction].clear()
                    link.last[direction] = max(link.last[direction], self.schedule.now + self.random.uniform(0.0, 0.4))
                    for frame in frames:
                        self._carry(link, direction, frame)

    def _links(self) -> list[Link]:
        return [*dict.fromkeys(link for link in self._views.values() if link.alive)]

    def watch_pause(self, place: Place) -> None:
        """A process that stands still is silent on all its links."""
        since, name = place.paused_since, place.name
        for link in self.links_of(name):
            other = _other(link, name)

            def silent(link: Link = link, other: str = other) -> None:
                if place.alive and place.paused_since == since and place.name == name:
                    self.break_link(link, by=other)

            self.schedule.after(self._patience(), silent)

    def gone(self, place: Place, silently: bool) -> None:
        """A process is no more. Silently, as when its machine loses power: then others find out by its silence."""
        for link in self.links_of(place.name):
            other = _other(link, place.name)
            del self._views[place.name, other]
            if link.alive:
                link.alive = False
                told = not silently and not self.paths[place.address, address_of(other)].blocks
                self._forget_after(self.random.uniform(0.0003, 0.01) if told else self._patience(), link, other)


def _other(link: Link, name: str) -> str:
    return link.ends[1] if link.ends[0] == name else link.ends[0]
