"""Binds plain mappings, lists and text to dataclasses.

A dataclass says all there is to know about its block: the YAML keys are its fields in camelCase, the types are the
annotations, the defaults are its own. ``field(metadata={"minimum": 1, "maximum": 65535})`` bounds a number, which
is otherwise never negative;
``metadata={"parse": function}`` reads text in a way of its own (raising ValueError with a text for the operator);
``metadata={"bind": function}`` takes over the value wholly; ``metadata={"yaml": False}`` keeps a field out of YAML.
A ``__post_init__`` may raise ValueError for what only several fields together can get wrong.

Understood types: dataclasses, str, int, float, bool, enums (values or names, in any case), Literal, ``T | None``, list,
tuple and frozenset (also text with commas), dict with text or enum keys, and object (taken as it is).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from observer.config.foreign import EMPTY, Branch, Notice
from observer.config.names import canonical
from observer.config.problems import ConfigError, Problem, nearest, one_of, shown
from observer.config.scalars import READERS, WORDS
from observer.config.yaml_text import Block
from schemas.names import camel_case

T = TypeVar("T")

_LISTS: Mapping[object, Callable[[list[Any]], object]] = {
    list: list,
    Sequence: tuple,
    tuple: tuple,
    frozenset: frozenset,
}


def bind(cls: type[T], value: object, path: str = "") -> T:
    """An instance of the dataclass from a mapping such as `observer.config.yaml_text.read` returns.

    Raises:
        ConfigError: Something does not fit; it holds every problem that was found.
    """
    binder = Binder()
    instance = binder.instance(cls, value, Place(path))
    if binder.problems:
        raise ConfigError(binder.problems)
    assert isinstance(instance, cls)  # noqa: S101 - without problems there is an instance
    return instance


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the configuration: the path, the line if known, and what is known there beside our dataclasses."""

    path: str = ""
    line: int | None = None
    foreign: Branch = EMPTY

    def below(self, block: Mapping[str, object], key: str) -> Place:
        """The place of a mapping's key."""
        line = block.lines.get(key, self.line) if isinstance(block, Block) else self.line
        name = shown(key)
        return Place(f"{self.path}.{name}" if self.path else name, line, self.foreign.child(canonical(key)) or EMPTY)

    def item(self, index: int) -> Place:
        """The place of a list's item."""
        return replace(self, path=f"{self.path}[{index}]")


class _Nothing:
    """The absence of a value because a problem was recorded in its stead."""


NOTHING = _Nothing()


