"""What WebsocketSink and SocketSink make of lines: chunks, and frames of RFC 6455."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

from sinks.chunks import chunks
from sinks.lines import Batch, Piece, batch_of
from sinks.websocket_frames import framed

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n")).map(str.encode)
some_lines = st.lists(texts | st.integers(0, 70_000).map(lambda length: b"x" * length), max_size=20)


def read(data: bytes) -> list[bytes]:
    """The messages as a server reads them, which refuses frames without a mask."""
    server = Connection(ConnectionType.SERVER)
    server.receive_data(data)
    messages, parts = [], ""
    for event in server.events():
        assert isinstance(event, TextMessage)
        parts += event.data
        if event.message_finished:
            messages.append(parts.encode())
            parts = ""
    return messages


@given(some_lines)
def test_a_server_reads_what_was_framed(lines: list[bytes]) -> None:
    assert read(framed(lines)) == lines


@pytest.mark.parametrize(("length", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_a_frame_is_as_short_as_it_can_be(length: int, head: int) -> None:
    assert len(framed([b"x" * length])) == head + 4 + length


def test_each_frame_has_a_mask_of_its_own() -> None:
    frames = framed([b"x" * 10] * 100)

    assert len({frames[at + 2 : at + 6] for at in range(0, len(frames), 16)}) == 100


def batch_in_pieces(lines: list[bytes], most: int) -> Batch:
    cut = [lines[start : start + most] for start in range(0, len(lines), most)]
    return Batch([Piece(len(some), b"".join(line + b"\n" for line in some)) for some in cut])


@given(some_lines, st.integers(1, 20), st.integers(1, 100_000))
def test_chunks_are_whole_lines_in_their_order(lines: list[bytes], most: int, size: int) -> None:
    cut = list(chunks(batch_in_pieces(lines, most), size))

    assert b"".join(cut) == b"".join(line + b"\n" for line in lines)
    assert all(chunk.endswith(b"\n") for chunk in cut)


@given(some_lines, st.integers(1, 20), st.integers(1, 100_000))
def test_chunks_are_about_as_long_as_they_should_be(lines: list[bytes], most: int, size: int) -> None:
    cut = list(chunks(batch_in_pieces(lines, most), size))

    assert all(len(chunk) >= size for chunk in cut[:-1])
    assert all(len(chunk) <= 2 * size + max(map(len, lines)) for chunk in cut)


def test_a_batch_of_many_small_pieces_is_one_chunk() -> None:
    assert len(list(chunks(batch_in_pieces([b"x"] * 1000, 1)))) == 1


def test_nothing_is_no_chunk() -> None:
    assert list(chunks(batch_of([]))) == []
