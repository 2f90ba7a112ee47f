"""Touches: rows that are there already were heard of at some time. Nothing is made, and no touch goes back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from store.commands import CALL, CLIENT, PEER_CONNECTION, TRACK, ClientTouch, Touch, TrackKey
from store.entities import Call, Client, Entity, touch_all
from store.sfus import Sfus
from store.watching import Watcher, warn


class Touching:
    """Finds the rows that touches name, and moves them. Times are ms; `now` is registry time."""

    def __init__(
        self,
        calls: Mapping[tuple[str, str, str], Call],
        clients: Mapping[tuple[str, str], Client],
        sfus: Sfus,
        watchers: Sequence[Watcher],
    ) -> None:
        self._calls = calls
        self._clients = clients
        self._sfus = sfus
        self._watchers = watchers

    def touch(self, touch: Touch, now: int) -> None:
        """Touches one row, if it is there."""
        row = self._find(touch.what, touch.path)
        if row:
            if self._watchers:
                warn(self._watchers, row)
            row.touch(touch.sample, now - max(touch.age, 0))

    def touch_client(self, touch: ClientTouch, now: int) -> None:
        """Touches a client, its call and what is named below it, as far as that is there; or all that is."""
        client = self._clients.get((touch.service_id, touch.client_id))
        if client is None or client.call.call_id != touch.call_id:
            return
        if self._watchers:
            warn(self._watchers, client)
            warn(self._watchers, client.call)
        sample, server, below = touch.sample, now - max(touch.age, 0), touch.below
        touch_all((client, client.call), sample, server)
        if isinstance(below, int):
            connections = client.peer_connections.values()
            touch_all(connections, sample, server)
            for peer_connection in connections:
                touch_all(peer_connection.tracks.values(), sample, server)
        else:
            for peer_connection_id, keys in below:
                touch_all(_named(client, peer_connection_id, keys), sample, server)

    def _find(self, what: str, path: Sequence[str]) -> Entity | None:
        if what == CALL:
            return self._calls.get((path[0], path[1], path[2]))
        if what not in (CLIENT, PEER_CONNECTION, TRACK):
            return self._sfus.find(what, path)
        client = self._clients.get((path[0], path[1]))
        if what == CLIENT or client is None:
            return client
        peer_connection = client.peer_connections.get(path[2])
        if what == PEER_CONNECTION or peer_connection is None:
            return peer_connection
        return peer_connection.tracks.get((path[3], path[4], path[5]))


def _named(client: Client, peer_connection_id: str, keys: Iterable[TrackKey]) -> Iterator[Entity]:
    """A peer connection of a client and some of its tracks, as far as they are there."""
    peer_connection = client.peer_connections.get(peer_connection_id)
    if peer_connection is not None:
        yield peer_connection
        for key in keys:
            track = peer_connection.tracks.get(key)
            if track is not None:
                yield track
