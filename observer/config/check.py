"""``webrtc-observer check``: what a configuration comes to, or all that is wrong with it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from observer.config import load
from observer.config.effective import effective
from observer.config.problems import ConfigError


def check(path: Path | None, environ: Mapping[str, str], out: TextIO, err: TextIO | None = None) -> int:
    """Prints the effective configuration, secrets masked, and a comment for every key that is set and does nothing.

    Returns 0; or 2 when the configuration cannot be used: then every problem stands on a line of `err` (standard error
    unless given), and nothing on `out`.
    """
    try:
        configuration = load(path, environ)
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=err or sys.stderr)
        return 2
    out.write(effective(configuration))
    for notice in configuration.notices:
        # The names of a file may not be writable in the encoding of a terminal.
        out.write(f"# {str(notice).encode('ascii', 'backslashreplace').decode()}\n")
    return 0
