"""What is no snapshot is refused: what another node wrote is believed only as far as it has the right types."""

import msgspec
import pytest
from hypothesis import given, settings

from store.commands import SfuHappening, encode
from store.machine import Machine
from store.records import FORMAT, MalformedSnapshot
from tests.build import client_seen, client_with, gone, observe, rtp_pad_seen, sctp_channel_seen, sfu_with, track_seen
from tests.store.agreement import assert_indexes_agree, rows_of, sfu_rows_of
from tests.store.copies import ROW_BY_ROW, copy_of, parts_of, restored
from tests.store.strategies import damaged


def refused(*parts: object) -> str:
    """Why these parts, each given as plain values, are refused."""
    with pytest.raises(MalformedSnapshot) as error:
        restored(msgspec.msgpack.encode(part) for part in parts)
    return str(error.value)


HEAD = [FORMAT, 0, 0, []]
CALL = ["call", "s", "r", "c", True, 0, None, 0, 0]
CLIENT = ["client", "alice", 0, "unit", None, None, None, "n1", 0, 0]
TRACK = ["OUTBOUND", "AUDIO", "mic", 0, [1], None, None, 1, 0, 0]
BOB = ["client", "bob", 0, "unit", "user", "marker", 1.5, "n1", 0, 0]
PEER_CONNECTION = ["peerConnection", "pc", 0, 0, 0, [TRACK]]
ORIGIN = ["origin", "n1", 7]
OTHER = ["call", "s", "r", "other", False, 0, "m", 0, 0]
HAPPENING = ["client", "s", "r", "c", 0, "unit", "alice", "user", None, 1.5]
SFU_HAPPENING = ["rtpPad", "s", "f", 0, "unit", None, "t", True, "OUTBOUND", "p", "stream", None]
OUTCOME = ["outcome", 7, True, [HAPPENING], [HAPPENING], ["c", None], [SFU_HAPPENING], [SFU_HAPPENING]]
DEPARTED = ["departed", [["s", "carol", 1, 2]]]
DEPARTED_SFUS = ["departedSfus", [["s", "old", 3, 4]]]
VALUES = ["values", "x", [["key", b"value", 0, 1000]]]
SFU = ["sfu", "s", "f", 0, "unit", None, 1.5, "n1", 0, 0]
TRANSPORT = ["sfuTransport", "t", False, 0, 0, 0]
PADS = ["rtpPads", [["OUTBOUND", "p", 0, True, "stream", None, 1, 0, 0]]]
CHANNELS = ["sctpChannels", [["ch", "stream", 0, 0, 0]]]
SFUS = [SFU, TRANSPORT, PADS, CHANNELS]
OTHER_SFU = ["sfu", "s", "g", 0, "unit", "m", None, "n1", 0, 0]


def test_these_parts_would_be_taken() -> None:
    records = [ORIGIN, OUTCOME, DEPARTED, DEPARTED_SFUS, VALUES, CALL, CLIENT, PEER_CONNECTION, *SFUS, OTHER_SFU]

    registry = restored(map(msgspec.msgpack.encode, (HEAD, [1, records]))).registry

    assert (registry.tracks, len(registry.sfus), registry.sfu_transports, registry.sfu_pads) == (1, 2, 1, 2)
    assert registry.departed.rows == {("s", "carol"): (1, 2)}
    assert registry.values.of_kind("x") == {"key": (b"value", 0, 1000)}
    assert registry.sfu_half.departed.rows == {("s", "old"): (3, 4)}
    assert registry.origins["n1"].last.sfus_opened == [SfuHappening(*SFU_HAPPENING)]  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"\x90", b"\xc0", b"\xc1", b"\x91" * 100_000])
def test_bytes_that_are_no_head_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedSnapshot):
        restored([data])


def test_another_format_is_refused_whatever_its_shape() -> None:
    assert refused([FORMAT + 1, "whatever"]) == f"format {FORMAT + 1} is not known"


def test_a_part_that_is_lost_or_comes_twice_is_noticed() -> None:
    assert refused(HEAD, [2, []]) == "part 2 came when part 1 was due"
    assert refused(HEAD, [1, []], [1, []]) == "part 1 came when part 2 was due"


@pytest.mark.parametrize(
    "record",
    [
        [*CALL[:4], 1, *CALL[5:]],
        [*CLIENT[:6], "1.5", *CLIENT[7:]],
        [*CLIENT[:8], None, 0],
        [*PEER_CONNECTION[:5], [[*TRACK[:4], ["1"], *TRACK[5:]]]],
        [*ORIGIN[:2], True],
        [*OUTCOME[:3], [["call"]], [], []],
        [*OUTCOME[:6], [HAPPENING], []],
        ["departed", [["s", "carol", 1]]],
        ["values", "x", [["key", "value", 0, 1000]]],
        ["values", "x", [["key", b"value", 0]]],
        [*SFU[:6], "1.5", *SFU[7:]],
        [*TRANSPORT[:2], 0, *TRANSPORT[3:]],
        ["rtpPads", [["OUTBOUND", "p", 0, True, "stream", None, "1", 0, 0]]],
        ["sctpChannels", [["ch", 1, 0, 0, 0]]],
        [*CALL, 0],
        CALL[:-1],
        ["room", "r"],
    ],
)
def test_a_field_of_another_type_is_refused(record: list[object]) -> None:
    assert refused(HEAD, [1, [ORIGIN, OUTCOME, CALL, CLIENT, PEER_CONNECTION, *SFUS]], [2, [record]])


