import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from web.heads import Head, Known, Received, take_head
from web.requests import Malformed

LONGEST = 1000
HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST


def holding(data: bytes) -> Received:
    received = Received()
    received.add(data)
    return received


def read(data: bytes) -> Head | None:
    return take_head(holding(data), LONGEST)


def taken(data: bytes) -> Head:
    head = read(data)
    assert head is not None
    return head


def test_a_head_says_what_is_asked_for() -> None:
    assert taken(b"PUT /a?b=%20 HTTP/1.1\r\nHost: x\r\nX-Y:z\r\nContent-Length: 12\r\n\r\n") == Head(
        "PUT", "/a?b=%20", {"host": "x", "x-y": "z", "content-length": "12"}, length=12, keeps=True, waits=False
    )


def test_only_the_head_is_taken() -> None:
    received = holding(GET + b"\r\nmore")
    take_head(received, LONGEST)

    assert received.take(10) == b"more"


def test_space_around_a_value_is_not_part_of_it() -> None:
    assert taken(GET + b"A: \t b c\t \r\nB:\r\nC:  \r\n\r\n").headers == {"host": "x", "a": "b c", "b": "", "c": ""}


def test_values_of_a_repeated_header_are_joined() -> None:
    assert taken(GET + b"A: 1\r\nB: 2\r\na: 3\r\n\r\n").headers["a"] == "1, 3"


def test_values_are_latin_1() -> None:
    assert taken(GET + b"A: \xe9\r\n\r\n").headers["a"] == "é"


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (GET, True),
        (GET + b"Connection: keep-alive, Upgrade\r\n", True),
        (GET + b"Connection: x, Close\r\n", False),
        (GET + b"Connection: x\r\nConnection: close\r\n", False),
        (b"GET / HTTP/1.0\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", False),
        (b"GET / HTTP/1.2\r\n" + HOST, True),
    ],
)
def test_a_head_says_whether_another_may_follow(head: bytes, keeps: bool) -> None:
    assert taken(head + b"\r\n").keeps is keeps


@pytest.mark.parametrize(
    ("head", "waits"),
    [
        (POST, False),
        (POST + b"Expect: 100-Continue\r\n", True),
        (POST + b"Expect: something\r\n", False),
        (b"POST / HTTP/1.0\r\nExpect: 100-continue\r\n", False),
    ],
)
def test_a_head_says_whether_the_peer_waits_to_go_on(head: bytes, waits: bool) -> None:
    assert taken(head + b"\r\n").waits is waits


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (POST, 0),
        (POST + b"Content-Length: 0\r\n", 0),
        (POST + b"Content-Length: 007\r\n", 7),
        (POST + b"Content-Length: " + b"9" * 20 + b"\r\n", 10**20 - 1),
        (POST + b"Transfer-Encoding: Chunked\r\n", None),
    ],
)
def test_a_head_says_how_long_the_body_is(head: bytes, length: int | None) -> None:
    assert taken(head + b"\r\n").length == length


