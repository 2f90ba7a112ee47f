"""Frames of the load generator are those of RFC 6455: another implementation reads and writes them."""

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from benchmarks.load.frames import BINARY, frame, take_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 8600, 65535, 65536, 100_000])
def test_a_frame_is_read_by_others(size: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    reader = StreamReader()
    reader.feed_data(frame(BINARY, payload))

    parsing = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as read:
        next(parsing)

    assert read.value.value == Frame(Opcode.BINARY, payload)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_a_frame_of_a_server_is_taken_once_it_is_whole(size: int) -> None:
    wire = Frame(Opcode.PONG if size < 126 else Opcode.BINARY, b"x" * size).serialize(mask=False)
    data = bytearray(wire[:-1])

    early = take_frame(data)
    data += wire[-1:] + b"more"
    late = take_frame(data)

    assert early is None
    assert late == (0xA if size < 126 else BINARY, b"x" * size)
    assert data == b"more"
