"""Whether reports are as the reference's schemas of reports say, where these are at hand.

They stand in a folder beside the repository, as recordings do. Where they are not, nothing is found.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[2].parent / "shared" / "reference" / "schemas" / "reports-2.2.json"

FRACTIONS = {
    ("INBOUND_AUDIO_TRACK", "totalSamplesDuration"),
    ("INBOUND_AUDIO_TRACK", "synthesizedSamplesDuration"),
}
"""Fields that the schemas call whole and that real clients send with fractions, which are kept."""

Envelope = Mapping[str, Any]


def schema_faults(reports: Iterable[Envelope]) -> list[str]:
    """What the schemas object to, in whole sentences: each kind of fault once, with how many reports have it."""
    if not SCHEMAS.exists():
        return []
    found: Counter[str] = Counter()
    for report in reports:
        found.update(set(_faults_of(report)))
    return [f"{times} reports: {fault}" for fault, times in found.items()]


def _faults_of(report: Envelope) -> Iterable[str]:
    type_, payload = report["type"], report["payload"]
    if list(report) != ["type", "schemaVersion", "payload"] or report["schemaVersion"] != "2.2.0":
        yield f"{type_} has the envelope {[*report]} of {report.get('schemaVersion')}."
    definition = _definitions().get(type_)
    if definition is None:
        yield f"{type_} is no type of report."
        return
    if list(payload) != definition["x-field-order"]:
        yield f"{type_} has other fields, or in another order."
    for error in _validator(type_).iter_errors(dict(payload)):
        field = ".".join(map(str, error.absolute_path))
        kept = (type_, field) in FRACTIONS and isinstance(error.instance, float)
        # Clients of the schemas 3.x do not number their samples.
        unnumbered = field == "sampleSeq" and error.instance is None
        if not kept and not unnumbered:
            yield f"{type_}: {field or 'the whole'} is not of the {error.validator} {error.validator_value}."


@cache
def _definitions() -> Mapping[str, Any]:
    definitions: Mapping[str, Any] = json.loads(SCHEMAS.read_text())["$defs"]
    return definitions


@cache
def _validator(type_: str) -> Draft202012Validator:
    return Draft202012Validator(_definitions()[type_])