REFUSED = {
    "nothing": (b"\r\n", 400),
    "an empty line before it": (b"\r\n" + GET, 400),
    "no target": (b"GET HTTP/1.1\r\n" + HOST, 400),
    "two targets": (b"GET / / HTTP/1.1\r\n" + HOST, 400),
    "two spaces": (b"GET  / HTTP/1.1\r\n" + HOST, 400),
    "a tab for a space": (b"GET\t/ HTTP/1.1\r\n" + HOST, 400),
    "space at the beginning": (b" GET / HTTP/1.1\r\n" + HOST, 400),
    "space at the end": (b"GET / HTTP/1.1 \r\n" + HOST, 400),
    "a method that is no token": (b"G(T / HTTP/1.1\r\n" + HOST, 400),
    "a control character in the target": (b"GET /\x01 HTTP/1.1\r\n" + HOST, 400),
    "a byte beyond ASCII in the target": (b"GET /\xe9 HTTP/1.1\r\n" + HOST, 400),
    "no version": (b"GET /\r\n" + HOST, 400),
    "a version in small letters": (b"GET / http/1.1\r\n" + HOST, 400),
    "a version of two digits": (b"GET / HTTP/1.10\r\n" + HOST, 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n", 505),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\n" + HOST, 505),
    "no host": (b"GET / HTTP/1.1\r\n", 400),
    "two hosts": (GET + HOST, 400),
    "a host with a space": (b"GET / HTTP/1.1\r\nHost: x y\r\n", 400),
    "a host with a path": (b"GET / HTTP/1.1\r\nHost: x/y\r\n", 400),
    "a host with a user": (b"GET / HTTP/1.1\r\nHost: a@b\r\n", 400),
    "a host beyond ASCII": (b"GET / HTTP/1.1\r\nHost: \xe9\r\n", 400),
    "a header without a colon": (GET + b"nonsense\r\n", 400),
    "a header without a name": (GET + b": x\r\n", 400),
    "space before the colon": (GET + b"A : x\r\n", 400),
    "space before the name": (GET + b" A: x\r\n", 400),
    "a name that is no token": (GET + b"A[]: x\r\n", 400),
    "a name beyond ASCII": (GET + b"\xe9: x\r\n", 400),
    "a folded line": (GET + b"A: x\r\n y\r\n", 400),
    "a line feed alone": (GET + b"A: x\nB: y\r\n", 400),
    "a line feed alone at the end": (GET + b"A: x\n\r\n", 400),
    "a carriage return alone": (GET + b"A: x\rB: y\r\n", 400),
    "NUL in a value": (GET + b"A: \0\r\n", 400),
    "a control character in a value": (GET + b"A: \x01\r\n", 400),
    "DEL in a value": (GET + b"A: \x7f\r\n", 400),
    "a vertical tab in a value": (GET + b"A: x\x0by\r\n", 400),
    "a length that is no number": (POST + b"Content-Length: x\r\n", 400),
    "an empty length": (POST + b"Content-Length:\r\n", 400),
    "a signed length": (POST + b"Content-Length: +1\r\n", 400),
    "a hexadecimal length": (POST + b"Content-Length: 0x1\r\n", 400),
    "a length with an underscore": (POST + b"Content-Length: 1_0\r\n", 400),
    "a length in other digits": (POST + b"Content-Length: \xb2\r\n", 400),
    "a length of 21 digits": (POST + b"Content-Length: " + b"1" * 21 + b"\r\n", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n", 400),
    "the same length twice": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n", 400),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n", 400),
    "a length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
    "chunks and a length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400),
    "a coding that is unknown": (POST + b"Transfer-Encoding: gzip\r\n", 501),
    "a coding around chunks": (POST + b"Transfer-Encoding: gzip, chunked\r\n", 501),
    "chunks twice": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501),
    "chunks with a parameter": (POST + b"Transfer-Encoding: chunked;x\r\n", 501),
    "an empty coding": (POST + b"Transfer-Encoding:\r\n", 501),
}


@pytest.mark.parametrize(("head", "status"), REFUSED.values(), ids=REFUSED)
def test_what_could_be_understood_in_two_ways_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(Malformed) as raised:
        read(head + b"\r\n")

    assert raised.value.response.status == status


