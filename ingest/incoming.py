"""What a sender says of its samples before it sends any: whose they are, their version, their format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from ingest.grants import Grant
from ingest.statistics import Refused
from schemas import protobuf
from schemas.samples import CONTROL, TooLong, identifier
from schemas.versions import DEFAULT_VERSION, SchemaVersion, UnsupportedVersion, parse_version

PROTOBUF_TYPES = frozenset({"application/x-protobuf", "application/protobuf"})
"""The content types that say the format where the query does not."""

_NOT_TAKEN = frozenset({"avro", "none"})
_ENCODINGS = frozenset({"", "delta"})


UNNAMED = "unnamed"
"""The family of schema versions of a sender that names none."""


class BadSamples(Exception):
    """Samples, or what is said of them, that cannot be taken.

    It carries its answer: `reason` goes to the sender, with `close_code` on a WebSocket, with `status` and `headers` on
    REST.
    """

    def __init__(
        self,
        reason: str,
        refused: Refused,
        close_code: int = 4230,
        status: int = 400,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused
        self.close_code = close_code
        self.status = status
        self.headers = headers


class Format(StrEnum):
    """How samples are written."""

    JSON = "json"
    DELTA_JSON = "delta json"
    PROTOBUF = "protobuf"
    RTCSTATS = "rtcstats"
    """Not samples, but what samples of 3.x are made of; so is the next one. No sender of samples may name them."""
    JITSI = "jitsi"


@dataclass(frozen=True, slots=True)
class Incoming:
    """Whose samples come, and how they are written.

    `version` is ``None`` where the sender names none. `room_id`, `user_id` and `client_id` stand in where a client
    sample lacks them. `grant` is what the sender's access token allows, ``None`` where none is asked for.
    """

    service_id: str
    media_unit_id: str
    version: SchemaVersion | None = None
    format: Format = Format.JSON
    room_id: str | None = None
    user_id: str | None = None
    client_id: str | None = None
    grant: Grant | None = None
    written: tuple[str, str] = field(init=False, compare=False, repr=False)
    """The format, and the family of the version that the sender names: one of a small, fixed set."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", (self.format.value, self.version.family if self.version else UNNAMED))


_MOST_REMEMBERED = 256
"""Of how many addresses it is remembered what they say: who posts does so to the same one again and again."""

_SAYING = ("schemaVersion", "format", "encoding", "roomId", "userId", "clientId")
"""What of a query says something of samples; tokens are not remembered."""


def incoming(
    parameters: Mapping[str, str],
    query: Mapping[str, str],
    longest_id: int,
    *,
    content_type: str = "",
    grant: Grant | None = None,
) -> Incoming:
    """What path and query of a request say. Raises `BadSamples`, also for a version that is not taken.

    ``format`` may be ``json`` or ``protobuf``, whatever its case; what is unknown counts as ``json``. Where there is
    none, a content type of protobuf says it, else it is ``json``. ``encoding=delta`` says that JSON has only what
    changed. Ids that the token binds stand behind those of the query.
    """
    told = tuple(map(query.get, _SAYING))
    return _incoming(parameters["serviceId"], parameters["mediaUnitId"], told, longest_id, content_type, grant)


@lru_cache(_MOST_REMEMBERED)
def _incoming(
    service_id: str,
    media_unit_id: str,
    told: tuple[str | None, ...],
    longest_id: int,
    content_type: str,
    grant: Grant | None,
) -> Incoming:
    query = {name: value for name, value in zip(_SAYING, told, strict=True) if value is not None}
    for name, id_ in (("serviceId", service_id), ("mediaUnitId", media_unit_id)):
        if len(id_) > longest_id:
            raise _too_long(name, longest_id)
        if CONTROL.search(id_):
            raise BadSamples(f"The {name} holds control characters", Refused.ID_INVALID)
    try:
        version = parse_version(query.get("schemaVersion"))
    except UnsupportedVersion as unsupported:
        raise BadSamples(str(unsupported), Refused.VERSION) from None
    format_ = _format(query, content_type)
    if format_ is Format.PROTOBUF:
        version = version or DEFAULT_VERSION
        if not protobuf.takes(version):
            raise BadSamples(f"Protobuf of schema version {'.'.join(map(str, version))} is unknown", Refused.VERSION)
    elif format_ is Format.DELTA_JSON and version is not None and not version.is_3:
        raise BadSamples("The encoding delta is one of schemas 3.x", Refused.FORMAT)
    return Incoming(
        service_id,
        media_unit_id,
        version,
        format_,
        _stand_in("roomId", query, longest_id) or (grant.room_id if grant else None),
        _stand_in("userId", query, longest_id) or (grant.user_id if grant else None),
        _stand_in("clientId", query, longest_id) or (grant.client_id if grant else None),
        grant,
    )


def _format(query: Mapping[str, str], content_type: str) -> Format:
    named = query.get("format", "").lower()
    if named in _NOT_TAKEN:
        raise BadSamples(f"The format {named} is not taken; json and protobuf are", Refused.FORMAT)
    if named == "protobuf" or (not named and content_type in PROTOBUF_TYPES):
        return Format.PROTOBUF
    encoding = query.get("encoding", "").lower()
    if encoding not in _ENCODINGS:
        raise BadSamples("The encoding is not taken; delta is, or none", Refused.FORMAT)
    return Format.DELTA_JSON if encoding else Format.JSON


def _stand_in(name: str, query: Mapping[str, str], longest: int) -> str | None:
    try:
        return identifier(query.get(name), longest)
    except TooLong:
        raise _too_long(name, longest) from None


def _too_long(name: str, longest: int) -> BadSamples:
    return BadSamples(f"The {name} is too long: at most {longest} characters", Refused.ID_TOO_LONG)
