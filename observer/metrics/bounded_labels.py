"""Counts what senders name, without letting them make up any number of labels."""

from collections import Counter

UNKNOWN = "UNKNOWN"
OTHER = "OTHER"


class BoundedLabels:
    """Counts names. The first `most` distinct ones get a label of their own, all others share ``OTHER``.

    A name that is longer than `longest` characters or cannot be printed is ``OTHER`` too; none at all is ``UNKNOWN``.
    """

    def __init__(self, most: int = 50, longest: int = 40) -> None:
        self.counts: Counter[str] = Counter({UNKNOWN: 0, OTHER: 0})
        self._room = most
        self._longest = longest

    def count(self, name: object) -> None:
        """Counts what a sender gave as a name."""
        self.counts[self._label(name)] += 1

    def _label(self, name: object) -> str:
        if name is None or name == "":
            return UNKNOWN
        if not isinstance(name, str) or len(name) > self._longest:
            return OTHER
        if name in self.counts:
            return name
        if self._room == 0 or not name.isprintable():
            return OTHER
        self._room -= 1
        return name
