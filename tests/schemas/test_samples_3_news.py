"""What clients of 3.x repeat in each sample is told once, as clients of 2.x do."""

from typing import Any

import pytest

from schemas.samples import Item
from schemas.samples_3_news import News


def sample(name: str, *entries: Any, **fields: Any) -> Item:
    return {"clientId": "alice", "roomId": "lobby", name: list(entries), **fields}


def told(*samples: Item, most: int = 100) -> Item:
    """The last of these samples of one session, with its news only."""
    news = News(most)
    for each in samples:
        news.only(each)
    return samples[-1]


LISTS = ("codecs", "certificates", "mediaSources", "iceLocalCandidates", "iceRemoteCandidates")


@pytest.mark.parametrize("name", LISTS)
def test_what_was_told_is_not_told_again(name: str) -> None:
    first, again = sample(name, {"id": "x", "timestamp": 1.5}), sample(name, {"id": "x", "timestamp": 2.5})

    assert told(first)[name] == [{"id": "x", "timestamp": 1.5}]
    assert told(first, again)[name] == []


@pytest.mark.parametrize("name", LISTS)
def test_what_is_another_is_told(name: str) -> None:
    assert told(sample(name, {"id": "x"}), sample(name, {"id": "x"}, {"id": "y"}))[name] == [{"id": "y"}]


def test_what_becomes_another_is_told_again() -> None:
    first, then = {"id": "S", "trackIdentifier": "camera"}, {"id": "S", "trackIdentifier": "screen"}

    assert told(sample("mediaSources", first), sample("mediaSources", then))["mediaSources"] == [then]


def test_how_loud_a_source_is_makes_it_no_other() -> None:
    samples = [sample("mediaSources", {"id": "S", "audioLevel": level}) for level in (0.1, 0.2)]

    assert told(*samples)["mediaSources"] == []


@pytest.mark.parametrize("other", [{"clientId": "bob"}, {"roomId": "hall"}, {"callId": "next"}])
def test_others_and_other_rooms_are_told(other: Item) -> None:
    assert told(sample("codecs", {"id": "x"}), sample("codecs", {"id": "x"}, **other))["codecs"] == [{"id": "x"}]


@pytest.mark.parametrize("name", ["inboundAudioTracks", "pcTransports", "iceCandidatePairs", "customCallEvents"])
def test_what_is_measured_or_happens_is_always_told(name: str) -> None:
    assert told(sample(name, {"id": "x"}), sample(name, {"id": "x"}))[name] == [{"id": "x"}]


def test_of_too_much_the_oldest_is_forgotten() -> None:
    samples = [sample("codecs", {"id": id_}) for id_ in ("x", "y", "z", "x")]

    assert told(*samples, most=2)["codecs"] == [{"id": "x"}]


def test_what_is_still_told_is_not_the_oldest() -> None:
    samples = [sample("codecs", {"id": id_}) for id_ in ("x", "y", "x", "z", "x")]

    assert told(*samples, most=2)["codecs"] == []


@pytest.mark.parametrize("odd", [7, None, {"id": {}}, {"id": []}])
def test_what_cannot_be_compared_stays(odd: object) -> None:
    assert told(sample("codecs", odd), sample("codecs", odd))["codecs"] == [odd]


@pytest.mark.parametrize("fields", [{"clientId": {}}, {"codecs": 7}, {"codecs": None}, {"codecs": {}}])
def test_a_sample_that_is_none_stays_as_it_is(fields: Item) -> None:
    assert told(sample("certificates", **fields)) == sample("certificates", **fields)
