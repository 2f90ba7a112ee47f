"""Figures of guests under the names that operators of Jitsi's rtcstats-server know, so that what they watch and what
wakes them goes on.

Only names that mean something here are told; `docs/clients.md` has those that do not. Names and types are as there,
also where they are not what Prometheus advises: counters do not end in ``_total``. So the text is made here, and not by
the client library, which would append it. Summaries are of the last values, and not of the last ten minutes.
Source: rtcstats-server of Jitsi, 2025.8.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

from dumps.filing import FilingFigures, Spread
from ingest.guest_statistics import GuestStatistics, Unheard
from observer.metrics.guests import DumpsWatched, GuestsWatched

CLIENTS = ("rtcstats", "jvb", "jicofo", "jibri", "jigasi", "unknown")
"""The kinds of clients whose dumps have a name of their own; any other is `unknown`."""

_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_QUANTILES_OF_SIZES = (0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999)


def known_names(watched: GuestsWatched) -> str:
    """The metrics in the text format of Prometheus."""
    lines = list(_of_sessions(watched.statistics, watched.dumps))
    if watched.dumps is not None:
        lines += _of_dumps(watched.dumps)
        lines += _summaries(watched.dumps.filing)
    return "".join(f"{line}\n" for line in lines)


def _of_sessions(statistics: GuestStatistics, dumps: DumpsWatched | None) -> Iterator[str]:
    turned_away = statistics.turned_away.total()
    too_many = sum(number for (_, reason), number in statistics.skipped.items() if reason == Unheard.TOO_MANY_SESSIONS)
    refused = 0 if dumps is None else dumps.figures.refused.total()
    yield from _one("rtcstats_websocket_connections", "gauge", "Open WebSockets.", statistics.open_sockets.total())
    yield from _one(
        "rtcstats_websocket_connection_error", "counter", "WebSockets that were closed from here.", turned_away
    )
    yield from _one("rtcstats_session_count", "counter", "Sessions that began.", statistics.opened_sessions.total())
    yield from _one(
        "rtcstats_session_error_count",
        "counter",
        "Sessions that were turned away, or of which no dump is kept.",
        turned_away + too_many + refused,
    )
    yield from _summary("rtcstats_requests_size_bytes", "What messages hold. (bytes)", (
        statistics.messages.total(), statistics.received_bytes.total()
    ))  # fmt: skip


def _of_dumps(watched: DumpsWatched) -> Iterator[str]:
    figures = watched.figures
    yield from _one("rtcstats_disk_queue_size", "gauge", "What unfinished dumps take. (bytes)", figures.work)
    yield from _one("rtcstats_queue_size", "gauge", "Dumps that wait to be completed.", figures.waiting)
    yield from _one("rtcstats_queued_dumps", "counter", "Dumps that were closed, and so waited.", figures.queued)
    yield from _one("rtcstats_files_processed", "counter", "Dumps that were completed.", figures.files)
    for name, stage in (("rtcstats_process_error_count", "process"), ("rtcstats_storage_error_count", "storage")):
        yield from _one(name, "counter", f"How often a dump failed ({stage}).", figures.errors[stage])


def _summaries(figures: FilingFigures) -> Iterator[str]:
    yield from _spread("rtcstats_session_duration_ms", "How long sessions last. (ms)", _QUANTILES, [figures.durations])
    raw_sizes = figures.raw_sizes
    yield from _spread(
        "rtcstats_total_processed_bytes", "What dumps take unpacked. (bytes)", _QUANTILES, raw_sizes.values()
    )
    yield from _spread("rtcstats_total_processed_count", "Lines of dumps.", _QUANTILES, [figures.lines])
    for client in CLIENTS:
        of_it = [sizes for name, sizes in raw_sizes.items() if (name if name in CLIENTS else "unknown") == client]
        documentation = f"What dumps of {client} take unpacked. (bytes)"
        yield from _spread(f"{client}_dump_size_bytes", documentation, _QUANTILES_OF_SIZES, of_it)


def _one(name: str, type_: str, documentation: str, value: int) -> Iterator[str]:
    yield from _head(name, type_, documentation)
    yield f"{name} {value}"


def _spread(name: str, documentation: str, quantiles: Sequence[float], of: Iterable[Spread]) -> Iterator[str]:
    spreads = list(of)
    values = sorted(value for spread in spreads for value in spread.recent)
    at = {quantile: values[math.ceil(quantile * len(values)) - 1] if values else 0 for quantile in quantiles}
    total = sum(spread.number for spread in spreads), sum(spread.sum for spread in spreads)
    yield from _summary(name, documentation, total, at)


def _summary(
    name: str, documentation: str, total: tuple[int, int], quantiles: dict[float, int] | None = None
) -> Iterator[str]:
    """`total` is how many there were, and their sum."""
    yield from _head(name, "summary", documentation)
    for quantile, value in (quantiles or {}).items():
        yield f'{name}{{quantile="{quantile}"}} {value}'
    yield f"{name}_sum {total[1]}"
    yield f"{name}_count {total[0]}"


def _head(name: str, type_: str, documentation: str) -> Iterator[str]:
    yield f"# HELP {name} {documentation}"
    yield f"# TYPE {name} {type_}"
