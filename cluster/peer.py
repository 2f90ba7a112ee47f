"""A member as PySyncObj knows it."""

from functools import lru_cache
from zlib import crc32

from pysyncobj.node import Node


class Peer(Node):  # type: ignore[misc]
    """Its hash is the same in every process, and so is the order of sets of peers; it is looked up at every turn."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.hash = crc32(name.encode())

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Peer) and self._id == other._id)


peer_named = lru_cache(maxsize=1024)(Peer)
"""The peer of this name."""
