"""Rows are freed as soon as nobody refers to them: the collector of cycles does not look at them."""

import gc
import weakref
from collections.abc import Iterable

import pytest

from store.commands import Command, encode
from store.entities import INBOUND, Entity, below, below_sfu
from store.machine import Machine
from store.registry import Registry
from tests.build import (
    LIMITS,
    client_seen,
    client_with,
    expired,
    leave,
    observe,
    observe_sfus,
    outbound_pad_seen,
    registry_of,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_leaves,
    sfu_with,
    sweep,
    track_seen,
)
from tests.store.copies import copy_of, machine_of

ALL_EXPIRE = sweep("n1", 2, now=expired(LIMITS.call) + 1)


class Witness:
    """Goes with the row that refers to it."""


def full() -> Registry:
    """Rows of each kind, SSRCs, streams and sinks that two tracks claim, and a call that lost its room."""
    played = track_seen("speaker", direction=INBOUND, stream="st", sink="si")
    tracks = [track_seen("mic", ssrcs=[1, 2]), track_seen("cam", ssrcs=[3], stream="st"), played]
    registry = registry_of(
        client_with(*tracks),
        client_with(*tracks, client="bob"),
        client_with(*tracks, client="carol", room="attic", own_call="first"),
        client_seen("dave", room="attic", own_call="second"),
    )
    pads = [rtp_pad_seen(), outbound_pad_seen(internal=True)]
    sfus = [sfu_with(*pads, sctp_channel_seen(), sfu=name) for name in ("sfu", "other")]
    registry.apply(observe_sfus("n9", 1, *sfus))
    return registry


def rows_of(registry: Registry) -> Iterable[Entity]:
    """Every row."""
    yield from (row for call in registry.calls.values() for row in below(call))
    yield from (row for sfu in registry.sfus.values() for row in below_sfu(sfu))


def witnesses(registry: Registry) -> "weakref.WeakSet[Witness]":
    """One for each row, as long as that is there."""
    there: weakref.WeakSet[Witness] = weakref.WeakSet()
    for row in rows_of(registry):
        there.add(witness := Witness())
        row.heard_sample = witness  # type: ignore[assignment]
    return there


def test_the_collector_does_not_look_at_rows() -> None:
    assert not any(map(gc.is_tracked, rows_of(full())))


def test_all_that_expires_is_freed() -> None:
    registry = full()
    there = witnesses(registry)

    registry.apply(ALL_EXPIRE)

    assert len(there) == 0


@pytest.mark.parametrize(
    ("command", "freed"),
    [
        (leave("n1", 2, "alice"), 5),
        (leave("n1", 2, "carol"), 6),
        (observe("n1", 2, client_seen("bob", room="cellar")), 5),
        (sfu_leaves("n1", 2, "sfu"), 5),
        (sweep("n1", 2, now=expired(LIMITS.sfu_inbound_pad)), 15),
    ],
    ids=["a client leaves", "with its call", "a client moves", "an SFU leaves", "tracks, pads and channels expire"],
)
def test_what_closes_is_freed(command: Command, freed: int) -> None:
    registry = full()
    there = witnesses(registry)
    before = len(there)

    registry.apply(command)

    assert before - len(there) == freed


def test_the_rows_of_a_registry_are_freed_with_it() -> None:
    registry = full()
    there = witnesses(registry)

    del registry

    assert len(there) == 0


def test_the_rows_that_a_snapshot_replaces_are_freed() -> None:
    machine = Machine()
    machine.registry = full()
    there = witnesses(machine.registry)

    machine.restoring().finish()

    assert len(there) == 0


def test_restored_rows_are_freed_too() -> None:
    copy = copy_of(machine_of(full()))
    there = witnesses(copy.registry)

    copy.apply(encode(ALL_EXPIRE))

    assert len(there) == 0


def test_a_closed_snapshot_holds_no_rows() -> None:
    registry = full()
    snapshot = machine_of(registry).snapshot()
    next(snapshot)
    there = witnesses(registry)
    registry.apply(ALL_EXPIRE)

    snapshot.close()

    assert len(there) == 0
