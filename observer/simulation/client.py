"""One simulated client, or the SFU of a call: it joins, sends its samples over WebSocket or REST, and leaves.

A client that is refused or loses its connection comes back with growing waits for as long as its part in the call
lasts, to the next address if there are several. Over WebSocket a client leaves as browsers do, by closing; over REST
its last message says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
import trio

from observer.simulation.calls import Call, Participant
from observer.simulation.samples import client_sample
from observer.simulation.sessions import Lost, Refused, Send, Session
from observer.simulation.sfu import sfu_sample

Message = dict[str, Any]
Words = Callable[[float, float | None, int], Message]
"""What somebody says at a time of the call, when it last spoke (both in s), and how often it did before."""


@dataclass(slots=True)
class Summary:
    """What was done so far.

    `clients` and `sfus` have sent at least one sample; `open` counts the sessions of this moment.
    """

    calls: int = 0
    clients: int = 0
    sfus: int = 0
    open: int = 0
    samples: int = 0
    bytes: int = 0
    errors: int = 0
    refused: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How a client goes about it. Times in seconds; `epoch` is when the call `began` (trio's clock), in ms.

    `written` makes the bytes of a message.
    """

    began: float
    epoch: float
    period: float
    close_in_band: bool
    written: Callable[[Message], bytes] = orjson.dumps
    first_wait: float = 0.5
    longest_wait: float = 8.0


@dataclass(frozen=True, slots=True)
class _Part:
    """What somebody does in a call: from when to when (s), what it says, and how it is counted once it was heard."""

    joins: float
    leaves: float
    words: Words
    count: Callable[[], None]


async def play_client(
    call: Call, person: Participant, course: Course, session: Session, rng: Random, summary: Summary, stop: trio.Event
) -> None:
    """Plays one participant's part until it leaves or `stop` is set, and counts in `summary`."""

    def words(at: float, since: float | None, seq: int) -> Message:
        return {"clientSamples": [client_sample(call, person, at, since=since, seq=seq, epoch=course.epoch)]}

    def count() -> None:
        summary.clients += 1

    await _play(_Part(person.joins, person.leaves, words, count), course, session, rng, summary, stop)


async def play_sfu(
    call: Call, course: Course, session: Session, rng: Random, summary: Summary, stop: trio.Event
) -> None:
    """Plays the SFU of a call for as long as the call lasts or until `stop` is set, and counts in `summary`."""

    def words(at: float, since: float | None, seq: int) -> Message:
        return {"sfuSamples": [sfu_sample(call, at, epoch=course.epoch)]}

    def count() -> None:
        summary.sfus += 1

    await _play(_Part(0.0, call.seconds, words, count), course, session, rng, summary, stop)


async def _play(part: _Part, course: Course, session: Session, rng: Random, summary: Summary, stop: trio.Event) -> None:
    speaker = _Speaker(part, course, rng.uniform(0.2, 1.0), summary, stop)
    wait = course.first_wait
    await speaker.rest(max(0.0, speaker.due - speaker.now()))
    while speaker.here():
        before, since = speaker.seq, speaker.since
        try:
            async with session() as send:
                await speaker.speak(send)
        except Refused:
            summary.refused += 1
            if not course.close_in_band:
                # A WebSocket takes what is sent before it says that it is refused: nobody heard it.
                speaker.since = since
        except Lost as error:
            summary.errors += 1
            summary.last_error = str(error)
        if speaker.seq > before:
            wait = course.first_wait
        if speaker.here():
            await speaker.rest(min(wait * rng.uniform(0.7, 1.3), part.leaves - speaker.now()))
            wait = min(2 * wait, course.longest_wait)


class _Speaker:
    """Where somebody stands who speaks in a call: the number of its next sample and when it sent the last one."""

    def __init__(self, part: _Part, course: Course, phase: float, summary: Summary, stop: trio.Event) -> None:
        self.part, self.course, self.summary, self.stop = part, course, summary, stop
        self.seq = 0
        self.since: float | None = None
        self.due = part.joins + phase * min(course.period, (part.leaves - part.joins) / 2)

    def now(self) -> float:
        return trio.current_time() - self.course.began

    def here(self) -> bool:
        return not self.stop.is_set() and max(self.due, self.now()) < self.part.leaves

    async def rest(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self.stop.wait()

    async def speak(self, send: Send) -> None:
        """Sends a sample each period; returns when it leaves."""
        self.summary.open += 1
        try:
            while self.here():
                await self.rest(max(0.0, self.due - self.now()))
                if self.stop.is_set():
                    return
                await self._say(send)
            if not self.course.close_in_band:
                await self.rest(max(0.0, self.part.leaves - self.now()))
        finally:
            self.summary.open -= 1

    async def _say(self, send: Send) -> None:
        at = max(self.due, self.now())
        self.due = at if at > self.due + self.course.period else self.due
        self.due += self.course.period
        if at >= self.part.leaves:
            return
        message = self.part.words(at, self.since, self.seq)
        if self.course.close_in_band and not self.here():
            message["controls"] = {"close": True}
        body = self.course.written(message)
        await send(body)
        if self.seq == 0:
            self.part.count()
        self.summary.samples += 1
        self.summary.bytes += len(body)
        self.seq += 1
        self.since = at