@pytest.mark.parametrize("data", [b"", b"G", b"GET / HT", GET, GET + b"\r", GET + b"A: x\r", b"nonsense\r\n"])
def test_more_is_waited_for_where_a_head_may_still_come(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize("data", [b"\r", b"\x16\x03\x01", b"\xff", b" ", GET + b"A: x\n", b"GET / HTTP/1.1\n"])
def test_what_cannot_become_a_head_is_not_waited_for(data: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        read(data)

    assert raised.value.response.status == 400


def test_a_head_as_long_as_allowed_is_taken() -> None:
    assert taken(_long(LONGEST)).method == "GET"


@pytest.mark.parametrize("data", [b"", b"x"])
def test_a_longer_head_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as raised:
        read(_long(LONGEST + 1) + data)

    assert raised.value.response.status == 431


def test_the_end_of_a_longer_head_is_not_waited_for() -> None:
    with pytest.raises(Malformed) as raised:
        read(_long(2 * LONGEST)[:LONGEST])

    assert raised.value.response.status == 431


def _long(length: int) -> bytes:
    return GET + b"A: " + b"x" * (length - len(GET) - 7) + b"\r\n\r\n"


PIECES = st.sampled_from(
    [
        *[bytes([number]) for number in range(256)],
        *[head for head, _ in REFUSED.values()],
        b"\r\n",
        b": ",
        b", ",
        b"Content-Length: ",
        b"Transfer-Encoding: ",
        b"Connection: ",
        b"chunked",
        b"close",
        b"HTTP/1.1",
        b"GET / ",
        b"Host: x\r\n",
    ]
)
MUTATED = st.builds(
    lambda head, at, width, piece: head[:at] + piece + head[at + width :],
    st.sampled_from([GET, POST + b"Content-Length: 5\r\nA: b\r\n", POST + b"Transfer-Encoding: chunked\r\n", b""]),
    st.integers(0, 80),
    st.integers(0, 3),
    st.lists(PIECES, max_size=4).map(b"".join),
)


@settings(max_examples=700, deadline=None)
@given(MUTATED)
@example(GET)
def test_what_is_taken_another_reader_understands_alike(head: bytes) -> None:
    data = head + b"\r\n"
    received = holding(data)
    try:
        ours = take_head(received, LONGEST)
    except Malformed:
        return
    if ours is None:
        return
    other = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST)
    other.receive_data(data)
    theirs = other.next_event()

    assert isinstance(theirs, h11.Request)
    assert (ours.method, ours.target) == (theirs.method.decode(), theirs.target.decode())
    assert sorted(ours.headers) == sorted({name.decode() for name, _ in theirs.headers})
    assert received.take(LONGEST) == other.trailing_data[0]


@settings(max_examples=500, deadline=None)
@given(MUTATED, st.lists(st.integers(1, 40), max_size=8))
def test_a_head_reads_the_same_however_it_arrives(head: bytes, widths: list[int]) -> None:
    data = head + b"\r\n"

    assert _outcome(data, widths) == _outcome(data, [])


def _outcome(data: bytes, widths: list[int]) -> Head | int | None:
    """The head, the status of the refusal, or nothing: of a stream that came in pieces of these widths."""
    received, head, at = Received(), None, 0
    try:
        for width in [*widths, len(data)]:
            received.add(data[at : at + width])
            at += width
            if received and (head := take_head(received, LONGEST)) is not None:
                return head
    except Malformed as malformed:
        return malformed.response.status
    return head


KNOWN = POST + b"Content-Length: 12\r\nUser-Agent: a browser\r\n\r\n"


def known(data: bytes = KNOWN, longest: int = LONGEST) -> Known | None:
    return Known.of(taken(data), data, longest)


def taken_again(data: bytes, before: bytes = KNOWN) -> tuple[Head | None, bytes]:
    """What is taken of `data` where the head `before` is known, and what is left."""
    one, received = known(before), holding(data)
    assert one is not None
    return one.take(received), received.take(10_000)


@pytest.mark.parametrize("digits", [b"12", b"7", b"1234567", b"007"])
def test_a_head_that_differs_by_its_length_is_known(digits: bytes) -> None:
    data = KNOWN.replace(b"12", digits)

    assert taken_again(data + b"body") == (taken(data), b"body")


@pytest.mark.parametrize(
    "data",
    [
        KNOWN[:-1],
        KNOWN[:30],
        b"",
        KNOWN.replace(b"12", b""),
        KNOWN.replace(b"12", b"-1"),
        KNOWN.replace(b"12", b"1 2"),
        KNOWN.replace(b"12", "²".encode("latin-1")),
        KNOWN.replace(b"12", b"1" * 21),
        KNOWN.replace(b"a browser", b"another"),
        KNOWN.replace(b"POST /", b"POST /a"),
        KNOWN.replace(b"\r\n\r\n", b"\r\nA: b\r\n\r\n"),
    ],
)
def test_any_other_head_is_read_anew(data: bytes) -> None:
    assert taken_again(data) == (None, data)


def test_a_head_without_a_length_or_with_chunks_or_that_is_long_is_not_remembered() -> None:
    assert known(GET + b"\r\n") is None
    assert known(POST + b"Transfer-Encoding: chunked\r\n\r\n") is None
    assert known(KNOWN, len(KNOWN) + 20) is not None
    assert known(KNOWN, len(KNOWN) + 19) is None


@settings(max_examples=700, deadline=None)
@given(
    MUTATED,
    st.integers(0, len(KNOWN)),
    st.sampled_from([b"", b"0", b"\r\n", b"\r", b"Content-Length: 3\r\n", b" ", b"12", b"\t", b"X: y\r\n", b"9" * 20]),
    st.integers(0, 3),
)
def test_what_is_known_is_read_as_if_it_were_not(other: bytes, at: int, put: bytes, cut: int) -> None:
    for before in (KNOWN, other + b"\r\n"):
        data = before[:at] + put + before[at + cut :]
        try:
            one = known(before)
        except (Malformed, AssertionError):
            continue
        received = holding(data)
        head = None if one is None else one.take(received)

        if head is not None:
            anew = holding(data)
            assert head == take_head(anew, LONGEST)
            assert received.at == anew.at
