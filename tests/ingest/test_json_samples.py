from typing import Any

import orjson
import pytest

from ingest import BadSamples
from schemas.messages import Samples
from schemas.samples import Budget, Reason
from tests.ingest.taking import decode


def alice(**fields: Any) -> dict[str, Any]:
    return {"clientId": "alice", "roomId": "lobby", "timestamp": 1000, **fields}


def decoded(message: Any, *, budget: Budget | None = None, heard: tuple[str, ...] = ()) -> Samples:
    return decode(orjson.dumps(message), budget=budget, heard=heard)


def client_ids(samples: Samples) -> list[str]:
    return [client.client_id for client in samples.clients]


def test_samples_are_those_of_their_service_and_media_unit() -> None:
    samples = decoded({"clientSamples": [alice()]})

    assert (samples.service_id, samples.media_unit_id, client_ids(samples)) == ("svc", "mu", ["alice"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b'"text"',
        b"7",
        b"null",
        b"[]",
        b"[1]",
        b'{"clientSamples": [',
        b"\xff\xfe",
        b'{"a": NaN}',
        b"\x0a\x03abc",
    ],
)
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(BadSamples) as raised:
        decode(data)

    assert (raised.value.reason, raised.value.close_code, raised.value.status) == (
        "Failed to decode Samples",
        4230,
        400,
    )


@pytest.mark.hostile
@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_nested_too_deep_is_refused(deep: bytes) -> None:
    with pytest.raises(BadSamples):
        decode(deep)


def test_a_client_sample_needs_no_envelope() -> None:
    assert client_ids(decoded(alice())) == ["alice"]


def test_client_samples_may_come_as_a_list() -> None:
    assert client_ids(decoded([alice(), alice(clientId="bob")])) == ["alice", "bob"]


def test_a_bare_sample_without_a_client_is_tallied() -> None:
    samples = decoded({"roomId": "lobby", "timestamp": 1000})

    assert samples.rejected == {Reason.CLIENT_ID_MISSING: 1}


@pytest.mark.parametrize("message", [{}, {"clientSamples": None}, {"controls": {}}, {"clientSamples": []}])
def test_a_message_may_hold_nothing(message: Any) -> None:
    samples = decoded(message)

    assert [*samples.clients, *samples.sfus, *samples.rejected] == []


def test_a_bad_sample_costs_only_itself() -> None:
    samples = decoded({"clientSamples": [None, alice(), 7, {"clientId": "x"}, alice(clientId="bob", timestamp=None)]})

    assert client_ids(samples) == ["alice"]
    assert samples.rejected == {Reason.NOT_AN_OBJECT: 2, Reason.ROOM_ID_MISSING: 1, Reason.TIMESTAMP_MISSING: 1}


@pytest.mark.parametrize("name", ["clientSamples", "sfuSamples", "turnSamples"])
def test_what_should_be_a_list_and_is_none_is_tallied(name: str) -> None:
    samples = decoded({name: {"a": 1}})

    assert samples.rejected == {Reason.NOT_A_LIST: 1}


def test_a_fractional_timestamp_is_cut() -> None:
    samples = decoded({"clientSamples": [alice(timestamp=1795313133536.816)]})

    assert samples.clients[0].timestamp == 1795313133536


def test_numbers_keep_all_their_digits() -> None:
    stats = {"ssrc": 4_294_967_295, "bytesReceived": 9_007_199_254_740_993, "audioLevel": 0.25}
    samples = decoded({"clientSamples": [alice(inboundAudioTracks=[stats])]})

    (track,) = samples.clients[0].tracks
    assert {name: value for name, value in track.payload.items() if value is not None} == stats


def test_samples_of_sfus_are_read() -> None:
    samples = decoded({"sfuSamples": [{"sfuId": "s", "timestamp": 1}, "no object", {"timestamp": 1}]})

    assert [sfu.sfu_id for sfu in samples.sfus] == ["s"]
    assert samples.rejected == {Reason.NOT_AN_OBJECT: 1, Reason.SFU_ID_MISSING: 1}


def test_a_sample_of_an_sfu_needs_no_envelope() -> None:
    samples = decoded({"sfuId": "s", "timestamp": 1})

    assert ([sfu.sfu_id for sfu in samples.sfus], samples.clients) == (["s"], [])


