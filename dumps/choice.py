"""A part of dumps of which there are several types: what its block ``{type, config}`` of the configuration chooses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sinks.loading import Source, loaded


@dataclass(frozen=True)
class _Written:
    """What stands in the configuration, before the type has said what `config` may hold."""

    type: str
    config: object = None


def bound(of: str, default: str, sources: Mapping[str, Source], chosen: Callable[[str, Any], object]) -> Any:
    """Binds such a block (a function for the metadata of a field: see `observer.config.binding`).

    What `config` holds depends on `type`, which is the `default` where it is absent. `chosen` takes both.
    """

    def bind(binder: Any, raw: object, place: Any) -> Any:
        written = binder.instance(_Written, raw, place, _Written(default))
        if not isinstance(written, _Written):
            return written
        type_name = written.type.lower()
        try:
            class_ = loaded(of, type_name, sources)
        except ValueError as error:
            return binder.problem(place, f"type: {error}")
        config = binder.instance(class_, written.config, place.below(raw, "config"))
        return chosen(type_name, config) if isinstance(config, class_) else config

    return bind
