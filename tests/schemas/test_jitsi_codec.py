"""The stream of a Jitsi client, cut wherever it may be, and its statistics with only what changed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.deltas import Allowance
from schemas.jitsi_codec import Envelope, Envelopes, decode
from schemas.samples import Item
from schemas.webrtc_reports import Remembered
from schemas.webrtc_stats import Bounds, Skipped, Skips

VECTORS = Path(__file__).parents[1] / "guests" / "vectors"
ALIVE = '{"statsSessionId":"s-1","type":"keepalive"}'


def standard() -> list[str]:
    frames: list[str] = json.loads((VECTORS / "jitsi_standard.json").read_text())
    return frames


def fed(envelopes: Envelopes, *frames: str | bytes) -> list[Envelope]:
    return [envelope for frame in frames for envelope in envelopes.feed(frame)]


def told(*frames: str | bytes, longest: int = 100_000) -> list[Envelope]:
    return fed(Envelopes(longest), *frames)


def test_a_message_says_whose_it_is_and_of_what_type() -> None:
    (envelope,) = told('{"statsSessionId":"s-1","type":"stats-entry","data":"[1]","more":2}')

    assert envelope[:3] == ("s-1", "stats-entry", "[1]")
    assert envelope.received == {"statsSessionId": "s-1", "type": "stats-entry", "data": "[1]", "more": 2}


@pytest.mark.parametrize("size", [100, 1000, 100_000])
def test_frames_need_not_end_where_messages_do(size: int) -> None:
    stream = " \n".join(standard()).encode()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

    assert told(*pieces) == told(*standard())


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_message_may_be_cut_anywhere_also_within_a_character(first: int, second: int) -> None:
    message = '{"statsSessionId":"s-1","type":"identity","data":["identity",null,{"displayName":"Zoë \\"}{ 𝄞"},1,1]}'
    stream = f"{message}{ALIVE}{message}".encode()
    cuts = sorted({min(first, len(stream)), min(first + second, len(stream))})
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert [it.type for it in told(*pieces)] == ["identity", "keepalive", "identity"]


@pytest.mark.parametrize("garbage", ["this is not json", "}", "[]", "1 2", "\ufffd", '"x"', "nul", "\0", "{} {"])
def test_garbage_costs_only_itself(garbage: str) -> None:
    envelopes = Envelopes(1000)

    assert [it.type for it in fed(envelopes, garbage, ALIVE)] == ["keepalive"]
    assert envelopes.skipped[Skipped.MALFORMED] + envelopes.skipped[Skipped.ID_INVALID] > 0


def test_a_message_that_never_ends_is_given_up() -> None:
    envelopes = Envelopes(1000)

    assert [it.type for it in fed(envelopes, '{"statsSessionId":"', "x" * 2000, ALIVE)] == ["keepalive"]
    assert envelopes.skipped[Skipped.MALFORMED] > 0


def test_a_message_may_come_byte_by_byte() -> None:
    message = json.dumps({"statsSessionId": "s", "type": "stats-entry", "data": '["\\\\", "\\"{["]'})

    assert [it.data for it in told(*(message + message))] == ['["\\\\", "\\"{["]'] * 2


def test_of_very_many_messages_in_a_frame_the_rest_is_given_up() -> None:
    envelopes = Envelopes(100_000)

    assert len(fed(envelopes, ALIVE * 1500)) == 1000
    assert envelopes.skipped == {Skipped.MALFORMED: 1}
    assert len(fed(envelopes, ALIVE, "{} ")) == 1


@pytest.mark.parametrize("mark", ["[", "[]", '""'])
def test_of_a_frame_of_very_many_marks_the_rest_is_given_up(mark: str) -> None:
    envelopes = Envelopes(100_000)

    assert [it.type for it in fed(envelopes, '{"a":' + mark * 30_000, "]}", ALIVE)] == ["keepalive"]
    assert envelopes.skipped[Skipped.MALFORMED] == 2


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none_cost_only_their_message(number: str) -> None:
    broken = f'{{"statsSessionId":"s-1","type":"close","data":{number}}}'

    assert [it.type for it in told(f"{ALIVE}{broken}{ALIVE}", ALIVE)][:1] == ["keepalive"]


@pytest.mark.parametrize("depth", [500, 5000, 30_000])
def test_what_nests_deep_costs_only_itself(depth: int) -> None:
    assert [it.type for it in told("{}" + '{"a":' * depth, "}" * depth, ALIVE)] == ["keepalive"]


@pytest.mark.parametrize("id_", ["", "bad/../id", "x" * 129, "ä", None, 1, ["a"], {"a": 1}, "a\n"])
def test_an_id_of_a_session_is_of_letters_and_digits(id_: object) -> None:
    envelopes = Envelopes(1000)

    assert fed(envelopes, json.dumps({"statsSessionId": id_, "type": "close"})) == []
    assert envelopes.skipped == {Skipped.ID_INVALID: 1}


@pytest.mark.parametrize("type_", ["bogus", None, 1, [], {}])
def test_a_type_that_there_is_not_is_counted(type_: object) -> None:
    envelopes = Envelopes(1000)

    assert fed(envelopes, json.dumps({"statsSessionId": "s", "type": type_})) == []
    assert envelopes.skipped == {Skipped.TYPE_UNKNOWN: 1}


@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"{", b"}", b'"', b"\\", ALIVE.encode()]), max_size=10))
def test_whatever_comes_harms_nobody(frames: list[bytes]) -> None:
    envelopes = Envelopes(200)
    fed(envelopes, *frames)

    assert [it.type for it in fed(envelopes, ALIVE)][-1] == "keepalive"


class Reader:
    """Reads the entries of ``getstats`` of one peer connection."""

    def __init__(self) -> None:
        self.skipped = Skips()
        self.known = Remembered(Bounds(), Allowance(1_000_000), self.skipped)

    def read(self, *entries: Any) -> dict[str, Item]:
        for entry in entries:
            decode(entry, self.known, self.skipped)
        return self.known.stats


def test_a_member_that_is_absent_is_as_it_was() -> None:
    stats = Reader().read(
        {"T": {"type": "transport", "bytesSent": 1, "dtlsState": "new", "timestamp": 0}, "timestamp": 10},
        {"T": {"bytesSent": 2, "timestamp": 0}, "timestamp": 20},
    )

    assert stats == {"T": {"id": "T", "type": "transport", "bytesSent": 2, "dtlsState": "new", "timestamp": 20}}


def test_a_report_that_is_absent_has_gone() -> None:
    stats = Reader().read({"A": {"type": "codec"}, "B": {"type": "codec"}}, {"B": {}})

    assert [*stats] == ["B"]


def test_a_time_of_its_own_is_kept() -> None:
    stats = Reader().read(
        {"A": {"type": "codec", "timestamp": 7}, "B": {"type": "codec", "timestamp": 0}, "timestamp": 9}, {"A": {}}
    )

    assert stats["A"]["timestamp"] == 7


def test_what_nests_is_told_whole() -> None:
    stats = Reader().read({"A": {"type": "outbound-rtp", "d": {"a": 1, "b": 2}}}, {"A": {"d": {"a": 3}}})

    assert stats["A"]["d"] == {"a": 3}


def test_what_is_no_report_costs_only_itself() -> None:
    reader = Reader()

    assert [*reader.read({"A": 1, "B": None, "C": [], "D": {"type": "codec"}, "timestamp": "x"})] == ["D"]
    assert reader.skipped == {Skipped.REPORT_INVALID: 3}
