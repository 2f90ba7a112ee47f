"""What is answered on the port for operators: health, metrics, and which observer this is.

Nothing here is secret, and nothing here is for the public: keys of sinks are told, their addresses are not.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from platform import python_version
from typing import Any

import orjson

from cluster.status import Status
from observer.config.settings import Endpoints
from observer.metrics.exposition import CONTENT_TYPE
from observer.version import DISTRIBUTION, own_version
from schemas.reports import REPORT_SCHEMA_VERSION
from schemas.versions import FAMILIES
from sinks.statistics import SinkStatistics
from web import Request, Response, Route, Routes

STUCK_AFTER_S = 30.0
"""A pipeline whose last round is longer ago is stuck. (s)"""

Standing = Callable[[], Status | None]
"""How a node stands to its cluster; ``None`` if it is alone."""

_SAMPLE_VERSIONS = list(FAMILIES)


@dataclass(frozen=True)
class Health:
    """How the node does.

    `round_age` is how long ago the pipeline's last round was (s), ``None`` while it does not run: before it starts,
    and after it has drained. `waiting` is how long it has been waiting for the cluster (s), ``None`` if it is not.
    `ready` gives ``None``, or why the node is not ready for samples. A sink that fails is told of, but its reports wait
    for it, so it does not make the node DOWN.
    """

    round_age: Callable[[], float | None]
    waiting: Callable[[], float | None]
    ready: Callable[[], str | None]
    sinks: Callable[[], Sequence[SinkStatistics]]
    standing: Standing = lambda: None

    async def answer(self, request: Request) -> Response:
        """All parts: UP if the node lives and is ready."""
        live, ready = self._live(), self._ready()
        up = live["status"] == ready["status"] == "UP"
        sinks = {sink.key: _of_sink(sink) for sink in self.sinks()}
        details = {"liveness": live, "readiness": ready, "sinks": sinks}
        return _health({"status": _word(up), "details": details})

    async def answer_liveness(self, request: Request) -> Response:
        """DOWN when the node should be started anew: its pipeline is stuck.

        While it waits for the cluster it is not: a start would not bring a majority back.
        """
        return _health(self._live())

    async def answer_readiness(self, request: Request) -> Response:
        """DOWN, with the reason, when samples should go elsewhere."""
        return _health(self._ready())

    def _live(self) -> dict[str, Any]:
        age, waiting = self.round_age(), self.waiting()
        live = age is None or waiting is not None or age <= STUCK_AFTER_S
        told = {} if age is None else {"secondsSinceLastRound": round(age, 3)}
        if waiting is not None:
            told["secondsWaitingForCommit"] = round(waiting, 3)
        return {"status": _word(live), **told}

    def _ready(self) -> dict[str, Any]:
        reason = self.ready()
        why = {} if reason is None else {"reason": reason}
        return {"status": _word(reason is None), **why, **_of_cluster(self.standing())}


@dataclass(frozen=True)
class Info:
    """Which observer this is. `started` is in ms since the epoch; `open_sessions` counts them by kind."""

    node_id: Callable[[], str]
    started: int
    open_sessions: Callable[[], Mapping[str, int]]
    standing: Standing = lambda: None

    async def answer(self, request: Request) -> Response:
        """All of it."""
        told = {
            "name": DISTRIBUTION,
            "version": own_version(),
            "schemaVersions": {"samples": _SAMPLE_VERSIONS, "reports": [REPORT_SCHEMA_VERSION]},
            "python": python_version(),
            "nodeId": self.node_id(),
            "startedAt": datetime.fromtimestamp(self.started / 1000, UTC).isoformat(timespec="milliseconds"),
            "openSessions": self.open_sessions(),
            **_of_cluster(self.standing()),
        }
        return _json(200, told)


def ops_routes(
    *, health: Health, info: Info, metrics: Callable[[], Awaitable[bytes]], endpoints: Endpoints | None = None
) -> Routes:
    """The routes of the port for operators; `metrics` gives the text for Prometheus."""
    endpoints = endpoints or Endpoints()

    async def answer_metrics(request: Request) -> Response:
        return Response(200, await metrics(), (("Content-Type", CONTENT_TYPE),))

    routes: list[Route] = []
    if endpoints.health.enabled:
        routes.append(Route("GET", "/health", health.answer))
        routes.append(Route("GET", "/health/liveness", health.answer_liveness))
        routes.append(Route("GET", "/health/readiness", health.answer_readiness))
    if endpoints.prometheus.enabled:
        routes.append(Route("GET", "/metrics", answer_metrics))
        routes.append(Route("GET", "/prometheus", answer_metrics))
    if endpoints.info.enabled:
        routes.append(Route("GET", "/info", info.answer))
    return Routes(http=routes)


def _of_sink(sink: SinkStatistics) -> dict[str, Any]:
    told: dict[str, Any] = {"type": sink.type, "circuit": sink.circuit.value, "queuedReports": sink.queued}
    if sink.spool.spooled_bytes_limit:
        told |= {"spooledReports": sink.spool.spooled, "spool": "FAILING" if sink.spool.spool_failing else "UP"}
    if sink.failing_for_s is None:
        return {"status": "UP", **told}
    told |= {"failingForSeconds": round(sink.failing_for_s, 3), "failures": sink.failures}
    if sink.next_try_in_s is not None:
        told["nextTryInSeconds"] = round(sink.next_try_in_s, 3)
    return {"status": "FAILING", **told}


def _of_cluster(status: Status | None) -> dict[str, Any]:
    """How a node stands to its cluster; nothing of a node that is alone."""
    if status is None:
        return {}
    return {
        "cluster": {
            "clusterId": status.cluster,
            "member": status.member,
            "role": status.role,
            "term": status.term,
            "leader": status.leader,
            "members": sorted(status.members),
            "connected": sorted(status.connected),
            "quorum": status.quorum,
            "commitIndex": status.commit_index,
            "appliedIndex": status.applied_index,
        }
    }


def _word(up: bool) -> str:
    return "UP" if up else "DOWN"


def _health(told: Mapping[str, Any]) -> Response:
    return _json(200 if told["status"] == "UP" else 503, told)


def _json(status: int, told: Mapping[str, Any]) -> Response:
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
    return Response(status, orjson.dumps(told), headers)
