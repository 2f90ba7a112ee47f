"""What each sample of a batch comes to: it is looked at, and later reported. One that fails costs only itself."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import ParamSpec, TypeVar

from analysis.client_reports import ClientSamplesAnalyser, client_reports
from analysis.observe import Batch
from analysis.sfu_reports import SfuSamplesAnalyser, sfu_reports
from analysis.turn_reports import turn_reports
from observer.departures import rows_of
from observer.stint import Stint
from schemas.messages import Samples
from schemas.reports import Report
from schemas.samples import Reason, Tally
from store.commands import Outcome
from store.registry import Registry

_LOG = logging.getLogger(__name__)

P = ParamSpec("P")
Done = TypeVar("Done")


async def look(batch: Batch, messages: Iterable[Samples]) -> float:
    """Lets the batch look at all samples of its messages; how long that took without the pauses for others. (s)"""
    stint = Stint()
    for samples in messages:
        for sample in samples.clients:
            _surviving("looked at", batch.rejected, batch.look, samples, sample)
        for sfu_sample in samples.sfus:
            _surviving("looked at", batch.rejected, batch.look_at_sfu, samples, sfu_sample)
        if stint.is_over(rows_of(samples)):
            await stint.pause()
    return stint.seconds


def reports_of_samples(
    batch: Batch,
    messages: Iterable[Samples],
    outcome: Outcome,
    registry: Registry,
    analyser: ClientSamplesAnalyser,
    sfu_analyser: SfuSamplesAnalyser,
) -> Iterator[list[Report]]:
    """The reports of each sample in turn, those of clients first, then those of SFUs, then those of TURN servers."""
    rejected = batch.rejected

    def makers() -> Iterator[Callable[[], list[Report]]]:
        for sighted in batch.sighted(outcome, registry):
            yield partial(client_reports, sighted, registry, analyser, rejected)
        for sighted_sfu in batch.sfu_sighted():
            yield partial(sfu_reports, sighted_sfu, registry, sfu_analyser, rejected)
        for samples in messages:
            if samples.turns:
                yield partial(turn_reports, samples, registry, batch.now, rejected)

    for make in makers():
        yield _surviving("reported", rejected, make) or []


def _surviving(what: str, rejected: Tally, do: Callable[P, Done], *args: P.args, **kwargs: P.kwargs) -> Done | None:
    """A sample that something fails at, which is a fault of ours, costs only itself."""
    try:
        return do(*args, **kwargs)
    except Exception:
        _LOG.exception("A sample could not be %s; it is dropped", what)
        rejected[Reason.FAILED] += 1
        return None
