from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.config.binding import bind
from observer.config.problems import ConfigError, Problem
from observer.config.scalars import duration, size
from observer.config.yaml_text import read


class Mode(Enum):
    FAST_LANE = "fastLane"
    SLOW = "slow"


@dataclass(frozen=True)
class Retry:
    max_tries: int = field(default=3, metadata={"minimum": 1, "maximum": 10})
    wait_in_s: float = 0.5


@dataclass(frozen=True)
class Peer:
    host: str
    port: int = 80


@dataclass(frozen=True)
class Settings:
    name: str = "observer"
    enabled: bool = True
    limit: int | None = None
    mode: Mode = Mode.SLOW
    level: Literal["info", "debug"] = "info"
    tags: list[str] = field(default_factory=list)
    ids: frozenset[str] | None = None
    rates: tuple[float, ...] = ()
    peers: dict[str, Peer] = field(default_factory=dict)
    streams: Mapping[Mode, str] = field(default_factory=dict)
    extra: dict[str, object] = field(default_factory=dict)
    retry: Retry = field(default_factory=lambda: Retry(max_tries=7))
    max_size: int = field(default=1, metadata={"parse": size})
    idle: float = field(default=1.0, metadata={"parse": duration})
    internal: int = field(default=0, metadata={"yaml": False})


@dataclass(frozen=True)
class Span:
    low: int = 0
    high: int = 10

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not exceed high")


def bound(text: str) -> Settings:
    return bind(Settings, read(text, []))


def problems(text: str, cls: type = Settings, path: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        bind(cls, read(text, []), path)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_mapping_gives_the_defaults() -> None:
    assert bound("") == Settings()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("name: 0123", "name", "0123"),
        ("name: yes", "name", "yes"),
        ("enabled: True", "enabled", True),
        ("enabled: 'false'", "enabled", False),
        ("enabled: off", "enabled", False),
        ("limit: 12", "limit", 12),
        ("limit: '12'", "limit", 12),
        ("limit: ~", "limit", None),
        ("mode: FASTLANE", "mode", Mode.FAST_LANE),
        ("mode: fast_lane", "mode", Mode.FAST_LANE),
        ("mode: Slow", "mode", Mode.SLOW),
        ("level: DEBUG", "level", "debug"),
        ("tags: [a, 1]", "tags", ["a", "1"]),
        ("tags: a, b", "tags", ["a", "b"]),
        ("ids: [a]", "ids", frozenset({"a"})),
        ("rates: [1, 2.5, 1e3]", "rates", (1.0, 2.5, 1000.0)),
        ("peers: {a-b: {host: h}}", "peers", {"a-b": Peer("h")}),
        ("streams: {fast-lane: x}", "streams", {Mode.FAST_LANE: "x"}),
        ("extra: {bootstrap.servers: {a: [1]}}", "extra", {"bootstrap.servers": {"a": ["1"]}}),
        ("maxSize: 10MB", "max_size", 10 * 1024**2),
        ("max-size: 100", "max_size", 100),
        ("idle: 20m", "idle", 1200.0),
        ("idle: PT30S", "idle", 30.0),
        ("idle: 500ms", "idle", 0.5),
    ],
)
def test_a_value_becomes_what_its_field_is(text: str, name: str, value: object) -> None:
    found = getattr(bound(text), name)

    assert found == value
    assert type(found) is type(value)


def test_a_block_that_is_given_in_part_keeps_the_defaults_of_the_one_above() -> None:
    assert bound("retry: {waitInS: 2}").retry == Retry(max_tries=7, wait_in_s=2.0)


def test_python_values_are_bound_like_text() -> None:
    settings = bind(Settings, {"limit": 5, "enabled": False, "rates": [1]})

    assert settings == Settings(limit=5, enabled=False, rates=(1.0,))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [a]", "line 1: name: expected text"),
        ("enabled: maybe", "line 1: enabled: expected true or false"),
        ("limit: 1.5", "line 1: limit: expected a whole number"),
        ("limit: 1_0", "line 1: limit: expected a whole number"),
        ("limit: ''", "line 1: limit: expected a whole number"),
        ("limit: 99999999999999999999", "line 1: limit: expected a whole number"),
        ("limit: -1", "line 1: limit: must be at least 0"),
        ("mode: fastlan", "line 1: mode: expected one of fastLane, slow; did you mean fastLane?"),
        ("level: [info]", "line 1: level: expected one of info, debug"),
        ("tags: {a: b}", "line 1: tags: expected a list"),
        ("rates: [1, x]", "line 1: rates[1]: expected a number"),
        ("rates: [.nan]", "line 1: rates[0]: expected a number"),
        ("rates: [nan]", "line 1: rates[0]: expected a finite number"),
        ("peers: {a: h}", "line 1: peers.a: expected a mapping of keys to values"),
        ("peers: {a: {port: 1}}", "line 1: peers.a: host is required"),
        ("streams: {fast: x}", "line 1: streams.fast: expected one of fastLane, slow; did you mean fastLane?"),
        ("retry: {maxTries: 0}", "line 1: retry.maxTries: must be at least 1"),
        ("retry: {maxTries: 11}", "line 1: retry.maxTries: must be at most 10"),
        ("retry: 3", "line 1: retry: expected a mapping of keys to values"),
        ("maxSize: big", "line 1: maxSize: expected a size such as 1048576 or 10MB"),
        ("idle: [1]", "line 1: idle: expected a single value"),
        ("internal: 1", "line 1: internal: unknown key"),
        ("tagz: a", "line 1: tagz: unknown key; did you mean tags?"),
        ("retry:\n  max_trys: 1", "line 2: retry.max_trys: unknown key; did you mean maxTries?"),
        ("maxSize: 1\nmax-size: 2", "line 2: max-size: maxSize is given twice, in two spellings"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, told: str) -> None:
    assert problems(text) == [told]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert problems("limit: a\nretry: {maxTries: 0, x: 1}\ntagz: b") == [
        "line 3: tagz: unknown key; did you mean tags?",
        "line 1: limit: expected a whole number",
        "line 2: retry.x: unknown key",
        "line 2: retry.maxTries: must be at least 1",
    ]


def test_what_only_several_fields_can_get_wrong_is_told_at_their_block() -> None:
    assert problems("low: 5\nhigh: 1", Span, "span") == ["span: low must not exceed high"]


def test_a_path_begins_where_the_caller_says() -> None:
    assert problems("lou: 5", Span, "span") == ["line 1: span.lou: unknown key; did you mean low?"]


def test_a_key_in_a_message_is_one_short_printable_line() -> None:
    with pytest.raises(ConfigError) as caught:
        bind(Settings, {"a\nb\x1b" + "c" * 100: "1"})

    assert caught.value.problems == (Problem("a?b?" + "c" * 56 + "...", "unknown key"),)


anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.text(max_size=8), st.integers(), st.floats(), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(st.text(max_size=5), st.sampled_from(["name", "retry", "peers", "mode"])), inner),
    ),
    max_leaves=8,
)


@given(st.one_of(anything, st.fixed_dictionaries({}, optional=dict.fromkeys(["limit", "rates", "peers"], anything))))
def test_any_value_is_bound_or_refused(value: object) -> None:
    problems: tuple[Problem, ...] = ()
    settings = None
    try:
        settings = bind(Settings, value)
    except ConfigError as error:
        problems = error.problems

    assert bool(problems) != isinstance(settings, Settings)
