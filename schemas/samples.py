"""What samples of clients and of SFUs have in common: ids, times, texts, lists, and why something was not taken.

Real senders drift from their schema (fractions in whole-number fields, numbers in strings, unknown fields, ``"NULL"``
for absent ids), so reading is lenient: what cannot be read costs only itself and is tallied by reason.
"""

import re
from collections import Counter
from enum import StrEnum
from typing import Any, NoReturn

import msgspec

Item = dict[str, Any]
"""One object of a sample as its sender wrote it."""


class Reason(StrEnum):
    """Why something of a sample was not taken. The values are metric labels: a small, fixed set."""

    NOT_AN_OBJECT = "not_an_object"
    NOT_A_LIST = "not_a_list"
    CLIENT_ID_MISSING = "client_id_missing"
    ROOM_ID_MISSING = "room_id_missing"
    CALL_ID_MISSING = "call_id_missing"
    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_INVALID = "timestamp_invalid"
    ID_TOO_LONG = "id_too_long"
    ID_INVALID = "id_invalid"
    EMPTY_ITEM = "empty_item"
    TOO_MANY_ITEMS = "too_many_items"
    FIELD_INVALID = "field_invalid"
    DELTA_TOO_LARGE = "delta_too_large"
    DELTA_FORGOTTEN = "delta_forgotten"
    PAYLOAD_INVALID = "payload_invalid"
    PEER_CONNECTION_ID_MISSING = "peer_connection_id_missing"
    TRACK_ID_MISSING = "track_id_missing"
    NAME_MISSING = "name_missing"
    SFU_ID_MISSING = "sfu_id_missing"
    TRANSPORT_ID_MISSING = "transport_id_missing"
    PAD_ID_MISSING = "pad_id_missing"
    STREAM_ID_MISSING = "stream_id_missing"
    SINK_ID_MISSING = "sink_id_missing"
    CHANNEL_ID_MISSING = "channel_id_missing"
    SERVER_ID_MISSING = "server_id_missing"
    REMEDY_CALL_IS_CLOSED = "remedy_call_is_closed"
    CLIENT_HAS_LEFT = "client_has_left"
    NOT_AUTHORIZED = "not_authorized"
    SERVICE_NOT_ALLOWED = "service_not_allowed"
    CLIENT_SAMPLES_NOT_ACCEPTED = "client_samples_not_accepted"
    SFU_SAMPLES_NOT_ACCEPTED = "sfu_samples_not_accepted"
    TOO_MANY_CALLS = "too_many_calls"
    TOO_MANY_CLIENTS = "too_many_clients"
    TOO_MANY_PEER_CONNECTIONS = "too_many_peer_connections"
    TOO_MANY_TRACKS = "too_many_tracks"
    TOO_MANY_SFUS = "too_many_sfus"
    TOO_MANY_SFU_TRANSPORTS = "too_many_sfu_transports"
    TOO_MANY_SFU_PADS = "too_many_sfu_pads"
    UNMATCHED = "unmatched"
    FAILED = "failed"


class Tally(Counter[Reason]):
    """How many things were not taken, by reason. Made empty, one costs next to nothing."""

    __init__ = dict.__init__


class _Nothing(Tally):
    """An empty tally that many share: it stays so."""

    def _shared(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("This tally is shared")

    __setitem__ = update = setdefault = _shared


NOTHING_REJECTED: Tally = _Nothing()
"""The tally of all messages of which everything was taken."""


LARGEST_TIME = 2**53
"""Where the times of samples end. (ms since the epoch)"""

CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
"""What no id may hold."""


class Budget(msgspec.Struct, gc=False):
    """What one message may hold: `items` entries in all lists of all its samples, ids of `id_length` characters.

    Each entry gives a report that repeats the ids of its sample, so both bound what a message can be blown up to.
    """

    items: int = 5_000
    id_length: int = 255


NO_ID = (None, "", "NULL")
"""What stands for no id."""


class TooLong(Exception):
    """An id that its sender made longer than the budget allows."""


def identifier(value: object, longest: int) -> str | None:
    """An id as text; ``None`` for what stands for no id: nothing, an empty text, ``"NULL"``, or no scalar at all.

    Raises `TooLong` above `longest` characters.
    """
    if type(value) is not str:
        if type(value) is not int:
            return None
        value = str(value)
    if not value or value == "NULL":
        return None
    if len(value) > longest:
        raise TooLong
    return value


def whole(value: object) -> int | None:
    """A whole number of at most 63 bits, fractions cut; ``None`` for anything else."""
    if type(value) is str:
        try:
            value = float(value)
        except ValueError:
            return None
    if type(value) is float:
        return int(value) if -(2.0**63) < value < 2.0**63 else None
    return value if type(value) is int and -(2**63) < value < 2**63 else None


def short_text(value: object, longest: int) -> str | None:
    """A name that is told again and again: a text of at most `longest` characters; ``None`` for anything else."""
    told = text(value)
    return told if told is None or len(told) <= longest else None


def text(value: object) -> str | None:
    """Free text: a string or a number written as one; ``None`` for anything else."""
    if type(value) is str:
        return value
    return str(value) if type(value) in (int, float) else None


def entries_within(budget: Budget, entries: object, rejected: Tally) -> list[Any]:
    """The entries of a list, as many as the budget still allows, which are taken from it; none for no list."""
    if entries is None:
        return []
    if type(entries) is not list:
        rejected[Reason.NOT_A_LIST] += 1
        return []
    if len(entries) > budget.items:
        rejected[Reason.TOO_MANY_ITEMS] += len(entries) - budget.items
        del entries[budget.items :]
    budget.items -= len(entries)
    return entries


def fitting(value: object, kind: type, budget: Budget, rejected: Tally) -> list[Any]:
    """The entries of a list that are of this type and not empty, within the budget."""
    entries = entries_within(budget, value, rejected)
    fitting = [entry for entry in entries if type(entry) is kind]
    if len(fitting) < len(entries):
        rejected[Reason.NOT_AN_OBJECT if kind is dict else Reason.FIELD_INVALID] += len(entries) - len(fitting)
    if all(fitting):
        return fitting
    rejected[Reason.EMPTY_ITEM] += sum(not entry for entry in fitting)
    return [entry for entry in fitting if entry]
