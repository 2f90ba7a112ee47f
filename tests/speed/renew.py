"""Measures anew what the guard of speed compares with, shows it beside what is stored, and stores it.

    python -m tests.speed.renew [--dearer] [--show]

Nothing is stored if a figure has grown, unless `--dearer` says that this is meant. `--show` stores nothing at all.
Needs Valgrind; takes a minute.
"""

import argparse
from collections.abc import Sequence
from datetime import date

from tests.speed.counts import counts
from tests.speed.figures import HEAD, HERE, MARGINS, changes, in_yardsticks, store, stored
from tests.speed.instructions import YARDSTICK, instructions, valgrind


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dearer", action="store_true", help="store what has grown, too")
    parser.add_argument("--show", action="store_true", help="store nothing")
    o = parser.parse_args(arguments)
    if valgrind() is None:
        print("Valgrind is needed: apt-get install valgrind")
        return 2
    counted = instructions()
    now = {**in_yardsticks(counted), **counts()}
    old = stored()
    found = [*changes(old or {}, now)]
    print(f"{HERE}; a yardstick is {counted[YARDSTICK]:,.0f} instructions", HEAD, *found, sep="\n")
    # Less than a quarter of the margin is how two runs differ.
    grown = [one for one in found if one.now > one.stored + MARGINS[one.kind].of(one.stored) / 4]
    if o.show:
        return 0
    if old is not None and grown and not o.dearer:
        print("\nNothing is stored, for these have grown. If that is meant: --dearer", *grown, sep="\n")
        return 1
    store(now, date.today().isoformat())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
