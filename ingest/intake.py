"""From the bytes of one message to samples that this observer takes; REST and WebSocket share it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ingest.incoming import Incoming
from ingest.json_samples import decode
from ingest.sources import Sources
from ingest.statistics import Statistics, Transport
from schemas.samples import Budget, Reason, Samples


@dataclass(frozen=True, slots=True)
class Intake:
    """Decodes and filters as `sources` say, and counts. `now` is the time in ms since the epoch."""

    sources: Sources
    now: Callable[[], int]
    statistics: Statistics = field(default_factory=Statistics)

    def take(self, data: bytes, incoming: Incoming, transport: Transport, heard: Collection[str] = ()) -> Samples:
        """The samples in `data`, without those that are not taken: these are tallied. Raises `BadSamples`."""
        sources = self.sources
        self.statistics.messages[transport] += 1
        self.statistics.received_bytes[transport] += len(data)
        samples = decode(
            data,
            incoming.service_id,
            incoming.media_unit_id,
            Budget(sources.max_items_per_message, sources.max_id_length),
            heard=heard,
            timestamp=self.now() if sources.use_server_timestamp else None,
        )
        keep_taken(samples, sources)
        return samples


def keep_taken(samples: Samples, sources: Sources) -> None:
    """Takes out of `samples` what `sources` do not take, and tallies it. The sender is told nothing of it."""
    if sources.allowed_service_ids is not None and samples.service_id not in sources.allowed_service_ids:
        _drop_clients(samples, Reason.SERVICE_NOT_ALLOWED)
        _drop_sfus(samples, Reason.SERVICE_NOT_ALLOWED)
    if not sources.accept_client_samples:
        _drop_clients(samples, Reason.CLIENT_SAMPLES_NOT_ACCEPTED)
    if not sources.accept_sfu_samples:
        _drop_sfus(samples, Reason.SFU_SAMPLES_NOT_ACCEPTED)


def _drop_clients(samples: Samples, reason: Reason) -> None:
    if samples.clients:
        samples.rejected[reason] += len(samples.clients)
    samples.clients = []
    samples.leaving = ()


def _drop_sfus(samples: Samples, reason: Reason) -> None:
    if samples.sfus:
        samples.rejected[reason] += len(samples.sfus)
    samples.sfus = []
