"""What comes out of the frames of a client, whole or in pieces, is what plain wsproto makes of them, without pongs."""

import sys
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from tests.web.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, closing, frame
from web.frames import Frames

LONGEST = 100_000

Told = tuple[object, ...]
"""A message: whether it is text, and its bytes. Any other event: its name, and what it carries."""


def told(event: Event) -> Told:
    match event:
        case Ping():
            return ("Ping", bytes(event.payload))
        case CloseConnection():
            return ("CloseConnection", int(event.code))
        case _:
            raise AssertionError(event)


def by_us(pieces: Sequence[bytes]) -> list[Told]:
    frames, seen = Frames(LONGEST), list[Told]()
    for piece in pieces:
        frames.receive_data(piece)
        seen += [(frames.text, event) if isinstance(event, bytes) else told(event) for event in frames.received()]
    return seen


def by_wsproto(pieces: Sequence[bytes]) -> list[Told]:
    connection, seen, begun = Connection(ConnectionType.SERVER), list[Told](), b""
    for piece in pieces:
        connection.receive_data(piece)
        for event in connection.events():
            if isinstance(event, TextMessage | BytesMessage):
                begun += event.data.encode() if isinstance(event, TextMessage) else event.data
                if event.message_finished:
                    seen.append((isinstance(event, TextMessage), begun))
                    begun = b""
            elif not isinstance(event, Pong):
                seen.append(told(event))
                if isinstance(event, CloseConnection):
                    return seen
    return seen


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The data in pieces, cut where `places`, taken round, say."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]


