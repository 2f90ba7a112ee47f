"""How much the registry may hold, and how much of that a batch may still take.

Senders choose their ids, so without bounds one of them could fill every node's memory. What goes beyond is not
registered, and counted; nothing that is there already is touched by it.
"""

from collections import Counter
from dataclasses import dataclass, field

from store.registry import Registry

_AT_LEAST_ONE = {"minimum": 1}


@dataclass(frozen=True)
class Bounds:
    """How much the registry may hold; what goes beyond is not registered, and counted."""

    max_calls: int = field(default=100_000, metadata=_AT_LEAST_ONE)
    """How many calls may be open at once; samples of a room that would open one more are dropped. (calls)"""
    max_clients: int = field(default=100_000, metadata=_AT_LEAST_ONE)
    """How many clients may be known at once; samples of one more are dropped. (clients)"""
    max_clients_per_service: int = field(default=100_000, metadata=_AT_LEAST_ONE)
    """How many of them may be of one service, so that no service shuts out the others. (clients)"""
    max_peer_connections: int = field(default=500_000, metadata=_AT_LEAST_ONE)
    """How many peer connections of all clients are registered at once. (peer connections)"""
    max_peer_connections_per_client: int = field(default=200, metadata=_AT_LEAST_ONE)
    """How many peer connections of one client are registered at once. (peer connections)"""
    max_tracks: int = field(default=2_000_000, metadata=_AT_LEAST_ONE)
    """How many tracks of all peer connections are registered at once. (tracks)"""
    max_tracks_per_peer_connection: int = field(default=500, metadata=_AT_LEAST_ONE)
    """How many tracks of one peer connection are registered at once. (tracks)"""
    max_sfus: int = field(default=10_000, metadata=_AT_LEAST_ONE)
    """How many SFUs may be known at once; samples of one more are reported, but it is not registered. (SFUs)"""
    max_sfus_per_service: int = field(default=10_000, metadata=_AT_LEAST_ONE)
    """How many of them may be of one service, so that no service shuts out the others. (SFUs)"""
    max_sfu_transports: int = field(default=200_000, metadata=_AT_LEAST_ONE)
    """How many transports of all SFUs are registered at once. (transports)"""
    max_sfu_transports_per_sfu: int = field(default=20_000, metadata=_AT_LEAST_ONE)
    """How many transports of one SFU are registered at once. (transports)"""
    max_sfu_pads: int = field(default=2_000_000, metadata=_AT_LEAST_ONE)
    """How many RTP pads and SCTP channels of all SFUs are registered at once. (pads)"""
    max_sfu_pads_per_transport: int = field(default=5_000, metadata=_AT_LEAST_ONE)
    """How many RTP pads and SCTP channels of one transport are registered at once. (pads)"""


class Vacancies:
    """What the registry still has room for while a batch is looked at; each question takes a place if there is one."""

    def __init__(self, registry: Registry, bounds: Bounds) -> None:
        self._registry = registry
        self._bounds = bounds
        self._clients: Counter[str] = Counter()
        self._calls: set[tuple[str, str, str | None]] = set()
        self._peer_connections = 0
        self._tracks = 0
        self._sfus: Counter[str] = Counter()
        self._sfu_transports = 0
        self._sfu_pads = 0

    def for_call(self, service_id: str, room_id: str, own_call_id: str | None) -> bool:
        """Whether a room has its call, or the one that a client names itself, or may get it."""
        registry, call = self._registry, (service_id, room_id, own_call_id)
        there = (service_id, room_id) in registry.rooms if own_call_id is None else call in registry.calls
        if there or call in self._calls:
            return True
        if len(registry.calls) + len(self._calls) >= self._bounds.max_calls:
            return False
        self._calls.add(call)
        return True

    def for_client(self, service_id: str) -> bool:
        """Whether there is room for one more client of the service."""
        bounds, registry = self._bounds, self._registry
        if len(registry.clients) + self._clients.total() >= bounds.max_clients:
            return False
        if registry.clients_of[service_id] + self._clients[service_id] >= bounds.max_clients_per_service:
            return False
        self._clients[service_id] += 1
        return True

    def for_peer_connection(self, of_client: int) -> bool:
        """Whether a client that has so many peer connections may have one more."""
        bounds = self._bounds
        if of_client >= bounds.max_peer_connections_per_client:
            return False
        if self._registry.peer_connections + self._peer_connections >= bounds.max_peer_connections:
            return False
        self._peer_connections += 1
        return True

    def for_track(self, of_peer_connection: int) -> bool:
        """Whether a peer connection that has so many tracks may have one more."""
        bounds = self._bounds
        if of_peer_connection >= bounds.max_tracks_per_peer_connection:
            return False
        if self._registry.tracks + self._tracks >= bounds.max_tracks:
            return False
        self._tracks += 1
        return True

    def for_sfu(self, service_id: str) -> bool:
        """Whether there is room for one more SFU of the service."""
        bounds, registry = self._bounds, self._registry
        if len(registry.sfus) + self._sfus.total() >= bounds.max_sfus:
            return False
        if registry.sfus_of[service_id] + self._sfus[service_id] >= bounds.max_sfus_per_service:
            return False
        self._sfus[service_id] += 1
        return True

    def for_sfu_transport(self, of_sfu: int) -> bool:
        """Whether an SFU that has so many transports may have one more."""
        bounds = self._bounds
        if of_sfu >= bounds.max_sfu_transports_per_sfu:
            return False
        if self._registry.sfu_transports + self._sfu_transports >= bounds.max_sfu_transports:
            return False
        self._sfu_transports += 1
        return True

    def for_sfu_pad(self, of_transport: int) -> bool:
        """Whether a transport that has so many RTP pads and SCTP channels together may have one more of them."""
        bounds = self._bounds
        if of_transport >= bounds.max_sfu_pads_per_transport:
            return False
        if self._registry.sfu_pads + self._sfu_pads >= bounds.max_sfu_pads:
            return False
        self._sfu_pads += 1
        return True
