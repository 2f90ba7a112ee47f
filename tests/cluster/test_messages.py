"""Bytes that are no message are malformed, whatever they are; messages come out as they went in."""

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.messages import (
    Ack,
    Append,
    Beat,
    Decision,
    Description,
    Forward,
    Join,
    Leave,
    Malformed,
    Message,
    Part,
    Stand,
    Taken,
    Vote,
    Voted,
    Who,
    changed,
    encode,
    message,
    question,
    reply,
)

DECODERS: list[Callable[[bytes], object]] = [message, question, reply, changed]

NO_MESSAGES = {
    "nothing": b"",
    "a pickle": pickle.dumps({"type": "append_entries"}),
    "an HTTP request": b"GET / HTTP/1.1\r\n\r\n",
    "text that is no UTF-8": b"\x92\xa5\xff\xfe\xfd\xfc\xfb\x01",
    "a deep nesting": b"\x91" * 100_000,
    "a deep nesting in a field that nobody knows": b"\x82\xa4type\xa3who\xa1x" + b"\x91" * 100_000,
    "a huge array": b"\xdd\xff\xff\xff\xff",
    "a field that is no UTF-8": b"\x82\xa4type\xa4join\xa6member\xa2\xff\xfe",
    "a message of another name": b"\x92\xa4exec\x01",
}


@pytest.mark.hostile
@pytest.mark.parametrize("data", NO_MESSAGES.values(), ids=NO_MESSAGES.keys())
def test_what_is_no_message_is_malformed(data: bytes) -> None:
    for decoder in DECODERS:
        with pytest.raises(Malformed):
            decoder(data)


@pytest.mark.hostile
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    for decoder in DECODERS:
        try:
            decoder(data)
        except Malformed:
            continue


@pytest.mark.parametrize(
    "said",
    [
        Append(3, 9, 8, 2, [(2, b"\x00x"), (3, b"\x01")]),
        Beat(3, 9),
        Ack(3, 9, 8),
        Ack(3, 9),
        Vote(3, 9, 2),
        Voted(3),
        Stand(3),
        Forward(b"\x00x"),
        Part(3, 9, 1, 9, 2, 0, False, ["a:1#0"], b"rows"),
        Taken(3, 1, 2),
    ],
)
def test_a_message_comes_out_as_it_went_in(said: Message) -> None:
    assert message(encode(said)) == said


def test_questions_and_replies_come_out_as_they_went_in() -> None:
    described = Description(member="a:1#0", cluster="a:1#0", members=["a:1#0"])

    assert [question(encode(asked)) for asked in (Who(), Join("a:1#0"), Leave("a:1#0"))] == [
        Who(),
        Join("a:1#0"),
        Leave("a:1#0"),
    ]
    assert reply(encode(described)) == described
    assert reply(encode(Decision(True, "", described))) == Decision(True, "", described)
