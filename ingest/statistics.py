"""What has come in, counted. Plain numbers: whoever serves metrics reads them."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


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


@dataclass(slots=True)
class Statistics:
    """Counts since the start. `received_bytes` are those of the `messages`, inflated; `written` are these by format and
    family of schema versions."""

    messages: Counter[Transport] = field(default_factory=Counter)
    received_bytes: Counter[Transport] = field(default_factory=Counter)
    refused: Counter[Refused] = field(default_factory=Counter)
    forgotten_clients: int = 0
    written: Counter[tuple[str, str]] = field(default_factory=Counter)
