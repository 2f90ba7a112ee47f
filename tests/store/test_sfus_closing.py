"""What closes SFUs and what is below them, and who tells of it."""

import pytest

from store.commands import SFU, encode
from store.entities import below_sfu
from store.registry import MOST_CLOSED, Registry
from tests.build import (
    LIMITS,
    NOW,
    client_seen,
    expired,
    gone,
    leave,
    observe,
    observe_sfus,
    rtp_pad_seen,
    sctp_channel_seen,
    sfu_leaves,
    sfu_seen,
    sfu_told,
    sfu_transport_seen,
    sfu_with,
    sweep,
)
from tests.store.agreement import assert_indexes_agree, sfu_rows_of
from tests.store.copies import copy_of, machine_of, parts_of
from tests.store.one_sfu import ALL, BELOW, sfus_of

# Leaving


def test_an_sfu_that_leaves_takes_all_below_it_along_children_first() -> None:
    registry = sfus_of(sfu_with(*BELOW), sfu_seen(sfu="other"))

    outcome = registry.apply(sfu_leaves("n2", 1, "sfu"))

    assert sfu_told(outcome.sfus_closed) == [*ALL[2:], ALL[1], ALL[0]]
    assert (list(registry.sfus), registry.sfu_transports, registry.sfu_pads) == ([("service", "other")], 0, 0)
    assert registry.sfus_of == {"service": 1}


def test_every_row_that_closed_says_so() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    rows = list(below_sfu(registry.sfus["service", "sfu"]))

    registry.apply(sfu_leaves("n1", 2, "sfu"))

    assert [row.closed for row in rows] == [True] * len(ALL)


@pytest.mark.parametrize(("origin", "leaves"), [("n1", False), ("n2", True)])
def test_an_uncertain_leave_counts_if_its_node_heard_the_sfu_last(origin: str, leaves: bool) -> None:
    registry = sfus_of(sfu_seen())
    registry.apply(observe_sfus("n2", 1, sfu_seen()))

    outcome = registry.apply(sfu_leaves(origin, 2, "sfu", certain=False))

    assert bool(outcome.sfus_closed) is leaves


def test_a_client_that_leaves_is_no_sfu_of_the_same_id() -> None:
    registry = sfus_of(sfu_seen(sfu="alice"))

    outcome = registry.apply(leave("n1", 2, "alice"))

    assert outcome.sfus_closed == []


def test_a_row_that_closes_tells_the_time_of_its_last_sample_and_what_it_was_last() -> None:
    registry = sfus_of(sfu_with(rtp_pad_seen(stream="s1", at=NOW - 9)))
    registry.apply(observe_sfus("n1", 2, sfu_with(rtp_pad_seen(stream="s2", at=NOW - 5))))

    closed = registry.apply(sfu_leaves("n1", 3, "sfu")).sfus_closed

    assert [entry.timestamp for entry in closed] == [NOW - 5, NOW, NOW]
    assert closed[0].stream_id == "s2"


# Expiry


@pytest.mark.parametrize(
    ("limit", "row"),
    [
        (LIMITS.sfu_sctp_channel, ("sctpChannel", "channel")),
        (LIMITS.sfu_outbound_pad, ("rtpPad", "out")),
        (LIMITS.sfu_inbound_pad, ("rtpPad", "pad")),
        (LIMITS.sfu_transport, ("sfuTransport", "transport")),
        (LIMITS.sfu, ("sfu", "sfu")),
    ],
)
@pytest.mark.parametrize("early", [1, 0])
def test_a_row_closes_once_its_limit_and_a_tenth_are_over(limit: int, row: tuple[str, str], early: int) -> None:
    registry = sfus_of(sfu_with(*BELOW))
    when = expired(limit) - early

    closed = registry.apply(sweep("n1", 2, now=when)).sfus_closed

    assert (row in sfu_told(closed)) is not bool(early)
    assert_indexes_agree(registry)


@pytest.mark.parametrize("early", [1, 0])
def test_the_registry_knows_whether_a_sweep_would_close_anything(early: int) -> None:
    for limit, below in [
        (LIMITS.sfu_sctp_channel, BELOW),
        (LIMITS.sfu_outbound_pad, BELOW[:2]),
        (LIMITS.sfu_inbound_pad, BELOW[:1]),
        (LIMITS.sfu_transport, ()),
    ]:
        registry = sfus_of(sfu_with(*below))
        when = expired(limit) - early

        known = registry.has_idle(LIMITS, when)

        assert known is bool(registry.apply(sweep("n1", 2, now=when)).sfus_closed)
        assert known is not bool(early)


def test_an_sfu_that_is_heard_in_time_stays_without_its_silent_transport() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    late = expired(LIMITS.sfu)
    registry.apply(observe_sfus("n1", 2, sfu_seen(at=late), now=late))

    outcome = registry.apply(sweep("n1", 3, now=late))

    assert sfu_told(outcome.sfus_closed) == [*ALL[2:], ALL[1]]
    assert list(registry.sfus) == [("service", "sfu")]


def test_what_closed_opens_again_when_it_is_seen_again() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    registry.apply(sfu_leaves("n1", 2, "sfu"))

    assert sfu_told(registry.apply(observe_sfus("n1", 3, sfu_with(*BELOW))).sfus_opened) == ALL


