"""Keys that a configuration may hold although no dataclass of ours has them, or obeys them yet.

A tree beside the tree of dataclasses: each key leads to a `Branch`, `*` stands for any one key, `**` for everything
below. A branch may carry a reason: whoever sets that key is told so once, in a `Notice`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Status(Enum):
    """Why a key that is accepted does nothing, or not what it seems to."""

    MEANINGLESS = "means nothing here"
    LATER = "not yet obeyed"
    DOUBTFUL = "take note"


@dataclass(frozen=True, slots=True)
class Notice:
    """A key that does nothing, or not what it seems to: its path in the file, why, and the reason in words."""

    path: str
    status: Status
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.status.value}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: the block, its keys (dots go deeper), and why they do nothing.

    A key that ends with ``.**`` stands for the mapping before it, whatever that holds.
    """

    block: str
    keys: tuple[str, ...]
    status: Status
    reason: str


@dataclass(slots=True, eq=False)
class Branch:
    """What may stand at one place; `row` is the row that names this very key."""

    row: Row | None = None
    below: dict[str, Branch] = field(default_factory=dict)

    def child(self, key: str) -> Branch | None:
        """Where a key (in camelCase) leads to, or None when it is not known here."""
        return self.below.get(key) or self.below.get("*") or self.below.get("**")

    def names(self) -> tuple[str, ...]:
        """The keys that are known here by name."""
        return tuple(name for name in self.below if name not in ("*", "**"))


EMPTY = Branch()
"""The branch of a place where nothing but our own keys is known."""

ANYTHING = Branch()
"""The branch of a place where every key is known."""

ANYTHING.below["**"] = ANYTHING


def tree(rows: Iterable[Row]) -> Branch:
    """The rows as one tree."""
    root = Branch()
    for row in rows:
        for key in row.keys:
            _grow(root, f"{row.block}.{key}".strip(".")).row = row
    return root


def _grow(root: Branch, path: str) -> Branch:
    """The branch at the path, made where it is missing."""
    branch = root
    for name in path.removesuffix(".**").split("."):
        branch = branch.below.setdefault(name, Branch())
    if path.endswith(".**"):
        branch.below["**"] = ANYTHING
    return branch
