"""How late the event loop is: what blocks it makes everything wait, and shows here."""

from typing import NoReturn

import trio

_STEP = 0.1
_INTERVAL = 15.0


class LoopLag:
    """Asks every tenth of a second to be woken, and notes how late that is."""

    def __init__(self) -> None:
        self._current = 0.0
        self._previous = 0.0

    @property
    def seconds(self) -> float:
        """The longest lag of the last 15 to 30 seconds. (s)"""
        return max(self._current, self._previous)

    async def run(self) -> NoReturn:
        """Measures until it is cancelled."""
        turn = trio.current_time() + _INTERVAL
        while True:
            due = trio.current_time() + _STEP
            await trio.sleep_until(due)
            now = trio.current_time()
            self._current = max(self._current, now - due)
            if now >= turn:
                self._previous, self._current = self._current, 0.0
                turn = now + _INTERVAL
