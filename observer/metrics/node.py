"""What the node does, as metrics: sources, evaluators, repository, sinks. Read from plain counters when asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized

import trio
from prometheus_client.metrics_core import Metric

import web
from ingest import statistics as ingest_statistics
from ingest.incoming import UNNAMED, Format
from observer.intake import Intake
from observer.metrics.families import Group
from observer.pipeline import Counts
from schemas.samples import Reason
from schemas.versions import FAMILIES
from sinks.statistics import Circuit, SinkStatistics
from store.entities import INBOUND, OUTBOUND
from store.registry import Registry

_AT_ONCE = 500
"""After how many clients, or transports of SFUs, others run while entities are counted."""

_SCHEMAS = (*FAMILIES, UNNAMED)

_SFU_PADS = {INBOUND: "sfu_inbound_rtp_pads", OUTBOUND: "sfu_outbound_rtp_pads"}


def source_families(
    group: Group, ingest: ingest_statistics.Statistics, served: web.Statistics, intake: Intake, counts: Counts
) -> Iterator[Metric]:
    """What comes in, and what is not taken of it."""
    yield from _message_families(group, ingest, intake, counts)
    yield from _connection_families(group, served)


def _message_families(
    group: Group, ingest: ingest_statistics.Statistics, intake: Intake, counts: Counts
) -> Iterator[Metric]:
    yield group.counter("received_samples", "Messages with samples received.", ingest.messages.total())
    yield group.counters_of_two(
        "written_messages",
        "Messages with samples, by format and by the schema version that their senders name.",
        ("format", "schema"),
        {(format_.value, family): ingest.written[format_.value, family] for format_ in Format for family in _SCHEMAS},
    )
    yield group.counters(
        "received_message",
        "Size of the messages with samples, inflated. (bytes)",
        "transport",
        {transport.value: ingest.received_bytes[transport] for transport in ingest_statistics.Transport},
        unit="bytes",
    )
    yield group.counters(
        "refused",
        "Messages and sessions refused as a whole; their senders were told.",
        "reason",
        {reason.value: ingest.refused[reason] for reason in ingest_statistics.Refused},
    )
    yield group.counters(
        "rejected",
        "Samples and parts of samples that were not taken out of messages that were.",
        "reason",
        {reason.value: counts.rejected[reason] for reason in Reason},
    )
    yield group.counter("observed_client_samples", "Samples of clients that the pipeline took.", counts.client_samples)
    yield group.counter("observed_sfu_samples", "Samples of SFUs that the pipeline took.", counts.sfu_samples)
    yield group.counter("observed_turn_samples", "Samples of TURN servers that the pipeline took.", counts.turn_samples)
    yield group.counter(
        "forgotten_clients", "Clients beyond what one session may have; they leave by idling.", ingest.forgotten_clients
    )
    yield group.gauge("buffered_samples", "Messages in the last batch that the pipeline took.", counts.last_batch)
    yield group.gauge("waiting_samples", "Messages that wait for the pipeline.", len(intake))
    yield group.gauge(
        "waiting", "Size of the messages that wait for the pipeline. (bytes)", intake.waiting_bytes, unit="bytes"
    )


def _connection_families(group: Group, served: web.Statistics) -> Iterator[Metric]:
    yield group.counter("opened_websockets", "WebSocket sessions opened.", served.opened_websockets)
    yield group.counter("closed_websockets", "WebSocket sessions closed.", served.closed_websockets)
    yield group.gauge("open_websockets", "WebSocket sessions that are open.", served.open_websockets)
    yield group.counter("opened_connections", "Connections accepted.", served.opened_connections)
    yield group.gauge("open_connections", "Connections that are open, WebSockets among them.", served.open_connections)
    yield group.counter("received", "Bytes received, as sent. (bytes)", served.received_bytes, unit="bytes")
    yield group.counters(
        "http_answers",
        "HTTP requests answered, by status.",
        "status",
        {str(status): count for status, count in sorted(served.requests.items())},
    )
    yield group.counters(
        "ended_connections",
        "Connections that were ended and requests that were refused for a fault of the peer or of the network.",
        "reason",
        {reason.value: served.ended[reason] for reason in web.Ended},
    )
    yield group.counter("failures", "Exceptions while serving, which are faults of the observer.", served.failures)


def evaluator_families(group: Group, counts: Counts) -> Iterator[Metric]:
    """How long the steps of the pipeline take."""
    yield group.summaries(
        "execution_durations",
        "Time for one batch (look, report) and for one command (commit). (s)",
        "component",
        {
            "look": (counts.batches, counts.look_seconds),
            "commit": (counts.commands, counts.commit_seconds),
            "report": (counts.batches, counts.report_seconds),
        },
        unit="seconds",
    )


def repository_families(
    group: Group, entries: Mapping[str, int], unsettled: Sized, departures: Sized, counts: Counts
) -> Iterator[Metric]:
    """What the registry holds."""
    yield group.gauges("entries", "Entities that the registry holds.", "storage", entries)
    yield group.gauge(
        "unsettled_entries",
        "Clients, calls and entities of SFUs heard of since their last touch was committed.",
        len(unsettled),
    )
    yield group.gauge(
        "waiting_departures", "Clients and SFUs whose session ended and whose grace is not over.", len(departures)
    )
    yield group.counter("sweeps", "Sweeps that closed idle entities.", counts.sweeps)
    yield group.counter(
        "outcomes_not_kept",
        "Events no longer kept for another node to tell, since sinks took too long with them.",
        counts.outcomes_not_kept,
    )


async def count_entries(registry: Registry) -> dict[str, int]:
    """How many entities there are by kind. It lets others run now and then: there can be a million."""
    counts = dict.fromkeys(("inbound_tracks", "outbound_tracks", *_SFU_PADS.values(), "sfu_sctp_streams"), 0)
    for number, client in enumerate(list(registry.clients.values()), start=1):
        for peer_connection in client.peer_connections.values():
            for direction, _, _ in peer_connection.tracks:
                counts["inbound_tracks" if direction == INBOUND else "outbound_tracks"] += 1
        if number % _AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
    number = 0
    for sfu in list(registry.sfus.values()):
        for transport in list(sfu.transports.values()):
            for direction, _ in transport.pads:
                counts[_SFU_PADS[direction]] += 1
            counts["sfu_sctp_streams"] += len(transport.channels)
            number += 1
            if number % _AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
    return {
        "rooms": len(registry.rooms),
        "calls": len(registry.calls),
        "clients": len(registry.clients),
        "peer_connections": registry.peer_connections,
        "sfus": len(registry.sfus),
        "sfu_transports": registry.sfu_transports,
        "sfu_streams": len(registry.streams),
        **counts,
    }


_SINK_COUNTERS: Sequence[tuple[str, str, str, Callable[[SinkStatistics], float]]] = (
    ("reports", "", "Reports that arrived at the sink.", lambda sink: sink.acknowledged),
    ("offered_reports", "", "Reports offered, wanted or not.", lambda sink: sink.offered),
    ("filtered_reports", "", "Reports that the sink does not want.", lambda sink: sink.filtered),
    ("sent_reports", "", "Reports handed to the sink, again each time they are tried again.", lambda sink: sink.sent),
    ("batches", "", "Batches that are through.", lambda sink: sink.batches),
    ("retries", "", "Batches tried again.", lambda sink: sink.retries),
    ("sending_time", "seconds", "Time spent sending, failures included. (s)", lambda sink: sink.sending_s),
    ("recovered_reports", "", "Reports that an earlier process had left on disk.", lambda sink: sink.spool.recovered),
    ("dead_letters", "", "Rejected reports that were put aside in a file.", lambda sink: sink.dead_letters),
)
_SINK_GAUGES: Sequence[tuple[str, str, str, Callable[[SinkStatistics], float]]] = (
    ("queued_reports", "", "Reports that wait in memory or are on their way.", lambda sink: sink.queued),
    ("queued", "bytes", "What they take as lines of JSON. (bytes)", lambda sink: sink.queued_bytes),
    ("queued_reports_limit", "", "How many reports may wait or be on their way.", lambda sink: sink.queued_limit),
    ("queued_bytes_limit", "", "How many bytes they may take.", lambda sink: sink.queued_bytes_limit),
    ("spooled_reports", "", "Reports that wait on disk.", lambda sink: sink.spool.spooled),
    ("spooled", "bytes", "How much the files of the spool take. (bytes)", lambda sink: sink.spool.spooled_bytes),
    (
        "spooled_bytes_limit",
        "",
        "How much they may take; 0 without a spool.",
        lambda sink: sink.spool.spooled_bytes_limit,
    ),
    ("spool_failing", "", "1 while the disk of the spool fails.", lambda sink: sink.spool.spool_failing),
    ("failing", "", "1 while the sink fails.", lambda sink: sink.failing_for_s is not None),
    (
        "failing_time",
        "seconds",
        "How long it has been failing; 0 if it works. (s)",
        lambda sink: sink.failing_for_s or 0,
    ),
)
"""Name, unit, help text and figure of what is told of each sink."""


def sink_families(group: Group, sinks: Sequence[SinkStatistics]) -> Iterator[Metric]:
    """What becomes of reports, sink by sink."""
    for name, unit, documentation, figure in _SINK_COUNTERS:
        yield group.counters(name, documentation, "sink", {sink.key: figure(sink) for sink in sinks}, unit)
    yield group.counters_of_two(
        "dropped_reports",
        "Reports that will never arrive.",
        ("sink", "reason"),
        {(sink.key, reason.value): count for sink in sinks for reason, count in sink.dropped.items()},
    )
    for name, unit, documentation, figure in _SINK_GAUGES:
        yield group.gauges(name, documentation, "sink", {sink.key: figure(sink) for sink in sinks}, unit)
    yield group.gauges_of_two(
        "circuit",
        "1 for how the sink stands: closed (it works), open (left alone for a while), half_open (tried again).",
        ("sink", "state"),
        {(sink.key, state.value): sink.circuit is state for sink in sinks for state in Circuit},
    )
