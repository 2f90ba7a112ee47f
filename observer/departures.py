"""Clients and SFUs whose session ended: they leave after a grace, unless they are heard of again.

Only this node knows of them. When it stops, those whose grace is not over stay and close by idling, at the time of
their last sample all the same: to let them go at once would throw out whoever is just coming back to another node.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice, takewhile
from typing import NamedTuple

from analysis.hearing import LastTouch, last_touches, last_touches_of_sfu
from analysis.patience import LONGEST_GAP
from observer.intake import Departed
from schemas.messages import Samples
from store.commands import CLIENT, SFU
from store.entities import Client, Sfu
from store.registry import Registry

_MOST_SAMPLES = 1000
"""After how many samples a batch is cut: the command for more would hold everybody up when it is applied."""

_MOST_ROWS = 5000
"""After how many samples and tracks it is cut, for the same reason."""

MOST_LEAVING = 500
"""How many clients and SFUs leave in one command, for the same reason."""

Who = tuple[str, str, str]
"""``client`` or ``sfu``, service id, and its own id: as `store.commands.Leave` begins."""


class Departures:
    """The clients and SFUs that are about to leave, each once: the session that ended last counts. Times are ms.

    While the cluster has no majority, nobody can tell it that a client came back to another node. So after such a time,
    as after a leap of the clock, all that wait have their whole grace once more.
    """

    def __init__(self, grace: int) -> None:
        self._grace = grace
        self._listened: int | None = None
        self._listening_since = 0
        self._waiting: dict[Who, int] = {}
        """Since when each is silent, in this order. (ms)"""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, who: Who, now: int) -> None:
        """A session of it ended; what was heard of it so far was heard at `now` or before."""
        self._waiting.pop(who, None)
        self._waiting[who] = now

    def listen(self, now: int) -> None:
        """The cluster can be told at `now` who came back: to be told often."""
        if self._listened is not None and now - self._listened > LONGEST_GAP:
            self._listening_since = now
        self._listened = now

    def forget_heard(self, registry: Registry) -> None:
        """Forgets those that this node heard of since: to be called with a registry that is replaced by another.

        What was heard and not committed stands on the rows of the old one alone.
        """
        for who, since in list(self._waiting.items()):
            row = row_of(who, registry)
            if row is not None and row.heard_server > since:
                del self._waiting[who]

    def due(self, registry: Registry, origin: str, now: int) -> list[Who]:
        """Who leaves at `now`: silent since the session ended, and heard by no other node since.

        At most `MOST_LEAVING` are taken at a time, in the order in which their sessions ended.
        """
        over = takewhile(lambda who: max(self._waiting[who], self._listening_since) + self._grace <= now, self._waiting)
        silent = [(who, self._waiting.pop(who)) for who in list(islice(over, MOST_LEAVING))]
        rows = ((who, row_of(who, registry), since) for who, since in silent)
        return [who for who, row, since in rows if row and row.heard_server <= since and row.origin == origin]


def row_of(who: Who, registry: Registry) -> Client | Sfu | None:
    """Its row in the registry, if it has one."""
    what, service_id, own_id = who
    key = service_id, own_id
    return registry.sfus.get(key) if what == SFU else registry.clients.get(key)


def last_touches_of_all(leaving: Iterable[Who], registry: Registry, now: int) -> Iterator[LastTouch]:
    """The exact last touches of some who leave, and of all that is below them: of each as it is when its turn comes."""
    for who in leaving:
        row = row_of(who, registry)
        if isinstance(row, Sfu):
            yield from last_touches_of_sfu(row, now)
        elif row is not None:
            yield from last_touches(row, now)


class Part(NamedTuple):
    """A stretch of a batch that goes in one command: nobody is seen in it again after it left."""

    messages: list[Samples]
    leaving: set[Who]
    departed: set[Who]

    def halves(self) -> tuple["Part", "Part"]:
        """Two parts that come to the same, one after the other."""
        half = len(self.messages) // 2
        return Part(self.messages[:half], set(), set()), self._replace(messages=self.messages[half:])


def parts(batch: Collection[Samples | Departed]) -> Iterator[Part]:
    """Cuts a batch so that who left and came back within it is seen to do both, and where it grows too large.

    Who is heard of later in the batch than its session ended has not departed.
    """
    if (whole := _in_one(batch)) is not None:
        yield whole
        return
    part, samples, rows = Part([], set(), set()), 0, 0
    for item in batch:
        if isinstance(item, Departed):
            part.departed.update((CLIENT, item.service_id, client_id) for client_id in item.client_ids)
            part.departed.update((SFU, item.service_id, sfu_id) for sfu_id in item.sfu_ids)
            continue
        came_back = False
        if part.leaving or part.departed:
            here = {(CLIENT, item.service_id, sample.client_id) for sample in item.clients}
            here.update((SFU, item.service_id, sample.sfu_id) for sample in item.sfus)
            part.departed.difference_update(here)
            came_back = not part.leaving.isdisjoint(here)
        if came_back or samples >= _MOST_SAMPLES or rows >= _MOST_ROWS:
            yield part._replace(departed=set())
            part, samples, rows = Part([], set(), part.departed), 0, 0
        part.messages.append(item)
        samples += len(item.clients) + len(item.sfus)
        rows += rows_of(item)
        if item.leaving or item.leaving_sfus:
            part.leaving.update((CLIENT, item.service_id, client_id) for client_id in item.leaving)
            part.leaving.update((SFU, item.service_id, sfu_id) for sfu_id in item.leaving_sfus)
    yield part


def _in_one(batch: Iterable[Samples | Departed]) -> Part | None:
    """The whole of a batch that is not large, and in which nobody leaves: as nearly all are."""
    messages: list[Samples] = []
    rows = 0
    for item in batch:
        if isinstance(item, Departed) or item.leaving or item.leaving_sfus:
            return None
        messages.append(item)
        rows += item.rows or rows_of(item)
    return Part(messages, set(), set()) if rows < _MOST_SAMPLES else None


def rows_of(samples: Samples) -> int:
    """How many samples, and tracks, transports, pads and channels in them, a message holds: what a look at it costs."""
    rows = samples.rows
    if not rows:
        rows = len(samples.clients) + len(samples.sfus)
        for sample in samples.clients:
            rows += len(sample.tracks)
        for sfu in samples.sfus:
            rows += len(sfu.transports) + len(sfu.pads) + len(sfu.channels)
        samples.rows = rows
    return rows
