"""Bytes made to hurt: whatever comes, a message is read or refused in words, and costs what its size allows."""

import subprocess
import sys
from pathlib import Path
from typing import cast

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.protobuf import Malformed, decode
from schemas.protobuf.formats import FIRST_VERSIONS
from schemas.samples import Item
from schemas.versions import SchemaVersion
from tests.schemas.protobuf.vectors import DATA, Vector, vectors

pytestmark = pytest.mark.hostile

ROOT = Path(__file__).parents[3]
GOLDEN = [vector for vector in vectors(DATA) if len(vector.data) < 2_500]
VERSIONS = st.sampled_from([version for version, _ in FIRST_VERSIONS])


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def delimited(tag: int, value: bytes) -> bytes:
    return varint(tag << 3 | 2) + varint(len(value)) + value


FIELDS = st.one_of(
    st.builds(lambda tag, number: varint(tag << 3) + varint(number), st.integers(1, 60), st.integers(0, 2**64 - 1)),
    st.builds(lambda tag, raw: varint(tag << 3 | 1) + raw, st.integers(1, 60), st.binary(min_size=8, max_size=8)),
    st.builds(lambda tag, raw: varint(tag << 3 | 5) + raw, st.integers(1, 60), st.binary(min_size=4, max_size=4)),
    st.builds(delimited, st.integers(1, 60), st.binary(max_size=20)),
    st.builds(delimited, st.integers(1, 60), st.text(max_size=5).map(str.encode)),
    st.builds(lambda tag, kind: varint(tag << 3 | kind), st.integers(0, 60), st.integers(0, 7)),
)
MESSAGES = st.recursive(
    st.lists(FIELDS, max_size=12).map(b"".join),
    lambda inner: st.lists(st.builds(delimited, st.integers(1, 30), inner) | FIELDS, max_size=8).map(b"".join),
)


def read(data: bytes, version: SchemaVersion) -> Item | None:
    """What the bytes say, written and read as JSON; ``None`` if they are refused."""
    try:
        item = decode(data, version, 50)
    except Malformed as refusal:
        told = str(refusal)
    else:
        return cast(Item, orjson.loads(orjson.dumps(item)))
    assert len(told.encode()) < 123
    return None


@given(data=st.binary(max_size=300), version=VERSIONS)
def test_any_bytes_are_read_or_refused(data: bytes, version: SchemaVersion) -> None:
    assert isinstance(read(data, version), dict | None)


@settings(max_examples=300)
@given(data=MESSAGES, version=VERSIONS)
def test_any_protobuf_is_read_or_refused(data: bytes, version: SchemaVersion) -> None:
    assert isinstance(read(data, version), dict | None)


@settings(max_examples=300)
@given(
    vector=st.sampled_from(GOLDEN),
    version=st.none() | VERSIONS,
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=4)), min_size=1, max_size=5),
)
def test_any_wounded_sample_is_read_or_refused(
    vector: Vector, version: SchemaVersion | None, cuts: list[tuple[float, int, bytes]]
) -> None:
    data, own = vector.data, vector.version
    for place, length, instead in cuts:
        at = int(place * len(data))
        data = data[:at] + instead + data[at + length :]

    assert isinstance(read(data, version or own), dict | None)


@pytest.mark.parametrize("vector", GOLDEN, ids=[vector.name for vector in GOLDEN])
def test_a_sample_that_is_cut_off_harms_nobody(vector: Vector) -> None:
    data, version = vector.data, vector.version

    for end in range(0, len(data), 7):
        assert isinstance(read(data[:end], version), dict | None)


def test_groups_within_groups_are_refused() -> None:
    assert read(b"\x0b" * 100_000, SchemaVersion(2, 2, 12)) is None


def test_messages_within_messages_are_passed_over() -> None:
    data = b""
    for _ in range(3_000):
        data = delimited(1, data)

    assert read(data, SchemaVersion(2, 2, 12)) is not None


MOST_GROWTH = 40_000_000
"""How many bytes of memory any message may need while it is read, 5000 entries being allowed."""

EMPTY_THINGS = {
    "client samples": ((2, 2, 12), "", "0a00"),
    "client samples that lack all": ((2, 0, 4), "", "0a00"),
    "SFU samples": ((2, 2, 12), "", "1200"),
    "tracks": ((2, 0, 4), "980105", "7a00"),
    "peer connections": ((3, 5, 0), "", "2a00"),
    "reasons": ((3, 5, 0), "", "3200"),
    "unknown fields": ((2, 2, 12), "", "f80601"),
}
"""The version, and in hexadecimal digits what comes first and what is repeated."""


@pytest.mark.parametrize("size", [65_000, 10_000_000])
@pytest.mark.parametrize("what", EMPTY_THINGS)
def test_empty_things_take_little_memory(what: str, size: int) -> None:
    version, head, repeated = EMPTY_THINGS[what]
    told = subprocess.run(
        [sys.executable, "-c", _GROWTH, repr(version), head, repeated, str(size)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert (told.returncode, told.stderr) == (0, "")
    assert int(told.stdout) < MOST_GROWTH


_GROWTH = """
import sys
from ast import literal_eval
from pathlib import Path

from schemas.protobuf import Malformed, decode
from schemas.versions import SchemaVersion


def peak():
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


version = SchemaVersion(*literal_eval(sys.argv[1]))
repeated = bytes.fromhex(sys.argv[3])
data = bytes.fromhex(sys.argv[2]) + repeated * (int(sys.argv[4]) // len(repeated))
decode(b"", version, 5000)
before = peak()
try:
    decode(data, version, 5000)
except Malformed:
    pass
print(peak() - before)
"""
