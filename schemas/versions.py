"""Versions of the sample schemas: which a sender may name.

A version is ``concept.samples.reports``, three whole numbers, and maybe what a pre-release adds (``2.2.1-rc.0``).
Families 2.0.x, 2.1.x, 2.2.x and 3.x are taken.
"""

import re
from typing import NamedTuple

SUPPORTED_FAMILIES = ((2, 0), (2, 1), (2, 2))
"""The families of 2.x, by their first two numbers; of 3.x all are taken."""

FAMILIES = (*(f"{concept}.{samples}.x" for concept, samples in SUPPORTED_FAMILIES), "3.x")
"""What is taken, as text."""

_VERSION = re.compile(r"\s*(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:\.|-[0-9A-Za-z.]{1,20})?\s*", re.ASCII)
_LONGEST_QUOTE = 20


class SchemaVersion(NamedTuple):
    """A version of the sample schemas."""

    concept: int
    samples: int
    reports: int

    @property
    def is_3(self) -> bool:
        """Whether it is of the families 3.x."""
        return self.concept == 3

    @property
    def family(self) -> str:
        """One of `FAMILIES`, if it is of any."""
        return FAMILIES[-1] if self.is_3 else f"{self.concept}.{self.samples}.x"


DEFAULT_VERSION = SchemaVersion(2, 2, 0)
"""What a sender of protobuf speaks who names no version."""


class UnsupportedVersion(ValueError):
    """The sender named a version that is none, or that is not taken. The message fits a WebSocket close frame."""


def parse_version(text: str | None) -> SchemaVersion | None:
    """The version that `text` names, ``None`` where it names none. Raises `UnsupportedVersion`."""
    if text is None:
        return None
    match = _VERSION.fullmatch(text)
    if match:
        version = SchemaVersion(*(int(number) for number in match.groups()))
        if version.is_3 or version[:2] in SUPPORTED_FAMILIES:
            return version
    quoted = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."
    quoted = quoted.encode("ascii", "replace").decode()
    raise UnsupportedVersion(f"Not valid or not supported schema version: {quoted}. Supported: {', '.join(FAMILIES)}")
