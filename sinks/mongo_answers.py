"""What MongoDB's answers mean: which documents it has, which it will never take, and which to send again.

Texts of the server may quote documents: only its names of errors are told.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from sinks.lines import Line
from sinks.mongo_documents import Document
from sinks.sink import Rejection

_DUPLICATE_KEY = 11000
_REFUSED = {
    2: "BadValue",
    9: "FailedToParse",
    14: "TypeMismatch",
    15: "Overflow",
    22: "InvalidBSON",
    52: "DollarPrefixedFieldName",
    121: "DocumentValidationFailure",
    171: "CannotIndexParallelArrays",
    10334: "BSONObjectTooLarge",
    _DUPLICATE_KEY: "DuplicateKey",
    16755: "it does not fit a geographical index",
    17261: "it does not fit a text index",
    17262: "it does not fit a text index",
    17280: "KeyTooLong",
    31138: "it does not fit a geographical index",
}
"""Errors that are a document's own fault. Source, also of those below: error codes of MongoDB 6.0."""
_PASSING = frozenset(
    [
        *(
            1,
            6,
            7,
            8,
            13,
            18,
            24,
            26,
            46,
            50,
            63,
            64,
            79,
            82,
            83,
            84,
            89,
            91,
            96,
            100,
            112,
            117,
            133,
            146,
            150,
            189,
            202,
        ),
        *(225, 246, 249, 261, 262, 290, 317, 358, 384, 8000, 9001, 10107, 11600, 11601, 11602, 13388, 13435, 13436),
        14031,
    ]
)
"""Errors of the service: of its members, its disk, its locks, its time limits, its router, its rights."""

_OWN_ID = re.compile(r"\bindex: (\S+\.\$)?_id_\b")
"""In the text of servers before 4.2, which do not name the key."""


@dataclass
class Outcome:
    """What became of documents: all that are neither in `failed` nor in `rejected` are in the database."""

    failed: list[Line] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    reason: str = ""
    """Why the last of those that failed did."""

    def add(self, other: "Outcome") -> None:
        """What became of further documents."""
        self.failed += other.failed
        self.rejected += other.rejected
        self.reason = other.reason or self.reason


def outcome_of(error: PyMongoError, documents: Sequence[Document]) -> Outcome:
    """What became of the documents of one unordered insert that ended with this error."""
    if not isinstance(error, BulkWriteError):
        return Outcome([one.line for one in documents], [], described(error))
    details = error.details or {}
    if unconfirmed := details.get("writeConcernErrors"):
        return Outcome([one.line for one in documents], [], f"MongoDB does not confirm: {_name(unconfirmed[0])}")
    outcome = Outcome()
    failures = [failure for failure in details.get("writeErrors", ()) if not _is_there(failure)]
    others_arrived = len(failures) < len(documents)
    for failure in failures:
        line = documents[failure["index"]].line
        if _is_its_own_fault(failure, others_arrived):
            outcome.rejected.append(Rejection(line, f"MongoDB refuses it: {_name(failure)}"))
        else:
            outcome.failed.append(line)
            outcome.reason = f"MongoDB does not take documents: {_name(failure)}"
    return outcome


def described(error: PyMongoError) -> str:
    """An error in words for the log: without anything of a document, and without secrets."""
    details = getattr(error, "details", None) or {}
    if isinstance(error, OperationFailure) or "code" in details:
        return f"MongoDB refuses: {_name({'code': getattr(error, 'code', None), **details})}"
    if isinstance(error, ServerSelectionTimeoutError):
        return f"no MongoDB that takes writes is found: {str(error).split(', Timeout:')[0][:300]}"
    if isinstance(error, ConnectionFailure):
        return f"the connection to MongoDB fails: {str(error)[:300]}"
    return f"the client of MongoDB fails: {type(error).__name__}"


def _is_its_own_fault(failure: Mapping[str, Any], others_arrived: bool) -> bool:
    """Whether a document will never be taken. An error that we do not know is its own fault if others arrived."""
    code = failure.get("code")
    return code in _REFUSED or (others_arrived and code not in _PASSING)


def _is_there(failure: Mapping[str, Any]) -> bool:
    """Whether a document is in the collection already. Another index than that of ids may be the operator's own."""
    if failure.get("code") != _DUPLICATE_KEY:
        return False
    if "keyPattern" in failure:
        return list(failure["keyPattern"]) == ["_id"]
    return bool(_OWN_ID.search(str(failure.get("errmsg"))))


def _name(failure: Mapping[str, Any]) -> str:
    code = failure.get("code")
    name = failure.get("codeName") or _REFUSED.get(code, "error") if isinstance(code, int) else "error"
    return f"{name} ({code})"
