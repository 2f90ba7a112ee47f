"""Touches: what is there already was heard of."""

import orjson

from store.commands import Command, TrackKey, decode, encode
from store.entities import AUDIO, OUTBOUND, Entity, below
from store.registry import Registry
from tests.build import (
    LIMITS,
    NOW,
    client_with,
    expired,
    observe,
    registry_of,
    sweep,
    touch_client,
    touch_of_client,
    track_seen,
)
from tests.store.copies import machine_of, parts_of

MIC: TrackKey = (OUTBOUND, AUDIO, "mic")
CAM: TrackKey = (OUTBOUND, AUDIO, "cam")


def two_tracks() -> Registry:
    """Alice with two tracks on one peer connection."""
    return registry_of(client_with(track_seen("mic"), track_seen("cam")))


def touched(registry: Registry, **parts: object) -> Registry:
    """The registry after the second command of n1, two seconds later."""
    registry.apply(Command("n1", 2, NOW + 2000, 0)._replace(**parts))  # type: ignore[arg-type]
    return registry


def times_of(registry: Registry) -> list[tuple[int, int]]:
    """The last touches of all rows, from the first track to the call, relative to `NOW`."""
    rows: list[Entity] = [row for call in registry.calls.values() for row in below(call)]
    return [(row.sample_touched - NOW, row.server_touched - NOW) for row in rows]


def test_a_touch_of_a_client_moves_it_its_call_and_what_is_named_below_it() -> None:
    registry = touched(two_tracks(), clients=[touch_of_client(("pc", [MIC]), at=NOW + 1500, age=300)])

    mic, cam, *above = times_of(registry)
    assert (mic, cam) == ((1500, 1700), (0, 0))
    assert above == [(1500, 1700)] * 3


def test_a_touch_of_a_client_with_all_below_it_moves_each_row() -> None:
    registry = touched(two_tracks(), clients=[touch_of_client(all_of=3, at=NOW + 1500, age=300)])

    assert times_of(registry) == [(1500, 1700)] * 5


def test_a_touch_with_all_below_moves_nothing_back_that_was_opened_meanwhile() -> None:
    registry = two_tracks()
    registry.apply(observe("n2", 1, client_with(track_seen("new", at=NOW + 1600), at=NOW + 1600), now=NOW + 1900))
    touched(registry, clients=[touch_of_client(all_of=3, at=NOW + 1500, age=300)])

    mic, cam, new, *_ = times_of(registry)
    assert (mic, cam, new) == ((1500, 1700), (1500, 1700), (1600, 1900))


def test_a_touch_of_a_client_tells_how_many_rows_it_touches() -> None:
    touches = [touch_of_client(), touch_of_client(("pc", [MIC, CAM]), ("other", [])), touch_of_client(all_of=7)]

    assert [touch.rows for touch in touches] == [2, 6, 9]


def test_a_touch_of_a_client_is_read_as_it_was_written() -> None:
    touches = [touch_of_client(("pc", [MIC, CAM])), touch_of_client(all_of=7)]

    first, second = decode(encode(observe("n1", 1, touches=touches))).clients

    assert [first.below, second.below] == [[("pc", [MIC, CAM])], 7]


def test_a_touch_of_a_client_moves_nothing_back() -> None:
    registry = touched(two_tracks(), clients=[touch_of_client(("pc", [MIC, CAM]), at=NOW - 1, age=9000)])

    assert times_of(registry) == [(0, 0)] * 5


def test_a_touch_from_the_future_of_a_client_is_one_from_now() -> None:
    registry = touched(two_tracks(), clients=[touch_of_client(("pc", [MIC, CAM]), age=-60_000)])

    assert times_of(registry) == [(0, 2000)] * 5


def test_a_touch_of_a_client_that_is_in_another_call_by_now_does_nothing() -> None:
    registry = touched(two_tracks(), clients=[touch_of_client(("pc", [MIC]), call="former", at=NOW + 1500)])

    assert times_of(registry) == [(0, 0)] * 5


def test_a_touch_of_a_client_makes_nothing() -> None:
    below_alice = [("pc", [(OUTBOUND, AUDIO, "none")]), ("none", [MIC])]
    registry = touched(registry_of(client_with(client="bob")), clients=[touch_of_client(*below_alice)])
    touched(registry, seq=3, clients=[touch_of_client(*below_alice)._replace(client_id="bob")])

    assert registry.clients.keys() == {("service", "bob")}
    assert len(times_of(registry)) == 3


def test_clients_are_touched_before_the_rest_of_a_command() -> None:
    registry = two_tracks()

    outcome = registry.apply(
        Command("n1", 2, expired(LIMITS.outbound_track), 0, sweep=LIMITS, clients=[touch_of_client(("pc", [MIC]))])
    )

    assert [row.track_id for row in outcome.closed] == ["cam"]


def test_a_client_that_is_touched_while_a_snapshot_is_made_is_in_it_as_it_was() -> None:
    machine = machine_of(two_tracks())
    awaited = parts_of(machine)
    snapshot = machine.snapshot()

    touched(machine.registry, clients=[touch_of_client(all_of=3, at=NOW + 1500)])

    assert list(snapshot) == awaited


def test_a_command_as_it_was_once_written_can_be_read() -> None:
    command = observe("n1", 1, client_with(track_seen()), touches=[touch_client()])
    *fields, clients = orjson.loads(encode(command))

    assert clients == []
    assert encode(decode(orjson.dumps(fields))) == encode(command)


def test_what_comes_after_a_look_for_what_is_idle_is_found_when_it_is() -> None:
    registry = registry_of(client_with(track_seen("mic")))
    looked = registry.has_idle(LIMITS, NOW)
    registry.apply(observe("n1", 2, client_with(track_seen("cam")), now=NOW + 10))

    idle = [registry.has_idle(LIMITS, expired(LIMITS.outbound_track) + later) for later in (-1, 0, 10)]

    assert (looked, idle) == (False, [False, True, True])


def test_a_look_with_long_limits_hides_nothing_from_one_with_short_ones() -> None:
    registry = registry_of(client_with(track_seen()))
    when = expired(LIMITS.outbound_track)

    told = [registry.has_idle(limits, when) for limits in (LIMITS._replace(outbound_track=60_000), LIMITS)]

    assert told == [False, True]


def test_a_sweep_closes_alike_whether_anybody_had_looked_before() -> None:
    registries = [registry_of(client_with(track_seen("mic")), client_with(client="bob")) for _ in range(2)]
    for when in range(NOW, expired(LIMITS.call), 500):
        registries[0].has_idle(LIMITS, when)
    for registry in registries:
        registry.apply(observe("n2", 1, client_with(track_seen("cam"), client="bob"), now=NOW + 1000))

    with_look, without = (it.apply(sweep("n1", 2, now=expired(LIMITS.client))).closed for it in registries)

    assert with_look == without != []
