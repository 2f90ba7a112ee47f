"""``${NAME}`` and ``${NAME:default}`` in the values of a configuration."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(
    r"""\$\{
        (?P<name>[A-Za-z_][A-Za-z0-9_.-]*)
        (?: :(?: `(?P<quoted>[^`]*)` | (?P<plain>[^}]*) ) )?
    \}""",
    re.VERBOSE,
)


def expand(text: str, environ: Mapping[str, str]) -> str:
    """The text with every reference replaced by the variable's value, else by its default, else by nothing.

    A default may stand in backticks, so that it can hold a closing brace. What is put in is not expanded again.
    Text that is not such a reference stays as it is.
    """

    def value(match: re.Match[str]) -> str:
        default = match["quoted"] if match["quoted"] is not None else match["plain"]
        return environ.get(match["name"], default or "")

    return _REFERENCE.sub(value, text)


def unset(text: str, environ: Mapping[str, str]) -> list[str]:
    """The variables that are not there although the text refers to them without a default."""
    return [
        found["name"]
        for found in _REFERENCE.finditer(text)
        if found["quoted"] is None and found["plain"] is None and found["name"] not in environ
    ]
