"""The lines of a dump: which of them change, and how."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumps.formats import Kind
from dumps.obfuscation import Obfuscation, read_json

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "reference" / "examples"
needs_examples = pytest.mark.skipif(not EXAMPLES.exists(), reason="the golden dumps stand outside the repository")

FIXED = ("fe80::1", "::ffff:", "[2001", ":99", "o=- 1 1 IN IP4 9", "setRemoteDescriptionOnSuccess", "hostCandidate")
"""What the golden vectors that let addresses through have in them: the tests of addresses say what is done instead."""

METHODS_OF_ADDRESSES = (3, 6, "10", 20, 21, "g", "getstats", "publicIP", "setRemoteDescription", 99)
CANDIDATES = ("a=candidate:1 1 udp 1 10.0.0.1 5 typ host\nc=1", "candidate:1 1 tcp 1 ::2 5")
TEXTS = st.text("1.:xa[]= \n") | st.sampled_from(("relay", "host", "10.0.0.1", "fe80::1", *CANDIDATES))
NAMES = st.sampled_from(("candidate", "sdp", "type", "134", "136", "141", "ip", "address", "candidateType", "t", "5"))
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


def changed(obfuscation: Obfuscation, line: bytes) -> bytes:
    return obfuscation.line(line, read_json(line))


def told(method: object, value: object, kind: Kind = Kind.RTCSTATS) -> Any:
    """What is left of the value of one message."""
    return orjson.loads(changed(Obfuscation(kind), orjson.dumps([method, "PC_0", value, 1])))[2]


@needs_examples
def test_the_golden_vectors_come_out_as_they_are() -> None:
    vectors = json.loads((EXAMPLES / "rtcstats/codec-vectors.json").read_text())["obfuscation"]
    sound = [one for one in vectors if not any(text in json.dumps(one) for text in FIXED)]

    assert [told(one["method"], one["in"]) for one in sound] == [one["out"] for one in sound]
    assert len(sound) >= 18


@needs_examples
@pytest.mark.parametrize("name", ["p2p-call", "failures", "reconnect-1", "raw-obfuscated"])
def test_the_lines_of_a_golden_dump_come_out_byte_for_byte(name: str) -> None:
    folder = EXAMPLES / "rtcstats" / name
    wire = next(folder.glob("*.wire*")).read_text().splitlines()
    texts = [one["text"] for one in map(json.loads, wire) if one["dir"] == "send"]
    sent = [line for text in texts for line in text.encode().split(b"\n") if line and line[:4] != b"this"]
    golden = [line for line in (folder / "dump.rtcstats").read_bytes().split(b"\n")[2:-2] if line[:4] != b"this"]
    obfuscation = Obfuscation(Kind.RTCSTATS)

    assert [changed(obfuscation, line) for line in sent[: len(golden)]] == golden


@needs_examples
def test_what_a_client_of_jitsi_masked_stays_byte_for_byte() -> None:
    for path in (EXAMPLES / "jitsi-rtcstats").glob("dump.*"):
        obfuscation = Obfuscation(Kind.JITSI)
        for line in path.read_bytes().splitlines():
            assert changed(obfuscation, line) == line


def test_codes_stand_for_names() -> None:
    candidate = {"candidate": "candidate:1 1 udp 1 10.0.0.1 5 typ host"}

    assert told(20, candidate) == told("20", candidate) == told("onicecandidate", candidate)
    assert told(20, candidate) == {"candidate": "candidate:1 1 UDP 1 10.0.0.x 5 typ host"}


def test_a_relay_stays_one_in_later_deltas() -> None:
    obfuscation = Obfuscation(Kind.RTCSTATS)
    changed(obfuscation, b'["g","PC_0",{"5":{"134":"1.2.3.4","136":"relay"}},1]')

    assert changed(obfuscation, b'["g","PC_0",{"5":{"134":"1.2.3.5"}},1]') == b'["g","PC_0",{"5":{"134":"1.2.3.5"}},1]'
    assert changed(obfuscation, b'["g","PC_1",{"5":{"134":"1.2.3.5"}},1]') == b'["g","PC_1",{"5":{"134":"1.2.3.x"}},1]'


def test_a_relay_that_is_gone_is_none() -> None:
    obfuscation = Obfuscation(Kind.RTCSTATS)
    changed(obfuscation, b'["g","PC_0",{"5":{"134":"1.2.3.4","136":"relay"}},1]')
    changed(obfuscation, b'["g","PC_0",{"5":null},1]')

    assert changed(obfuscation, b'["g","PC_0",{"5":{"134":"1.2.3.5"}},1]') == b'["g","PC_0",{"5":{"134":"1.2.3.x"}},1]'


def test_the_address_at_which_a_candidate_failed_is_masked() -> None:
    error = {"address": "10.0.0.1", "port": 5, "hostCandidate": "10.0.0.1:5", "url": "turn:192.0.2.1:3478"}

    assert told("onicecandidateerror", error) == error | {"address": "10.0.0.x", "hostCandidate": "10.0.0.x:5"}


def test_statistics_of_jitsi_keep_the_members_that_a_delta_may_name() -> None:
    report = {"a": {"ip": "10.0.0.1", "candidateType": "host"}, "timestamp": 5}

    assert told("getstats", report, Kind.JITSI) == {"a": {"ip": "10.0.0.x", "candidateType": "host"}, "timestamp": 5}


def test_the_head_loses_the_addresses_of_the_connection() -> None:
    head = b'{"url":"/r","remoteAddresses":["203.0.113.77"," 10.1.2.3"],"fileFormat":3}'

    assert changed(Obfuscation(Kind.RTCSTATS), head) == head.replace(b"77", b"x").replace(b"2.3", b"2.x")


@pytest.mark.parametrize(
    "line",
    [
        b"null",
        b'{"a": 1}',
        b"[]",
        b"[20]",
        b'[20,"PC_0",null,1]',
        b'[20,"PC_0",5,1]',
        b'["g","PC_0",[1,2],1]',
        b'["g","PC_0",{"t":5,"1":{"134":5}},1]',
        b'[3,"PC_0",{"type":"offer","sdp":{}},1]',
        b'[[],{},{"candidate":"candidate:1 1 udp 1 10.0.0.1 5 typ host"},1]',
        b'[true,"PC_0",{"candidate":"x 10.0.0.1"},1]',
        b'[":mine", null, "10.0.0.1", 1.50]',
    ],
)
def test_what_tells_no_address_stays_byte_for_byte(line: bytes) -> None:
    assert changed(Obfuscation(Kind.RTCSTATS), line) == line


def test_half_a_surrogate_pair_is_json_as_browsers_send_it() -> None:
    line = b'["publicIP",null,["1.2.3.4","\\ud800"],1]'

    assert changed(Obfuscation(Kind.RTCSTATS), line) == line.replace(b".4", b".x")


@pytest.mark.parametrize("depth", [100, 300, 900, 1000, 1015])
def test_what_is_nested_deeply_is_masked_or_known(depth: int) -> None:
    line = b'["publicIP",null,["1.2.3.4"],%s%s]' % (b"[" * depth, b"]" * depth)

    try:
        assert changed(Obfuscation(Kind.RTCSTATS), line) == line.replace(b".4", b".x")
    except ValueError:
        assert depth > 900


@given(st.sampled_from(METHODS_OF_ADDRESSES), st.sampled_from(list(Kind)), VALUES)
def test_whatever_a_message_holds_can_be_masked(method: object, kind: Kind, value: object) -> None:
    line = orjson.dumps([method, "PC_0", value, 1])

    once = changed(Obfuscation(kind), line)

    assert isinstance(orjson.loads(once), list)
    assert changed(Obfuscation(kind), once) == once


@pytest.mark.parametrize("line", [b"", b"this is not json", b"[NaN]", b'["a",', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_known(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kinds of it differ
        read_json(line)
