"""What has come in, counted. Plain numbers: whoever serves metrics reads them."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

Key = TypeVar("Key")


class Transport(StrEnum):
    """How a message came. The values are metric labels."""

    REST = "rest"
    WEBSOCKET = "websocket"


class Refused(StrEnum):
    """Why a message or a session was refused. The values are metric labels: a small, fixed set."""

    UNDECODABLE = "undecodable"
    TOO_COMPLEX = "too_complex"
    VERSION = "version"
    FORMAT = "format"
    ID_TOO_LONG = "id_too_long"
    ID_INVALID = "id_invalid"
    CONTENT_TYPE = "content_type"
    ACCESS_REQUIRED = "token_required"
    ACCESS_INVALID = "token_invalid"
    ACCESS_EXPIRED = "token_expired"
    ACCESS_ELSEWHERE = "token_elsewhere"
    ACCESS_OVERUSED = "token_overused"
    DISABLED = "disabled"
    NOT_READY = "not_ready"
    NO_QUORUM = "no_quorum"
    FULL = "full"


Written = tuple[str, str]
"""The format of a message, and the family of its schema version."""


@dataclass(slots=True)
class Traffic:
    """What came alike: how many messages, and their bytes, inflated."""

    messages: int = 0
    received_bytes: int = 0


@dataclass(slots=True)
class Statistics:
    """Counts since the start. Whoever receives messages counts them in the `Traffic` of their kind."""

    traffic: defaultdict[tuple[Transport, Written], Traffic] = field(default_factory=lambda: defaultdict(Traffic))
    refused: Counter[Refused] = field(default_factory=Counter)
    forgotten_clients: int = 0

    @property
    def messages(self) -> Counter[Transport]:
        """Messages by how they came."""
        return self._sums(lambda transport, _: transport, lambda traffic: traffic.messages)

    @property
    def written(self) -> Counter[Written]:
        """Messages by how they were written."""
        return self._sums(lambda _, written: written, lambda traffic: traffic.messages)

    @property
    def received_bytes(self) -> Counter[Transport]:
        """The bytes of the messages by how they came."""
        return self._sums(lambda transport, _: transport, lambda traffic: traffic.received_bytes)

    def _sums(self, key: Callable[[Transport, Written], Key], number: Callable[[Traffic], int]) -> Counter[Key]:
        sums = Counter[Key]()
        for (transport, written), traffic in self.traffic.items():
            if traffic.messages:
                sums[key(transport, written)] += number(traffic)
        return sums
