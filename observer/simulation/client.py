"""One simulated client: it joins its call, sends its samples over WebSocket or REST, and leaves.

A client that is refused or loses its connection comes back with growing waits for as long as its part in the call
lasts, to the next address if there are several. Over WebSocket a client leaves as browsers do, by closing; over REST
its last message says so.
"""

from dataclasses import dataclass
from random import Random

import orjson
import trio

from observer.simulation.calls import Call, Participant
from observer.simulation.samples import client_sample
from observer.simulation.sessions import Lost, Refused, Send, Session


@dataclass(slots=True)
class Summary:
    """What was done so far. `clients` have sent at least one sample; `open` counts the sessions of this moment."""

    calls: int = 0
    clients: int = 0
    open: int = 0
    samples: int = 0
    bytes: int = 0
    errors: int = 0
    refused: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How a client goes about it. Times in seconds; `epoch` is when the call `began` (trio's clock), in ms."""

    began: float
    epoch: float
    period: float
    close_in_band: bool
    first_wait: float = 0.5
    longest_wait: float = 8.0


async def play_client(
    call: Call, person: Participant, course: Course, session: Session, rng: Random, summary: Summary, stop: trio.Event
) -> None:
    """Plays one participant's part until it leaves or `stop` is set, and counts in `summary`."""
    client = _Client(call, person, course, rng.uniform(0.2, 1.0), summary, stop)
    wait = course.first_wait
    await client.rest(max(0.0, client.due - client.now()))
    while client.here():
        before, since = client.seq, client.since
        try:
            async with session() as send:
                await client.speak(send)
        except Refused:
            summary.refused += 1
            if not course.close_in_band:
                # A WebSocket takes what is sent before it says that it is refused: nobody heard it.
                client.since = since
        except Lost as error:
            summary.errors += 1
            summary.last_error = str(error)
        if client.seq > before:
            wait = course.first_wait
        if client.here():
            await client.rest(min(wait * rng.uniform(0.7, 1.3), person.leaves - client.now()))
            wait = min(2 * wait, course.longest_wait)


class _Client:
    """Where a client stands: the number of its next sample and when it sent the last one."""

    def __init__(
        self, call: Call, person: Participant, course: Course, phase: float, summary: Summary, stop: trio.Event
    ) -> None:
        self.call, self.person, self.course, self.summary, self.stop = call, person, course, summary, stop
        self.seq = 0
        self.since: float | None = None
        self.due = person.joins + phase * min(course.period, (person.leaves - person.joins) / 2)

    def now(self) -> float:
        return trio.current_time() - self.course.began

    def here(self) -> bool:
        return not self.stop.is_set() and max(self.due, self.now()) < self.person.leaves

    async def rest(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self.stop.wait()

    async def speak(self, send: Send) -> None:
        """Sends a sample each period; returns when the client leaves."""
        self.summary.open += 1
        try:
            while self.here():
                await self.rest(max(0.0, self.due - self.now()))
                if self.stop.is_set():
                    return
                await self._say(send)
            if not self.course.close_in_band:
                await self.rest(max(0.0, self.person.leaves - self.now()))
        finally:
            self.summary.open -= 1

    async def _say(self, send: Send) -> None:
        at = max(self.due, self.now())
        self.due = at if at > self.due + self.course.period else self.due
        self.due += self.course.period
        if at >= self.person.leaves:
            return
        message: dict[str, object] = {
            "clientSamples": [
                client_sample(self.call, self.person, at, since=self.since, seq=self.seq, epoch=self.course.epoch)
            ]
        }
        if self.course.close_in_band and not self.here():
            message["controls"] = {"close": True}
        body = orjson.dumps(message)
        await send(body)
        self.summary.clients += self.seq == 0
        self.summary.samples += 1
        self.summary.bytes += len(body)
        self.seq += 1
        self.since = at
