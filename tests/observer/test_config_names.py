import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.config.names import ALIASES, canonical
from schemas.names import camel_case, snake_case

words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
snake_names = st.builds(lambda first, rest: "_".join((first, *rest)), words, st.lists(words, max_size=4)).filter(
    lambda name: not any(character.isdigit() for character in name)
)


@pytest.mark.parametrize("written", ["maxTimeInMs", "max_time_in_ms", "max-time-in-ms"])
def test_three_ways_to_write_a_key_mean_the_same(written: str) -> None:
    assert camel_case(written) == "maxTimeInMs"


def test_a_capital_letter_at_the_end_keeps_its_place() -> None:
    assert snake_case("callMaxIdleTimeInS") == "call_max_idle_time_in_s"


@given(snake_names)
def test_a_name_comes_back_from_camel_case(name: str) -> None:
    assert snake_case(camel_case(name)) == name


@given(st.text(max_size=20))
def test_any_text_has_one_canonical_form(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("sendIceCanddiatePairs", "sendIceCandidatePairs"),
        ("outbound-autio-track", "outboundAudioTrack"),
        ("mediaUnitTagName", "mediaUnitIdTagName"),
        ("expose-period-in-min", "exposePeriodInMins"),
    ],
)
def test_the_references_misspelt_keys_are_understood(misspelt: str, meant: str) -> None:
    assert canonical(misspelt) == meant


def test_no_alias_leads_to_another() -> None:
    assert not set(ALIASES) & set(ALIASES.values())
