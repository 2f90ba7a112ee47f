"""What members say to each other: frames over links, and questions that anyone may ask.

Every message is a typed structure in MessagePack with its name in front: decoding checks every field, builds nothing
but these structures and plain values, and cannot run code. Indexes and terms are those of Raft (Ongaro 2014).
"""

from typing import Annotated, TypeVar

import msgspec

Decoded = TypeVar("Decoded")

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A term, an index, a count: far from where it could not be written any more."""

Entry = tuple[Number, bytes]
"""An entry of the log: its term, and its command as the engine wrote it."""


class Append(msgspec.Struct, array_like=True, tag="append"):
    """A leader's entries behind the entry `prev_index`, which must be of `prev_term`; none for a heartbeat."""

    term: Number
    commit_index: Number
    prev_index: Number
    prev_term: Number
    entries: list[Entry]


class Beat(msgspec.Struct, array_like=True, tag="beat"):
    """A leader's sign of life to a member that is being given a snapshot."""

    term: Number
    commit_index: Number


class Ack(msgspec.Struct, array_like=True, tag="ack"):
    """The answer to `Append`: all entries before `next_index` agree, or those behind `rejected` - 1 did not fit.

    After a rejection everything before `next_index` is known to agree. `rejected` is the ``prev_index`` in question.
    """

    term: Number
    next_index: Number
    rejected: Number | None = None


class Vote(msgspec.Struct, array_like=True, tag="vote"):
    """A candidate asks for a vote."""

    term: Number
    last_index: Number
    last_term: Number


class Voted(msgspec.Struct, array_like=True, tag="voted"):
    """A vote for the candidate of the term."""

    term: Number


class Stand(msgspec.Struct, array_like=True, tag="stand"):
    """A leader that wants to go asks a member to stand for election at once."""

    term: Number


class Forward(msgspec.Struct, array_like=True, tag="forward"):
    """A command for the leader to put into its log."""

    command: bytes


class Part(msgspec.Struct, array_like=True, tag="part"):
    """Part `number`, from 0, of a leader's snapshot as of the entry `index` of `index_term`; `last` has no data.

    `members` were the members as of that entry. `transfer` tells the snapshots of one leader apart.
    """

    term: Number
    commit_index: Number
    transfer: Number
    index: Number
    index_term: Number
    number: Number
    last: bool
    members: list[str]
    data: bytes


class Taken(msgspec.Struct, array_like=True, tag="taken"):
    """All parts before `number` of a leader's transfer have been taken; also the answer to `Beat`."""

    term: Number
    transfer: Number
    number: Number


Message = Append | Beat | Ack | Vote | Voted | Stand | Forward | Part | Taken


class Description(msgspec.Struct, kw_only=True, tag="description"):
    """What a process says of itself to anyone who asks.

    `cluster` is the name of the cluster that it belongs to (or is joining), ``None`` if it knows of none; `lineage` the
    clusters that this one was re-formed from. `leader` is named only while the process is in touch with it. `members`
    are those by its log, committed or not; `settled` those as of the last entry that it applied, `applied` (term and
    index). By the entry `since` it is known to be a member itself. `known` are the addresses of processes that it would
    ask before it forms a cluster.
    """

    member: str
    cluster: str | None = None
    lineage: list[str] = []
    leader: str | None = None
    members: list[str] = []
    settled: list[str] = []
    applied: tuple[Number, Number] = (0, 0)
    since: tuple[Number, Number] = (0, 0)
    term: Number = 0
    last_term: Number = 0
    last_index: Number = 0
    known: list[str] = []

    @property
    def position(self) -> tuple[int, int]:
        """How new its log is: of two, the greater one knows more."""
        return (self.last_term, self.last_index)


class Who(msgspec.Struct, tag="who"):
    """Who are you? Answered with a `Description`. `address` is where the one who asks may be asked in turn."""

    address: str = ""


class Join(msgspec.Struct, tag="join"):
    """`member` asks the leader to be taught, and to be made a member. Answered with a `Decision`."""

    member: str


class Leave(msgspec.Struct, tag="leave"):
    """`member` asks the leader to be removed. Answered with a `Decision`, once it is done."""

    member: str


class Decision(msgspec.Struct, tag="decision"):
    """Whether it is granted; `why` not, for people. `description` is of the one who decides."""

    granted: bool
    why: str
    description: Description


Question = Who | Join | Leave
Reply = Description | Decision


class Malformed(ValueError):
    """Bytes that are no message."""


_encoder = msgspec.msgpack.Encoder()
_messages: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_questions: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def encode(message: Message | Question | Reply) -> bytes:
    """The message as bytes."""
    return _encoder.encode(message)


def message(data: bytes) -> Message:
    """The message of a frame; raises `Malformed`."""
    return _decoded(_messages, data)


def question(data: bytes) -> Question:
    """The question; raises `Malformed`."""
    return _decoded(_questions, data)


def reply(data: bytes) -> Reply:
    """The reply; raises `Malformed`."""
    return _decoded(_replies, data)


def change_of(verb: str, member: str) -> bytes:
    """A change of the membership, as it stands in the log."""
    return _encoder.encode((verb, member))


def changed(data: bytes) -> tuple[str, str]:
    """The verb and the member of a change; raises `Malformed`."""
    return _decoded(_changes, data)


_changes: msgspec.msgpack.Decoder[tuple[str, str]] = msgspec.msgpack.Decoder(tuple[str, str])


def _decoded(decoder: msgspec.msgpack.Decoder[Decoded], data: bytes) -> Decoded:
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError) as error:  # of msgspec's own, of text that is no UTF-8, of too deep a nesting
        raise Malformed(str(error)) from error
