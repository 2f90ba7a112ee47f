"""What each sample of a batch comes to: it is looked at, and later reported. One that fails costs only itself."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from analysis.client_reports import ClientSamplesAnalyser, client_reports
from analysis.observe import Batch
from analysis.sfu_reports import SfuSamplesAnalyser, sfu_reports
from analysis.turn_reports import turn_reports
from observer.departures import rows_of
from observer.stint import LONGEST, Stint
from schemas.messages import Samples
from schemas.reports import Report
from schemas.samples import Reason, Tally
from store.commands import Outcome
from store.registry import Registry

_LOG = logging.getLogger(__name__)


async def look(batch: Batch, messages: Iterable[Samples]) -> float:
    """Lets the batch look at all samples of its messages; how long that took without the pauses for others. (s)"""
    stint, done = Stint(), 0
    for samples in messages:
        for sample in samples.clients:
            try:
                batch.look(samples, sample)
            except Exception:
                _drop("looked at", batch.rejected)
        for sfu_sample in samples.sfus:
            try:
                batch.look_at_sfu(samples, sfu_sample)
            except Exception:
                _drop("looked at", batch.rejected)
        done += samples.rows or rows_of(samples)
        if done >= LONGEST:
            await stint.pause()
            done = 0
    return stint.seconds


def reports_of_samples(
    batch: Batch,
    messages: Iterable[Samples],
    outcome: Outcome,
    registry: Registry,
    analyser: ClientSamplesAnalyser,
    sfu_analyser: SfuSamplesAnalyser,
) -> Iterator[Sequence[Report]]:
    """The reports of each sample in turn, those of clients first, then those of SFUs, then those of TURN servers.

    Of a sample that something fails at there are none, and it is its turn all the same: whoever counts turns pauses.
    """
    rejected = batch.rejected
    reports: Sequence[Report]
    for sighted in batch.sighted(outcome, registry):
        try:
            reports = client_reports(sighted, registry, analyser, rejected)
        except Exception:
            _drop("reported", rejected)
            reports = []
        yield reports
    for make in _other_reports(batch, messages, registry, sfu_analyser):
        try:
            reports = make()
        except Exception:
            _drop("reported", rejected)
            reports = []
        yield reports


def _other_reports(
    batch: Batch, messages: Iterable[Samples], registry: Registry, analyser: SfuSamplesAnalyser
) -> Iterator[Callable[[], list[Report]]]:
    for sighted in batch.sfu_sighted():
        yield partial(sfu_reports, sighted, registry, analyser, batch.rejected)
    for samples in messages:
        if samples.turns:
            yield partial(turn_reports, samples, registry, batch.now, batch.rejected)


def _drop(what: str, rejected: Tally) -> None:
    """A sample that something fails at, which is a fault of ours, costs only itself."""
    _LOG.exception("A sample could not be %s; it is dropped", what)
    rejected[Reason.FAILED] += 1
