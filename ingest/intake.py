"""From the bytes of one message to samples that this observer takes; REST and WebSocket share it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.access_tokens import AccessControl, expired, keep_granted, token_of
from ingest.decoder import NOBODY, Decoder, Heard
from ingest.grants import Grant
from ingest.incoming import Incoming, incoming
from ingest.sources import Sources
from ingest.statistics import Statistics, Transport
from schemas.deltas import Allowance
from schemas.messages import Samples
from schemas.samples import Budget, Item, Reason
from web import Request

Obscure = Callable[[Samples], None]
"""Makes what should not be seen unreadable, in place."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Decodes and filters as `sources` say, and counts. `now` is the time in ms since the epoch.

    Raises `ValueError` for keys of access tokens that cannot serve. What it hands on has been seen by `obscure`.
    """

    sources: Sources
    now: Callable[[], int]
    statistics: Statistics = field(default_factory=Statistics)
    obscure: Obscure | None = None
    access: AccessControl | None = field(init=False)
    remembered: Allowance = field(init=False)
    """What the senders of deltas may still say that is remembered."""
    _takes_all: bool = field(init=False)
    """Whether samples are handed on as they were read."""
    _budget: Budget = field(init=False)
    """What is left of what the message may hold that is being read."""

    def __post_init__(self) -> None:
        sources = self.sources
        takes_all = sources.accept_client_samples and sources.accept_sfu_samples and sources.allowed_service_ids is None
        object.__setattr__(self, "_takes_all", takes_all and self.obscure is None)
        object.__setattr__(self, "_budget", Budget(sources.max_items_per_message, sources.max_id_length))
        settings = self.sources.security.access_tokens
        object.__setattr__(self, "access", AccessControl(settings) if settings else None)
        object.__setattr__(self, "remembered", Allowance(self.sources.deltas.max_remembered_size))

    def incoming(self, request: Request, grant: Grant | None, content_type: str = "") -> Incoming:
        """What a request says of its samples. Raises `BadSamples`."""
        return incoming(
            request.parameters, request.query, self.sources.max_id_length, content_type=content_type, grant=grant
        )

    def grant(self, request: Request) -> Grant | None:
        """What a request's access token allows, ``None`` where none is asked for. Raises `BadSamples`."""
        if self.access is None:
            return None
        parameters, token = request.parameters, token_of(request.query, request.headers)
        return self.access.grant(token, parameters["serviceId"], parameters["mediaUnitId"], self.now())

    def decoder(self, of: Incoming, transport: Transport) -> Decoder:
        """What decodes the messages of one sender, which come in this way, and is told when it is `done`."""
        sources = self.sources
        return Decoder(
            of,
            sources.websocket.max_clients_per_session,
            sources.deltas,
            self.remembered,
            sources.max_told_items_per_session,
            self.statistics.traffic[transport, of.written],
        )

    def take(self, data: bytes, decoder: Decoder, heard: Heard = NOBODY) -> Samples:
        """The samples in `data`, without those that are not taken: these are tallied. Raises `BadSamples`."""
        sources, budget, traffic, grant = self.sources, self._budget, decoder.traffic, decoder.of.grant
        traffic.messages += 1
        traffic.received_bytes += len(data)
        if grant is not None and grant.is_over(self.now()):
            raise expired()
        timestamp = self.now() if sources.use_server_timestamp else None
        budget.items = sources.max_items_per_message
        samples = decoder.decode(data, budget, heard=heard, timestamp=timestamp)
        if grant is not None:
            keep_granted(samples, grant)
        return samples if self._takes_all else self._kept(samples)

    def take_clients(self, items: list[Item], size: int, decoder: Decoder) -> Samples:
        """The samples of a message of `size` bytes that others have read, without those that are not taken.

        `items` are client samples of 3.x.
        """
        sources = self.sources
        decoder.traffic.messages += 1
        decoder.traffic.received_bytes += size
        budget = Budget(sources.max_items_per_message, sources.max_id_length)
        timestamp = self.now() if sources.use_server_timestamp else None
        samples = decoder.clients_of(items, budget, timestamp=timestamp)
        return samples if self._takes_all else self._kept(samples)

    def _kept(self, samples: Samples) -> Samples:
        keep_taken(samples, self.sources)
        if self.obscure is not None:
            self.obscure(samples)
        return samples


def keep_taken(samples: Samples, sources: Sources) -> None:
    """Takes out of `samples` what `sources` do not take, and tallies it. The sender is told nothing of it."""
    if sources.allowed_service_ids is not None and samples.service_id not in sources.allowed_service_ids:
        _drop_clients(samples, Reason.SERVICE_NOT_ALLOWED)
        _drop_servers(samples, Reason.SERVICE_NOT_ALLOWED)
    if not sources.accept_client_samples:
        _drop_clients(samples, Reason.CLIENT_SAMPLES_NOT_ACCEPTED)
    if not sources.accept_sfu_samples:
        _drop_sfus(samples, Reason.SFU_SAMPLES_NOT_ACCEPTED)


def _drop_clients(samples: Samples, reason: Reason) -> None:
    if samples.clients:
        samples.reject(reason, len(samples.clients))
    samples.clients = []
    samples.leaving = ()


def _drop_sfus(samples: Samples, reason: Reason) -> None:
    if samples.sfus:
        samples.reject(reason, len(samples.sfus))
    samples.sfus = []
    samples.leaving_sfus = ()


def _drop_servers(samples: Samples, reason: Reason) -> None:
    """Drops the samples of SFUs, and those of TURN servers."""
    _drop_sfus(samples, reason)
    if samples.turns:
        samples.reject(reason, len(samples.turns))
    samples.turns = []
