"""Whether a push of client metrics is as it should be; if not, all that is wrong with it, at once.

Problems are told as pages of Jitsi's client metrics know them: those of the validation library Joi, whose types, texts
and contexts are part of the interface. What Joi would convert and the receiver then fails at (numbers as text) is
converted here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, NamedTuple

from schemas.client_metrics import CONNECTION_QUALITY, PLAIN_FAMILIES, TRANSPORT_RTT

MOST_PROBLEMS = 100
"""How many problems are told of one push; it is not looked at further then."""

LONGEST_ID = 255
"""How long the id of a participant may be. (characters)"""

Step = str | int
Path = tuple[Step, ...]
Problem = Mapping[str, Any]
"""What is wrong: ``message``, ``path``, ``type`` and ``context``."""

_GUID_DIGITS = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_GUID = re.compile(
    "|".join(
        opened + _GUID_DIGITS + closed for opened, closed in (("", ""), (r"\{", r"\}"), (r"\[", r"\]"), (r"\(", r"\)"))
    ),
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?\s*", re.IGNORECASE)
_LARGEST_NUMBER = 2**53 - 1
_MISSING = object()


class Checked(NamedTuple):
    """A push whose numbers are numbers, and what is wrong with it; it is of use only if nothing is."""

    push: Any
    problems: Sequence[Problem]


def checked(body: Any) -> Checked:
    """The JSON value of a push, looked at."""
    checking = _Checking()
    push = checking.look(body)
    return Checked(push, checking.problems)


class _Full(Exception):
    """There are enough problems."""


Rule = Callable[["_Checking", Path, Any], Any]
"""Looks at the value in a place and tells what is wrong with it; gives the value as it is to be taken."""


class _Checking:
    """Gathers problems."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def look(self, body: Any) -> Any:
        """Looks at a whole push."""
        try:
            push = _PUSH(self, (), body)
            if not self.problems and "metrics" not in push:
                # Joi would let it pass; so it is told only where Joi would find nothing.
                self.tell(("metrics",), "any.required", "is required", {}, _MISSING)
            return push
        except _Full:
            return None

    def tell(self, path: Path, type_: str, text: str, before: Mapping[str, Any], value: object) -> None:
        """Notes a problem of the value in a place. A context begins with what is special to its type."""
        if len(self.problems) >= MOST_PROBLEMS:
            raise _Full
        label = _label(path)
        context = {**before, "label": label}
        if "value" not in before and value is not _MISSING:
            context["value"] = value
        if path:
            context["key"] = path[-1]
        message = f'"{label}" {text}'
        self.problems.append({"message": message, "path": list(path), "type": type_, "context": context})


def _label(path: Path) -> str:
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return written.removeprefix(".") or "value"


def _object(members: Mapping[str, Rule], required: Sequence[str] = ()) -> Rule:
    def rule(at: _Checking, path: Path, value: Any) -> Any:
        if not isinstance(value, dict):
            at.tell(path, "object.base", "must be of type object", {"type": "object"}, value)
            return value
        taken = dict(value)
        for name, member in members.items():
            if name in value:
                taken[name] = member(at, (*path, name), value[name])
            elif name in required:
                at.tell((*path, name), "any.required", "is required", {}, _MISSING)
        for name in value:
            if name not in members:
                at.tell((*path, name), "object.unknown", "is not allowed", {"child": name}, value[name])
        return taken

    return rule


def _list(member: Rule) -> Rule:
    def rule(at: _Checking, path: Path, value: Any) -> Any:
        if not isinstance(value, list):
            at.tell(path, "array.base", "must be an array", {}, value)
            return value
        return [member(at, (*path, number), one) for number, one in enumerate(value)]

    return rule


def _text(*allowed: str | None, then: Rule | None = None) -> Rule:
    def rule(at: _Checking, path: Path, value: Any) -> Any:
        if value in allowed and (value is None or isinstance(value, str)):
            return value
        if not isinstance(value, str):
            at.tell(path, "string.base", "must be a string", {}, value)
        elif value == "":
            at.tell(path, "string.empty", "is not allowed to be empty", {}, value)
        elif then is not None:
            then(at, path, value)
        return value

    return rule


def _guid(at: _Checking, path: Path, value: str) -> None:
    if not _GUID.fullmatch(value):
        at.tell(path, "string.guid", "must be a valid GUID", {}, value)


def _no_longer_than(most: int) -> Rule:
    def rule(at: _Checking, path: Path, value: str) -> None:
        if len(value) > most:
            text = f"length must be less than or equal to {most} characters long"
            at.tell(path, "string.max", text, {"limit": most, "value": value}, value)

    return rule


def _address(at: _Checking, path: Path, value: str) -> None:
    if not _is_address(value):
        text = "must be a valid ip address of one of the following versions [ipv4, ipv6] with a forbidden CIDR"
        at.tell(
            path, "string.ipVersion", text, {"value": value, "cidr": "forbidden", "version": ["ipv4", "ipv6"]}, value
        )


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return "%" not in value


def _protocol(at: _Checking, path: Path, value: Any) -> Any:
    if value not in ("tcp", "udp", None):
        at.tell(path, "any.only", "must be one of [tcp, udp, null]", {"valids": ["tcp", "udp", None]}, value)
        _text()(at, path, value)
    return value


def _number(least: float | None = None, most: float | None = None) -> Rule:
    def rule(at: _Checking, path: Path, value: Any) -> Any:
        if value is None:
            return None
        number = _number_of(value)
        if number is None:
            at.tell(path, "number.base", "must be a number", {}, value)
        elif abs(number) > _LARGEST_NUMBER:
            at.tell(path, "number.unsafe", "must be a safe number", {}, value)
        elif least is not None and number < least:
            at.tell(path, "number.min", f"must be greater than or equal to {least}", _limit(least, value), value)
        elif most is not None and number > most:
            at.tell(path, "number.max", f"must be less than or equal to {most}", _limit(most, value), value)
        return number

    return rule


def _limit(limit: float, value: object) -> Mapping[str, Any]:
    return {"limit": limit, "value": value}


def _number_of(value: Any) -> float | None:
    """A number, or text that is one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


_MAY_BE_NULL = _text(None)
_ANY_VALUE = _object({"value": _number()})
_QUALITY = _object(
    {
        "labels": _object({"serverregion": _MAY_BE_NULL, "username": _MAY_BE_NULL}),
        "value": _number(0, 100),
    }
)
_ADDRESS = _text("undefined", None, then=_address)
_TRANSPORT = _object(
    {
        "labels": _object(
            {"src_ip": _ADDRESS, "dst_ip": _ADDRESS, "protocol": _protocol, "networkType": _text("", None)}
        ),
        "value": _number(),
    }
)
_PUSH = _object(
    {
        "default_labels": _object(
            {
                "client_id": _text(then=_guid),
                "participant_id": _text(then=_no_longer_than(LONGEST_ID)),
                "roomname": _text(),
            },
            required=("client_id", "participant_id", "roomname"),
        ),
        "metrics": _object(
            {
                CONNECTION_QUALITY: _QUALITY,
                **dict.fromkeys(PLAIN_FAMILIES, _ANY_VALUE),
                TRANSPORT_RTT: _list(_TRANSPORT),
            }
        ),
    },
    required=("default_labels",),
)
