"""Targets of speed and what came of them, each measured on real processes of this machine.

    python -m benchmarks.table [--only ROW,...] [--rounds 3] [--json FILE]

Processor time is that of the server's process, all threads, user and system, from before the first message until it is
idle again. Servers that are compared take turns within one run, the first round warms up, and the middle of the others
is told with its range; only the nodes of 10,000 and of 100 clients are loaded at the same time, without a pause, for
windows of 30 seconds. A row without its peer (observer-js needs node and npm) tells our own figures alone.

With `--json` the results are put into FILE, where rows that were not measured stay as they are.
"""

import argparse
from pathlib import Path

import trio

from benchmarks.interpreter import described
from benchmarks.table.measuring import measure
from benchmarks.table.results import Results
from benchmarks.table.targets import ROWS, also, table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    keys = [row.key for row in ROWS]
    parser.add_argument("--only", default=",".join(keys), metavar="ROW,...", help=f"of {', '.join(keys)}")
    parser.add_argument("--rounds", type=int, default=3, help="that count, of each row")
    parser.add_argument("--json", type=Path, metavar="FILE")
    o = parser.parse_args()
    wanted = o.only.split(",")
    if unknown := set(wanted) - set(keys):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    measured = trio.run(measure, wanted, o.rounds)
    print(*table(measured), "", *also(measured), "", f"Python {described()}", sep="\n")
    if o.json:
        Results.of(o.json).with_rows(measured).write(o.json)


if __name__ == "__main__":
    main()
