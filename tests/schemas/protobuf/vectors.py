"""Golden vectors: bytes that ObserveRTC's own encoders wrote, and what they say.

Those of `data` are copies without what was put into the encoder. The folder of the references has more, if at hand.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from schemas.versions import SchemaVersion

DATA = Path(__file__).parent / "data"
REFERENCE = Path(__file__).parents[3].parent / "shared" / "reference" / "schemas"

_VERSIONS = {"enc30": "3.0.0", "enc2212": "2.2.12", "codec35-protobuf": "3.5.0"}
_ENUMS = {"ENCODE", "DECODE", "CLIENT", "AUDIO", "VIDEO", "VIDEOINPUT", "AUDIOINPUT", "UDP", "TCP", "TLS", "SUCCEEDED"}
_UUID = re.compile("0x(.{8})(.{4})(.{4})(.{4})(.{12})")


class Vector(NamedTuple):
    """One message of a golden vector."""

    name: str
    version: SchemaVersion
    data: bytes
    decoded: Any


def vectors(folder: Path) -> list[Vector]:
    """All messages of all vectors in a folder; none if there is no such folder."""
    return [vector for path in sorted(folder.glob("*.json")) for vector in _vectors(path)]


def refused(folder: Path) -> list[tuple[str, bytes]]:
    """What must be refused as 2.2.0, and why."""
    cases = json.loads((folder / "pb22-reject.json").read_text())["cases"]
    return [(case["why"], base64.b64decode(case["base64"])) for case in cases]


def version_of(text: str) -> SchemaVersion:
    """``2.2.0`` as a version."""
    return SchemaVersion(*map(int, text.split(".")))


def _vectors(path: Path) -> list[Vector]:
    golden = json.loads(path.read_text())
    if "cases" in golden or path.name.startswith("codec35-json"):
        return []
    version = golden.get("schemaVersion") or next(v for kind, v in _VERSIONS.items() if path.name.startswith(kind))
    found = []
    for number, message in enumerate(golden.get("messages", [golden])):
        decoded = _in_json_form(message.get("wire", message.get("decoded")))
        if "single" in path.name:
            decoded = {"sfuSamples": [decoded]}
        found.append(
            Vector(f"{path.stem}[{number}]", version_of(version), base64.b64decode(message["base64"]), decoded)
        )
    return found


def _in_json_form(value: Any) -> Any:
    """A value of the vectors, which tell enums by their names and the bytes of UUIDs as such, in the form of JSON."""
    match value:
        case dict():
            return {name: _in_json_form(inner) for name, inner in value.items()}
        case list():
            return [_in_json_form(inner) for inner in value]
        case "INPROGRESS":
            return "in-progress"
        case str() if value in _ENUMS:
            return value.lower()
        case str():
            return _UUID.sub(r"\1-\2-\3-\4-\5", value)
    return value
