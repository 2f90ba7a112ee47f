"""How a failure is told in the log: enough to act on, and nothing that a client wrote."""

from pathlib import PurePath
from traceback import extract_tb

import trio

from sinks.sink import NotDelivered


def described(failure: BaseException) -> str:
    """One line about an exception of a sink.

    The text of an exception that we do not know may quote a report, so those are told by their type and place.
    """
    name = type(failure).__name__
    if isinstance(failure, (OSError, NotDelivered)):
        return f"{name}: {failure}"
    if isinstance(failure, trio.TooSlowError):
        return "it took too long"
    frames = extract_tb(failure.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"unexpected {name}{where}"


def sole(failure: Exception) -> Exception:
    """The one exception that a group holds, through any number of groups; a group of several as it is."""
    while isinstance(failure, ExceptionGroup) and len(failure.exceptions) == 1:
        failure = failure.exceptions[0]
    return failure
