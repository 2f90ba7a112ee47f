"""Many clients are made of one recorded: alike in all but what has an id."""

import gzip
from pathlib import Path

import orjson
import pytest

from benchmarks.load.texts import Line, Script, clients_of

TEXT = orjson.dumps(
    {
        "clientSamples": [
            {
                "clientId": "00000000-0000-4000-8000-000000000000",
                "callId": "11111111-1111-4111-8111-111111111111",
                "roomId": "lobby",
                "inboundAudioTracks": [
                    {
                        "ssrc": 1000,
                        "trackId": "0ed90475-e8e2-481e-836f-1600099950d8",
                        "peerConnectionId": "52e6b438-f2a7-4269-8651-0c5ca6a3a450",
                        "packetsReceived": 27463,
                    }
                ],
            }
        ]
    }
)


def sample(text: bytes) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(text)["clientSamples"][0]
    return found


def track(text: bytes) -> dict[str, object]:
    found = sample(text)["inboundAudioTracks"]
    assert isinstance(found, list)
    one: dict[str, object] = found[0]
    return one


def test_the_first_copy_in_one_call_says_what_the_file_says() -> None:
    assert Line(TEXT).of(0) == TEXT


def test_copies_in_one_call_differ_by_their_client_ids_alone() -> None:
    copies = [sample(Line(TEXT).of(copy)) for copy in range(100)]

    assert len({str(copy.pop("clientId")) for copy in copies}) == 100
    assert all(copy == copies[0] for copy in copies)


def test_copies_share_calls_and_rooms_of_as_many_as_asked_for() -> None:
    copies = [sample(Line(TEXT).of(copy, 4)) for copy in range(10)]

    calls = [(copy["callId"], copy["roomId"]) for copy in copies]
    assert calls == [calls[0]] * 4 + [calls[4]] * 4 + [calls[8]] * 2
    assert len(set(calls)) == 3


@pytest.mark.parametrize("key", ["ssrc", "trackId", "peerConnectionId"])
def test_copies_in_calls_of_their_own_have_tracks_of_their_own(key: str) -> None:
    assert len({track(Line(TEXT).of(copy, 4))[key] for copy in range(1000)}) == 1000


def test_what_is_measured_stays_as_it_is() -> None:
    assert track(Line(TEXT).of(77, 4))["packetsReceived"] == 27463


def test_a_connection_plays_the_lines_of_one_client_over_and_over() -> None:
    clients = [[Line(b"a1"), Line(b"a2")], [Line(b"b1"), Line(b"b2")]]

    script = Script(clients, 1)

    assert [script.next() for _ in range(5)] == [b"b1", b"b2", b"b1", b"b2", b"b1"]


def test_a_file_may_be_compressed(tmp_path: Path) -> None:
    other = TEXT.replace(b"00000000-", b"99999999-")
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(b"\n".join([TEXT, other, TEXT])))

    assert [len(lines) for lines in clients_of(tmp_path / "two.jsonl.gz")] == [2, 1]
