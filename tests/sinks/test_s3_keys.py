"""The keys of objects: whatever ids clients choose, every object has a place and a name of its own."""

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.reports import ReportType
from sinks.s3_keys import (
    INDEXES,
    LONGEST_PART,
    LONGEST_PREFIX,
    MOST_REMEMBERED,
    NO_CALL,
    NO_SERVICE,
    NO_SFU,
    Layout,
    Names,
    part_of,
    prefix_of,
    word_of,
)
from tests.sinks.sinks_for_tests import line

NOON = 1_800_000_000.0
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    ["/", "../x", "!2F", "!-", "a" * 300, "é" * 90, NO_SERVICE, "!75nknown-services"]
)


def layout(**choices: Any) -> Layout:
    chosen: dict[str, Any] = {
        "default_prefix": None,
        "prefixes": {},
        "by_service": False,
        "by_category": False,
        "by_subject": False,
    }
    return Layout(**{**chosen, **choices})


def place(some: Layout, type_: ReportType = ReportType.CALL_EVENT, **ids: Any) -> str:
    return some.place_of(line("one", type_, **ids))


@pytest.mark.parametrize("id_", ["room", "7d1f0a8e-5f4e-4b55-9b13-1c1e0c0c2f55", "A_b.9"])
def test_a_usual_id_stays_as_it_is(id_: str) -> None:
    assert part_of(id_, NO_CALL) == id_


@pytest.mark.parametrize("id_", [None, ""])
def test_no_id_has_a_word_of_its_own(id_: str | None) -> None:
    assert part_of(id_, NO_CALL) == "unknown-calls"


@pytest.mark.parametrize(
    ("id_", "part"),
    [
        ("a/b", "a!2Fb"),
        ("..", "!2E."),
        (".", "!2E"),
        ("a b!", "a!20b!21"),
        ("é\0", "!C3!A9!00"),
        (NO_SERVICE, "!75nknown-services"),
        (INDEXES, "!5F_indexes"),
    ],
)
def test_what_could_mean_something_else_is_escaped(id_: str, part: str) -> None:
    assert part_of(id_, NO_SERVICE) == part


@given(IDS)
def test_an_id_is_one_part_of_letters_that_every_store_takes(id_: str) -> None:
    part = part_of(id_, NO_CALL)

    assert re.fullmatch(rf"[A-Za-z0-9._!-]{{1,{LONGEST_PART}}}", part)
    assert part not in (".", "..", INDEXES, NO_CALL, NO_SERVICE, NO_SFU)


@given(IDS, IDS)
def test_different_ids_are_different_parts(one: str, other: str) -> None:
    assume(one != other)

    assert part_of(one, NO_CALL) != part_of(other, NO_CALL)


def test_long_ids_that_differ_at_their_end_are_different_parts() -> None:
    assert part_of("a" * 254 + "b", NO_CALL) != part_of("a" * 254 + "c", NO_CALL)


def test_without_any_prefix_a_report_lies_below_its_type() -> None:
    assert place(layout()) == "call-event"


def test_the_default_prefix_is_for_types_that_have_none() -> None:
    some = layout(default_prefix="all", prefixes={ReportType.CALL_EVENT: "my/events"})

    assert place(some) == "my/events"
    assert place(some, ReportType.CALL_META_DATA) == "all"


def test_a_place_with_everything_is_that_of_the_reference() -> None:
    some = layout(default_prefix="p", by_service=True, by_category=True, by_subject=True)

    assert place(some, serviceId="s", callId="c") == "s/call-reports/c/p"
    assert place(some, ReportType.SFU_TRANSPORT, serviceId="s", sfuId="f", callId="c") == "s/sfu-reports/f/p"


def test_what_has_no_ids_lies_among_the_unknown() -> None:
    some = layout(default_prefix="p", by_service=True, by_category=True, by_subject=True)

    assert place(some) == "unknown-services/call-reports/unknown-calls/p"
    assert place(some, ReportType.SFU_EVENT) == "unknown-services/sfu-reports/unknown-sfus/p"


@pytest.mark.parametrize(
    ("choice", "told"), [("by_service", "s/p"), ("by_category", "call-reports/p"), ("by_subject", "c/p")]
)
def test_each_part_can_be_chosen_alone(choice: str, told: str) -> None:
    assert place(layout(default_prefix="p", **{choice: True}), serviceId="s", callId="c") == told


@pytest.mark.parametrize("type_", ReportType)
def test_every_type_of_report_has_a_place(type_: ReportType) -> None:
    some = layout(by_service=True, by_category=True, by_subject=True)

    assert place(some, type_, serviceId="s").startswith(
        "s/sfu-reports/" if word_of(type_).startswith("sfu-") else "s/call-reports/"
    )


@given(IDS, IDS)
def test_no_client_reaches_the_place_of_another_service(service: str, call: str) -> None:
    some = layout(default_prefix="p", by_service=True, by_subject=True)

    assert place(some, serviceId=service, callId=call).split("/") == [
        part_of(service, NO_SERVICE),
        part_of(call, NO_CALL),
        "p",
    ]


def test_a_prefix_loses_the_slashes_at_its_ends() -> None:
    assert prefix_of("/observer/reports/") == "observer/reports"


@pytest.mark.parametrize("text", ["", "/", "a//b", "a/../b", "./a", "a\nb", "a" * (LONGEST_PREFIX + 1)])
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a prefix of keys"):
        prefix_of(text)


def test_the_longest_key_is_one_that_s3_takes() -> None:
    longest = layout(default_prefix="p" * LONGEST_PREFIX, by_service=True, by_category=True, by_subject=True)
    key = f"{place(longest, serviceId='s' * 1000, callId='c' * 1000)}/{Names('w' * 12).take('', b'', NOON)}"

    assert len(key) + len("-peer-connection-data-channel.jsonl.gz") < 1024


def test_a_name_tells_the_time_the_writer_and_a_number() -> None:
    assert Names("writer").take("place", b"content", NOON) == "20270115080000-writer-00000001"


def test_names_sort_in_the_order_of_sending() -> None:
    names = Names("writer")
    taken = [names.take("place", bytes([n]), NOON + n // 3) for n in range(20)]

    assert sorted(taken) == taken
    assert len(set(taken)) == 20


def test_a_clock_that_is_set_back_changes_no_order() -> None:
    names = Names("writer")

    assert names.take("place", b"1", NOON) < names.take("place", b"2", NOON - 3600)


def test_two_writers_never_give_the_same_name() -> None:
    assert Names("one").take("place", b"", NOON) != Names("other").take("place", b"", NOON)


def test_an_object_that_was_not_seen_to_arrive_keeps_its_name() -> None:
    names = Names("writer")
    first = names.take("place", b"content", NOON)
    names.take("place", b"other", NOON)

    assert names.take("place", b"content", NOON + 60) == first


def test_the_same_content_in_another_place_is_another_object() -> None:
    names = Names("writer")

    assert names.take("one", b"content", NOON) != names.take("other", b"content", NOON)


def test_the_same_content_once_more_is_another_object_when_the_first_has_arrived() -> None:
    names = Names("writer")
    first = names.take("place", b"content", NOON)
    names.arrived("place", b"content")

    assert names.take("place", b"content", NOON) != first


def test_what_is_remembered_has_a_bound() -> None:
    names = Names("writer")
    first = names.take("place", b"first", NOON)
    for n in range(MOST_REMEMBERED):
        names.take("place", n.to_bytes(4), NOON)

    assert names.take("place", b"first", NOON) != first
