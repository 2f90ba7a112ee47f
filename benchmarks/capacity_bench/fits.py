"""From what runs saw to the constants of the model. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Point = tuple[float, float]


def line(points: Sequence[Point]) -> tuple[float, float]:
    """Where the straight line that fits best meets zero, and its slope. Needs two different first values."""
    x0 = sum(x for x, _ in points) / len(points)
    y0 = sum(y for _, y in points) / len(points)
    slope = sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)
    return y0 - slope * x0, slope


@dataclass(frozen=True)
class Spoken:
    """Calls of one size at one rate: tracks of a client, kB of a sample, samples a second, share of a core."""

    tracks: float
    kb: float
    rate: float
    share: float


def of_samples(rest: float, seen: Sequence[Spoken]) -> Mapping[str, float]:
    """What a sample costs: for each size of a call a line through its rates, then a line through these."""
    lines = {tracks: line([(one.rate, one.share) for one in seen if one.tracks == tracks]) for tracks in _tracks(seen)}
    sample, track = line([(tracks, slope) for tracks, (_, slope) in lines.items()])
    message, message_track = line([(one.tracks, one.kb) for one in seen])
    return {
        "at_rest_percent": rest * 100,
        "at_work_percent": (sum(work for work, _ in lines.values()) / len(lines) - rest) * 100,
        "sample": sample * 1e6,
        "sample_track": track * 1e6,
        "message": message,
        "message_track": message_track,
    }


def _tracks(seen: Sequence[Spoken]) -> list[float]:
    return sorted({one.tracks for one in seen})


@dataclass(frozen=True)
class Committed:
    """A cluster at work: touched clients, their rows, and commands a second, shares of a core, and bytes that the log
    grew by in a second.

    `home` is the node that all clients are at, a follower; `untouched` its share with the same samples and no rows.
    """

    clients: float
    rows: float
    commands: float
    home: float
    untouched: float
    leader: float
    other: float
    log: float


def of_rows(rest: float, seen: Sequence[Committed], others: int) -> Mapping[str, float]:
    """What a row costs where it is made, at the leader, which sends it to so many `others`, and at these."""
    _, applied = line([(one.rows, one.other) for one in seen])
    _, led = line([(one.rows, one.leader) for one in seen])
    _, made = line([(one.rows, one.home - one.untouched) for one in seen])
    command = sum((one.other - rest - applied * one.rows) / one.commands for one in seen) / len(seen)
    return {
        "member_percent": rest * 100,
        "row_made": (made - applied) * 1e6,
        "row_applied": applied * 1e6,
        "row_sent": (led - applied) / others * 1e6,
        "command": command * 1e6,
        "touch_bytes": sum(one.log for one in seen) / sum(one.clients for one in seen),
    }


@dataclass(frozen=True)
class Held:
    """Memory of nodes with so many clients at one of them, in MB; their rows; kB of one of their samples."""

    clients: float
    rows: float
    kb: float
    home: float
    other: float
    log: float


def of_memory(rest: float, silent: Sequence[Held], busy: Sequence[Sequence[Held]]) -> Mapping[str, float]:
    """What a WebSocket, a row and a message hold: from the growth between two numbers of clients, for each size."""
    connection = _growth(silent)[0]
    rows, messages, works = [], [], []
    for steps in busy:
        client, elsewhere = _growth(steps)
        each, kb = steps[-1].rows / steps[-1].clients, steps[-1].kb
        rows.append(elsewhere / each)
        messages.append((client - connection - elsewhere) / kb)
        works.append(steps[0].home - steps[0].log - client * steps[0].clients / 1000 - rest)
    return {
        "node_memory": rest * 1000,
        "connection": connection,
        "row_memory": sum(rows) / len(rows),
        "message_held": sum(messages) / len(messages),
        "work_memory": sum(works) / len(works) * 1000,
    }


def _growth(steps: Sequence[Held]) -> tuple[float, float]:
    """What each client more takes where it is, and elsewhere, without its share of the log. (kB)"""
    first, last = steps[0], steps[-1]
    clients = last.clients - first.clients
    log = last.log - first.log
    return (last.home - first.home - log) / clients * 1000, (last.other - first.other - log) / clients * 1000
