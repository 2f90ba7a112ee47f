import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
import trio
from prometheus_client import REGISTRY

import web
from analysis.bounds import Bounds
from cluster import links as cluster_links
from cluster.links import LinkStatistics
from cluster.statistics import Proposal, Statistics
from cluster.status import Role
from discovery.kubernetes import PodsStatistics
from discovery.pod_list import Failure
from dumps.figures import DumpFigures
from dumps.filing import FilingFigures
from dumps.retention import RetentionFigures
from dumps.settings import Dumps
from ingest import statistics as ingest_statistics
from ingest.client_metrics import ClientMetricsStatistics
from ingest.guest_statistics import GuestStatistics
from ingest.statistics import Refused, Traffic, Transport
from observer.config.settings import Metrics, MetricsGroup
from observer.intake import Intake, SamplesCollector
from observer.metrics.cluster import ClusterFigures
from observer.metrics.guests import DumpsWatched, GuestsWatched
from observer.metrics.limits import Limits
from observer.metrics.vitals import Vitals
from observer.peers import status_alone
from observer.pipeline import Counts
from schemas.messages import Samples
from schemas.samples import Reason, Tally
from sinks.statistics import Circuit, DropReason, SinkStatistics, SpoolStatistics
from store.commands import (
    ClientSeen,
    Command,
    PeerConnectionSeen,
    RtpPadSeen,
    SctpChannelSeen,
    SfuSeen,
    SfuTransportSeen,
    TrackSeen,
)
from store.registry import Registry
from tests.observer.exposed import Figures, exposed
from web import Ended

SINK = SinkStatistics(
    key="archive",
    type="FileSink",
    offered=100,
    filtered=10,
    queued_bytes=4321,
    queued=20,
    sent=75,
    acknowledged=60,
    dropped={DropReason.QUEUE_FULL: 7, DropReason.GIVEN_UP: 3},
    batches=4,
    retries=2,
    sending_s=1.5,
    failing_for_s=None,
)
FAMILIES_OF_PYTHON = ("process_", "python_")
NOT_BASE_UNITS = {"ms", "milliseconds", "minutes", "hours", "kilobytes", "megabytes", "bits", "percent"}


def full_registry() -> Registry:
    """One room with Alice, who sends audio and video through an SFU and receives audio, and Bob; and that SFU."""
    sent_audio = TrackSeen("OUTBOUND", "AUDIO", "a", 1, 1, [11], "stream-a", None)
    sent_video = TrackSeen("OUTBOUND", "VIDEO", "v", 1, 1, [12], "stream-v", None)
    played = TrackSeen("INBOUND", "AUDIO", "b", 1, 1, [21], None, None)
    both = [PeerConnectionSeen("pc-1", 1, 1, [sent_audio, sent_video]), PeerConnectionSeen("pc-2", 1, 1, [played])]
    alice = ClientSeen("s", "room", "alice", "call", False, 1, 1, "m", None, None, None, both)
    bob = ClientSeen("s", "room", "bob", "call", False, 1, 1, "m", None, None, None, [])
    pads = [
        RtpPadSeen(direction, pad_id, 1, 1, False, "stream-a", None, 1)
        for direction, pad_id in (("INBOUND", "i"), ("OUTBOUND", "o1"), ("OUTBOUND", "o2"))
    ]
    transport = SfuTransportSeen("t", False, 1, 1, pads, [SctpChannelSeen("c", "s", 1, 1)])
    registry = Registry()
    sfu = SfuSeen("s", "sfu", 1, 1, "m", None, None, [transport])
    registry.apply(Command("n", 1, 1, 0, seen=[alice, bob], sfus=[sfu]))
    return registry


def taken(
    traffic: Mapping[tuple[Transport, tuple[str, str]], Traffic], refused: Counter[Refused] | None = None
) -> ingest_statistics.Statistics:
    statistics = ingest_statistics.Statistics(refused=refused or Counter())
    statistics.traffic.update(traffic)
    return statistics


