import itertools
from dataclasses import dataclass, replace

import trio
from trio.testing import MockClock

from cluster.status import Status
from observer.admission import Admission
from observer.peers import status_alone

NOT_READY = "The service is not ready"


@dataclass
class Standing:
    """How a node stands, for as long as a test says nothing else."""

    status: Status

    def __call__(self) -> Status:
        return self.status

    def change(self, **fields: object) -> None:
        self.status = replace(self.status, **fields)  # type: ignore[arg-type]


def with_peers(*peers: str) -> Standing:
    return Standing(replace(status_alone("a"), members=("a", "b", "c"), connected=peers))


def admitting(min_remote_peers: int, standing: Standing) -> Admission:
    """Admission without grace, and with a clock that never stands still."""
    return Admission(min_remote_peers, standing, grace=0.0, clock=itertools.count().__next__)


def test_a_node_that_waits_for_nobody_admits() -> None:
    admission = admitting(0, with_peers())

    assert (admission.refusal(), admission.post_refusal(), admission.unready()) == (None, None, None)


def test_too_few_peers_shut_out_sessions_and_no_posts() -> None:
    admission = admitting(2, with_peers("b"))

    assert (admission.refusal(), admission.post_refusal()) == (NOT_READY, None)
    assert admission.unready() == "1 of 2 remote peers have joined"


def test_enough_peers_admit_sessions() -> None:
    admission = admitting(2, with_peers("b", "c"))

    assert (admission.refusal(), admission.unready()) == (None, None)


def test_a_peer_that_goes_shuts_nobody_out() -> None:
    standing = with_peers("b", "c")
    admission = admitting(2, standing)
    admission.refusal()
    standing.change(connected=())

    assert (admission.refusal(), admission.unready()) == (None, None)


async def test_peers_that_came_and_went_before_anybody_asked_count(autojump_clock: MockClock) -> None:
    standing = with_peers("b", "c")
    admission = admitting(2, standing)
    with trio.move_on_after(1):
        await admission.watch()
    standing.change(connected=())

    assert admission.refusal() is None


def test_without_a_majority_nothing_is_taken() -> None:
    standing = with_peers("b")
    admission = admitting(1, standing)
    admission.refusal()
    standing.change(quorum=False, waits_for="c has not answered")

    assert (admission.refusal(), admission.post_refusal()) == (NOT_READY, NOT_READY)
    assert admission.unready() == "c has not answered"


def test_a_majority_that_is_lost_for_no_reason_known_is_told_too() -> None:
    standing = with_peers()
    standing.change(quorum=False)

    assert admitting(0, standing).unready() == "the cluster has no majority"


def test_sessions_are_admitted_again_when_there_is_a_majority_again() -> None:
    standing = with_peers("b")
    admission = admitting(1, standing)
    standing.change(quorum=False)
    admission.refusal()
    standing.change(quorum=True)

    assert admission.refusal() is None


def test_a_majority_that_is_missed_for_a_moment_shuts_nobody_out() -> None:
    standing, time = with_peers(), iter([10.0, 10.9, 10.9, 10.9])
    admission = Admission(0, standing, grace=1.0, clock=time.__next__)
    admission.refusal()
    standing.change(quorum=False)

    assert (admission.refusal(), admission.post_refusal(), admission.unready()) == (None, None, None)


def test_a_majority_that_is_missed_for_longer_does() -> None:
    standing, time = with_peers(), iter([10.0, 11.1, 11.1, 11.1])
    admission = Admission(0, standing, grace=1.0, clock=time.__next__)
    admission.refusal()
    standing.change(quorum=False)

    assert (admission.refusal(), admission.post_refusal()) == (NOT_READY, NOT_READY)
    assert admission.unready() == "the cluster has no majority"


def test_a_node_that_never_had_a_majority_takes_nothing() -> None:
    standing = with_peers()
    standing.change(quorum=False)

    assert Admission(0, standing, grace=1.0, clock=lambda: 0.5).refusal() == NOT_READY


async def test_a_majority_counts_until_it_went_also_when_nobody_asked(autojump_clock: MockClock) -> None:
    standing = with_peers()
    admission = Admission(0, standing, grace=1.0)
    with trio.move_on_after(5):
        await admission.watch()
    standing.change(quorum=False)

    assert admission.refusal() is None
