"""What does it cost to decode a protobuf sample, and what would it cost otherwise? Microseconds for each message.

    python -m benchmarks.protobuf [FILE ...] [--rounds 9]

A FILE is a recording (``.jsonl.gz``) of protobuf senders, or has one JSON message a line, which is written in protobuf
first. Without FILE: the golden vectors and recordings of the tests, and those of the references, if they are at hand.

``orjson`` reads the same message as JSON, ``parse`` is the share of the protobuf library, and ``decode`` is what the
observer does. The others do the same in other ways: ``names`` asks for each field that a message may have by its name,
``wire`` reads the wire in Python. The last line tells what two bytes cost, an object without any field.
"""

import argparse
import base64
import gzip
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from struct import Struct
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from observer.simulation.protobuf_messages import written
from schemas.protobuf import decode
from schemas.protobuf.formats import format_of
from schemas.protobuf.recognition import recognised
from schemas.protobuf.shapes import ITEMS, PART, TEXTS, Shape, codec
from schemas.samples import Item
from schemas.versions import SchemaVersion
from tests.schemas.protobuf.vectors import DATA, vectors, version_of

ROOT = Path(__file__).parent.parent
REFERENCES = ROOT.parent / "shared"
MOST = 5_000

Messages = list[tuple[bytes, SchemaVersion]]


def of_vectors() -> Messages:
    """The golden vectors of the tests."""
    return [(vector.data, vector.version) for vector in vectors(DATA) if vector.data]


def of_file(path: Path) -> Messages:
    """The protobuf messages of a recording, or the JSON messages of a file written as 2.2.0."""
    if path.suffix != ".gz":
        version = SchemaVersion(2, 2, 0)
        items = map(json.loads, path.read_text().splitlines())
        return [(written(item, format_of(version)), version) for item in items if "clientSamples" in item]
    events = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    spoken = {}
    for event in events:
        query = parse_qs(urlsplit(event.get("url", "")).query)
        if event["ev"] == "open" and query.get("format") == ["protobuf"]:
            spoken[event["conn"]] = version_of(query["schemaVersion"][0])
    return [
        (base64.b64decode(event["b64"]), spoken[event["conn"]])
        for event in events
        if event["ev"] == "msg" and event["dir"] == "in" and event["conn"] in spoken and "b64" in event
    ]


def at_hand() -> list[Path]:
    """The files of the tests and, if they are there, of the references, each name once."""
    recordings = (ROOT / "tests" / "recordings" / "data", REFERENCES / "recordings")
    found = [path for folder in recordings for path in folder.glob("*protobuf*.gz")]
    found += (REFERENCES / "bench" / "messages").glob("*.jsonl")
    return sorted({path.name: path for path in found}.values())


def by_names(message: Any, shape: Shape) -> Item:
    """A message read by the names of the fields that it may have."""
    item: Item = {}
    has = message.HasField
    for name, kind, _, part in shape.places.values():
        if kind < PART:
            if has(name):
                item[name] = getattr(message, name)
        elif kind == PART and part:
            if has(name):
                item[name] = by_names(getattr(message, name), part)
        elif entries := getattr(message, name):
            item[name] = [by_names(entry, part) for entry in entries] if part else list(entries)
    return item


_DOUBLE = Struct("<d").unpack_from


def by_wire(data: bytes, position: int, end: int, fields: dict[int, Any]) -> Item:
    """A message read in Python; `fields` are those of `wire_fields`."""
    item: Item = {}
    while position < end:
        tag, position = _varint(data, position)
        name, kind, inner = fields[tag]
        if tag & 7 == 1:
            [item[name]] = _DOUBLE(data, position)
            position += 8
            continue
        number, position = _varint(data, position)
        if tag & 7 == 0:
            item[name] = number if number < 1 << 63 else number - (1 << 64)
            continue
        start, position = position, position + number
        value: Any = by_wire(data, start, position, inner) if inner else data[start:position].decode(errors="replace")
        if kind in (ITEMS, TEXTS):
            item.setdefault(name, []).append(value)
        else:
            item[name] = value
    return item


def _varint(data: bytes, position: int) -> tuple[int, int]:
    byte = data[position]
    if byte < 0x80:
        return byte, position + 1
    value, shift = byte & 0x7F, 7
    while True:
        position += 1
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7


def wire_fields(shape: Shape) -> dict[int, Any]:
    """What `by_wire` needs to know of each field, by its tag."""
    return {
        shape.tags[name]: (name, kind, wire_fields(part) if part else None)
        for name, kind, _, part in shape.places.values()
    }


def microseconds(act: Callable[[], object], times: int, rounds: int) -> float:
    """The least processor time of one of `times` acts, of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        act()
        best = min(best, time.process_time() - begin)
    return best / times * 1e6


HEAD = f"{'messages':<32} {'count':>6} {'bytes':>7} {'JSON':>7} {'orjson':>8} {'parse':>8} {'decode':>8}"
HEAD += f" {'names':>8} {'wire':>8} {'decode/orjson':>14}"


def row(name: str, messages: Messages, rounds: int) -> str:
    """One line of the table, the figures for one message."""
    messages = messages * -(-200 // len(messages))
    jsons = [orjson.dumps(decode(data, version, MOST)) for data, version in messages]
    ready = [(data, *_ready(data, version)) for data, version in messages]
    fields: dict[int, Any] = {id(shape): wire_fields(shape) for _, _, shape in ready}
    ways: list[Callable[[], object]] = [
        lambda: [orjson.loads(text) for text in jsons],
        lambda: [cls.FromString(data) for data, cls, _ in ready],
        lambda: [decode(data, version, MOST) for data, version in messages],
        lambda: [by_names(cls.FromString(data), shape) for data, cls, shape in ready],
        lambda: [by_wire(data, 0, len(data), fields[id(shape)]) for data, _, shape in ready],
    ]
    count = len(messages)
    times = [microseconds(way, count, rounds) for way in ways]
    sizes = (sum(len(data) for data, _ in messages) / count, sum(map(len, jsons)) / count)
    figures = " ".join(f"{figure:8.1f}" for figure in times)
    return f"{name:<32} {count:6} {sizes[0]:7.0f} {sizes[1]:7.0f} {figures} {times[2] / times[0]:14.1f}"


def _ready(data: bytes, version: SchemaVersion) -> tuple[Any, Shape]:
    form, root = recognised(data, format_of(version), MOST)
    ready = codec(form)
    return ready.classes[root], ready.shapes[root]


def emptiness(rounds: int) -> str:
    """The cost of an object without fields, in ``decode`` and by names."""
    version = SchemaVersion(2, 2, 12)
    data = b"\x0a\x00" * MOST
    cls, shape = _ready(data, version)
    decoded = microseconds(lambda: decode(data, version, MOST), MOST, rounds)
    named = microseconds(lambda: by_names(cls.FromString(data), shape), MOST, rounds)
    return f"an empty client sample: decode {decoded:.2f}, names {named:.2f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    o = parser.parse_args(arguments)
    files = o.file or at_hand()
    print(HEAD)
    if not o.file:
        print(row("golden vectors", of_vectors(), o.rounds))
    for path in files:
        if messages := of_file(path):
            print(row(path.name, messages, o.rounds))
    print(emptiness(o.rounds))


if __name__ == "__main__":
    main()