def busy() -> Figures:
    """A node on which something has happened everywhere."""
    return Figures(
        ingest=taken(
            {
                (Transport.REST, ("json", "unnamed")): Traffic(2, 200),
                (Transport.WEBSOCKET, ("json", "unnamed")): Traffic(3, 300),
            },
            Counter({Refused.UNDECODABLE: 4}),
        ),
        served=web.Statistics(
            opened_websockets=5, closed_websockets=4, open_websockets=1, requests=Counter({200: 7, 400: 2})
        ),
        registry=full_registry(),
        sinks=[SINK],
        cluster=member(cluster="a:1#f0"),
        vitals=Vitals(lambda: 1_700_000_000_500, round_age=lambda: 0.25),
        pods=LOOKING,
    )


def busy_with_guests() -> Figures:
    """The same, and it takes guests: metrics under names that others gave them are among its own."""
    return replace(
        busy(),
        guests=GuestsWatched(
            GuestStatistics(), DumpsWatched(Dumps("dumps"), DumpFigures(), FilingFigures(), RetentionFigures())
        ),
        pushed=ClientMetricsStatistics(pushes=3),
    )


LOOKING = PodsStatistics(
    failures=Counter({Failure.GONE: 2}), lists=3, watches=4, events=5, pods=6, peers=2, last_word_at=93.0
)


def member(**standing: Any) -> ClusterFigures:
    """What the leader of three nodes has counted."""
    names = ("a:1#f0", "b:2#01", "c:3#02")
    status = replace(status_alone(names[0]), members=names, connected=names[1:], term=4, commit_index=9, log_bytes=300)
    statistics = Statistics(elections=2, rebirths=1, proposals=Counter({Proposal.RETRIED: 5}))
    statistics.commit_times.add(0.003)
    links = LinkStatistics(bytes_sent=70, messages_received=8, refused=Counter({cluster_links.Refused.UNNAMED: 3}))
    return ClusterFigures(
        lambda: replace(status, **standing), statistics, links, lambda: datetime.fromtimestamp(7, UTC)
    )


async def test_every_metric_has_a_help_text_and_a_type() -> None:
    page = await exposed(busy())

    assert page.families
    assert [family.name for family in page.families if not family.documentation or family.type == "unknown"] == []


async def test_only_counters_end_in_total() -> None:
    lines = (await exposed(busy())).text.splitlines()

    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    assert {name for name in types if name.endswith("_total")} == {
        n for n, type_ in types.items() if type_ == "counter"
    }


async def test_units_are_base_units() -> None:
    page = await exposed(busy())

    assert [family.name for family in page.families if set(family.name.split("_")) & NOT_BASE_UNITS] == []


async def test_a_help_text_with_a_unit_says_the_one_in_the_name() -> None:
    page = await exposed(busy())

    ours = [family for family in page.families if not family.name.startswith(FAMILIES_OF_PYTHON)]
    assert {f.name for f in ours if f.name.endswith("_seconds")} == {f.name for f in ours if "(s)" in f.documentation}
    assert {f.name for f in ours if f.name.endswith("_bytes")} == {f.name for f in ours if "(bytes)" in f.documentation}


async def test_no_metric_stands_twice() -> None:
    page = await exposed(busy())

    assert [name for name, count in Counter(family.name for family in page.families).items() if count > 1] == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, which comes with Prometheus, is not installed")
async def test_promtool_finds_nothing_to_mend() -> None:
    text = (await exposed(busy())).text

    told = await trio.run_process(
        ["promtool", "check", "metrics"], stdin=text.encode(), capture_stdout=True, capture_stderr=True, check=False
    )

    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")


async def test_our_names_begin_with_the_prefix() -> None:
    page = await exposed(busy(), Metrics(prefix="Watch_2"))

    ours = [family.name for family in page.families if not family.name.startswith(FAMILIES_OF_PYTHON)]
    assert ours
    assert all(name.startswith("Watch_2_") for name in ours)


@pytest.mark.parametrize("prefix", ["", "2nd", "a-b", "a b", "a{b", "ä", "a\n", "a" * 65])
async def test_a_prefix_that_is_no_name_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="expected up to 64 letters, digits and underscores"):
        await exposed(settings=Metrics(prefix=prefix))


