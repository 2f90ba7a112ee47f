"""How dear something is beside something plain, on a machine that does other things as well."""

from collections.abc import Callable

_TRIES = 4


def at_most(times: float, dear: Callable[[], float], plain: Callable[[], float]) -> bool:
    """Whether the one takes so many times the processor time of the other at most.

    Both are measured in turn, and again as long as it looks dearer: whatever else the machine does comes in bursts and
    can only add, while what is really dear is so each time.
    """
    return any(dear() < times * plain() for _ in range(_TRIES))
