"""Clients whose session ended: they leave after a grace, unless they are heard of again.

Only this node knows of them. When it stops, those whose grace is not over stay and close by idling, at the time of
their last sample all the same: to let them go at once would throw out whoever is just coming back to another node.
"""

from collections.abc import Collection, Iterator
from itertools import islice, takewhile
from typing import NamedTuple

from analysis.patience import LONGEST_GAP
from observer.intake import Departed
from schemas.samples import Samples
from store.entities import Client
from store.registry import Registry

_MOST_SAMPLES = 1000
"""After how many samples a batch is cut: the command for more would hold everybody up when it is applied."""

_MOST_ROWS = 5000
"""After how many samples and tracks it is cut, for the same reason."""

MOST_LEAVING = 500
"""How many clients leave in one command, for the same reason."""

ClientKey = tuple[str, str]
"""Service id and client id."""


class Departures:
    """The clients that are about to leave, each once: the session that ended last counts. Times are ms.

    While the cluster has no majority, nobody can tell it that a client came back to another node. So after such a time,
    as after a leap of the clock, all that wait have their whole grace once more.
    """

    def __init__(self, grace: int) -> None:
        self._grace = grace
        self._listened: int | None = None
        self._listening_since = 0
        self._waiting: dict[ClientKey, int] = {}
        """Since when each is silent, in this order. (ms)"""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: ClientKey, now: int) -> None:
        """A session of the client ended; what was heard of it so far was heard at `now` or before."""
        self._waiting.pop(key, None)
        self._waiting[key] = now

    def listen(self, now: int) -> None:
        """The cluster can be told at `now` who came back: to be told often."""
        if self._listened is not None and now - self._listened > LONGEST_GAP:
            self._listening_since = now
        self._listened = now

    def forget_heard(self, registry: Registry) -> None:
        """Forgets those that this node heard of since: to be called with a registry that is replaced by another.

        What was heard and not committed stands on the rows of the old one alone.
        """
        for key, since in list(self._waiting.items()):
            client = registry.clients.get(key)
            if client is not None and client.heard_server > since:
                del self._waiting[key]

    def due(self, registry: Registry, origin: str, now: int) -> list[Client]:
        """The clients that leave at `now`: silent since their session ended, and heard by no other node since.

        At most `MOST_LEAVING` are taken at a time, in the order in which their sessions ended.
        """
        over = takewhile(lambda key: max(self._waiting[key], self._listening_since) + self._grace <= now, self._waiting)
        silent = [(key, self._waiting.pop(key)) for key in list(islice(over, MOST_LEAVING))]
        clients = ((registry.clients.get(key), since) for key, since in silent)
        return [
            client for client, since in clients if client and client.heard_server <= since and client.origin == origin
        ]


class Part(NamedTuple):
    """A stretch of a batch that goes in one command: no client is seen in it again after it left."""

    messages: list[Samples]
    leaving: set[ClientKey]
    departed: set[ClientKey]

    def halves(self) -> tuple["Part", "Part"]:
        """Two parts that come to the same, one after the other."""
        half = len(self.messages) // 2
        return Part(self.messages[:half], set(), set()), self._replace(messages=self.messages[half:])


def parts(batch: Collection[Samples | Departed]) -> Iterator[Part]:
    """Cuts a batch so that a client that left and came back within it is seen to do both, and where it grows too large.

    A client whose session ended and that is heard of later in the batch has not departed.
    """
    part, samples, rows = Part([], set(), set()), 0, 0
    for item in batch:
        if isinstance(item, Departed):
            part.departed.update((item.service_id, client_id) for client_id in item.client_ids)
            continue
        came_back = False
        if part.leaving or part.departed:
            keys = {(item.service_id, sample.client_id) for sample in item.clients}
            part.departed.difference_update(keys)
            came_back = not part.leaving.isdisjoint(keys)
        if came_back or samples >= _MOST_SAMPLES or rows >= _MOST_ROWS:
            yield part._replace(departed=set())
            part, samples, rows = Part([], set(), part.departed), 0, 0
        part.messages.append(item)
        samples += len(item.clients)
        rows += rows_of(item)
        part.leaving.update((item.service_id, client_id) for client_id in item.leaving)
    yield part


def rows_of(samples: Samples) -> int:
    """How many samples and tracks a message holds: what it costs to look at it."""
    return sum(1 + len(sample.tracks) for sample in samples.clients)
