"""The one place that turns a name of ours into a name of the wire, and back.

Python says ``max_time_in_ms``, YAML and JSON say ``maxTimeInMs``; the reference also accepted ``max-time-in-ms``.
"""

import re

_BREAK = re.compile(r"[-_]+([^-_]?)")
_CAPITAL = re.compile(r"[A-Z]")


def camel_case(name: str) -> str:
    """``max_time_in_ms`` or ``max-time-in-ms`` as ``maxTimeInMs``; a name that is camelCase already stays as it is."""
    return _BREAK.sub(lambda match: match[1].upper(), name.strip("-_"))


def snake_case(name: str) -> str:
    """``maxTimeInMs`` as ``max_time_in_ms``: one underscore before every capital letter."""
    return _CAPITAL.sub(lambda match: f"_{match[0].lower()}", name)