class Binder:
    """One binding of a whole configuration; collects every problem, and a notice for every key that does nothing.

    Every method returns `NOTHING` when it recorded a problem.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self.unset: list[Problem] = []

    def problem(self, place: Place, text: str) -> _Nothing:
        """Records a problem."""
        self.problems.append(Problem(place.path, text, place.line))
        return NOTHING

    def instance(self, cls: type, raw: object, place: Place, base: object = None) -> Any:
        """The dataclass from a mapping; a key that is absent, or has nothing behind it, keeps the default.

        The defaults are those of `base` if an instance is given, else those of the class.
        """
        if not isinstance(raw, Mapping) and raw is not None:
            return self.problem(place, "expected a mapping of keys to values")
        mine = {camel_case(f.name): f for f in fields(cls) if f.metadata.get("yaml", True)}
        given = self._keys(raw or {}, mine, place)
        hints = get_type_hints(cls)
        arguments: dict[str, object] = {}
        for name, f in mine.items():
            value, at = given.get(name, (None, place))
            default = _default(f, base)
            if value is not None:
                arguments[f.name] = self._field(f, hints[f.name], value, at, default)
            elif default is not MISSING:
                arguments[f.name] = default
            else:
                arguments[f.name] = self.problem(place, f"{name} is required")
        if any(value is NOTHING for value in arguments.values()):
            return NOTHING
        try:
            return cls(**arguments)
        except ValueError as error:
            return self.problem(place, str(error))

    def foreign(self, raw: object, place: Place) -> None:
        """Checks what stands at a place that no dataclass knows; notes what does nothing."""
        self._note(place)
        if not isinstance(raw, Mapping):
            return
        for key, value in raw.items():
            at = place.below(raw, key)
            if place.foreign.child(canonical(key)) is None:
                self._unknown(at, key, place.foreign.names())
            else:
                self.foreign(value, at)

    def value(self, kind: Any, raw: object, place: Place, rules: Mapping[str, Any] | None = None) -> Any:
        """The value of the annotated type."""
        origin = get_origin(kind)
        if origin in (Union, UnionType):
            return self._union(get_args(kind), raw, place, rules)
        if kind is object or kind is Any:
            return raw
        if is_dataclass(kind) and isinstance(kind, type):
            return self.instance(kind, raw, place)
        if origin is Literal:
            return self._choice(get_args(kind), raw, place)
        if origin in _LISTS:
            return self._list(origin, get_args(kind)[0], raw, place, rules)
        if origin in (dict, Mapping):
            return self._dict(get_args(kind), raw, place, rules)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return self._enum(kind, raw, place)
        return self._scalar(kind, raw, place, rules or {})

    def _keys(
        self, raw: Mapping[str, object], mine: Mapping[str, object], place: Place
    ) -> dict[str, tuple[object, Place]]:
        given: dict[str, tuple[object, Place]] = {}
        for key, value in raw.items():
            at, name = place.below(raw, key), canonical(key)
            if name in mine:
                if name in given:
                    self.problem(at, f"{name} is given twice, in two spellings")
                given[name] = (value, at)
                self._note(at)
            elif place.foreign.child(name) is not None:
                self.foreign(value, at)
            else:
                self._unknown(at, key, (*mine, *place.foreign.names()))
        return given

    def _note(self, place: Place) -> None:
        if (row := place.foreign.row) is not None:
            self.notices.append(Notice(place.path, row.status, row.reason))

    def _unknown(self, place: Place, key: str, known: Sequence[str]) -> None:
        self.problem(place, f"unknown key{nearest(canonical(key), known)}")

    def _field(self, f: Field[Any], kind: Any, raw: object, place: Place, default: object) -> object:
        if (function := f.metadata.get("bind")) is not None:
            return function(self, raw, place)
        if (parse := f.metadata.get("parse")) is not None:
            return self._parsed(parse, raw, place)
        if is_dataclass(kind) and isinstance(kind, type):
            return self.instance(kind, raw, place, base=default if isinstance(default, kind) else None)
        return self.value(kind, raw, place, f.metadata)

    def _parsed(self, parse: Callable[[str], object], raw: object, place: Place) -> object:
        if isinstance(raw, (Mapping, list)):
            return self.problem(place, "expected a single value")
        try:
            return parse(str(raw))
        except ValueError as error:
            return self.problem(place, str(error))

    def _union(self, kinds: tuple[Any, ...], raw: object, place: Place, rules: Mapping[str, Any] | None) -> object:
        if raw is None and NoneType in kinds:
            return None
        problems: list[Problem] = []
        for kind in (kind for kind in kinds if kind is not NoneType):
            attempt = Binder()
            value = attempt.value(kind, raw, place, rules)
            if not attempt.problems:
                self.notices += attempt.notices
                return value
            problems = problems or attempt.problems
        self.problems += problems
        return NOTHING

    def _list(self, origin: Any, kind: Any, raw: object, place: Place, rules: Mapping[str, Any] | None) -> object:
        # One variable of the environment can hold a list only as text.
        items = [item.strip() for item in raw.split(",")] if isinstance(raw, str) else raw
        if not isinstance(items, list):
            return self.problem(place, "expected a list")
        values = [self.value(kind, item, place.item(i), rules) for i, item in enumerate(items)]
        return NOTHING if any(value is NOTHING for value in values) else _LISTS[origin](values)

    def _dict(self, kinds: tuple[Any, ...], raw: object, place: Place, rules: Mapping[str, Any] | None) -> object:
        if not isinstance(raw, Mapping):
            return self.problem(place, "expected a mapping of keys to values")
        result: dict[object, object] = {}
        for key, item in raw.items():
            at = place.below(raw, key)
            name = key if kinds[0] is str else self.value(kinds[0], canonical(key), at)
            result[name] = self.value(kinds[1], item, at, rules)
        return NOTHING if any(NOTHING in pair for pair in result.items()) else result

    def _enum(self, kind: type[Enum], raw: object, place: Place) -> object:
        members = {_folded(word): member for member in kind for word in (member.name, str(member.value))}
        member = members.get(_folded(raw)) if isinstance(raw, str) else None
        return member or self._not_one_of([str(member.value) for member in kind], raw, place)

    def _choice(self, choices: tuple[Any, ...], raw: object, place: Place) -> object:
        chosen = {_folded(str(choice)): choice for choice in choices}
        found = chosen.get(_folded(raw), NOTHING) if isinstance(raw, str) else NOTHING
        return self._not_one_of([str(choice) for choice in choices], raw, place) if found is NOTHING else found

    def _not_one_of(self, names: list[str], raw: object, place: Place) -> _Nothing:
        return self.problem(place, f"expected {one_of(names)}{nearest(raw, names) if isinstance(raw, str) else ''}")

    def _scalar(self, kind: Any, raw: object, place: Place, rules: Mapping[str, Any]) -> object:
        if isinstance(raw, (Mapping, list)) or raw is None:
            return self.problem(place, f"expected {WORDS.get(kind, 'a single value')}")
        try:
            value = READERS[kind](str(raw))
        except ValueError as error:
            return self.problem(place, str(error))
        return self._bounded(value, place, rules) if isinstance(value, (int, float)) else value

    def _bounded(self, value: float, place: Place, rules: Mapping[str, Any]) -> object:
        minimum, maximum = rules.get("minimum", 0), rules.get("maximum")
        if value < minimum:
            return self.problem(place, f"must be at least {minimum}")
        if maximum is not None and value > maximum:
            return self.problem(place, f"must be at most {maximum}")
        return value


def _default(f: Field[Any], base: object) -> object:
    if base is not None:
        return getattr(base, f.name)
    return f.default_factory() if f.default_factory is not MISSING else f.default


def _folded(word: str) -> str:
    return re.sub(r"[-_ ]", "", word).lower()
