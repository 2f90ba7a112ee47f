"""Every report to every sink: written as JSON when it is offered, once for all that want the same."""

from collections.abc import Sequence

import trio

from schemas.reports import Report, ReportType
from sinks.delivery import Delivery
from sinks.encoding import written
from sinks.filter import ALL_TYPES
from sinks.leftovers import tell_leftovers
from sinks.statistics import SinkStatistics


class Deliveries:
    """All sinks together. `offer` and `settled` are plain calls and cost the same however much is queued."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self._by_wanted: dict[frozenset[ReportType], list[Delivery]] = {}
        for delivery in deliveries:
            self._by_wanted.setdefault(delivery.wanted, []).append(delivery)
        self._position = 0
        self._scope = trio.CancelScope()
        self._ended = trio.Event()

    def offer(self, reports: Sequence[Report]) -> int:
        """Hand reports to every sink that wants them, and return their position, which grows by one a call."""
        self._position += 1
        for types, deliveries in self._by_wanted.items():
            wanted = written(reports if types == ALL_TYPES else [it for it in reports if it.type in types])
            for delivery in deliveries:
                delivery.offer(self._position, len(reports), wanted)
        return self._position

    def settled(self) -> int:
        """The position up to which every sink has had all reports, or did not want them, or dropped them by its policy.

        What is dropped at shutdown never counts as settled: another node may still tell it.
        """
        return min((delivery.settled for delivery in self._deliveries), default=self._position)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver until drained; one task a sink. To be run once."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    for delivery in self._deliveries:
                        nursery.start_soon(delivery.run, name=f"sink {delivery.key}")
                    nursery.start_soon(tell_leftovers, self._spools(), {delivery.key for delivery in self._deliveries})
                    task_status.started()
        finally:
            self._ended.set()

    async def drain(self, grace_in_s: float) -> None:
        """Send all that is queued without waiting for more, then end `run`, which must be running.

        Sinks that fail are tried again within the grace. What is left then is dropped, as is all that is offered later.
        """
        for delivery in self._deliveries:
            delivery.flush()
        with trio.move_on_after(grace_in_s):
            await self._ended.wait()
        self._scope.cancel()
        await self._ended.wait()

    def statistics(self) -> tuple[SinkStatistics, ...]:
        """The figures of each sink."""
        return tuple(delivery.statistics() for delivery in self._deliveries)

    def _spools(self) -> set[str]:
        """The folders below which sinks have their spools."""
        return {delivery.spool_path for delivery in self._deliveries if delivery.spool_path is not None}
