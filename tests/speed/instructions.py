"""Instructions for each message of the replay, counted by Valgrind: no other load on the machine changes them.

One interpreter starts under Valgrind, imports all there is, and forks for each way twice: once for the opening alone,
once for the messages to be measured as well. The difference is what these cost.
"""

import gc
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.speed.replay import MEASURED, WAYS, Way
from tests.speed.yardstick import yardstick

ROOT = Path(__file__).parent.parent.parent
YARDSTICK = "yardstick"
PATIENCE_S = 280
_COUNTED = {YARDSTICK: yardstick, **WAYS}


def valgrind() -> str | None:
    """Where Valgrind is, if it is there."""
    return shutil.which("valgrind")


def instructions() -> Mapping[str, float]:
    """Of each way, and of the yardstick: how many instructions a message takes. Needs Valgrind."""
    with TemporaryDirectory() as folder:
        tool = ["valgrind", "--quiet", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/%p"]
        run = subprocess.run(
            [*tool, sys.executable, "-m", "tests.speed.instructions"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        if run.returncode:
            raise RuntimeError(run.stderr)
        pids: dict[str, tuple[int, int]] = json.loads(run.stdout)
        counted = {name: [_counted(Path(folder, str(pid))) for pid in both] for name, both in pids.items()}
    return {name: (measured - opening) / MEASURED for name, (opening, measured) in counted.items()}


def _counted(file: Path) -> int:
    """All instructions of one process."""
    [total] = [line.split()[1] for line in file.read_text().splitlines() if line.startswith("summary:")]
    return int(total)


def _forked(way: Way, messages: int) -> int:
    """The number of the process that told the messages. Raises `ChildProcessError` if it failed."""
    pid = os.fork()
    if pid == 0:
        _end_with(lambda: way(messages, nullcontext()))
    if os.waitpid(pid, 0)[1]:
        raise ChildProcessError("a replay failed")
    return pid


def _end_with(work: Callable[[], None]) -> None:
    """Works and ends the process, at once: what its parent would do at its end is not for it to do."""
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    # What was imported is not for the collector of cycles to look at: how much that is should not matter.
    gc.collect()
    gc.freeze()
    print(json.dumps({name: [_forked(way, messages) for messages in (0, MEASURED)] for name, way in _COUNTED.items()}))
