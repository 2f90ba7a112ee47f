"""The addresses of people in a dump, made unreadable line by line, wherever the two libraries tell addresses.

Those are candidates, descriptions, statistics, errors of candidates, ``publicIP`` and what the dump's head says of the
connection; not what applications and servers tell of their own, nor the labels of devices. A line that tells none
stays as it is, byte by byte.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from dumps.addresses import masked, masked_candidate, masked_sdp, masked_text, rewritten_candidate
from dumps.formats import Kind
from schemas.rtcstats_tables import METHODS

_MOST_RELAYS = 10_000
"""Of so many candidates is remembered that they are relays; the addresses of more are masked like those of people."""
_TYPES = ("candidateType", "136")
_ADDRESSES = ("address", "134", "147", "ipAddress")
"""Of a candidate itself, which may be a relay. 147 is not given to any member any more."""
_RELATED = ("relatedAddress", "141", "googLocalAddress", "googRemoteAddress")
_ALL = (*_RELATED, *_ADDRESSES, "ip")
_DESCRIBED = frozenset(
    (
        *("setLocalDescription", "setLocalDescriptionOnSuccess"),
        *("setRemoteDescription", "setRemoteDescriptionOnSuccess"),
        *("createOfferOnSuccess", "createAnswerOnSuccess"),
    )
)
_CANDIDATES = frozenset(("addIceCandidate", "onicecandidate"))
_STATS = frozenset(("getStats", "getstats"))


def read_json(line: bytes) -> Any:
    """What a line says. Raises ValueError where it is no JSON, as those read it whose tools read dumps."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # A lone half of a surrogate pair, which JavaScript takes and sends, is no text to it.
        try:
            return json.loads(line, parse_constant=_no_json)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


def _no_json(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


class Obfuscation:
    """Of one dump, whose lines come in their order: what an earlier one tells of a candidate holds for a later one."""

    def __init__(self, kind: Kind) -> None:
        self._rewrites = kind is Kind.RTCSTATS
        self._relays: set[tuple[str, str]] = set()
        self._changed = False

    def line(self, line: bytes, message: Any) -> bytes:
        """The line, given what it says (`read_json`), which this may change.

        Raises ValueError where it cannot be written any more: a line that is nested too deeply.
        """
        self._changed = False
        match message:
            case [int() | str() as method, peer_connection, value, *_]:
                mask = self._mask_of(METHODS.get(str(method), method), str(peer_connection))
                if mask is not None:
                    message[2] = mask(value)
            case {"remoteAddresses": list()}:
                self._replace(message, "remoteAddresses", _masked_all)
        return _written(message) if self._changed else line

    def _mask_of(self, method: object, peer_connection: str) -> Callable[[Any], Any] | None:
        if method in _STATS:
            return lambda value: self._stats(value, peer_connection, drops_ip=method == "getStats")
        if method in _CANDIDATES:
            return self._candidate
        if method in _DESCRIBED:
            return self._description
        if method == "onicecandidateerror":
            return self._error
        return self._public_address if method == "publicIP" else None

    def _candidate(self, value: Any) -> Any:
        change = rewritten_candidate if self._rewrites else masked_candidate
        if isinstance(value, str):
            return self._noted(value, change(value))
        if isinstance(value, dict):
            self._replace(value, "candidate", lambda text: change(text) if isinstance(text, str) else text)
            is_relay = value.get("type") == "relay"
            self._mask(value, _RELATED if is_relay else _ALL)
        return value

    def _description(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._noted(value, masked_sdp(value, rewritten=self._rewrites)) if "\n" in value else value
        if isinstance(value, dict) and isinstance(value.get("sdp"), str):
            self._replace(value, "sdp", lambda sdp: masked_sdp(sdp, rewritten=self._rewrites))
        return value

    def _stats(self, value: Any, peer_connection: str, *, drops_ip: bool) -> Any:
        if not isinstance(value, dict):
            return value
        for id_, report in value.items():
            key = (peer_connection, id_)
            if not isinstance(report, dict):
                self._relays.discard(key)
                continue
            is_relay = self._is_relay(key, report)
            if drops_ip and "ip" in report:
                del report["ip"]
                self._changed = True
            self._mask(report, _RELATED if is_relay else _ALL)
        return value

    def _is_relay(self, key: tuple[str, str], report: Mapping[str, Any]) -> bool:
        types = [report[name] for name in _TYPES if name in report]
        if not types:
            return key in self._relays
        if "relay" not in types:
            self._relays.discard(key)
            return False
        if len(self._relays) < _MOST_RELAYS:
            self._relays.add(key)
        return True

    def _error(self, value: Any) -> Any:
        if isinstance(value, dict):
            self._mask(value, ("address", "hostCandidate"))
            self._replace(value, "errorText", lambda text: masked_text(text) if isinstance(text, str) else text)
        return value

    def _public_address(self, value: Any) -> Any:
        return self._noted(value, _masked_all(value))

    def _mask(self, members: dict[str, Any], names: tuple[str, ...]) -> None:
        for name in names:
            if name in members:
                self._replace(members, name, _masked_all)

    def _replace(self, members: dict[str, Any], name: str, change: Callable[[Any], Any]) -> None:
        if name in members:
            members[name] = self._noted(members[name], change(members[name]))

    def _noted(self, old: Any, new: Any) -> Any:
        self._changed = self._changed or new != old
        return new


def _masked_all(value: Any) -> Any:
    """An address, or a list of some; anything else as it is."""
    match value:
        case str():
            return masked(value)
        case list():
            return [masked(one) if isinstance(one, str) else one for one in value]
    return value


def _written(message: Any) -> bytes:
    try:
        return orjson.dumps(message)
    except TypeError:  # half a surrogate pair, a number beyond 64 bits, or more depth than it writes
        try:
            return json.dumps(message, separators=(",", ":")).encode()
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error
