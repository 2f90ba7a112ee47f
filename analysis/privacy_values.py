"""What must not be told, within the values of a sample: texts, and JSON in objects or written as text.

Nothing is changed in place: a value that holds nothing to hide is handed back as it is.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson

from analysis.privacy_addresses import UNSPECIFIED, without_addresses

Names = Sequence[tuple[str, str]]
"""What a sample's own user and room are called, each with its hash; the longer one first."""

_HASHES, _LONGEST_HASHED = 10_000, 255
_TEXTS, _LONGEST_TEXT = 4_096, 128
_KEYS, _LONGEST_KEY = 4_096, 64
_WORDS = 4_096
"""How many hashes, searched texts, keys and short names are remembered, and up to which length: 30 MB at worst."""

_DEEPEST = 64
"""What is nested deeper than this is left out."""

_JSON, _BASE64 = frozenset("{[ \r\n\t"), frozenset("eW")
"""How an object or a list begins, plain and in base64."""

_SEARCHED, _WORD = 3, 6
"""From these lengths on, a name is looked for in texts: first as a word of its own, then wherever it stands.
(characters)"""


_USER, _ROOM, _ADDRESS, _ANYTHING = "user", "room", "address", "anything"


def hashing(algorithm: str, salt: str) -> Callable[[str], str]:
    """The function from a text to the digest of the text followed by the salt, in hexadecimal; both as UTF-8."""
    tail = salt.encode()

    def digest(text: str) -> str:
        return hashlib.new(algorithm, text.encode(errors="surrogatepass") + tail).hexdigest()

    remembered = lru_cache(_HASHES)(digest)
    return lambda text: remembered(text) if len(text) <= _LONGEST_HASHED else digest(text)


class Hiding:
    """Replaces what `addresses`, `rooms` and `users` say by its hash."""

    def __init__(self, hashed: Callable[[str], str], *, addresses: bool, rooms: bool, users: bool) -> None:
        self.hashed = hashed
        hidden = {_ADDRESS: addresses, _ROOM: rooms, _USER: users}
        self._hidden = frozenset(meaning for meaning, hide in hidden.items() if hide)
        self._addresses = addresses
        self._searched = lru_cache(_TEXTS)(self._search)

    def names(self, user_id: str | None, room_id: str | None) -> Names:
        """What is to be hidden wherever it stands in a sample of this user in this room."""
        own = {user_id if _USER in self._hidden else None, room_id if _ROOM in self._hidden else None}
        long_enough = [name for name in own if name and len(name) >= _SEARCHED]
        return sorted(((name, self.hashed(name)) for name in long_enough), key=lambda pair: -len(pair[0]))

    def member(self, key: str, value: Any, names: Names, deepest: int = _DEEPEST) -> Any:
        """What stands behind a key of an object; the key may say that all of it is to be hidden."""
        meaning = _meaning_of(key)
        if meaning in self._hidden:
            if type(value) is int:
                return self.hashed(str(value))
            if type(value) is str and value and value not in UNSPECIFIED:
                found = self.text(value, names, deepest) if meaning is _ADDRESS else value
                return self.hashed(value) if found == value else found
        return self.value(value, names, deepest)

    def value(self, value: Any, names: Names, deepest: int = _DEEPEST) -> Any:
        """Anything that JSON can hold."""
        kind = type(value)
        if kind is str:
            return self.text(value, names, deepest)
        if kind is dict:
            return self._object(value, names, deepest - 1) if deepest else None
        if kind is list:
            return [self.value(entry, names, deepest - 1) for entry in value] if deepest else None
        return self._number(value, names) if kind is int else value

    def text(self, text: str, names: Names, deepest: int = _DEEPEST) -> str:
        """A text, which may be JSON, or JSON in base64."""
        begin = text[:1]
        if begin in _JSON and deepest:
            text = self._json(text, names, deepest - 1) or without_names(text, names)
        elif begin in _BASE64 and deepest:
            text = self._base64(text, names, deepest - 1) or without_names(text, names)
        else:
            for name, _ in names:
                if name in text:
                    text = without_names(text, names)
                    break
        if not self._addresses:
            return text
        return self._searched(text) if len(text) <= _LONGEST_TEXT else self._search(text)

    def _search(self, text: str) -> str:
        return without_addresses(text, self.hashed)

    def _object(self, value: Mapping[str, Any], names: Names, deepest: int) -> dict[str, Any]:
        return {self.text(key, names, 0): self.member(key, entry, names, deepest) for key, entry in value.items()}

    def _json(self, text: str, names: Names, deepest: int) -> str | None:
        """The text, if it is JSON; as it is if nothing in it is to be hidden."""
        try:
            value = orjson.loads(text)
            hidden = self.value(value, names, deepest)
            if hidden == value and not any(name in text for name, _ in names):
                return text
            return orjson.dumps(hidden).decode()
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return None

    def _base64(self, text: str, names: Names, deepest: int) -> str | None:
        """The text, if it is an object or a list in base64."""
        try:
            plain = b64decode(text, validate=True).decode()
        except ValueError:
            return None
        hidden = self._json(plain, names, deepest)
        return None if hidden is None else text if hidden == plain else b64encode(hidden.encode()).decode()

    @staticmethod
    def _number(value: int, names: Names) -> int | str:
        if names and value >= 10 ** (_WORD - 1):
            told = str(value)
            for name, hidden in names:
                if told == name:
                    return hidden
        return value


def without_names(text: str, names: Names) -> str:
    """The text with the hash of each name in its place."""
    for position, (name, hidden) in enumerate(names):
        if name in text:
            others = [other for other in names[position + 1 :] if other[0] in text]
            parts = _parts(text, name)
            return hidden.join([without_names(part, others) for part in parts] if others else parts)
    return text


def _parts(text: str, name: str) -> list[str]:
    """What is between the places where the name stands."""
    return text.split(name) if len(name) >= _WORD else _as_word(name).split(text)


@lru_cache(_WORDS)
def _as_word(name: str) -> re.Pattern[str]:
    """Finds the name where no letter or digit is next to it."""
    return re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])")


def _meaning_of(key: str) -> str:
    return _meaning(key) if len(key) <= _LONGEST_KEY else _ANYTHING


@lru_cache(_KEYS)
def _meaning(key: str) -> str:
    word = key.replace("_", "").replace("-", "").lower()
    if word.endswith("userid"):
        return _USER
    if word.endswith("roomid"):
        return _ROOM
    if word.endswith("address") or word == "ip" or key.endswith(("Ip", "IP", "_ip")):
        return _ADDRESS
    return _ANYTHING
