"""Client metrics: what is wrong with a push is told all at once, as pages know it; what is right becomes gauges."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.client_metrics import LABELS, Participant, Reading, decode, encode, merged, participant_of
from schemas.client_metrics_text import Exposition
from schemas.client_metrics_validation import LONGEST_ID, MOST_PROBLEMS, checked
from tests.ingest.metrics_served import CHROME, CLIENT, pushed, rtt
from tests.store.strategies import ids, json_values

IDS = ("client_id", "participant_id", "roomname")
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605"


def problems(body: object) -> list[tuple[str, str]]:
    """The places and types of all that is wrong."""
    return [(".".join(map(str, it["path"])), it["type"]) for it in checked(body).problems]


def participant(body: dict[str, Any], agent: str | None = CHROME, reading: Reading | None = None) -> Participant:
    """What a push says that must be valid."""
    push, wrong = checked(body)
    assert not wrong
    return participant_of(push, agent, reading or Reading())


def text_of(*participants: Participant) -> list[str]:
    """The lines of a scrape that tell values."""
    exposition = Exposition("p_")
    for one in participants:
        exposition.add(one)
    return [line for line in exposition.text().decode().split("\n") if line and not line.startswith("#")]


@pytest.mark.parametrize(
    ("metrics", "wrong"),
    [
        ({}, []),
        ({"bitrate_upload": {}}, []),
        ({"bitrate_upload": {"value": -3.5}}, []),
        ({"bitrate_upload": {"value": "1e3"}}, []),
        ({"bitrate_upload": {"value": ""}}, [("bitrate_upload.value", "number.base")]),
        ({"bitrate_upload": {"value": "1 2"}}, [("bitrate_upload.value", "number.base")]),
        ({"bitrate_upload": {"value": True}}, [("bitrate_upload.value", "number.base")]),
        ({"bitrate_upload": {"value": 2**53}}, [("bitrate_upload.value", "number.unsafe")]),
        ({"bitrate_upload": {"value": "1e999"}}, [("bitrate_upload.value", "number.unsafe")]),
        ({"bitrate_upload": 5}, [("bitrate_upload", "object.base")]),
        ({"bitrate_upload": {"labels": {}}}, [("bitrate_upload.labels", "object.unknown")]),
        ({"connectionquality": {"value": -1}}, [("connectionquality.value", "number.min")]),
        ({"connectionquality": {"labels": {"username": ""}}}, [("connectionquality.labels.username", "string.empty")]),
        ({"connectionquality": {"labels": {"username": 5}}}, [("connectionquality.labels.username", "string.base")]),
        ({"connectionquality": {"labels": None}}, [("connectionquality.labels", "object.base")]),
        ({"transport_rtt": {}}, [("transport_rtt", "array.base")]),
        ({"transport_rtt": [{}, 5]}, [("transport_rtt.1", "object.base")]),
        ({"transport_rtt": [rtt(1, None, dst_ip="undefined", protocol=None, networkType="")]}, []),
        ({"transport_rtt": [rtt(1, "2001:db8::1")]}, []),
        ({"transport_rtt": [rtt(1, "fe80::1%eth0")]}, [("transport_rtt.0.labels.src_ip", "string.ipVersion")]),
        ({"transport_rtt": [rtt(1, "10.0.0.0/8")]}, [("transport_rtt.0.labels.src_ip", "string.ipVersion")]),
        (
            {"transport_rtt": [rtt(1, protocol=6)]},
            [("transport_rtt.0.labels.protocol", "any.only"), ("transport_rtt.0.labels.protocol", "string.base")],
        ),
    ],
)
def test_metrics_are_checked(metrics: object, wrong: list[tuple[str, str]]) -> None:
    assert problems(pushed(metrics=metrics)) == [(f"metrics.{place}", type_) for place, type_ in wrong]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ([], [("", "object.base")]),
        ("text", [("", "object.base")]),
        ({}, [("default_labels", "any.required")]),
        ({"metrics": {}}, [("default_labels", "any.required")]),
        (pushed(more=1), [("more", "object.unknown")]),
        ({"default_labels": {}, "metrics": {}}, [(f"default_labels.{it}", "any.required") for it in IDS]),
        (pushed(participant="p" * (LONGEST_ID + 1)), [("default_labels.participant_id", "string.max")]),
        (pushed(room=""), [("default_labels.roomname", "string.empty")]),
        (pushed(client=CLIENT.replace("-", "")), [("default_labels.client_id", "string.guid")]),
        (pushed(client=f"{{{CLIENT.upper()}}}"), []),
        (pushed(client=f"{{{CLIENT})"), [("default_labels.client_id", "string.guid")]),
        (pushed(client=CLIENT + "\n"), [("default_labels.client_id", "string.guid")]),
    ],
)
def test_the_rest_is_checked_too(body: object, wrong: list[tuple[str, str]]) -> None:
    assert problems(body) == wrong


def test_no_more_problems_are_told_than_are_of_use() -> None:
    assert len(problems(dict.fromkeys(map(str, range(5000)), 1))) == MOST_PROBLEMS


def test_what_is_told_of_a_problem_is_what_joi_tells() -> None:
    (problem,) = checked(pushed(metrics={"transport_rtt": [{"value": "abc"}]})).problems

    assert problem == {
        "message": '"metrics.transport_rtt[0].value" must be a number',
        "path": ["metrics", "transport_rtt", 0, "value"],
        "type": "number.base",
        "context": {"label": "metrics.transport_rtt[0].value", "value": "abc", "key": "value"},
    }


def test_every_family_is_told_with_its_help_and_type_even_without_values() -> None:
    lines = Exposition("p_").text().decode().split("\n")

    assert lines[:3] == ["# HELP p_connectionquality Connection Quality", "# TYPE p_connectionquality gauge", ""]
    assert (lines[-3:], sum(line.startswith("# TYPE") for line in lines)) == (
        ["# HELP p_transport_rtt transport_rtt", "# TYPE p_transport_rtt gauge", ""],
        13,
    )


@pytest.mark.parametrize(
    ("value", "written"), [(5, "5"), (5.0, "5"), (97.25, "97.25"), (-0.0, "0"), (2**53 - 1, "9007199254740991")]
)
def test_numbers_are_written_without_what_they_do_not_need(value: float, written: str) -> None:
    (line,) = text_of(participant(pushed(metrics={"bandwidth_upload": {"value": value}})))

    assert line.rpartition(" ")[2] == written


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (CHROME, ["Chrome", "140.0.0.0", "Linux", "undefined"]),
        (MAC, ["Safari", "17.4", "Mac OS", "10.15.7"]),
        ("curl/8", ["undefined"] * 4),
        (None, ["undefined"] * 4),
    ],
)
def test_the_browser_says_what_it_is(agent: str | None, device: list[str]) -> None:
    (series,) = participant(pushed(), agent).families["connectionquality"]

    assert [value for _, value in series.labels] == device


def test_a_participant_comes_back_from_its_bytes() -> None:
    one = participant(pushed(metrics={"connectionquality": {"value": 5}, "transport_rtt": [rtt(1), rtt(None)]}))

    assert decode(encode(one)) == one


@pytest.mark.parametrize("data", [b"", b"\x90", b"\xc1", b"\x94\xa1a\xa1b\xc0\x90"])
def test_bytes_that_are_no_participant_are_none(data: bytes) -> None:
    assert decode(data) is None


def test_the_latest_push_counts_and_the_former_fills_in() -> None:
    former = participant(pushed(room="one", metrics={"bitrate_upload": {"value": 1}, "bitrate_download": {"value": 2}}))
    latest = participant(pushed(room="two", metrics={"bitrate_upload": {"value": 3}}))

    names = 'client_id="' + CLIENT + '",participant_id="a1b2",roomname="two"'
    assert text_of(merged(former, latest)) == [
        f"p_bitrate_download{{{names}}} 2",
        f"p_bitrate_upload{{{names}}} 3",
    ]


def test_participants_of_one_client_are_told_apart() -> None:
    one, other = participant(pushed(participant="a")), participant(pushed(participant="b"))

    assert one.key != other.key
    assert len({*text_of(one, other)}) == 2


def test_all_labels_but_the_ids_can_be_left_out() -> None:
    metrics = {"connectionquality": {"labels": {"username": "Ann"}, "value": 5}, "transport_rtt": [rtt(1)]}
    bare = participant(pushed(metrics=metrics), reading=Reading(frozenset()))
    full = participant(pushed(metrics=metrics), reading=Reading(frozenset(LABELS)))

    names = f'client_id="{CLIENT}",participant_id="a1b2"'
    assert text_of(bare) == [f"p_connectionquality{{{names}}} 5", f"p_transport_rtt{{{names}}} 1"]
    assert all("roomname" in line for line in text_of(full))


@st.composite
def drifted(draw: st.DrawFn, plain: Any) -> Any:
    """`plain` with one value in it, at any depth, replaced by another, taken away, or told under another name."""
    if not isinstance(plain, dict | list) or not plain or draw(st.integers(0, 4)) == 0:
        return draw(json_values)
    places = [*plain] if isinstance(plain, dict) else [*range(len(plain))]
    place, copy = draw(st.sampled_from(places)), plain.copy()
    match draw(st.sampled_from(["replaced", "replaced", "taken away", "renamed"])):
        case "replaced":
            copy[place] = draw(drifted(copy[place]))
        case "taken away":
            del copy[place]
        case "renamed" if isinstance(copy, dict):
            copy[draw(ids)] = copy.pop(place)
    return copy


FULL = pushed(
    metrics={
        "connectionquality": {"labels": {"serverregion": "eu", "username": "Ann"}, "value": 1},
        "bitrate_upload": {"value": 1},
        "transport_rtt": [rtt(1, dst_ip="192.0.2.2", protocol="udp", networkType="wifi"), rtt("2", None)],
    }
)


@pytest.mark.hostile
@settings(deadline=None, max_examples=300, derandomize=True)
@given(drifted(FULL))
def test_whatever_is_pushed_is_refused_or_told_in_as_many_lines(body: Any) -> None:
    push, wrong = checked(orjson.loads(orjson.dumps(body)))
    if wrong:
        assert orjson.dumps(wrong)
        return

    one = participant_of(push, CHROME, Reading(longest_label=3))

    assert decode(encode(one)) == one
    lines = text_of(one)
    assert len(lines) == sum(map(len, one.families.values()))
    assert all(line.startswith("p_") for line in lines)
