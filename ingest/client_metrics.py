"""Jitsi's client metrics: pages of Jitsi Meet push what they see of their call, and Prometheus scrapes it.

``GET /client-file`` is the script that a page includes, ``POST /metrics/push`` takes what that sends, and
``GET /metrics`` tells the latest values of all participants: the same on every node, for all nodes hold them, until a
participant has not pushed for a while. Paths, bodies, names, labels and errors are those of
jitsi-client-metrics-collector, so its pages, scrape jobs and dashboards go on.
"""

import hmac
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson
import trio

import web
from ingest.askers import PRIVATE_NETWORKS, asker, is_private, networks
from ingest.client_metrics_script import CONTENT_TYPE as SCRIPT_TYPE
from ingest.client_metrics_script import script
from schemas import client_metrics_text
from schemas.client_metrics import LABELS, Participant, Reading, decode, encode, merged, participant_of
from schemas.client_metrics_text import Exposition
from schemas.client_metrics_validation import checked

KIND = "clientMetrics"
"""The kind of the values that all nodes hold."""

_AT_LEAST_ONE = {"minimum": 1}
_JSON = ("Content-Type", "application/json; charset=utf-8")
_AGAIN_SOON = ("Retry-After", "1")
_PREFIX = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*|")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")

_AT_ONCE = 100
"""How many participants are told before all others have their turn: a few milliseconds of work."""


