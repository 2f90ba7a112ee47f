"""What a sender says of its samples before it sends any: whose they are, their version, their format."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest.statistics import Refused
from schemas.versions import UnsupportedVersion, parse_version

_NOT_TAKEN = frozenset({"protobuf", "avro", "none"})


class BadSamples(Exception):
    """Samples, or what is said of them, that cannot be taken.

    It carries its answer: `reason` goes to the sender, with `close_code` on a WebSocket, with `status` on REST.
    """

    def __init__(self, reason: str, refused: Refused, close_code: int = 4230, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused
        self.close_code = close_code
        self.status = status


@dataclass(frozen=True, slots=True)
class Incoming:
    """Whose samples come."""

    service_id: str
    media_unit_id: str


def incoming(parameters: Mapping[str, str], query: Mapping[str, str], longest_id: int) -> Incoming:
    """What path and query of a request say. Raises `BadSamples`, also for a version that is not taken.

    The version itself is not kept: JSON tells it by its shape. ``format`` may be ``json``, whatever its case; what is
    unknown or missing counts as ``json``.
    """
    for name in ("serviceId", "mediaUnitId"):
        if len(parameters[name]) > longest_id:
            raise BadSamples(f"The {name} is too long: at most {longest_id} characters", Refused.ID_TOO_LONG)
    try:
        parse_version(query.get("schemaVersion"))
    except UnsupportedVersion as unsupported:
        raise BadSamples(str(unsupported), Refused.VERSION) from None
    named = query.get("format", "json").lower()
    if named in _NOT_TAKEN:
        raise BadSamples(f"The format {named} is not taken yet; json is", Refused.FORMAT)
    return Incoming(parameters["serviceId"], parameters["mediaUnitId"])
