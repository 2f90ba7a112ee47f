"""Types that a configuration names: found by their name, and loaded only then."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple


class Source(NamedTuple):
    """Where the class of a type is: its module, its name, and the extra of this distribution that it needs, if any."""

    module: str
    name: str
    extra: str | None = None


def loaded(of: str, type_name: str, sources: Mapping[str, Source]) -> Any:
    """The class of a type of sink, or of whatever else `of` says.

    Raises ValueError, with a text for the operator: it names the nearest known type, or the extra to install.
    """
    if type_name not in sources:
        nearest = get_close_matches(type_name, sources, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(sorted(sources))}"
        raise ValueError(f"there is no such type of {of}; {hint}")
    source = sources[type_name]
    try:
        module = import_module(source.module)
    except ImportError as error:
        if source.extra is None:
            raise
        missing = f"{error.name}, which" if isinstance(error, ModuleNotFoundError) else "what"
        extra = f"pip install 'webrtc-observer[{source.extra}]'"
        raise ValueError(f"{type_name} needs {missing} is not installed: {extra}") from error
    return getattr(module, source.name)