@dataclass(frozen=True, slots=True)
class ClientMetrics:
    """Metrics that pages of Jitsi Meet push, and that Prometheus scrapes on the port for samples."""

    script_path: str = "/client-file"
    """Where pages find the script that they include."""

    push_path: str = "/metrics/push"
    """Where the script posts to."""

    scrape_path: str = "/metrics"
    """Where Prometheus finds the metrics of all participants."""

    push_url: str | None = None
    """The whole address that the script posts to; without one, `pushPath` of the host that the script came from."""

    push_token: str | None = field(default=None, repr=False)
    """What pages must show to push, as `data-token` of their script element; nothing is asked for where it is not
    set."""

    metrics_prefix: str = "jitsi_jcmc_"
    """What the names of all metrics begin with."""

    metrics_expiration_in_s: float = field(default=30.0, metadata={"minimum": 1, "maximum": 86_400})
    """How long a participant may go without a push before all its metrics go, a tenth of that and two seconds later at
    most. (s)"""

    private_scrape_only: bool = True
    """Whether only addresses of private networks may scrape: labels hold names and addresses of users. Behind a proxy
    that adds no `X-Forwarded-For` everybody seems to be private: it must not let `scrapePath` through."""

    trusted_proxies: list[str] = field(default_factory=lambda: [*PRIVATE_NETWORKS])
    """The networks of proxies whose `X-Forwarded-For` is believed when it is asked who scrapes."""

    labels: list[str] = field(default_factory=lambda: [*LABELS])
    """The labels that are told beside the ids of client and participant; others are thrown away. Without `username`,
    `src_ip` and `dst_ip` no names and addresses of users are told, and they do not even leave their pages."""

    max_participants: int = field(default=10_000, metadata={"minimum": 1, "maximum": 100_000})
    """How many participants may have metrics at once; pushes of more are answered 503."""

    max_transports_per_participant: int = field(default=8, metadata={"minimum": 0, "maximum": 64})
    """How many transports of a participant are told; others are left out."""

    max_label_length: int = field(default=128, metadata={"minimum": 1, "maximum": 256})
    """How long the text of a label may be; a longer one is cut. (characters)"""

    max_body_size: int = field(default=102_400, metadata=_AT_LEAST_ONE)
    """How long a push may be; a longer one is answered 413. (bytes)"""

    def __post_init__(self) -> None:
        """Raises `ValueError` for what cannot serve."""
        for name, path in (("scriptPath", self.script_path), ("pushPath", self.push_path)):
            if not _PATH.fullmatch(path):
                raise ValueError(f"{name} must be a path such as /metrics/push")
        if not _PATH.fullmatch(self.scrape_path):
            raise ValueError("scrapePath must be a path such as /metrics")
        if len({self.script_path, self.scrape_path}) < 2:
            raise ValueError("scriptPath and scrapePath must differ")
        if not _PREFIX.fullmatch(self.metrics_prefix):
            raise ValueError("metricsPrefix may hold letters, digits, underscores and colons, no digit in front")
        unknown = sorted({*self.labels} - {*LABELS})
        if unknown:
            raise ValueError(f"labels may be {', '.join(LABELS)}, not {', '.join(unknown)}")
        try:
            networks(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(f"trustedProxies must be networks such as 10.0.0.0/8: {error}") from None


class PushRefused(StrEnum):
    """Why a push or a scrape was not answered as asked. The values are metric labels: a small, fixed set."""

    UNAUTHORIZED = "unauthorized"
    NO_JSON = "no_json"
    INVALID = "invalid"
    TOO_MANY_PARTICIPANTS = "too_many_participants"
    FULL = "full"
    NO_QUORUM = "no_quorum"
    SCRAPE_DENIED = "scrape_denied"


@dataclass
class ClientMetricsStatistics:
    """What came since the start; only ever counted up."""

    pushes: int = 0
    scrapes: int = 0
    refused: Counter[PushRefused] = field(default_factory=Counter)


class Values(Protocol):
    """What all nodes hold: values of a kind by their keys, each for a while after it was said last."""

    def keep(self, kind: str, key: str, value: bytes, ttl_ms: int) -> bool:
        """Has all nodes hold a value soon, without waiting; whether there is room for it."""

    def latest(self, kind: str, key: str) -> bytes | None:
        """The last value that was said here, or is held."""

    def kept(self, kind: str) -> Mapping[str, bytes]:
        """What all nodes hold."""

    def count(self, kind: str) -> int:
        """How many values of a kind there are, or are to come."""


def client_metrics_routes(
    settings: ClientMetrics,
    *,
    values: Values,
    takes: Callable[[], str | None],
    statistics: ClientMetricsStatistics,
) -> Sequence[web.Route]:
    """The routes for the port for samples; whose ``cors`` says which pages may push.

    `takes` says why nothing is taken now: there is no majority that could hold it, and what this node tells may be old.
    """
    service = _Service(settings, values, takes, statistics)
    return (
        web.Route("GET", settings.script_path, service.script),
        web.Route("POST", settings.push_path, service.push, settings.max_body_size, service.check_push),
        web.Route("GET", settings.scrape_path, service.scrape, check=service.check_scrape),
    )


class _Service:
    def __init__(
        self,
        settings: ClientMetrics,
        values: Values,
        takes: Callable[[], str | None],
        statistics: ClientMetricsStatistics,
    ) -> None:
        self._settings = settings
        self._values = values
        self._takes = takes
        self._statistics = statistics
        self._trusted = networks(settings.trusted_proxies)
        self._ttl = int(settings.metrics_expiration_in_s * 1000)
        self._scraping = trio.Lock()
        kept = frozenset(settings.labels)
        self._reading = Reading(kept, settings.max_label_length, settings.max_transports_per_participant)
        self._script = web.Response(
            body=script(settings.push_url, settings.push_path, kept),
            headers=(
                ("Content-Type", SCRIPT_TYPE),
                # Pages of other hosts include it, also those that are isolated from other origins.
                ("Cross-Origin-Resource-Policy", "cross-origin"),
                ("X-Content-Type-Options", "nosniff"),
                ("Cache-Control", "public, max-age=300"),
            ),
        )

    def script(self, request: web.Request) -> web.Response:
        """The script."""
        return self._script

    def check_push(self, request: web.Request) -> None:
        """Whether a push is taken at all. Raises `web.HttpError`."""
        token = self._settings.push_token
        if token is not None:
            scheme, _, shown = request.headers.get("authorization", "").partition(" ")
            good = hmac.compare_digest(shown.strip().encode("utf-8", "replace"), token.encode())
            if scheme.lower() != "bearer" or not good:
                raise self._refusal(PushRefused.UNAUTHORIZED, 401, "A token is needed", ("WWW-Authenticate", "Bearer"))
        self._check_taking()

    def push(self, request: web.Request) -> web.Response:
        """200 and ``OK`` once a push is on its way to all nodes; 400 with all that is wrong with it."""
        try:
            body = _body_of(request)
        except ValueError:
            raise self._refusal(PushRefused.NO_JSON, 400, "The body is no JSON") from None
        push, problems = checked(body)
        if problems:
            self._statistics.refused[PushRefused.INVALID] += 1
            return web.Response(400, orjson.dumps(problems), (_JSON,))
        self._keep(participant_of(push, request.headers.get("user-agent"), self._reading))
        self._statistics.pushes += 1
        return web.text_response(200, "OK")

    def check_scrape(self, request: web.Request) -> None:
        """Whether who asks may scrape, and there is something to be told. Raises `web.HttpError`."""
        if self._settings.private_scrape_only:
            who = asker(request.peer_address(), request.headers.get("x-forwarded-for"), self._trusted)
            if not is_private(who):
                self._statistics.refused[PushRefused.SCRAPE_DENIED] += 1
                raise _Denied
        self._check_taking()

    async def scrape(self, request: web.Request) -> web.Response:
        """The metrics of all participants. One scrape at a time is put together, others wait for it."""
        async with self._scraping:
            exposition = Exposition(self._settings.metrics_prefix)
            for number, value in enumerate(self._values.kept(KIND).values(), start=1):
                participant = decode(value)
                if participant is not None:
                    exposition.add(participant)
                if number % _AT_ONCE == 0:
                    await trio.lowlevel.checkpoint()
            self._statistics.scrapes += 1
            return web.Response(body=exposition.text(), headers=(("Content-Type", client_metrics_text.CONTENT_TYPE),))

    def _keep(self, latest: Participant) -> None:
        values, key = self._values, latest.key
        before = values.latest(KIND, key)
        if before is None and values.count(KIND) >= self._settings.max_participants:
            raise self._refusal(PushRefused.TOO_MANY_PARTICIPANTS, 503, "There are too many participants", _AGAIN_SOON)
        former = None if before is None else decode(before)
        if not values.keep(KIND, key, encode(merged(former, latest)), self._ttl):
            raise self._refusal(PushRefused.FULL, 503, "Too much is waiting", _AGAIN_SOON)

    def _check_taking(self) -> None:
        reason = self._takes()
        if reason is not None:
            raise self._refusal(PushRefused.NO_QUORUM, 503, reason, _AGAIN_SOON)

    def _refusal(self, why: PushRefused, status: int, text: str, *headers: tuple[str, str]) -> web.HttpError:
        self._statistics.refused[why] += 1
        return web.HttpError(status, text, *headers)


class _Denied(web.HttpError):
    """Who asks may not scrape."""

    def __init__(self) -> None:
        super().__init__(403, "Access denied.")
        self.response = web.Response(403, b'"Access denied."', (_JSON,))


def _body_of(request: web.Request) -> Any:
    """The JSON of a request; one of another type says nothing. Raises `ValueError`."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json" or not request.body:
        return {}
    return orjson.loads(request.body)
