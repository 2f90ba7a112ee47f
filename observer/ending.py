"""How a node that is told to stop ends: nothing that it accepted is lost, and nothing is told twice, if time allows.

First the port for samples closes, then what was accepted goes through the pipeline, then the sinks finish. Then one
last command tells the cluster of all that was delivered, so that no other node tells it again; and the node leaves the
cluster, which would otherwise wait for it. What the sinks did not finish stays unmarked, and another node tells the
events among it.
"""

import logging

import trio

import sinks
import web
from cluster.cluster import Cluster
from cluster.machine import Reborn
from observer.guests import Reception
from observer.intake import Intake
from observer.pipeline import Pipeline
from sinks.statistics import DropReason
from store.commands import Outcome

_LOG = logging.getLogger(__name__)

_FOR_LEAVING = 3.0
"""How much of the grace is kept for the last command and for leaving, at most; a fifth of it if that is less. (s)"""


async def end(
    grace_in_s: float,
    samples_server: web.Server,
    reception: Reception,
    intake: Intake,
    pipeline: Pipeline,
    pipeline_ended: trio.Event,
    deliveries: sinks.Deliveries,
    cluster: Cluster[Outcome] | None,
) -> bool:
    """Ends a node within its grace; whether all that was accepted was delivered.

    The pipeline may still wait for the cluster afterwards: it is to be cancelled.
    """
    _LOG.info("Stopping: draining what was accepted")
    fifth = grace_in_s / 5
    until = trio.current_time() + grace_in_s
    sinks_until = until - min(fifth, _FOR_LEAVING) if cluster else until
    await samples_server.close(fifth)
    reception.close()
    intake.close()
    with trio.move_on_at(sinks_until - (min(fifth, _FOR_LEAVING) if cluster else 0)):
        await pipeline_ended.wait()
    await deliveries.drain(max(0.0, sinks_until - trio.current_time()))
    await reception.ended(until)
    if cluster is not None:
        await _leave(until, pipeline, pipeline_ended, cluster)
    return _tell_end(deliveries) and pipeline.drained


async def _leave(until: float, pipeline: Pipeline, pipeline_ended: trio.Event, cluster: Cluster[Outcome]) -> None:
    left = False
    with trio.move_on_at(until):
        if pipeline_ended.is_set():
            try:
                await pipeline.mark_delivered()
            except Reborn:
                _LOG.warning("This node lost its place in the cluster: what it told last may be told once more")
        await cluster.leave()
        left = True
    if not left:
        _LOG.warning("The cluster did not let this node go in time; it will find that it is gone")


def _tell_end(deliveries: sinks.Deliveries) -> bool:
    """Whether no sink was left with reports."""
    for sink in deliveries.statistics():
        _LOG.info(
            "Sink %s: %d reports acknowledged, %d dropped", sink.key, sink.acknowledged, sum(sink.dropped.values())
        )
    return not any(sink.dropped[DropReason.DROPPED_AT_SHUTDOWN] for sink in deliveries.statistics())