async def test_the_process_and_its_python_are_told() -> None:
    page = await exposed()

    assert page.value("process_resident_memory_bytes")
    assert page.value("python_gc_collections_total", generation="0") is not None
    assert page.labels("python_info", "implementation")


async def test_the_registry_of_the_library_stays_as_it_was() -> None:
    await exposed(busy())

    assert [family.name for family in REGISTRY.collect() if family.name.startswith("observertc")] == []


async def test_the_build_is_told() -> None:
    page = await exposed()

    assert page.labels("observertc_build_info", "reports") == {"2.2.0"}
    assert page.labels("observertc_build_info", "version") != {""}


async def test_the_lag_of_the_event_loop_is_told() -> None:
    page = await exposed(Figures(loop_lag=0.25))

    assert page.value("observertc_event_loop_lag_seconds") == 0.25


async def test_messages_are_counted_whatever_way_they_came() -> None:
    page = await exposed(busy())

    assert page.value("observertc_sources_received_samples_total") == 5
    assert page.value("observertc_sources_received_message_bytes_total", transport="websocket") == 300


async def test_messages_are_counted_by_how_they_are_written() -> None:
    page = await exposed(
        Figures(
            ingest=taken(
                {
                    (Transport.REST, ("protobuf", "2.2.x")): Traffic(3, 1),
                    (Transport.REST, ("json", "unnamed")): Traffic(1, 1),
                    (Transport.WEBSOCKET, ("json", "unnamed")): Traffic(1, 1),
                }
            )
        )
    )

    name = "observertc_sources_written_messages_total"
    assert page.value(name, format="protobuf", schema="2.2.x") == 3
    assert page.value(name, format="json", schema="unnamed") == 2
    assert page.value(name, format="delta json", schema="3.x") == 0


async def test_sessions_are_counted() -> None:
    page = await exposed(busy())

    assert page.value("observertc_sources_opened_websockets_total") == 5
    assert page.value("observertc_sources_closed_websockets_total") == 4
    assert page.value("observertc_sources_open_websockets") == 1


async def test_answers_are_counted_by_status() -> None:
    page = await exposed(busy())

    assert page.value("observertc_sources_http_answers_total", status="200") == 7
    assert page.value("observertc_sources_http_answers_total", status="400") == 2


async def test_refused_messages_are_counted_by_reason() -> None:
    page = await exposed(busy())

    assert page.value("observertc_sources_refused_total", reason="undecodable") == 4


async def test_what_was_rejected_is_counted_by_reason() -> None:
    page = await exposed(Figures(counts=Counts(rejected=Tally({Reason.ROOM_ID_MISSING: 6}))))

    assert page.value("observertc_sources_rejected_total", reason="room_id_missing") == 6


async def test_connections_that_were_ended_are_counted_by_reason() -> None:
    page = await exposed(Figures(served=web.Statistics(ended=Counter({Ended.PING_TIMEOUT: 2}))))

    assert page.value("observertc_sources_ended_connections_total", reason="ping_timeout") == 2


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("observertc_sources_rejected_total", Reason),
        ("observertc_sources_refused_total", Refused),
        ("observertc_sources_ended_connections_total", Ended),
        ("observertc_cluster_closed_links_total", cluster_links.Closed),
        ("observertc_discovery_failures_total", Failure),
    ],
)
async def test_every_reason_is_there_from_the_start(name: str, reasons: type[StrEnum]) -> None:
    page = await exposed(Figures(cluster=member(), pods=PodsStatistics()))

    assert {reason: page.value(name, reason=reason) for reason in page.labels(name, "reason")} == dict.fromkeys(
        [reason.value for reason in reasons], 0
    )


async def test_samples_are_counted_by_their_sender() -> None:
    page = await exposed(Figures(counts=Counts(client_samples=8, sfu_samples=2, last_batch=3)))

    assert page.value("observertc_sources_observed_client_samples_total") == 8
    assert page.value("observertc_sources_observed_sfu_samples_total") == 2
    assert page.value("observertc_sources_buffered_samples") == 3


