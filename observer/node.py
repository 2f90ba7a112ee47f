"""One node: what runs, in the order in which it starts; read backwards, it is the order in which it stops.

Everything stands in one nursery: a part that crashes takes the node down, for a half-alive observer is worse than none.
"""

import logging
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import trio

import ingest
import sinks
import web
from analysis.observe import Observing
from analysis.privacy import obscure
from observer.admission import Admission
from observer.collecting import Collecting
from observer.config import Configuration
from observer.config.effective import effective
from observer.config.settings import Repository
from observer.ending import end
from observer.guests import Reception
from observer.intake import Intake
from observer.large_pages import LargePages
from observer.loop_lag import LoopLag
from observer.metrics.exposition import Exposition, Watched
from observer.metrics.limits import Limits
from observer.metrics.reports import ReportMetrics
from observer.metrics.vitals import Vitals
from observer.open_files import raised_file_limit
from observer.ops import Health, Info, ops_routes
from observer.peers import peers
from observer.pipeline import Pipeline
from schemas.reports import Report
from store.commands import Sweep
from store.machine import Machine

_LOG = logging.getLogger(__name__)

_OTHER_FILES = 256
"""Files that may be open beside connections for samples: of those being turned away, the port for operators, sinks."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a running node listens: for samples, for those who watch it, and for its peers if it is not alone."""

    port: int
    ops_port: int
    cluster_port: int | None = None


def wall_clock() -> int:
    """The time. (ms since the epoch)"""
    return time.time_ns() // 1_000_000


def fresh_uuid() -> str:
    """An id that nobody has used."""
    return str(uuid.uuid4())


def run(configuration: Configuration) -> int:
    """Runs one node until SIGTERM or SIGINT, and returns the exit code of the process.

    The first signal drains the node; a second one ends it at once.
    """
    configuration = _with_fitting_connections(configuration)
    failed = False
    try:
        failed = not trio.run(_run_until_signal, configuration)
    except* OSError as group:
        failed = True
        for error in _plain(group):
            _LOG.error("The node cannot go on: %s", error)
    return 1 if failed else 0


async def run_node(
    configuration: Configuration,
    *,
    now: Callable[[], int] = wall_clock,
    fresh_id: Callable[[], str] = fresh_uuid,
    stop: trio.Event,
    collecting: Collecting | None = None,
    task_status: trio.TaskStatus[Ports] = trio.TASK_STATUS_IGNORED,
) -> bool:
    """Runs one node until `stop` is set, and then until all that was accepted is delivered or its grace is over.

    Tells whether all of it was delivered. `now` is ms since the epoch; `collecting` is told of, not begun. Starts with
    the ports that are bound; raises `OSError` when one cannot be.
    """
    settings = configuration.observer
    started = now()
    machine = Machine()
    others = peers(settings.hamok, machine, fresh_id())
    _tell_start(configuration, others.status().member)

    deliveries = sinks.deliveries(settings.sinks, settings.buffers.reports_collector)
    intake = Intake(settings.buffers.samples_collector)
    sources = settings.sources
    admission = Admission(sources.websocket.min_remote_peers, others.status, sources.majority_grace_in_ms / 1000)
    report_metrics = ReportMetrics(settings.metrics)
    lag = LoopLag()
    large_pages = LargePages()

    def send(reports: Sequence[Report]) -> int:
        report_metrics.count(reports)
        return deliveries.offer(reports)

    def unready() -> str | None:
        return "the node is stopping" if stop.is_set() else admission.unready()

    pipeline = Pipeline(
        registry=lambda: machine.registry,
        commit=others.commit,
        send=send,
        settled=deliveries.settled,
        observing=Observing(
            idle_limits(settings.repository),
            settings.evaluators.call_updater.call_id_assign_mode,
            settings.repository.bounds,
        ),
        analyser=settings.evaluators.client_samples_analyser,
        sfu_analyser=settings.evaluators.sfu_samples_analyser,
        leave_grace=int(settings.sources.websocket.leave_grace_in_s * 1000),
        now=now,
        fresh_id=fresh_id,
        status=others.status,
        longest_command=others.longest_command,
    )
    taken = ingest.Statistics()
    hide = obscure(settings.evaluators.obfuscator, settings.security.obfuscations)
    reception = Reception(
        settings.guests,
        settings.sources,
        intake=intake,
        admission=admission,
        keeping=pipeline.keeping,
        now=now,
        fresh_id=fresh_id,
        statistics=taken,
        obscure=hide,
    )
    samples_routes = ingest.routes(
        settings.sources,
        offer=intake.offer,
        put=intake.put,
        admits=admission.refusal,
        takes=admission.post_refusal,
        departed=intake.departed,
        now=now,
        statistics=taken,
        obscure=hide,
        guests=reception.websockets,
        guest_pages=reception.pages,
    )
    samples_server = web.Server(samples_routes, configuration.micronaut.server.limits, intake.pause)
    served = samples_server.statistics
    cluster = others.cluster
    exposition = Exposition(
        settings.metrics,
        Watched(
            ingest=taken,
            served=served,
            intake=intake,
            counts=pipeline.counts,
            registry=lambda: machine.registry,
            unsettled=pipeline.hearing,
            departures=pipeline.departures,
            sinks=deliveries.statistics,
            loop_lag=lambda: lag.seconds,
            vitals=Vitals(now, unready, pipeline.round_age, pipeline.proposals.waiting, lambda: large_pages.asked),
            limits=limits(configuration),
            cluster=others.figures(),
            pods=others.pods.statistics if others.pods else None,
            guests=reception.watched,
            pushed=reception.pushed,
            keeping=pipeline.keeping,
            collecting=collecting or Collecting(),
        ),
        report_metrics,
    )
    ops_server = web.Server(
        ops_routes(
            health=Health(
                pipeline.round_age,
                pipeline.proposals.waiting,
                unready,
                deliveries.statistics,
                others.standing,
            ),
            info=Info(
                lambda: others.status().member,
                started,
                lambda: {"websockets": served.open_websockets},
                others.standing,
            ),
            metrics=exposition.text,
            endpoints=configuration.endpoints,
        ),
        configuration.endpoints.all.limits,
    )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lag.run)
        if settings.memory.large_pages:
            nursery.start_soon(large_pages.run)
        ops_at = configuration.endpoints.all
        (ops_port, *_) = await nursery.start(ops_server.serve, ops_at.host, ops_at.port)
        if others.pods:
            await nursery.start(others.pods.run)
        cluster_port: int | None = await nursery.start(cluster.run) if cluster else None
        nursery.start_soon(admission.watch)
        await nursery.start(deliveries.run)
        await nursery.start(reception.run)
        pipeline_ended = trio.Event()
        nursery.start_soon(_run_pipeline, pipeline, intake, pipeline_ended)
        samples_at = configuration.micronaut.server
        (port, *_) = await nursery.start(samples_server.serve, samples_at.host, samples_at.port)
        _LOG.info("Taking samples on port %d, watched on port %d", port, ops_port)
        task_status.started(Ports(port, ops_port, cluster_port))

        await stop.wait()

        delivered = await end(
            settings.shutdown_grace_in_s,
            samples_server,
            reception,
            intake,
            pipeline,
            pipeline_ended,
            deliveries,
            cluster,
        )
        nursery.cancel_scope.cancel()
    return delivered


