"""Plays simulated calls to a deployment, to try it: ``webrtc-observer simulate``.

The load ramps up call by call. `simulate` does the work and can be called in-process; `add_arguments` and `main` are
the command line around it.
"""

import argparse
import heapq
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count, cycle
from random import Random
from urllib.parse import urlsplit

import orjson
import trio

from observer.open_files import raised_file_limit
from observer.simulation.calls import Call, CallShape, plan_call
from observer.simulation.client import Course, Summary, play_client, play_sfu
from observer.simulation.progress import show, told
from observer.simulation.protobuf_messages import in_protobuf
from observer.simulation.sessions import Send, Session, rest_session, websocket_session, why
from observer.simulation.sfu import through_sfu

SFU_SHARE = 0.3
"""Share of the calls that go through an SFU."""

SCREEN_SHARE = 0.3
"""Share of the calls in which a screen is shown."""

OTHER_FILES = 32
"""Files that are open beside the connections: standard streams, and what the runtime needs."""

HANDSHAKES = 64
"""Sessions that may be opening at the same time."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for. Times in seconds; raises `ValueError` for what cannot be."""

    url: str | Sequence[str] = "ws://127.0.0.1:7080"
    """Where to; of several addresses each client takes another first, and the next one whenever it has to come back."""
    service: str = "demo"
    media_unit: str = "web"
    calls: int = 10
    participants: int = 4
    seconds: float = 60.0
    period: float = 2.0
    ramp: float | None = None
    """Time until the last of `calls` has begun; a quarter of `seconds` when not given."""
    call_seconds: float | None = None
    """How long a call lasts before another takes its place; to the end when not given."""
    rest: bool = False
    protobuf: bool = False
    """Whether messages are written in protobuf; in JSON, when not."""
    sfus: bool = False
    """Whether the SFUs send samples too, one for each call that goes through an SFU."""
    max_connections: int = 2000
    seed: int | None = None
    stagger: float = 0.25
    longest_wait: float = 8.0
    """How long a client waits before it comes back, at most; the first time half a second."""

    def __post_init__(self) -> None:
        for url in self.urls:
            if not _names_a_server(url):
                raise ValueError(f"--url: {url!r} is no ws://, wss://, http:// or https:// address")
        if self.calls < 1 or self.participants < 2:
            raise ValueError("at least 1 call of at least 2 participants is needed")
        if self.seconds <= 0 or self.period <= 0 or (self.call_seconds is not None and self.call_seconds <= 0):
            raise ValueError("--seconds, --period and --call-seconds are more than 0")
        if not 0 <= self.ramp_seconds < self.seconds:
            raise ValueError("--ramp is at least 0 and less than --seconds")
        if self.connections > self.max_connections:
            raise ValueError(
                f"{self.calls} calls of {self.participants} are more than --max-connections {self.max_connections}"
            )

    @property
    def connections(self) -> int:
        """How many connections may be open at the same time."""
        return self.calls * (self.participants + self.sfus)

    @property
    def urls(self) -> Sequence[str]:
        """All addresses."""
        return [self.url] if isinstance(self.url, str) else self.url

    @property
    def ramp_seconds(self) -> float:
        """The ramp that holds."""
        return self.seconds / 4 if self.ramp is None else self.ramp


def _names_a_server(url: str) -> bool:
    try:
        place = urlsplit(url)
        return place.scheme in ("ws", "wss", "http", "https") and bool(place.hostname) and place.port != 0
    except ValueError:
        return False


class NothingListens(Exception):
    """Nobody takes connections at any of the addresses."""


async def simulate(
    options: Options,
    calls: Iterable[tuple[float, Call]] | None = None,
    *,
    summary: Summary | None = None,
    stop: trio.Event | None = None,
) -> Summary:
    """Plays calls to the end, or until `stop` is set, and returns what was done.

    `calls` are taken one by one, each with the time (s) at which it begins, in that order; without them they are
    planned after the options. `summary`, when given, is kept up to date meanwhile. Raises `NothingListens` at once when
    there is no server; what fails later is counted.
    """
    summary = summary if summary is not None else Summary()
    stop = stop if stop is not None else trio.Event()
    rng = Random(options.seed)  # noqa: S311
    await _knock(options.urls)
    session_of, number = _sessions(options), count()
    written = in_protobuf if options.protobuf else orjson.dumps
    began, epoch = trio.current_time(), time.time() * 1000
    async with trio.open_nursery() as nursery:
        for starts, call in planned_calls(options, rng) if calls is None else calls:
            with trio.move_on_at(began + starts):
                await stop.wait()
            if stop.is_set():
                break
            summary.calls += 1
            times = began + starts, epoch + starts * 1000, options.period
            course = Course(*times, options.rest, written, longest_wait=options.longest_wait)
            for person in call.participants:
                own = Random(rng.getrandbits(64))  # noqa: S311
                nursery.start_soon(play_client, call, person, course, session_of(next(number)), own, summary, stop)
            if options.sfus and through_sfu(call):
                own = Random(rng.getrandbits(64))  # noqa: S311
                nursery.start_soon(play_sfu, call, course, session_of(next(number)), own, summary, stop)
    return summary


