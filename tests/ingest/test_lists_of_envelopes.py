"""Applications gather what they send: a message may be a list of envelopes, and of bare samples between them."""

import json
from typing import Any

import pytest

from schemas.messages import Samples
from schemas.samples import Budget, Reason
from tests.ingest.taking import decode

CLOSE = {"controls": {"close": True}}


def alice(client_id: str = "alice", **fields: Any) -> dict[str, Any]:
    return {"clientId": client_id, "roomId": "lobby", "timestamp": 1000, **fields}


def envelope(*samples: Any, **fields: Any) -> dict[str, Any]:
    return {"clientSamples": list(samples), **fields}


def decoded(value: Any, **options: Any) -> Samples:
    return decode(json.dumps(value).encode(), **options)


def test_envelopes_and_bare_samples_are_taken_in_their_order() -> None:
    samples = decoded([alice("a"), envelope(alice("b"), alice("c")), alice("d"), alice("e"), envelope(alice("f"))])

    assert [client.client_id for client in samples.clients] == ["a", "b", "c", "d", "e", "f"]
    assert samples.rejected == {}


def test_samples_of_all_kinds_are_taken() -> None:
    sfu = {"sfuId": "sfu", "timestamp": 1}

    samples = decoded([{"sfuSamples": [sfu]}, {"turnSamples": [{"serverId": "turn"}]}, sfu, envelope(alice())])

    assert (len(samples.clients), len(samples.sfus), len(samples.turns)) == (1, 2, 1)


def test_who_closes_leaves_and_no_other() -> None:
    samples = decoded([envelope(alice("a")), envelope(alice("b"), **CLOSE), envelope(alice("c"))])

    assert samples.leaving == {"b"}


def test_who_closes_and_names_nobody_leaves_with_all_that_were_heard_before() -> None:
    samples = decoded([envelope(alice("a")), CLOSE, envelope(alice("c"))], heard=["b"], heard_sfus=["sfu"])

    assert samples.leaving == {"a", "b"}
    assert samples.leaving_sfus == {"sfu"}


def test_who_closes_and_comes_back_stays() -> None:
    assert decoded([envelope(alice("a"), **CLOSE), envelope(alice("a"))]).leaving == set()


def test_a_bad_envelope_costs_only_itself() -> None:
    samples = decoded([{"clientSamples": 7}, None, envelope(alice())])

    assert [client.client_id for client in samples.clients] == ["alice"]
    assert samples.rejected == {Reason.NOT_A_LIST: 1, Reason.NOT_AN_OBJECT: 1}


def test_envelopes_beyond_what_a_message_may_hold_are_counted() -> None:
    samples = decoded([{"controls": {}}] * 9, budget=Budget(items=4))

    assert samples.rejected == {Reason.TOO_MANY_ITEMS: 5}


@pytest.mark.parametrize("value", [alice(), [alice()], envelope(alice())])
def test_a_byte_order_mark_is_no_matter(value: Any) -> None:
    assert len(decode(b"\xef\xbb\xbf" + json.dumps(value).encode()).clients) == 1
