import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.config.environment import expand

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
