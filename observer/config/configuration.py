"""The configuration of the observer: YAML of the reference's form, bound to the dataclasses of those who obey it.

`load` reads a file, `parse` a text; both tell everything that is wrong in one `ConfigError`. ``${NAME:default}`` is
expanded in every value before its type is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis.privacy import obscure
from ingest.sources import Sources
from observer.config.binding import NOTHING, Binder, Place
from observer.config.cluster_checks import cluster_notices, cluster_problems
from observer.config.environment import expand, unset
from observer.config.foreign import Notice, Status
from observer.config.guests import GuestSettings
from observer.config.hamok import Hamok
from observer.config.names import canonical
from observer.config.problems import ConfigError, Problem, nearest
from observer.config.reference_keys import PLACEHOLDER_SINK, REFERENCE_KEYS
from observer.config.scalars import duration, size
from observer.config.settings import Buffers, Endpoints, Evaluators, Memory, Metrics, Micronaut, Repository, Security
from observer.config.yaml_text import MOST_CHARACTERS, Block, read
from sinks import SINKS, ConfiguredSink, SinkUnavailable, sink_class
from sinks.settings import SinkSettings

__all__ = ["ConfigError", "Configuration", "Notice", "Observer", "Problem", "load", "parse"]

FILE_VARIABLES = ("MICRONAUT_CONFIG_FILES", "OBSERVER_CONFIG_FILE")
"""The variables by which the reference is told its file; the first that is set counts when no path is given."""

PORT_VARIABLES = {
    "APPLICATION_SERVER_PORT": "micronaut.server.port",
    "APPLICATION_MANAGEMENT_PORT": "endpoints.all.port",
}
"""The variables that stand in for a key which is not set."""

MOVED: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "micronaut.server.maxRequestSize": ("observer.sources.rest.maxBodySize", size),
    "micronaut.server.idleTimeout": ("observer.sources.websocket.idleTimeoutInS", duration),
}
"""Keys of the reference that have a better place here: where that is, and what their text means."""


def _bind_sinks(binder: Binder, raw: object, place: Place) -> object:
    if not isinstance(raw, Mapping):
        return binder.problem(place, "expected a mapping of names to sinks")
    blocks = {key: _bind_sink(binder, block, place.below(raw, key)) for key, block in raw.items()}
    return {key: block for key, block in blocks.items() if block is not NOTHING}


@dataclass(frozen=True, slots=True)
class Observer:
    """What the observer does with samples and reports."""

    metrics: Metrics = field(default_factory=Metrics)
    """What `/metrics` tells."""

    sources: Sources = field(default_factory=Sources)
    """Where samples are accepted."""

    repository: Repository = field(default_factory=Repository)
    """How long what is silent is kept."""

    buffers: Buffers = field(default_factory=Buffers)
    """What collects before it hands on."""

    memory: Memory = field(default_factory=Memory)
    """How a node has its memory."""

    security: Security = field(default_factory=Security)
    """What is told and what is hidden."""

    evaluators: Evaluators = field(default_factory=Evaluators)
    """What is made of the samples."""

    shutdown_grace_in_s: float = field(default=25.0, metadata={"minimum": 0, "maximum": 3600})
    """How long a node that is told to stop may take to deliver what it has accepted. (s)"""

    guests: GuestSettings = field(default_factory=GuestSettings)
    """Clients of other systems. Each is off unless its block is there; `rtcstats: {}` is enough."""

    hamok: Hamok = field(default_factory=Hamok)
    """The cluster that this node belongs to."""

    sinks: Mapping[str, ConfiguredSink] = field(default_factory=dict, metadata={"bind": _bind_sinks})
    """Where reports go: a block for each sink, under a name of your choice. Without any: a LoggerSink that counts."""

    def __post_init__(self) -> None:
        obscure(self.evaluators.obfuscator, self.security.obfuscations)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole file. Its `repr` shows secrets: print `observer.config.effective.effective` of it instead."""

    micronaut: Micronaut = field(default_factory=Micronaut)
    """The server that takes samples in; the block is named after the framework of the reference."""

    endpoints: Endpoints = field(default_factory=Endpoints)
    """The management endpoints."""

    observer: Observer = field(default_factory=Observer)
    """What the observer does with samples and reports."""

    notices: tuple[Notice, ...] = field(default=(), metadata={"yaml": False})
    """The keys that are set in the file and do nothing."""

    def __post_init__(self) -> None:
        samples, operators = self.micronaut.server, self.endpoints.all
        if samples.port and (samples.host, samples.port) == (operators.host, operators.port):
            raise ValueError("endpoints.all.port and micronaut.server.port are the same port of one address")


_TOP = Place()