async def test_messages_that_wait_are_told() -> None:
    intake = Intake(SamplesCollector())
    intake.offer(Samples("s", "m", []), 70)

    page = await exposed(Figures(intake=intake))

    assert page.value("observertc_sources_waiting_samples") == 1
    assert page.value("observertc_sources_waiting_bytes") == 70


async def test_the_steps_of_the_pipeline_are_timed() -> None:
    counts = Counts(batches=4, commands=2, look_seconds=0.5, commit_seconds=0.25, report_seconds=1.5)

    page = await exposed(Figures(counts=counts))

    name = "observertc_evaluators_execution_durations_seconds"
    figures = {
        component: (page.value(f"{name}_count", component=component), page.value(f"{name}_sum", component=component))
        for component in ("look", "commit", "report")
    }
    assert figures == {"look": (4, 0.5), "commit": (2, 0.25), "report": (4, 1.5)}


async def test_what_the_registry_holds_is_counted_by_kind() -> None:
    page = await exposed(Figures(registry=full_registry()))

    name = "observertc_repository_entries"
    assert {storage: page.value(name, storage=storage) for storage in page.labels(name, "storage")} == {
        "rooms": 1,
        "calls": 1,
        "clients": 2,
        "peer_connections": 2,
        "inbound_tracks": 1,
        "outbound_tracks": 2,
        "sfus": 1,
        "sfu_transports": 1,
        "sfu_inbound_rtp_pads": 1,
        "sfu_outbound_rtp_pads": 2,
        "sfu_sctp_streams": 1,
        "sfu_streams": 2,
    }


async def test_what_waits_beside_the_registry_is_told() -> None:
    page = await exposed(Figures(unsettled=range(3), departures=range(2), counts=Counts(sweeps=1)))

    assert page.value("observertc_repository_unsettled_entries") == 3
    assert page.value("observertc_repository_waiting_departures") == 2
    assert page.value("observertc_repository_sweeps_total") == 1


async def test_the_figures_of_a_sink_are_told() -> None:
    page = await exposed(Figures(sinks=[SINK]))

    figures = {
        "reports_total": 60,
        "offered_reports_total": 100,
        "filtered_reports_total": 10,
        "sent_reports_total": 75,
        "queued_reports": 20,
        "batches_total": 4,
        "retries_total": 2,
        "sending_time_seconds_total": 1.5,
        "queued_bytes": 4321,
    }
    assert {name: page.value(f"observertc_sinks_{name}", sink="archive") for name in figures} == figures


async def test_the_figures_of_a_spool_are_told() -> None:
    spool = SpoolStatistics(spooled=5, spooled_bytes=678, spooled_bytes_limit=1000, recovered=4, spool_failing=True)
    page = await exposed(Figures(sinks=[replace(SINK, spool=spool, dead_letters=3)]))

    figures = {
        "spooled_reports": 5,
        "spooled_bytes": 678,
        "spooled_bytes_limit": 1000,
        "recovered_reports_total": 4,
        "spool_failing": 1,
        "dead_letters_total": 3,
    }
    assert {name: page.value(f"observertc_sinks_{name}", sink="archive") for name in figures} == figures


@pytest.mark.parametrize("circuit", Circuit)
async def test_the_circuit_of_a_sink_is_told(circuit: Circuit) -> None:
    page = await exposed(Figures(sinks=[replace(SINK, circuit=circuit)]))

    told = {it: page.value("observertc_sinks_circuit", sink="archive", state=it.value) for it in Circuit}
    assert told == {it: it is circuit for it in Circuit}


async def test_dropped_reports_are_told_by_sink_and_reason() -> None:
    page = await exposed(Figures(sinks=[SINK]))

    assert page.value("observertc_sinks_dropped_reports_total", sink="archive", reason="queue_full") == 7
    assert page.value("observertc_sinks_dropped_reports_total", sink="archive", reason="given_up") == 3


