"""The statistics of rtcstats-js, with only what changed, are made whole as its own reader makes them."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.deltas import Allowance
from schemas.rtcstats_codec import decode
from schemas.rtcstats_tables import MEMBERS, METHODS, TYPES, method_of, type_of
from schemas.samples import Item
from schemas.webrtc_reports import Remembered
from schemas.webrtc_stats import Bounds, Skipped, Skips

VECTORS = json.loads((Path(__file__).parents[1] / "guests" / "vectors" / "rtcstats_getstats.json").read_text())
TABLES = Path(__file__).parents[2].parent / "shared" / "reference" / "examples" / "rtcstats" / "tables.json"


class Reader:
    """Reads the deltas of one peer connection; `skipped` says what it did not take."""

    def __init__(self, **bounds: int) -> None:
        self.skipped = Skips()
        self.memory = Allowance(1_000_000)
        self.known = Remembered(Bounds(**bounds), self.memory, self.skipped)

    def read(self, *deltas: Item) -> dict[str, Item]:
        """The reports after these deltas, without the ids that they bear since they are known by them."""
        for delta in deltas:
            decode(delta, self.known, self.skipped)
        return {
            id_: {name: value for name, value in report.items() if name != "id"}
            for id_, report in self.known.stats.items()
        }


def read(*deltas: Item) -> dict[str, Item]:
    return Reader().read(*deltas)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_each_sequence_is_read_as_the_original_reads_it(vector: Any) -> None:
    reader = Reader()
    for step in vector["steps"]:
        assert reader.read(step["delta"]) == step["decoded"]


def test_a_report_bears_its_id() -> None:
    reader = Reader()
    reader.read({"0": {"type": 5}})

    assert reader.known.stats["0"]["id"] == "0"


@pytest.mark.skipif(not TABLES.exists(), reason="the reference is not at hand")
def test_the_numbers_are_those_of_the_client() -> None:
    tables = json.loads(TABLES.read_text())

    assert tables["methods"] == METHODS
    assert tables["types"] == TYPES
    assert {**tables["properties"], "t": "timestamp"} == MEMBERS


@pytest.mark.parametrize(("told", "name"), [(36, "close"), ("36", "close"), ("g", "getStats"), (":mine", ":mine")])
def test_a_method_is_a_number_or_a_name(told: object, name: str) -> None:
    assert method_of(told) == name


@pytest.mark.parametrize("told", [None, True, 999, -1, 2.0, [], {}, 2**80])
def test_what_is_no_method_has_no_name(told: object) -> None:
    assert method_of(told) is None
    assert type_of(told) is None


def test_names_are_taken_as_well_as_numbers() -> None:
    assert read({"A": {"type": "transport", "bytesSent": 1, "timestamp": 2}}) == {
        "A": {"type": "transport", "bytesSent": 1, "timestamp": 2}
    }


def test_the_time_of_older_clients_stands_under_its_name() -> None:
    assert read({"A": {"type": "codec"}, "timestamp": 7.5})["A"]["timestamp"] == 7.5


def test_a_sample_that_was_told_stays_as_it_was() -> None:
    reader = Reader()
    reader.read({"0": {"type": 5, "80": 1, "96": {"cpu": 1}}, "t": 1})
    before = reader.known.stats
    copy = json.loads(json.dumps(before))

    reader.read({"0": {"80": 2, "96": {"cpu": 2}}, "t": 2})

    assert before == copy


def test_what_changed_of_a_report_that_was_never_told_is_counted_once() -> None:
    reader = Reader()
    reader.read({"0": {"80": 2}}, {"0": {"80": 3}})

    assert reader.skipped == {Skipped.BASE_UNKNOWN: 1}


def test_a_report_that_is_none_costs_only_itself() -> None:
    reader = Reader()

    assert reader.read({"0": [1], "1": "x", "2": 3, "3": {"type": 5}, "t": 1}) == {
        "3": {"type": "transport", "timestamp": 1}
    }
    assert reader.skipped == {Skipped.REPORT_INVALID: 3}


def test_names_that_mean_something_elsewhere_are_only_names() -> None:
    told = {"__proto__": {"type": 5, "constructor": 1, "__proto__": 2}, "t": 1}

    assert read(told) == {"__proto__": {"type": "transport", "constructor": 1, "__proto__": 2, "timestamp": 1}}


@pytest.mark.parametrize("time", [-1, 1e308, "1", True, None, [], {}])
def test_a_time_that_is_none_is_no_time(time: object) -> None:
    assert "timestamp" not in read({"0": {"type": 5}, "t": time})["0"]


def test_more_reports_than_allowed_are_not_told() -> None:
    reader = Reader(max_reports_per_peer_connection=2)

    assert len(reader.read({str(number): {"type": 5} for number in range(5)})) == 2
    assert reader.skipped == {Skipped.TOO_MANY_REPORTS: 3}


def test_an_id_that_is_too_long_is_not_taken() -> None:
    reader = Reader()

    assert reader.read({"x" * 256: {"type": 5}, "": {"type": 5}}) == {}
    assert reader.skipped == {Skipped.ID_INVALID: 2}


def test_what_no_browser_tells_is_left_out_of_its_report() -> None:
    reader = Reader()
    deep: Any = []
    for _ in range(500):
        deep = [deep]

    told = reader.read({"0": {"type": 5, "80": "x" * 5000, "41": deep, "14": {"a": "x" * 5000}, "79": 1}})

    assert told == {"0": {"type": "transport", "packetsSent": 1}}
    assert reader.skipped == {Skipped.REPORT_INVALID: 3}


def test_a_type_that_is_none_is_left_out() -> None:
    assert read({"0": {"type": {"a": 1}, "80": 1}}) == {"0": {"bytesSent": 1}}


def test_what_is_remembered_is_bounded() -> None:
    reader = Reader()
    for number in range(1000):
        reader.read({str(number): {"type": "x", "6": "y" * 4000}})

    assert reader.memory.left >= 0
    assert reader.skipped[Skipped.TOO_MUCH_REMEMBERED] > 700


def test_what_has_gone_is_remembered_no_more() -> None:
    reader = Reader()
    reader.read({"0": {"type": 5, "6": "y" * 4000}, "1": {"type": 5}})
    reader.read({"0": None, "1": None})

    assert reader.memory.left == 1_000_000


def test_a_report_that_shrinks_weighs_less() -> None:
    reader = Reader()
    reader.read({"0": {"type": 5, "6": "y" * 4000}})
    before = reader.memory.left
    reader.read({"0": {"6": "y"}})

    assert reader.memory.left == before + 3999