@pytest.mark.parametrize(
    "record",
    [CLIENT, PEER_CONNECTION, ["tracks", [TRACK]], OUTCOME, TRANSPORT, PADS, CHANNELS],
    ids=lambda record: record[0],
)
def test_what_stands_below_nothing_is_refused(record: list[object]) -> None:
    assert refused(HEAD, [1, [record]]) == "a record stands below nothing"


@pytest.mark.parametrize("begun", [[CALL, CLIENT, PEER_CONNECTION, OTHER], [CALL, CLIENT, PEER_CONNECTION, BOB]])
def test_nothing_goes_on_below_a_row_that_another_followed(begun: list[object]) -> None:
    assert refused(HEAD, [1, [*begun, ["tracks", [TRACK]]]]) == "a record stands below nothing"


def test_an_outcome_belongs_to_the_last_origin() -> None:
    later = ["origin", "n2", 7]

    registry = restored(map(msgspec.msgpack.encode, (HEAD, [1, [ORIGIN, OUTCOME, later, OUTCOME]]))).registry

    assert [len(origin.last.calls) for origin in registry.origins.values()] == [2, 2]


@pytest.mark.parametrize("record", [PADS, CHANNELS], ids=lambda record: record[0])
def test_nothing_goes_on_below_a_transport_whose_sfu_another_followed(record: list[object]) -> None:
    assert refused(HEAD, [1, [*SFUS, OTHER_SFU, record]]) == "a record stands below nothing"


@pytest.mark.parametrize(
    "record",
    [CALL, CLIENT, PEER_CONNECTION, ["tracks", [TRACK]], ORIGIN, DEPARTED, VALUES, *SFUS],
    ids=lambda row: row[0],
)
def test_what_is_there_twice_is_refused(record: list[object]) -> None:
    records = [ORIGIN, DEPARTED, VALUES, CALL, CLIENT, PEER_CONNECTION, *SFUS, record]

    assert refused(HEAD, [1, records]).endswith("is there twice")


def test_a_client_of_two_calls_is_refused() -> None:
    assert refused(HEAD, [1, [CALL, CLIENT, OTHER, CLIENT]]).endswith("is there twice")


def test_a_room_with_two_calls_is_refused() -> None:
    assert refused(HEAD, [1, [CALL, [*CALL[:3], "other", *CALL[4:]]]]).endswith("is there twice")


@pytest.mark.parametrize("numbers", [[8], [5, 4]])
def test_outcomes_out_of_order_are_refused(numbers: list[int]) -> None:
    outcomes = [[*OUTCOME[:1], number, *OUTCOME[2:]] for number in numbers]

    assert refused(HEAD, [1, [ORIGIN, *outcomes]]).endswith("out of order")


def test_parts_that_are_refused_change_nothing() -> None:
    machine = Machine(ROW_BY_ROW)
    machine.apply(encode(observe("n1", 1, client_seen())))
    before = parts_of(machine)
    restoring = machine.restoring()

    with pytest.raises(MalformedSnapshot):
        restoring.take(b"")

    assert parts_of(machine) == before


@pytest.mark.hostile
@settings(deadline=None, max_examples=400, derandomize=True)
@given(
    damaged(
        [
            HEAD,
            [1, [ORIGIN, OUTCOME, DEPARTED]],
            [2, [CALL, CLIENT, PEER_CONNECTION]],
            [3, [OTHER, BOB]],
            [4, [*SFUS, OTHER_SFU]],
        ]
    )
)
def test_a_damaged_snapshot_is_refused_or_gives_a_registry_that_works(damage: object) -> None:
    try:
        machine = restored(map(msgspec.msgpack.encode, damage if isinstance(damage, list) else [damage]))
    except MalformedSnapshot:
        return

    assert_indexes_agree(machine.registry)
    command = gone("n9", 1, "n1", "n2", seen=[client_with(track_seen(ssrcs=[1]))])
    outcome = machine.apply(encode(command._replace(sfus=[sfu_with(rtp_pad_seen(), sctp_channel_seen())])))
    assert outcome.failed is None
    copy = copy_of(machine).registry
    assert rows_of(copy) == rows_of(machine.registry)
    assert sfu_rows_of(copy) == sfu_rows_of(machine.registry)