def test_samples_of_sfus_and_of_clients_may_come_in_one_list() -> None:
    samples = decoded([{"sfuId": "s", "timestamp": 1}, alice()])

    assert ([sfu.sfu_id for sfu in samples.sfus], client_ids(samples)) == (["s"], ["alice"])


def test_samples_of_turn_servers_are_kept_as_they_came() -> None:
    turn = {"serverId": "t", "sessions": [{"sessionId": "1"}], "allocations": []}
    samples = decoded({"turnSamples": [turn, "no object", {"sessions": []}, {"serverId": "NULL"}]})

    assert samples.turns == [turn]
    assert samples.rejected == {Reason.NOT_AN_OBJECT: 1, Reason.SERVER_ID_MISSING: 2}


def test_lists_of_turn_servers_count_among_those_of_the_message() -> None:
    samples = decoded({"turnSamples": [{"serverId": "t", "sessions": [{}] * 9, "allocations": 1}]}, budget=Budget(5))

    assert samples.turns == [{"serverId": "t", "sessions": [{}] * 4, "allocations": []}]
    assert samples.rejected == {Reason.TOO_MANY_ITEMS: 5, Reason.NOT_A_LIST: 1}


def test_an_id_of_a_turn_server_that_is_too_long_costs_only_its_sample() -> None:
    samples = decoded({"turnSamples": [{"serverId": "x" * 11}, {"serverId": "t"}]}, budget=Budget(id_length=10))

    assert [turn["serverId"] for turn in samples.turns] == ["t"]
    assert samples.rejected == {Reason.ID_TOO_LONG: 1}


def test_events_for_the_observer_are_kept() -> None:
    samples = decoded({"clientSamples": [alice(customObserverEvents=[{"name": "X"}])]})

    assert samples.clients[0].told["customObserverEvents"] == [{"name": "X"}]


def test_all_lists_of_a_message_together_have_a_bound() -> None:
    clients = [alice(clientId=f"c{number}", codecs=[{"a": 1}] * 3) for number in range(10)]
    samples = decoded({"clientSamples": clients, "sfuSamples": [{}] * 3}, budget=Budget(items=15))

    assert len(samples.clients) == 10
    assert sum(len(client.told["codecs"]) for client in samples.clients) == 5
    assert samples.rejected == {Reason.TOO_MANY_ITEMS: 28}


def test_an_id_too_long_costs_only_its_sample() -> None:
    samples = decoded({"clientSamples": [alice(clientId="x" * 11), alice()]}, budget=Budget(id_length=10))

    assert client_ids(samples) == ["alice"]
    assert samples.rejected == {Reason.ID_TOO_LONG: 1}


def test_who_says_close_leaves() -> None:
    samples = decoded({"controls": {"close": True}, "clientSamples": [alice()]}, heard=("bob",))

    assert samples.leaving == {"alice"}


def test_a_close_that_names_nobody_means_all_who_were_heard() -> None:
    samples = decoded({"controls": {"close": True}}, heard=("alice", "bob"))

    assert samples.leaving == {"alice", "bob"}


def test_sfus_that_say_close_leave() -> None:
    samples = decoded({"controls": {"close": True}, "sfuSamples": [{"sfuId": "s", "timestamp": 1}]}, heard=("bob",))

    assert (samples.leaving, samples.leaving_sfus) == (set(), {"s"})


def test_a_close_that_names_nobody_means_all_sfus_that_were_heard() -> None:
    samples = decode(b'{"controls": {"close": true}}', heard=("alice",), heard_sfus=("s", "t"))

    assert (samples.leaving, samples.leaving_sfus) == ({"alice"}, {"s", "t"})


@pytest.mark.parametrize("controls", [None, {}, {"close": False}, {"close": "yes"}, [], 7])
def test_who_does_not_say_close_stays(controls: Any) -> None:
    assert not decoded({"controls": controls, "clientSamples": [alice()]}, heard=("bob",)).leaving


def test_the_servers_time_may_replace_that_of_samples() -> None:
    message = {
        "clientSamples": [alice(), {"clientId": "b", "roomId": "r"}],
        "sfuSamples": [{"sfuId": "s", "timestamp": 1}],
    }
    samples = decode(orjson.dumps(message), timestamp=5000)

    assert [client.timestamp for client in samples.clients] == [5000, 5000]
    assert samples.sfus[0].timestamp == 5000