@pytest.mark.parametrize(("failing_for_s", "state"), [(None, (0, 0)), (12.5, (1, 12.5)), (0.0, (1, 0))])
async def test_the_state_of_a_sink_is_told(failing_for_s: float | None, state: tuple[int, float]) -> None:
    page = await exposed(Figures(sinks=[replace(SINK, failing_for_s=failing_for_s)]))

    assert (
        page.value("observertc_sinks_failing", sink="archive"),
        page.value("observertc_sinks_failing_time_seconds", sink="archive"),
    ) == state


@pytest.mark.parametrize(
    ("settings", "group"),
    [
        (Metrics(source_metrics=MetricsGroup(False)), "sources"),
        (Metrics(evaluator_metrics=MetricsGroup(False)), "evaluators"),
        (Metrics(repository_metrics=MetricsGroup(False)), "repository"),
        (Metrics(sink_metrics=MetricsGroup(False)), "sinks"),
        (Metrics(report_metrics=MetricsGroup(False)), "reports"),
        (Metrics(client_samples_metric_config=MetricsGroup(False)), "client"),
    ],
)
async def test_a_group_that_is_switched_off_is_not_told_and_the_others_are(settings: Metrics, group: str) -> None:
    groups = [
        {family.name.split("_")[1] for family in page.families if family.name.startswith("observertc")}
        for page in (await exposed(busy()), await exposed(busy(), settings))
    ]

    assert groups[0] - groups[1] == {group}


async def test_a_node_that_is_alone_has_no_metrics_of_a_cluster() -> None:
    page = await exposed()

    assert [family.name for family in page.families if "_cluster_" in family.name] == []


async def test_a_node_tells_whether_it_is_ready_and_what_time_it_is() -> None:
    ready, not_ready = await exposed(), await exposed(Figures(vitals=Vitals(lambda: 0, lambda: "it is stopping")))

    assert ready.value("observertc_ready") == 1
    assert ready.value("observertc_clock_timestamp_seconds") == 1_700_000_000.5
    assert not_ready.value("observertc_ready") == 0


async def test_a_pipeline_that_runs_tells_when_it_moved_last_and_for_how_long_it_waits() -> None:
    page = await exposed(Figures(vitals=Vitals(lambda: 0, round_age=lambda: 0.25, waiting=lambda: 3.5)))

    assert page.value("observertc_pipeline_round_age_seconds") == 0.25
    assert page.value("observertc_pipeline_commit_wait_seconds") == 3.5


async def test_a_pipeline_that_does_not_run_has_no_last_round() -> None:
    page = await exposed()

    assert page.value("observertc_pipeline_round_age_seconds") is None
    assert page.value("observertc_pipeline_commit_wait_seconds") == 0


async def test_bounds_are_told_beside_what_they_bound() -> None:
    limits = Limits(SamplesCollector(max_items=7, max_bytes=8), 9, Bounds(max_calls=10, max_tracks=11))
    page = await exposed(Figures(limits=limits, sinks=[replace(SINK, queued_limit=12, queued_bytes_limit=13)]))

    assert page.value("observertc_sources_limit", of="waiting_samples") == 7
    assert page.value("observertc_sources_limit", of="waiting_bytes") == 8
    assert page.value("observertc_sources_limit", of="open_connections") == 9
    assert page.value("observertc_repository_limit", storage="calls") == 10
    assert page.value("observertc_repository_limit", storage="clients") == Bounds().max_clients
    assert page.value("observertc_repository_limit", storage="tracks") == 11
    assert page.value("observertc_sinks_queued_reports_limit", sink=SINK.key) == 12
    assert page.value("observertc_sinks_queued_bytes_limit", sink=SINK.key) == 13


async def test_a_member_tells_which_cluster_it_belongs_to() -> None:
    page = await exposed(Figures(cluster=member(cluster="a:1#f0")))
    looking = await exposed(Figures(cluster=member(cluster=None)))

    assert page.value("observertc_cluster_info", cluster_id="a:1#f0") == 1
    assert looking.labels("observertc_cluster_info", "cluster_id") == set()