def idle_limits(repository: Repository) -> Sweep:
    """The idle limits of the configuration, in ms."""
    return Sweep(
        call=repository.call_max_idle_time_in_s * 1000,
        client=repository.clients_max_idle * 1000,
        peer_connection=repository.peer_connections_max_idle * 1000,
        inbound_track=repository.inbound_tracks_max_idle * 1000,
        outbound_track=repository.outbound_tracks_max_idle * 1000,
        sfu=repository.sfu_max_idle_time_in_s * 1000,
        sfu_transport=repository.sfu_transport_max_idle_time_in_s * 1000,
        sfu_inbound_pad=repository.sfu_inbound_rtp_pad_max_idle_time_in_s * 1000,
        sfu_outbound_pad=repository.sfu_outbound_rtp_pad_max_idle_time_in_s * 1000,
        sfu_sctp_channel=repository.sfu_sctp_channel_max_idle_time_in_s * 1000,
    )


def limits(configuration: Configuration) -> Limits:
    """What bounds what the node holds."""
    settings = configuration.observer
    return Limits(
        settings.buffers.samples_collector,
        configuration.micronaut.server.limits.max_connections,
        settings.repository.bounds,
    )


async def _run_pipeline(pipeline: Pipeline, intake: Intake, ended: trio.Event) -> None:
    await pipeline.run(intake.take, lambda: intake.exhausted)
    ended.set()


async def _run_until_signal(configuration: Configuration) -> bool:
    """Whether all that was accepted was delivered: false also when a second signal cut the node short."""
    stop, delivered, collecting = trio.Event(), False, Collecting()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(collecting.run)
        with collecting.sparing(), trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            nursery.start_soon(_stop_at_signal, signals, stop, nursery.cancel_scope)
            delivered = await run_node(configuration, stop=stop, collecting=collecting)
        nursery.cancel_scope.cancel()
    return delivered


async def _stop_at_signal(signals: AsyncIterator[int], stop: trio.Event, at_once: trio.CancelScope) -> None:
    async for number in signals:
        _LOG.info("Received %s", signal.Signals(number).name)
        if stop.is_set():
            at_once.cancel()
        stop.set()


def _tell_start(configuration: Configuration, origin: str) -> None:
    _LOG.info("Node %s", origin)
    for notice in configuration.notices:
        _LOG.warning("Configuration: %s", notice)
    if configuration.observer.security.print_configs:
        _LOG.info("Effective configuration:\n%s", effective(configuration))


def _with_fitting_connections(configuration: Configuration) -> Configuration:
    """The configuration with no more connections than files may be open, once we may open as many as we are let.

    Without it connections would take the files that sinks and the port for operators need.
    """
    server = configuration.micronaut.server
    wanted = server.limits.max_connections
    allowed = raised_file_limit(wanted + _OTHER_FILES)
    fitting = allowed - min(_OTHER_FILES, allowed // 2)
    if fitting >= wanted:
        return configuration
    _LOG.warning("Only %d files may be open: maxConnections is %d instead of %d", allowed, fitting, wanted)
    server = replace(server, limits=replace(server.limits, max_connections=fitting))
    return replace(configuration, micronaut=replace(configuration.micronaut, server=server))


def _plain(group: BaseExceptionGroup[OSError]) -> list[OSError]:
    return [
        inner
        for error in group.exceptions
        for inner in (_plain(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]
