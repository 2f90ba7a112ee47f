"""The lines that one sink has not had yet, in their order, with a bound.

Lines come in with growing positions. What was taken for sending stays within the bounds until it is settled, and a
position is settled when all that came in up to it is. There are two bounds, because senders choose how long a report
is. A list and an Event: what comes in at once costs one list entry, not a channel.
"""

import math
from collections import deque

import trio

from sinks.lines import Batch, Piece


class LineQueue:
    """A bounded queue from one writer, which never waits, to one reader, which waits for a batch to be worth sending.

    It holds at most `limit` lines of at most `bytes_limit` bytes together, their ends included. A batch is ripe when
    `max_items` lines wait, or when the first of them has waited `max_time_s` seconds.
    """

    def __init__(self, limit: int, bytes_limit: int, max_items: int, max_time_s: float) -> None:
        self.settled = 0
        """The position up to which everything is settled."""
        self.bytes = 0
        """How much the lines hold that wait or are in flight. (bytes)"""
        self.waiting = 0
        """How many lines wait to be taken."""
        self._limit = limit
        self._bytes_limit = bytes_limit
        self._max_items = max_items
        self._max_time_s = max_time_s
        self._pieces: deque[Piece] = deque()
        self._first_came_at = 0.0
        self._entered = 0
        self._left = 0
        self._in_flight = 0
        self._bytes_in_flight = 0
        self._marks: deque[tuple[int, int]] = deque()
        self._wake = trio.Event()
        self._flushing = False

    @property
    def finished(self) -> bool:
        """Whether the queue is flushing, and empty to the last batch in flight."""
        return self._flushing and self._entered == self._left

    def offer(self, position: int, lines: Piece) -> int:
        """Take in as many of the lines, from the first on, as there is room for; return how many."""
        room, room_in_bytes = self._limit - (self._entered - self._left), self._bytes_limit - self.bytes
        if lines.number > room or len(lines.text) > room_in_bytes:
            lines, _ = lines.cut(room, room_in_bytes)
        if lines.number:
            if not self.waiting:
                self._first_came_at = trio.current_time()
                self._wake.set()
            self._pieces.extend([lines] if lines.number <= self._max_items else lines.cuts(self._max_items))
            self._entered += lines.number
            self.waiting += lines.number
            self.bytes += len(lines.text)
            if self.waiting >= self._max_items:
                self._wake.set()
        self._mark(position)
        return lines.number

    async def ripe(self) -> bool:
        """Wait until a batch is ripe. False: the queue is flushing and nothing waits any more."""
        while not self._is_ripe():
            self._wake = trio.Event()
            with trio.move_on_after(max(0.0, self._unripe_for_s())):
                await self._wake.wait()
        return self.waiting > 0

    def take(self) -> Batch:
        """Take the first `max_items` lines as the batch in flight; there must be none."""
        pieces: list[Piece] = []
        room = self._max_items
        while self._pieces and room:
            piece = self._pieces.popleft()
            if piece.number > room:
                piece, rest = piece.cut(room, len(piece.text))
                self._pieces.appendleft(rest)
            pieces.append(piece)
            room -= piece.number
        batch = Batch(pieces)
        self._in_flight = len(batch)
        self._bytes_in_flight = batch.size
        self.waiting -= len(batch)
        return batch

    def settle(self) -> None:
        """The batch in flight is through, or given up: room for others, and `settled` may grow."""
        self._left += self._in_flight
        self.bytes -= self._bytes_in_flight
        self._in_flight = self._bytes_in_flight = 0
        while self._marks and self._marks[0][0] <= self._left:
            self.settled = self._marks.popleft()[1]

    def abandon(self, left: int) -> int:
        """Forget what waits, without settling it, and `left` lines of the batch in flight; return how many are lost."""
        lost, self.waiting = self.waiting + left, 0
        self._pieces.clear()
        self.bytes = self._bytes_in_flight
        return lost

    def flush(self) -> None:
        """From now on whatever waits is ripe."""
        self._flushing = True
        self._wake.set()

    def _is_ripe(self) -> bool:
        return self._flushing or self.waiting >= self._max_items or self._unripe_for_s() <= 0

    def _unripe_for_s(self) -> float:
        if not self.waiting:
            return math.inf
        return self._first_came_at + self._max_time_s - trio.current_time()

    def _mark(self, position: int) -> None:
        """Remember that `position` is settled once all that entered so far has left: at most one mark a piece."""
        if self._entered == self._left:
            self.settled = position
            return
        if self._marks and self._marks[-1][0] == self._entered:
            self._marks.pop()
        self._marks.append((self._entered, position))
