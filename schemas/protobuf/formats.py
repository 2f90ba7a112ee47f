"""The wire formats of the sample schemas: which version of a schema is written how.

A later version of a family than is known here is taken for the newest that is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from schemas.protobuf import fields_2, fields_2_0, fields_3
from schemas.protobuf.fields import Fields, changed, fields_of, replaced
from schemas.versions import SchemaVersion


@dataclass(frozen=True, eq=False, slots=True)
class Format:
    """One way to write samples."""

    name: str
    fields: Fields
    enforces_required: bool
    """Whether a message without a required field is refused: senders of deltas leave out what did not change."""
    root: str = "Samples"


@cache
def format_2_0_0() -> Format:
    """2.0.0."""
    return Format("2.0.0", changed(format_2_0_4().fields, fields_2_0.WITHOUT_INTERNAL_CHANNELS), True)


@cache
def format_2_0_4() -> Format:
    """2.0.1 and later."""
    return Format("2.0.4", replaced(format_2_1_8().fields, fields_2_0.V2_0_4), True)


@cache
def format_2_1_0() -> Format:
    """2.1.0 to 2.1.2."""
    return Format("2.1.0", changed(format_2_1_3().fields, fields_2.FRACTIONAL_DROPS), True)


@cache
def format_2_1_3() -> Format:
    """2.1.3."""
    return Format("2.1.3", changed(format_2_1_4().fields, fields_2.WITHOUT_TRANSPORT_LABEL), True)


@cache
def format_2_1_4() -> Format:
    """2.1.4 to 2.1.7."""
    return Format("2.1.4", changed(format_2_1_8().fields, fields_2.WITHOUT_PAIR_LABEL), True)


@cache
def format_2_1_8() -> Format:
    """2.1.8 and later."""
    return Format("2.1.8", fields_of(fields_2.V2_1_8), True)


@cache
def format_2_2_0() -> Format:
    """2.2.0."""
    return Format("2.2.0", changed(format_2_1_8().fields, fields_2.CUSTOM_EVENTS), True)


@cache
def format_2_2_12() -> Format:
    """2.2.1 and later."""
    return Format("2.2.12", changed(format_2_2_0().fields, fields_2.IDS_AS_BYTES), False)


@cache
def format_3_0() -> Format:
    """3.0 and 3.1."""
    return Format("3.0", fields_of(fields_3.V3_0), False, "ClientSample")


@cache
def format_3_2() -> Format:
    """3.2."""
    return Format("3.2", changed(format_3_0().fields, fields_3.CONGESTION_AND_QUALITY), False, "ClientSample")


@cache
def format_3_3() -> Format:
    """3.3."""
    return Format("3.3", changed(format_3_2().fields, fields_3.ISSUE_KEYS), False, "ClientSample")


@cache
def format_3_4() -> Format:
    """3.4 and later."""
    return Format("3.4", changed(format_3_3().fields, fields_3.LISTS_OF_REASONS), False, "ClientSample")


FIRST_VERSIONS: tuple[tuple[SchemaVersion, Callable[[], Format]], ...] = (
    (SchemaVersion(3, 4, 0), format_3_4),
    (SchemaVersion(3, 3, 0), format_3_3),
    (SchemaVersion(3, 2, 0), format_3_2),
    (SchemaVersion(3, 0, 0), format_3_0),
    (SchemaVersion(2, 2, 1), format_2_2_12),
    (SchemaVersion(2, 2, 0), format_2_2_0),
    (SchemaVersion(2, 1, 8), format_2_1_8),
    (SchemaVersion(2, 1, 4), format_2_1_4),
    (SchemaVersion(2, 1, 3), format_2_1_3),
    (SchemaVersion(2, 1, 0), format_2_1_0),
    (SchemaVersion(2, 0, 1), format_2_0_4),
    (SchemaVersion(2, 0, 0), format_2_0_0),
)
"""The first version that is written in each format, the newest format first."""

FAMILIES = ((2, 0), (2, 1), (2, 2), (3,))


def takes(version: SchemaVersion) -> bool:
    """Whether samples of that version can be read: 2.0.x, 2.1.x, 2.2.x and 3.x.

    No encoder of 3.1 and 3.2 is known. They are read as the rules of the schemas give it: 3.1 as 3.0, 3.2 as 3.3
    without the one field that 3.3 adds.
    """
    return any(version[: len(family)] == family for family in FAMILIES)


def format_of(version: SchemaVersion) -> Format:
    """How samples of a version that `takes` are written."""
    return next(form() for first, form in FIRST_VERSIONS if version >= first)