def planned_calls(options: Options, rng: Random) -> Iterator[tuple[float, Call]]:
    """The calls that the options ask for, in the order in which they begin."""
    places = (_one_after_another(options, options.ramp_seconds * n / options.calls) for n in range(options.calls))
    for starts, seconds in heapq.merge(*places):
        shape = CallShape(
            options.participants,
            seconds,
            sfu=rng.random() < SFU_SHARE,
            screen_share=rng.random() < SCREEN_SHARE,
            stagger=options.stagger,
            one_leaves_early=options.stagger > 0.1,
        )
        yield starts, plan_call(rng, shape)


def _one_after_another(options: Options, starts: float) -> Iterator[tuple[float, float]]:
    """When the calls of one place begin and how long they last."""
    longest = options.call_seconds or options.seconds
    while options.seconds - starts > longest / 20:
        yield starts, min(longest, options.seconds - starts)
        starts += longest


async def _knock(urls: Iterable[str]) -> None:
    """Raises `NothingListens` unless one of them takes connections."""
    failures = []
    for url in urls:
        place = urlsplit(url)
        port = place.port or (443 if place.scheme in ("wss", "https") else 80)
        try:
            with trio.fail_after(10):
                stream = await trio.open_tcp_stream(place.hostname or "", port)
        except (OSError, trio.TooSlowError) as error:
            failures.append(f"nothing listens at {place.hostname}:{port} ({why(error)})")
        else:
            await trio.aclose_forcefully(stream)
            return
    raise NothingListens("; ".join(failures))


def _sessions(options: Options) -> Callable[[int], Session]:
    """What the n-th client opens its sessions with: each goes to the next address."""
    urls = [_samples_url(url, options) for url in options.urls]
    opening = trio.CapacityLimiter(HANDSHAKES)

    def session_of(n: int) -> Session:
        first = n % len(urls)
        addresses = cycle(urls[first:] + urls[:first])

        @asynccontextmanager
        async def session() -> AsyncIterator[Send]:
            url = next(addresses)
            async with AsyncExitStack() as made:
                async with opening:
                    send = await made.enter_async_context(rest_session(url) if options.rest else websocket_session(url))
                yield send

        return session

    return session_of


def _samples_url(url: str, options: Options) -> str:
    place = urlsplit(url)
    secure = place.scheme in ("wss", "https")
    root = f"{('https' if secure else 'http') if options.rest else ('wss' if secure else 'ws')}://{place.netloc}"
    path = f"{place.path.rstrip('/')}{'/rest' if options.rest else ''}/samples/{options.service}/{options.media_unit}"
    return f"{root}{path}?format={'protobuf' if options.protobuf else 'json'}&schemaVersion=2.2.0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line of ``simulate``."""
    default = Options()
    parser.add_argument(
        "--url",
        action="append",
        help=f"where the observer listens (default {default.url}); given once for each node, clients are spread over"
        " them, and go on at another when theirs goes",
    )
    parser.add_argument("--service", default=default.service, help="service id (default %(default)s)")
    parser.add_argument("--media-unit", default=default.media_unit, help="media unit id (default %(default)s)")
    parser.add_argument("--calls", type=int, default=default.calls, help="calls at the same time (default %(default)s)")
    parser.add_argument(
        "--participants", type=int, default=default.participants, help="clients in each call (default %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=default.seconds, help="how long in all (default %(default)s)")
    parser.add_argument(
        "--period", type=float, default=default.period, help="time between two samples (s, default %(default)s)"
    )
    parser.add_argument("--ramp", type=float, help="time until the last call begins (s, default --seconds / 4)")
    parser.add_argument(
        "--call-seconds", type=float, help="length of a call before another takes its place (default: to the end)"
    )
    parser.add_argument("--rest", action="store_true", help="POST each sample instead of a WebSocket per client")
    parser.add_argument("--protobuf", action="store_true", help="send protobuf instead of JSON")
    parser.add_argument("--sfus", action="store_true", help="let the SFUs send samples too: some calls go through one")
    parser.add_argument(
        "--max-connections", type=int, default=default.max_connections, help="refuse to open more (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="plan the same calls again")


def main(arguments: argparse.Namespace) -> int:
    """Runs the command; 0 when samples were sent without an error, 1 when not, 2 for arguments that cannot be."""
    names = Options.__dataclass_fields__.keys() & vars(arguments).keys()
    try:
        options = Options(**{name: given for name in names if (given := getattr(arguments, name)) is not None})
    except ValueError as error:
        sys.stderr.write(f"webrtc-observer simulate: {error}\n")
        return 2
    connections = options.connections
    files = raised_file_limit(connections + OTHER_FILES)
    if files < connections + OTHER_FILES:
        sys.stderr.write(
            f"webrtc-observer simulate: {connections} connections are too many: only {files} files may be open\n"
        )
        return 2
    try:
        summary = trio.run(_run, options)
    except NothingListens as error:
        sys.stderr.write(f"webrtc-observer simulate: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 1
    sys.stdout.write("\n".join(told(summary)) + "\n")
    return 0 if summary.samples and not summary.errors else 1


async def _run(options: Options) -> Summary:
    summary, stop = Summary(), trio.Event()
    failure: NothingListens | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, stop, nursery.cancel_scope)
        nursery.start_soon(show, summary, options.seconds, sys.stderr)
        try:
            await simulate(options, summary=summary, stop=stop)
        except NothingListens as error:
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return summary


async def _stop_on_signal(stop: trio.Event, everything: trio.CancelScope) -> None:
    """The first signal lets the clients leave, the second ends it at once."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if stop.is_set():
                everything.cancel()
            stop.set()