def bytes_of(sizes: Sequence[int]) -> st.SearchStrategy[bytes]:
    return st.one_of(st.binary(max_size=200), st.sampled_from(sizes).map(lambda size: b"\xe2\x82\xac " * (size // 4)))


payloads = bytes_of([124, 128, 1000, 65_532, 65_536, 70_000])
texts = st.one_of(st.text(max_size=100), st.sampled_from(["€" * 41, "ü" * 63, "x" * 126, "😀" * 17_000])).map(
    str.encode
)
whole = st.one_of(
    payloads.map(lambda payload: frame(BINARY, payload)),
    texts.map(lambda text: frame(TEXT, text)),
)
control = st.one_of(
    st.binary(max_size=125).map(lambda payload: frame(PING, payload)),
    st.binary(max_size=125).map(lambda payload: frame(PONG, payload)),
)


@st.composite
def fragments(draw: st.DrawFn) -> bytes:
    """A message in fragments, with control frames between them."""
    opcode, payload = draw(st.one_of(st.tuples(st.just(TEXT), texts), st.tuples(st.just(BINARY), payloads)))
    parts = cut(payload, draw(st.lists(st.integers(0, 1 << 20), max_size=4))) or [b""]
    sent = b""
    for number, part in enumerate(parts):
        sent += frame(opcode if number == 0 else CONTINUATION, part, final=number == len(parts) - 1)
        if number < len(parts) - 1 and draw(st.booleans()):
            sent += draw(control)
    return sent


BREACHES = [
    *(frame(BINARY, b"x", reserved=bits) for bits in range(1, 8)),
    *(frame(opcode, b"x") for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)),
    frame(TEXT, b"x", masked=False),
    frame(TEXT, b"x" * 200, masked=False),
    frame(BINARY, b"x" * 70_000, masked=False),
    frame(BINARY, b"x", length_bytes=2),
    frame(BINARY, b"x", length_bytes=8),
    frame(BINARY, b"x" * 125, length_bytes=2),
    frame(BINARY, b"x" * 65_535, length_bytes=8),
    frame(BINARY, b"x" * 14, length=1 << 63, length_bytes=8),
    frame(PING, b"x" * 126),
    frame(PING, b"x", final=False),
    frame(PONG, b"x", length_bytes=2),
    frame(CLOSE, b"\x03\xe8", final=False),
    frame(CLOSE, b"x" * 126),
    frame(CLOSE, b"\x03"),
    frame(CONTINUATION, b"x"),
    frame(CONTINUATION, b"x", final=False),
    frame(TEXT, b"x", final=False) + frame(TEXT, b"x"),
    frame(TEXT, b"x", final=False) + frame(BINARY, b"x", final=False),
    frame(TEXT, b"\xff"),
    frame(TEXT, b"\xc3"),
    frame(TEXT, b"\xed\xa0\x80"),
    frame(TEXT, b"\xc3", final=False) + frame(CONTINUATION, b"x"),
    frame(TEXT, b"x", final=False) + frame(CONTINUATION, b"\xf0\x9f"),
    *(closing(code) for code in (0, 999, 1004, 1005, 1006, 1015, 2000, 5000)),
    closing(1000, b"\xff"),
]
closes = st.one_of(
    st.sampled_from([1000, 1001, 1003, 1011, 3000, 4999]).map(lambda code: closing(code, "bye €".encode())),
    st.just(frame(CLOSE)),
)
endings = st.one_of(st.just(b""), closes, st.sampled_from(BREACHES))
streams = st.builds(
    lambda frames, end: b"".join(frames) + end + frame(TEXT, b"behind the end"),
    st.lists(st.one_of(whole, whole, control, fragments()), max_size=8),
    endings,
)


@given(streams, st.lists(st.integers(0, 1 << 20), max_size=12))
def test_whatever_comes_in_whatever_pieces_wsproto_would_tell_the_same(data: bytes, places: list[int]) -> None:
    assert by_us(cut(data, places)) == by_wsproto([data])


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_told_as_wsproto_tells_it(breach: bytes) -> None:
    data = frame(TEXT, b"before") + breach + frame(TEXT, b"behind")
    first, last = by_wsproto([data])

    assert by_us([data]) == [first, last]
    assert by_us([bytes([byte]) for byte in data[:2000]])[:1] == [first]
    assert last[0] == "CloseConnection"


@pytest.mark.parametrize(
    "breach", [frame(3, b"x" * 70_000), frame(PING, b"x" * 126), frame(BINARY, b"x" * 99, length_bytes=8)]
)
def test_a_breach_is_told_before_the_frame_is_whole(breach: bytes) -> None:
    assert by_us([breach[:14]]) == [("CloseConnection", 1002)]


@given(st.one_of(whole, control, fragments()), closes)
def test_byte_by_byte_it_is_the_same(first: bytes, end: bytes) -> None:
    data = (first if len(first) < 2000 else b"") + end

    assert by_us([bytes([byte]) for byte in data]) == by_wsproto([data])


@given(st.binary(max_size=300), st.lists(st.integers(0, 1 << 20), max_size=12))
def test_no_bytes_are_too_strange(data: bytes, places: list[int]) -> None:
    codes = [event[1] for event in by_us(cut(data, places)) if event[0] == "CloseConnection"]

    assert len(codes) <= 1


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_frame_that_is_too_long_is_not_waited_for(opcode: int) -> None:
    head = frame(opcode, length=LONGEST + 1)

    assert by_us([bytes([byte]) for byte in head]) == [("CloseConnection", 1009)]


def test_a_frame_that_is_too_long_is_not_taken_when_it_is_whole() -> None:
    assert by_us([frame(BINARY, bytes(LONGEST + 1))]) == [("CloseConnection", 1009)]


def test_a_ping_within_the_longest_message_is_none_of_it() -> None:
    parts = [frame(BINARY, bytes(LONGEST), final=False), frame(PING, b"x"), frame(CONTINUATION)]

    assert by_us(parts) == [("Ping", b"x"), (False, bytes(LONGEST))]


def test_fragments_that_are_too_long_together_are_not_waited_for() -> None:
    first = frame(BINARY, bytes(LONGEST), final=False)

    assert by_us([first, frame(CONTINUATION, length=1)]) == [("CloseConnection", 1009)]


def test_a_message_may_be_as_long_as_is_allowed() -> None:
    assert by_us([frame(BINARY, bytes(LONGEST))]) == [(False, bytes(LONGEST))]


@pytest.mark.parametrize("end", [frame(BINARY, length=LONGEST + 1), frame(TEXT, b"\xff"), closing(1000), b"\xff" * 20])
def test_nothing_is_told_behind_the_end(end: bytes) -> None:
    seen = by_us([end + frame(TEXT, b"late"), frame(TEXT, b"later")])

    assert [event[0] for event in seen] == ["CloseConnection"]


def test_what_is_given_up_goes_on_with_the_next_message() -> None:
    frames = Frames(LONGEST)
    frames.receive_data(frame(TEXT, b"a") + frame(TEXT, b"b") + frame(TEXT, b"c")[:3])
    first = next(iter(frames.received()))
    frames.receive_data(frame(TEXT, b"c")[3:])

    assert [first, *frames.received()] == [b"a", b"b", b"c"]


def test_what_was_received_is_not_held() -> None:
    frames, data = Frames(LONGEST), frame(BINARY, bytes(50_000))
    held = sys.getrefcount(data)
    frames.receive_data(data)
    messages = list(frames.received())
    holders = sys.getrefcount(messages[0]) - 2

    assert sys.getrefcount(data) == held
    assert holders == 0


def test_a_message_in_a_hundred_thousand_pieces_is_put_together_in_place() -> None:
    frames, data = Frames(LONGEST), frame(BINARY, bytes(LONGEST))
    messages = list[object]()
    for byte in data:
        frames.receive_data(bytes([byte]))
        messages += frames.received()

    assert messages == [bytes(LONGEST)]
