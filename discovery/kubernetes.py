"""Peers that are pods of a Kubernetes namespace, as its API tells of them: all are listed once, then watched.

Whatever fails, the pods that were known stay known: that an API server is silent says nothing about pods.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import trio

from discovery import Found
from discovery.pod_list import ApiFailed, Ended, Event, Failure, Opened, Page, PodList, Word
from discovery.pods import ApiLimits, Pods, found_among, is_founder, strayed

if TYPE_CHECKING:
    from kubernetes.client import Configuration

    from discovery.kubernetes_api import Talk

_LOG = logging.getLogger(__name__)

_START_WITHIN = 2.0
"""How long a node that starts, and can be stopped only then, waits for the API server. (s)"""


@dataclass(slots=True)
class PodsStatistics:
    """How looking for pods has gone so far."""

    failures: Counter[Failure] = field(default_factory=Counter)
    lists: int = 0
    """How often all pods were listed."""
    watches: int = 0
    """How many watches were begun."""
    events: int = 0
    """How many changes they told of, bookmarks included."""
    pods: int = 0
    """Pods that are known, those among them that do not run (any more) and the own one."""
    peers: int = 0
    """Of those, how many run and are not the own one."""
    last_word_at: float | None = None
    """When the API server said something last, by `trio.current_time`; None if it never did. (s)"""

    def silence(self, now: float) -> float | None:
        """For how long it has said nothing; None if it never said anything. (s)"""
        return None if self.last_word_at is None else now - self.last_word_at


class K8sPodsDiscovery:
    """Finds the pods of a namespace, for the one that is known as `own`.

    `configure` tells how the API server is reached, anew for every talk with it: tokens and certificates that were
    renewed are so found. Without it, that is `KUBECONFIG`, or else the service account of the pod.
    """

    def __init__(
        self,
        pods: Pods,
        own: str,
        configure: Callable[[], Configuration] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.statistics = PodsStatistics()
        self._settings = pods
        self._own = own
        self._configure = configure
        self._chance = chance
        self._list = PodList(pods)
        self._listed_at = 0.0
        self._answered = trio.Event()
        self._trouble: str | None = None
        self._said: Failure | None = None
        self._patience = trio.CancelScope()
        self._thread = trio.CapacityLimiter(1)

    async def found(self) -> Found:
        """The peers, as far as they were last told of.

        Raises `OSError`, with words for operators, before all pods have been listed once, and while the own pod is not
        among them: without it nothing can be told from them.
        """
        await trio.lowlevel.checkpoint()
        if not self._list.listed:
            raise OSError(f"the Kubernetes API was of no help: {self._trouble or 'it has not answered yet'}")
        if not is_founder(self._list.pods, self._settings, self._own):
            raise OSError(strayed(len(self._list.pods), self._settings, self._own))
        found = self._found()
        silence = self.statistics.silence(trio.current_time())
        fresh = silence is not None and silence < self._settings.limits.hosts_for_in_s
        return found if fresh else found._replace(hosts={})

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follows the pods until it is cancelled. Starts once they were listed, or that failed or takes long."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            with trio.move_on_after(_START_WITHIN):
                await self._answered.wait()
            task_status.started()

    async def _follow(self) -> None:
        limits = self._settings.limits
        failures = 0
        while True:
            began = trio.current_time()
            failure = await self._talk()
            self._failed(failure)
            lasted = trio.current_time() - began
            failures = 1 if lasted > limits.longest_retry_in_s else failures + 1
            await trio.sleep(pause(failures, limits, self._chance()))

    async def _talk(self) -> ApiFailed:
        """Why it ended. Not more than one thread talks: one that was given up first has to come to its end."""
        with trio.CancelScope() as self._patience:
            self._expect_word_in(self._settings.limits.connect_timeout_in_s)
            talk = await trio.to_thread.run_sync(self._new_talk, limiter=self._thread)
            try:
                await trio.to_thread.run_sync(
                    talk.hold, self._list.version, abandon_on_cancel=True, limiter=self._thread
                )
            except ApiFailed as failure:
                return failure
            finally:
                talk.interrupt()
        return ApiFailed(Failure.TIMEOUT, "it does not come to an end in time")

    def _new_talk(self) -> Talk:
        """In a thread, for the client's import takes a second of a processor, and much memory: most nodes need none."""
        from discovery.kubernetes_api import Talk, from_environment

        return Talk(self._settings, self._configure or from_environment, self._tell)

    def _tell(self, talk: Talk, word: Word) -> str | None:
        return trio.from_thread.run_sync(self._heard, talk, word)

    def _heard(self, talk: Talk, word: Word) -> str | None:
        """What a talk goes on with: the version of the pods as they are known now, or None if they are to be listed."""
        if talk.interrupted:
            raise ApiFailed(Failure.CUT, "nobody listens any more")
        now = trio.current_time()
        limits, known = self._settings.limits, self.statistics
        known.last_word_at = now
        if self._list.heard(word):
            self._count()
        match word:
            case Page(further=""):
                known.lists += 1
                self._listed_at = now
                self._answered.set()
            case Opened():
                known.watches += 1
                self._goes_well()
            case Event():
                known.events += 1
        opened = isinstance(word, Opened | Event)
        self._expect_word_in(limits.watch_in_s if opened else limits.connect_timeout_in_s)
        due = isinstance(word, Ended) and now - self._listed_at >= limits.list_every_in_s
        return None if due else self._list.version

    def _expect_word_in(self, seconds: float) -> None:
        """Gives the thread some more time than it takes to see by itself that nothing comes."""
        self._patience.deadline = trio.current_time() + seconds + 2 * self._settings.limits.read_timeout_in_s

    def _count(self) -> None:
        self.statistics.pods = len(self._list.pods)
        self.statistics.peers = len(self._found().addresses) - 1

    def _found(self) -> Found:
        return found_among(self._list.pods, self._settings, self._own)

    def _failed(self, failed: ApiFailed) -> None:
        self.statistics.failures[failed.failure] += 1
        self._list.failed(failed.failure)
        self._trouble = str(failed)
        self._answered.set()
        if failed.failure is Failure.GONE:
            _LOG.info("All pods are listed anew: %s", failed)
        elif failed.failure is not self._said:
            _LOG.warning("The Kubernetes API is of no help, pods that were known stay known: %s", failed)
            self._said = failed.failure

    def _goes_well(self) -> None:
        if self._said is not None:
            _LOG.info("The Kubernetes API helps again: %d pods", len(self._list.pods))
            self._said = None


def pause(failures: int, limits: ApiLimits, chance: float) -> float:
    """How long to wait after so many failures in a row: at random, lest all nodes come back at once, but from half of
    what is allowed to all of it as `chance` goes from 0 to 1. (s)"""
    longest = limits.retry_in_s * 2.0 ** min(failures - 1, _DOUBLINGS)
    return min(longest, limits.longest_retry_in_s) * (1 + chance) / 2


_DOUBLINGS = 30
"""Keeps the power of two within what a float can hold."""
