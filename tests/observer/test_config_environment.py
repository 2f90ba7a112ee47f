import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.config import parse
from observer.config.environment import expand, unset

ENVIRON = {"HOST": "db.local", "EMPTY": "", "NESTED": "${HOST}"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("${HOST}", "db.local"),
        ("mongodb://${HOST}:27017/${NAME:reports}", "mongodb://db.local:27017/reports"),
        ("${NAME:a:b}", "a:b"),
        ("${NAME:`http://a{b}`}", "http://a{b}"),
        ("${NAME}", ""),
        ("${NAME:}", ""),
        ("${EMPTY:default}", ""),
        ("${NESTED}", "${HOST}"),
        ("$HOST {HOST} ${} ${ HOST } ${HOST", "$HOST {HOST} ${} ${ HOST } ${HOST"),
    ],
)
def test_a_reference_becomes_its_value_or_its_default_or_nothing(text: str, expanded: str) -> None:
    assert expand(text, ENVIRON) == expanded


@given(st.text())
def test_text_without_a_reference_stays_as_it_is(text: str) -> None:
    plain = text.replace("${", "")

    assert expand(plain, ENVIRON) == plain


def test_a_variable_that_is_missing_and_has_no_default_is_noticed() -> None:
    text = "observer: {sinks: {archive: {type: FileSink, config: {path: '${FOLDER}/x.jsonl'}}}}"

    assert [str(notice) for notice in parse(text, {}).notices] == [
        "observer.sinks.archive.config.path: take note: "
        "the variable FOLDER is not set and has no default, so it stands for nothing"
    ]


@pytest.mark.parametrize("text", ["${FOLDER:}", "${FOLDER:.}", "${FOLDER:`.`}", "${HOST}", "${EMPTY}"])
def test_a_variable_that_is_set_or_has_a_default_is_not(text: str) -> None:
    assert unset(text, ENVIRON) == []
