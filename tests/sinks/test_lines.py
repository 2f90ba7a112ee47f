"""Pieces of lines: cut at any place, they are the same lines."""

from hypothesis import given
from hypothesis import strategies as st

from sinks.lines import Batch, Line, Piece, batch_of

lines = st.lists(st.binary(max_size=5).map(lambda text: text.replace(b"\n", b"")), max_size=12)


def piece(some: list[Line]) -> Piece:
    return Piece(len(some), b"".join(line + b"\n" for line in some))


def lines_of(*pieces: Piece) -> list[Line]:
    return [line for some in pieces if some.number for line in Batch([some])]


@given(lines)
def test_a_batch_gives_the_lines_that_it_is_made_of(some: list[Line]) -> None:
    batch = batch_of(some)

    assert list(batch) == some
    assert len(batch) == len(some)
    assert batch.size == sum(len(line) + 1 for line in some)


@given(lines, st.integers(-1, 15), st.integers(-1, 60))
def test_a_cut_takes_as_many_lines_as_there_is_room_for(some: list[Line], most: int, most_bytes: int) -> None:
    fitting, room = 0, most_bytes
    while fitting < min(most, len(some)) and (room := room - len(some[fitting]) - 1) >= 0:
        fitting += 1

    head, rest = piece(some).cut(most, most_bytes)

    assert (head, rest) == (piece(some[:fitting]), piece(some[fitting:]))


@given(lines, st.integers(1, 5))
def test_many_cuts_leave_out_nothing(some: list[Line], most: int) -> None:
    cuts = list(piece(some).cuts(most))

    assert lines_of(*cuts) == some
    assert all(0 < cut.number <= most for cut in cuts)
