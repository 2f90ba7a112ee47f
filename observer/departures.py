"""Clients whose session ended: they leave after a grace, unless this node hears of them again."""

from collections.abc import Collection, Iterator
from itertools import takewhile
from typing import NamedTuple

from observer.intake import Departed
from schemas.samples import Samples
from store.entities import Client
from store.registry import Registry

_MOST_SAMPLES = 1000
"""After how many samples a batch is cut: the command for more would hold everybody up when it is applied."""

ClientKey = tuple[str, str]
"""Service id and client id."""


class Departures:
    """The clients that are about to leave, each once: the session that ended last counts."""

    def __init__(self, grace: int) -> None:
        self._grace = grace
        self._waiting: dict[ClientKey, int] = {}
        """Since when each is silent, in this order. (ms)"""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: ClientKey, now: int) -> None:
        """A session of the client ended; what was heard of it so far was heard at `now` or before (ms)."""
        self._waiting.pop(key, None)
        self._waiting[key] = now

    def due(self, registry: Registry, origin: str, now: int) -> list[Client]:
        """The clients that leave at `now` (ms): silent since their session ended, and heard by no other node since."""
        due = list(takewhile(lambda key: self._waiting[key] + self._grace <= now, self._waiting))
        silent = [(key, self._waiting.pop(key)) for key in due]
        clients = ((registry.clients.get(key), since) for key, since in silent)
        return [
            client for client, since in clients if client and client.heard_server <= since and client.origin == origin
        ]


class Part(NamedTuple):
    """A stretch of a batch that goes in one command: no client is seen in it again after it left."""

    messages: list[Samples]
    leaving: set[ClientKey]
    departed: set[ClientKey]


def parts(batch: Collection[Samples | Departed]) -> Iterator[Part]:
    """Cuts a batch so that a client that left and came back within it is seen to do both, and where it grows too large.

    A client whose session ended and that is heard of later in the batch has not departed.
    """
    part, samples = Part([], set(), set()), 0
    for item in batch:
        if isinstance(item, Departed):
            part.departed.update((item.service_id, client_id) for client_id in item.client_ids)
            continue
        came_back = False
        if part.leaving or part.departed:
            keys = {(item.service_id, sample.client_id) for sample in item.clients}
            part.departed.difference_update(keys)
            came_back = not part.leaving.isdisjoint(keys)
        if came_back or samples >= _MOST_SAMPLES:
            yield part._replace(departed=set())
            part, samples = Part([], set(), part.departed), 0
        part.messages.append(item)
        samples += len(item.clients)
        part.leaving.update((item.service_id, client_id) for client_id in item.leaving)
    yield part
