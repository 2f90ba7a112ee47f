import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web.chunks import Chunks
from web.heads import Received
from web.requests import Malformed

LONGEST = 100


def read(*parts: bytes) -> tuple[bytes, bool, bytes]:
    """The body, whether it is complete, and what is behind it, of a stream that came in these parts."""
    chunks, received, body = Chunks(LONGEST), Received(), b""
    for part in parts:
        received.add(part)
        body += b"".join(chunks.pieces(received))
    return body, chunks.complete, received.take(10_000)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"3\r\nabc\r\n002\r\nde\r\n000\r\n\r\n", b"abcde"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"a\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        (b"1;name=value;other\r\nx\r\n0;last\r\n\r\n", b"x"),
        (b"1 \t\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1\r\nx\r\n0\r\nTrailer: y\r\nOther:\r\n\r\n", b"x"),
    ],
)
def test_chunks_are_put_together(data: bytes, body: bytes) -> None:
    assert read(data + b"more") == (body, True, b"more")


REFUSED = {
    "no size": b"\r\n",
    "no number": b"x\r\n",
    "a sign": b"+1\r\nx\r\n",
    "below zero": b"-1\r\nx\r\n",
    "a prefix": b"0x1\r\nx\r\n",
    "an underscore": b"1_0\r\nx\r\n",
    "space before the size": b" 1\r\nx\r\n",
    "space before an extension": b"1 ;x\r\nx\r\n",
    "17 digits": b"1" * 17 + b"\r\n",
    "a line feed alone behind the size": b"1\nx\r\n0\r\n\r\n",
    "a control character in an extension": b"1;\x01\r\nx\r\n",
    "a carriage return in an extension": b"1;a\rb\r\nx\r\n",
    "an endless extension": b"1;" + b"x" * LONGEST,
    "a long extension": b"1;" + b"x" * LONGEST + b"\r\nx\r\n",
    "more than the size says": b"1\r\nxy\r\n0\r\n\r\n",
    "a line feed alone behind a chunk": b"1\r\nx\n0\r\n\r\n",
    "nothing behind a chunk": b"1\r\nx0\r\n\r\n",
    "an empty line too many": b"1\r\nx\r\n\r\n0\r\n\r\n",
    "a trailer that is none": b"0\r\nnonsense\r\n\r\n",
    "a trailer with a control character": b"0\r\na: \x00\r\n\r\n",
    "a folded trailer": b"0\r\na: b\r\n c\r\n\r\n",
    "endless trailers": b"0\r\n" + b"a:\r\n" * LONGEST,
    "long trailers": b"0\r\n" + b"a:\r\n" * LONGEST + b"\r\n",
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_could_be_understood_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)


@pytest.mark.parametrize(
    "data", [b"", b"1", b"1\r", b"1\r\n", b"1\r\nx", b"1\r\nx\r", b"0\r\n", b"0\r\n\r", b"0\r\na:b\r"]
)
def test_more_is_waited_for_where_it_may_still_come(data: bytes) -> None:
    assert read(data)[1] is False


BODIES = st.lists(st.binary(min_size=1, max_size=20), max_size=5)


@settings(max_examples=300, deadline=None)
@given(BODIES, st.lists(st.integers(1, 9), max_size=40))
def test_a_body_reads_the_same_however_it_arrives(bodies: list[bytes], widths: list[int]) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies) + b"0\r\n\r\nmore"
    parts = []
    for width in widths:
        parts.append(data[:width])
        data = data[width:]

    assert read(*parts, data) == (b"".join(bodies), True, b"more")


PIECES = st.lists(
    st.sampled_from(
        [b"0", b"1", b"a", b"\r\n", b"\r", b"\n", b";", b" ", b"\t", b"x", b":", b"\0", b"\xff", b"1\r\nx\r\n"]
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(PIECES)
def test_what_is_taken_another_reader_understands_alike(data: bytes) -> None:
    data += b"0\r\n\r\n"
    try:
        body, complete, behind = read(data)
    except Malformed:
        return
    if not complete:
        return
    other = h11.Connection(h11.SERVER)
    other.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    theirs = b""
    while not isinstance(event := other.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Request | h11.Data)
        theirs += event.data if isinstance(event, h11.Data) else b""

    assert (body, behind) == (theirs, other.trailing_data[0])