async def test_a_node_that_looks_for_pods_tells_how_that_goes() -> None:
    page = await exposed(Figures(pods=LOOKING))

    figures = {"lists_total": 3, "watches_total": 4, "events_total": 5, "pods": 6, "peers": 2}
    assert {name: page.value(f"observertc_discovery_{name}") for name in figures} == figures
    assert page.value("observertc_discovery_failures_total", reason="gone") == 2
    assert page.value("observertc_discovery_last_word_age_seconds") == 7


async def test_a_node_that_has_not_heard_of_the_kubernetes_api_yet_tells_no_age() -> None:
    page = await exposed(Figures(pods=PodsStatistics()))

    assert page.value("observertc_discovery_last_word_age_seconds") is None


async def test_a_node_whose_peers_are_listed_has_no_metrics_of_discovery() -> None:
    page = await exposed(Figures(cluster=member()))

    assert [family.name for family in page.families if "_discovery_" in family.name] == []


async def test_a_member_with_a_certificate_tells_when_it_expires() -> None:
    page = await exposed(Figures(cluster=member()))

    assert page.value("observertc_cluster_certificate_expiry_timestamp_seconds") == 7


async def test_a_member_tells_how_it_stands_to_its_cluster() -> None:
    page = await exposed(Figures(cluster=member()))

    figures = {
        "is_leader": 1,
        "quorum": 1,
        "term": 4,
        "members": 3,
        "connected_peers": 2,
        "commit_index": 9,
        "log_bytes": 300,
        "elections_total": 2,
        "rebirths_total": 1,
        "sent_bytes_total": 70,
        "received_messages_total": 8,
    }
    assert {name: page.value(f"observertc_cluster_{name}") for name in figures} == figures


async def test_a_member_has_one_role_at_a_time() -> None:
    page = await exposed(Figures(cluster=member(role=Role.LEARNER)))

    name = "observertc_cluster_role"
    assert {role: page.value(name, role=role) for role in page.labels(name, "role")} == {
        role.value: role is Role.LEARNER for role in Role
    }


async def test_a_member_without_a_majority_says_so() -> None:
    page = await exposed(Figures(cluster=member(quorum=False, role=Role.CANDIDATE)))

    assert page.value("observertc_cluster_quorum") == 0
    assert page.value("observertc_cluster_is_leader") == 0


async def test_what_became_of_commands_is_told_by_outcome() -> None:
    page = await exposed(Figures(cluster=member()))

    name = "observertc_cluster_proposals_total"
    assert {outcome: page.value(name, outcome=outcome) for outcome in page.labels(name, "outcome")} == {
        "applied": 0,
        "retried": 5,
        "abandoned": 0,
    }


async def test_commits_are_told_by_how_long_they_took() -> None:
    page = await exposed(Figures(cluster=member()))

    name = "observertc_cluster_commit_latency_seconds"
    assert page.value(f"{name}_bucket", le="0.0025") == 0
    assert page.value(f"{name}_bucket", le="0.005") == 1
    assert page.value(f"{name}_count") == 1
    assert page.value(f"{name}_sum") == 0.003


async def test_strangers_are_counted_by_the_reason_why_they_were_refused() -> None:
    page = await exposed(Figures(cluster=member()))

    assert page.value("observertc_cluster_refused_strangers_total", reason="unnamed") == 3


async def test_members_whose_events_were_inherited_are_counted() -> None:
    page = await exposed(Figures(cluster=member(), counts=Counts(inherited=2)))

    assert page.value("observertc_cluster_inherited_members_total") == 2


async def test_client_metrics_are_told_where_they_are_taken() -> None:
    page = await exposed(Figures(pushed=ClientMetricsStatistics(pushes=3)))

    assert page.value("observertc_client_metrics_pushes_total") == 3
    assert page.value("observertc_values_entries") == 0


async def test_a_node_without_guests_tells_nothing_of_values() -> None:
    page = await exposed(Figures())

    assert page.value("observertc_values_entries") is None
