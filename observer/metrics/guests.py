"""Figures of guests and of their dumps, under names of ours: what comes in, what is lost and why, bounds, failures."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric

from dumps.figures import DumpFigures
from dumps.filing import FilingFigures
from dumps.retention import Reason, RetentionFigures
from dumps.settings import Dumps
from ingest.guest_statistics import GuestStatistics, Kind, TurnedAway, Unheard
from observer.metrics.families import Group
from schemas.webrtc_stats import Skipped

REFUSED = ("open", "waiting", "disk", "stopping")
DROPPED = ("size", "disk", "slow", "error")
STAGES = ("write", "process", "storage", "catalogue")


@dataclass(frozen=True)
class DumpsWatched:
    """Where the figures of dumps come from, and what bounds them."""

    settings: Dumps
    figures: DumpFigures
    filing: FilingFigures
    retention: RetentionFigures


@dataclass(frozen=True)
class GuestsWatched:
    """Where the figures of guests come from; a node may keep no dumps."""

    statistics: GuestStatistics
    dumps: DumpsWatched | None = None


def guest_families(group: Group, statistics: GuestStatistics) -> Iterator[Metric]:
    """What came in, by kind of guest."""
    for name, documentation, values in (
        ("open_sockets", "WebSockets that are open.", statistics.open_sockets),
        ("open_sessions", "Sessions that are going on at a socket.", statistics.open_sessions),
        ("remembered_sessions", "Sessions without a socket, which may come back.", statistics.remembered_sessions),
    ):
        yield group.gauges(name, documentation, "kind", _of(Kind, values))
    for name, documentation, values in (
        ("opened_sockets", "WebSockets that were opened.", statistics.opened_sockets),
        ("opened_sessions", "Sessions that began here.", statistics.opened_sessions),
        ("resumed_sessions", "Sessions that came back, or came from another node.", statistics.resumed_sessions),
        (
            "forgotten_sessions",
            "Sessions that could have come back, but there were too many.",
            statistics.forgotten_sessions,
        ),
        ("messages", "Messages that were received.", statistics.messages),
        ("gaps", "How often messages were missing between two of a session.", statistics.gaps),
        ("missing_messages", "Messages that were missing there.", statistics.missing_messages),
        ("acknowledgements", "How often a client was told what of it is kept.", statistics.acknowledgements),
    ):
        yield group.counters(name, documentation, "kind", _of(Kind, values))
    yield group.counters(
        "received", "What messages held. (bytes)", "kind", _of(Kind, statistics.received_bytes), "bytes"
    )
    yield group.counters_of_two(
        "turned_away",
        "WebSockets that were closed from here, by reason.",
        _LABELS,
        _of_two(TurnedAway, statistics.turned_away),
    )
    yield group.counters_of_two(
        "skipped", "Messages, and parts of some, that were skipped, by reason.", _LABELS,
        _of_two((*Skipped, *Unheard), statistics.skipped),
    )  # fmt: skip


def dump_families(group: Group, watched: DumpsWatched) -> Iterator[Metric]:
    """What became of dumps, and how full their bounds are."""
    figures = watched.figures
    yield group.gauge("open", "Dumps that are being written.", figures.open)
    yield group.gauge("waiting", "Dumps that wait to be completed, or are.", figures.waiting)
    yield group.gauge("buffered", "Lines in memory that are not written yet. (bytes)", figures.buffered, "bytes")
    yield group.gauge("work", "What dumps take until they are completed. (bytes)", figures.work, "bytes")
    yield _limits(group, watched.settings)
    yield group.counter("opened", "Dumps that were asked for.", figures.sessions)
    yield group.counters("refused", "Dumps that are not kept, by the bound.", "reason", _of(REFUSED, figures.refused))
    yield group.counter("lines", "Lines that were written.", figures.lines)
    yield group.counter("written", "What these take. (bytes)", figures.bytes, "bytes")
    yield group.counters("dropped_lines", "Lines that are lost.", "reason", _of(DROPPED, figures.dropped))
    yield group.counter("removed_lines", "Lines that were no JSON, and left out.", figures.removed_lines)
    yield group.counter("recovered", "Unfinished dumps that were found at the start.", figures.recovered)
    yield group.counter("completed", "Dumps that were stored and entered in the catalogue.", figures.files)
    yield group.counter(
        "stored", "What completed dumps take. (bytes)", sum(sizes.sum for sizes in figures.sizes.values()), "bytes"
    )
    yield group.counters(
        "errors", "What failed, and is tried again, by what was done.", "stage", _of(STAGES, figures.errors)
    )
    yield from _retention_families(group, watched.retention)


def _retention_families(group: Group, figures: RetentionFigures) -> Iterator[Metric]:
    yield group.gauge("kept", "Dumps in the catalogue, when it was last looked at.", figures.kept)
    yield group.gauge("kept_size", "What these take. (bytes)", figures.kept_bytes, "bytes")
    yield group.counters("deleted", "Dumps that were deleted, by reason.", "reason", _of(Reason, figures.deleted))
    yield group.counter("deleted_size", "What these took. (bytes)", figures.deleted_bytes, "bytes")
    yield group.counters(
        "deleting_errors",
        "What failed when dumps were deleted, and is tried again.",
        "stage",
        _of(("storage", "catalogue"), figures.errors),
    )


def _limits(group: Group, settings: Dumps) -> Metric:
    return group.gauges(
        "limit",
        "How much of each there may be.",
        "of",
        {
            "open": settings.max_open,
            "waiting": settings.max_waiting,
            "buffered_bytes": settings.max_buffered_bytes,
            "work_bytes": settings.max_work_bytes,
            "dump_bytes": settings.max_dump_bytes,
            **({} if settings.keep.max_bytes is None else {"kept_bytes": settings.keep.max_bytes}),
        },
    )


_LABELS = ("kind", "reason")


def _of(
    names: Iterable[str], counts: Mapping[str, int] | Mapping[Kind, int] | Mapping[Reason, int]
) -> dict[str, float]:
    """A count for each of these names, and for no other."""
    found: Mapping[str, int] = {str(name): number for name, number in counts.items()}
    return {str(name): found.get(str(name), 0) for name in names}


def _of_two(
    reasons: Iterable[str], counts: Mapping[tuple[Kind, TurnedAway], int] | Mapping[tuple[Kind, str], int]
) -> dict[tuple[str, str], float]:
    """A count for each kind and each of these reasons."""
    found = {(str(kind), str(reason)): number for (kind, reason), number in counts.items()}
    known = [str(reason) for reason in reasons]
    return {(str(kind), reason): found.get((str(kind), reason), 0) for kind in Kind for reason in known}
