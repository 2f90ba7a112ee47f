"""How much of the world's news trio takes up at once.

trio wakes everybody who has something to read before it looks at its clock again. When ten thousand peers speak or
vanish in one moment, whoever waits for a deadline, or came later, waits for all of them. Here a turn takes up so many
at most; the kernel keeps the others in their order. WebSockets are read together (`web.gathering`), and peers that rest
are listened to together (`web.attending`), which bounds their turns already: this is for requests that come in pieces.
Of ten thousand that vanish the last wait as long either way, but whoever else has a deadline waits a third as long.

What trio does not publish is used in this file only, and `tests/web/test_private_names.py` fails when it becomes
something else; then turns are as long as trio makes them.
"""

import select
from typing import Any

from trio._core._run import GLOBAL_RUN_CONTEXT

MOST_EVENTS = 256
"""How many sockets one turn takes up: some milliseconds of work."""


def bound_turns() -> None:
    """Bounds the turns of the trio that runs here, where it waits by epoll. Doing it again changes nothing."""
    manager: Any = GLOBAL_RUN_CONTEXT.runner.io_manager
    if hasattr(select, "epoll") and isinstance(getattr(manager, "_epoll", None), select.epoll):
        manager._epoll = _Bounded(manager._epoll)


class _Bounded:
    """An epoll object that gives few events at once."""

    __slots__ = ("_poll", "close", "fileno", "modify", "register", "unregister")

    def __init__(self, epoll: select.epoll) -> None:
        self._poll = epoll.poll
        self.close = epoll.close
        self.fileno = epoll.fileno
        self.modify = epoll.modify
        self.register = epoll.register
        self.unregister = epoll.unregister

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        return self._poll(timeout, min(most, MOST_EVENTS))
