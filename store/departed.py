"""Who left a short while ago, so that a sample that was on its way through another node does not bring them back."""

from collections import OrderedDict

REMEMBERED = 30_000
"""For how long: what a node heard is committed within seconds. (ms of registry time)"""

MOST_REMEMBERED = 100_000
"""How many clients, and how many SFUs, are remembered at once. The same on every replica, like the time, so neither is
a setting."""


class Departed:
    """Clients, or SFUs, that are not there any more, those that left first in front.

    `rows` holds for each, by service and its own id, when its last sample was taken and when it left. (ms)
    """

    def __init__(self) -> None:
        self.rows: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def add(self, who: tuple[str, str], last: int, now: int) -> None:
        """One has left, at registry time `now`; its last sample was of the time `last`. Times do not go back."""
        self.rows[who] = (last, now)
        self.rows.move_to_end(who)
        if len(self.rows) > MOST_REMEMBERED:
            self.rows.popitem(last=False)

    def outlasts(self, who: tuple[str, str], sample: int) -> bool:
        """Whether one left after its sample of the time `sample`."""
        row = self.rows.get(who)
        return row is not None and sample < row[0]

    def forget(self, now: int) -> None:
        """Forgets those who left too long before registry time `now`."""
        rows = self.rows
        while rows and now - next(iter(rows.values()))[1] > REMEMBERED:
            rows.popitem(last=False)
