"""Versions of the sample schemas: which a sender may name.

A version is ``concept.samples.reports``, three whole numbers. Families 2.0.x, 2.1.x and 2.2.x are taken.
"""

import re
from typing import NamedTuple

SUPPORTED_FAMILIES = ((2, 0), (2, 1), (2, 2))

_VERSION = re.compile(r"\s*(\d{1,6})\.(\d{1,6})\.(\d{1,6})\.?\s*", re.ASCII)
_LONGEST_QUOTE = 20


class SchemaVersion(NamedTuple):
    """A version of the sample schemas."""

    concept: int
    samples: int
    reports: int


DEFAULT_VERSION = SchemaVersion(2, 2, 0)
"""What a sender speaks who names no version."""


class UnsupportedVersion(ValueError):
    """The sender named a version that is none, or that is not taken. The message fits a WebSocket close frame."""


def parse_version(text: str | None) -> SchemaVersion:
    """The version that `text` names, `DEFAULT_VERSION` for none. Raises `UnsupportedVersion`."""
    if text is None:
        return DEFAULT_VERSION
    match = _VERSION.fullmatch(text)
    if match:
        version = SchemaVersion(*(int(number) for number in match.groups()))
        if version[:2] in SUPPORTED_FAMILIES:
            return version
    families = ", ".join(f"{concept}.{samples}.x" for concept, samples in SUPPORTED_FAMILIES)
    quoted = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."
    quoted = quoted.encode("ascii", "replace").decode()
    raise UnsupportedVersion(f"Not valid or not supported schema version: {quoted}. Supported: {families}")