def test_a_sweep_stops_after_enough_rows_and_the_next_goes_on() -> None:
    transports = [sfu_transport_seen(id=f"t{number}") for number in range(MOST_CLOSED + 10)]
    registry = sfus_of(sfu_seen(*transports))
    registry.apply(observe("n1", 2, client_seen(at=NOW)))
    when = expired(max(LIMITS))

    first = registry.apply(sweep("n1", 3, now=when))
    second = registry.apply(sweep("n1", 4, now=when))

    assert len(first.closed) + len(first.sfus_closed) == MOST_CLOSED
    assert (len(first.closed), len(first.sfus_closed) + len(second.sfus_closed)) == (2, len(transports) + 1)
    assert registry.sfus == {}


def large_sfu() -> Registry:
    """An SFU with more rows than one command closes, some of them on a transport that has too many by itself."""
    pads = [rtp_pad_seen(f"p{number}") for number in range(MOST_CLOSED)]
    channels = [sctp_channel_seen(f"ch{number}") for number in range(20)]
    return sfus_of(sfu_seen(sfu_transport_seen(*pads, *channels, id="t1"), sfu_transport_seen(*pads, id="t2")))


def rows_in(registry: Registry) -> int:
    return len(registry.sfus) + registry.sfu_transports + registry.sfu_pads


@pytest.mark.parametrize("certain", [True, False])
def test_an_sfu_with_very_many_rows_leaves_in_several_commands(certain: bool) -> None:
    registry = large_sfu()
    rows = rows_in(registry)

    outcomes = [registry.apply(sfu_leaves("n1", seq, "sfu", certain=certain)) for seq in (2, 3, 4, 5)]

    closed = [len(outcome.sfus_closed) for outcome in outcomes]
    assert closed == [MOST_CLOSED, MOST_CLOSED, rows - 2 * MOST_CLOSED, 0]
    assert outcomes[2].sfus_closed[-1].what == SFU
    assert rows_in(registry) == 0


def test_an_sfu_with_very_many_rows_expires_in_several_sweeps() -> None:
    registry = large_sfu()
    when = expired(max(LIMITS))
    rows = rows_in(registry)

    closed = [len(registry.apply(sweep("n1", seq, now=when)).sfus_closed) for seq in (2, 3, 4)]

    assert closed == [MOST_CLOSED, MOST_CLOSED, rows - 2 * MOST_CLOSED]
    assert not registry.has_idle(LIMITS, when)


def test_a_transport_with_very_many_pads_that_expire_keeps_some_for_the_next_sweep() -> None:
    registry = large_sfu()
    when = expired(LIMITS.sfu_inbound_pad)

    closed = [len(registry.apply(sweep("n1", seq, now=when)).sfus_closed) for seq in (2, 3, 4)]

    assert closed == [MOST_CLOSED, MOST_CLOSED, 20]
    assert registry.sfu_transports == 2


def test_all_who_leave_with_one_command_close_no_more_than_a_sweep() -> None:
    registry = large_sfu()
    registry.apply(observe("n1", 2, *(client_seen(f"c{number}") for number in range(10))))
    clients = leave("n1", 3, *(f"c{number}" for number in range(10)))

    outcome = registry.apply(clients._replace(leaves=[*clients.leaves, *sfu_leaves("n1", 3, "sfu").leaves]))

    assert (len(outcome.closed), len(outcome.sfus_closed)) == (10, MOST_CLOSED - 10)


def test_an_sfu_that_is_half_gone_is_in_a_snapshot_as_it_is() -> None:
    registry = large_sfu()
    machine = machine_of(registry)
    begun = machine.snapshot()
    awaited = parts_of(machine)
    machine.apply(encode(sfu_leaves("n1", 2, "sfu")))

    assert list(begun) == awaited
    assert sfu_rows_of(copy_of(machine).registry) == sfu_rows_of(machine.registry)


# The outbox


def test_what_a_lost_node_had_not_told_of_sfus_its_heir_tells_parents_first() -> None:
    registry = sfus_of(sfu_seen())
    registry.apply(observe_sfus("n1", 2, sfu_with(*BELOW)))

    command = gone("n2", 1, "n1")._replace(sfus=[sfu_with(rtp_pad_seen("new"), sfu="other")])
    opened = sfu_told(registry.apply(command).sfus_opened)

    assert [what for what, _ in opened] == ["sfu"] * 2 + ["sfuTransport"] * 2 + ["rtpPad"] * 3 + ["sctpChannel"]
    assert sorted(opened) == sorted([*ALL, ("sfu", "other"), ("sfuTransport", "transport"), ("rtpPad", "new")])


def test_what_closed_is_inherited_children_first() -> None:
    registry = sfus_of(sfu_with(*BELOW))
    registry.apply(sfu_leaves("n1", 2, "sfu"))

    closed = registry.apply(gone("n2", 1, "n1")).sfus_closed

    assert sfu_told(closed) == [*ALL[2:], ALL[1], ALL[0]]


def test_an_outcome_of_sfus_alone_is_kept_until_it_was_told() -> None:
    registry = sfus_of(sfu_seen())
    assert list(registry.origins["n1"].untold) == [1]

    registry.apply(observe("n1", 2, mark=1))

    assert registry.origins["n1"].untold == {}