def load(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """The configuration of a file; without a path, of the file that the environment names, else the defaults.

    Raises:
        ConfigError: The file cannot be read, or something in it is wrong.
    """
    named = path or next((Path(environ[name]) for name in FILE_VARIABLES if environ.get(name)), None)
    return parse(_text(named) if named else "", environ)


def parse(text: str, environ: Mapping[str, str]) -> Configuration:
    """The configuration of a YAML text.

    Raises:
        ConfigError: Something in it is wrong; it holds every problem.
    """
    binder = Binder()
    raw = _expanded(binder, read(text, binder.problems), environ)
    _move(binder, raw)
    _fill_in_ports(raw, environ)
    configuration = binder.instance(Configuration, raw, Place(foreign=REFERENCE_KEYS))
    if not binder.problems:
        _check_cluster(binder, configuration, raw)
    if binder.problems:
        _tell_unset(binder)
        raise ConfigError(sorted(binder.problems, key=lambda problem: problem.line or 0))
    assert isinstance(configuration, Configuration)  # noqa: S101 - without problems there is one
    return replace(configuration, notices=tuple(binder.notices))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(4 * MOST_CHARACTERS + 1).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([Problem("", f"cannot read the configuration file {str(path)!r}: {reason}")]) from None


def _expanded(binder: Binder, value: Any, environ: Mapping[str, str], place: Place = _TOP) -> Any:
    if isinstance(value, Block):
        for key, item in value.items():
            value[key] = _expanded(binder, item, environ, place.below(value, key))
        return value
    if isinstance(value, list):
        return [_expanded(binder, item, environ, place.item(i)) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in unset(value, environ):
        reason = f"the variable {name} is not set and has no default, so it stands for nothing"
        binder.notices.append(Notice(place.path, Status.DOUBTFUL, reason))
        binder.unset.append(Problem(place.path, reason, place.line))
    return expand(value, environ)


def _tell_unset(binder: Binder) -> None:
    """Where something is wrong, variables that are not set are part of it: often a secret that did not arrive."""
    wrong = [f"{problem.path}." for problem in binder.problems]
    binder.problems += [found for found in binder.unset if f"{found.path}.".startswith(tuple(wrong))]


def _move(binder: Binder, raw: Block) -> None:
    """Puts what stands under a key of `MOVED` where it belongs, unless something stands there already."""
    for source, (target, meaning) in MOVED.items():
        block, key = _find(raw, source)
        if block is None or key is None:
            continue
        text, line = block.pop(key), block.lines.get(key)
        try:
            if text is not None:
                _set_default(raw, target, str(meaning(str(text))), line)
        except ValueError as error:
            binder.problem(Place(source, line), str(error))


def _fill_in_ports(raw: Block, environ: Mapping[str, str]) -> None:
    for variable, target in PORT_VARIABLES.items():
        if environ.get(variable):
            _set_default(raw, target, environ[variable], None)


def _check_cluster(binder: Binder, configuration: Configuration, raw: Block) -> None:
    """Looks at what the cluster's block and other blocks can only get wrong together."""
    samples, operators = configuration.micronaut.server, configuration.endpoints.all
    taken = {
        "micronaut.server.port": (samples.host, samples.port),
        "endpoints.all.port": (operators.host, operators.port),
    }
    hamok, websocket = configuration.observer.hamok, configuration.observer.sources.websocket
    for keys, text in cluster_problems(hamok, taken):
        binder.problem(_place(raw, keys), text)
    binder.notices += cluster_notices(hamok, websocket.min_remote_peers)


def _place(raw: Block, keys: Sequence[str]) -> Place:
    """The place of a key, whether it is written in the file or not: the line is that of what is written above it."""
    block: object = raw
    place = Place()
    for key in keys:
        spelt = key if isinstance(block, Block) and key in block else _spelling(block, key)
        place = place.below(block if isinstance(block, Block) else Block(), spelt or key)
        block = block.get(spelt) if isinstance(block, Block) and spelt is not None else None
    return place


def _find(raw: Block, path: str) -> tuple[Block | None, str | None]:
    """The block that holds the path's last key, and that key as it is written there; both None if it is not there."""
    block: object = raw
    *above, last = path.split(".")
    for name in above:
        key = _spelling(block, name)
        block = block[key] if isinstance(block, Block) and key is not None else None
    return (block, _spelling(block, last)) if isinstance(block, Block) else (None, None)


def _spelling(block: object, name: str) -> str | None:
    return next((key for key in block if canonical(key) == name), None) if isinstance(block, Block) else None


def _set_default(raw: Block, path: str, value: str, line: int | None) -> None:
    """Sets a key that is absent or empty; leaves everything as it is where a block of the path is no mapping."""
    block = raw
    *above, last = path.split(".")
    for name in above:
        key = _spelling(block, name) or name
        if block.get(key) is None:
            block[key] = Block()
        below = block[key]
        if not isinstance(below, Block):
            return
        block = below
    key = _spelling(block, last) or last
    if block.get(key) is None:
        block[key] = value
        if line is not None:
            block.lines[key] = line


def _bind_sink(binder: Binder, raw: object, place: Place) -> Any:
    """One sink's block; `NOTHING` also for the README's placeholder: then a notice tells so."""
    if not isinstance(raw, Block):
        return binder.problem(place, "expected a mapping of keys to values")
    key = _spelling(raw, "config") or "config"
    at, config = place.below(raw, key), raw.pop(key, None)
    settings = binder.instance(SinkSettings, raw, place)
    if settings is NOTHING:
        return NOTHING
    if settings.type == PLACEHOLDER_SINK:
        return _left_out(binder, place, "the type is the README's placeholder: name a real one")
    if settings.type not in SINKS:
        return binder.problem(
            place.below(raw, "type"),
            f"unknown type of sink{nearest(settings.type, tuple(SINKS))}; known are {', '.join(SINKS)}",
        )
    try:
        sink = binder.instance(sink_class(settings.type), config, at)
    except SinkUnavailable as error:
        return binder.problem(place, str(error))
    return NOTHING if sink is NOTHING else ConfiguredSink(settings, sink)


def _left_out(binder: Binder, place: Place, reason: str) -> object:
    binder.notices.append(Notice(place.path, Status.LATER, reason))
    return NOTHING
