"""Calls, system calls and memory for each message of the replay: less sharp than instructions, but counted anywhere."""

import gc
import json
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from tests.speed.instructions import ROOT
from tests.speed.replay import MEASURED, WAYS

SYSTEM_CALLS = {
    "epoll": {"modify", "poll", "register", "unregister"},
    "posix": {"close", "fstat", "open", "read", "readv", "stat", "write", "writev"},
    "socket": {"accept", "close", "recv", "recv_into", "recvmsg", "send", "sendall", "sendmsg"},
}
"""What asks the operating system, of what a node may call: by type or module. Locks are not seen."""

_PATIENCE_S = 110
_OWN = os.path.dirname(__file__)


def counts() -> Mapping[str, Mapping[str, float]]:
    """Kind by kind, of each way, for a message."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.speed.counts"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    if run.returncode:
        raise RuntimeError(run.stderr)
    found: Mapping[str, Mapping[str, float]] = json.loads(run.stdout)
    return found


class Calls:
    """Counts calls of functions in all threads that start later, and in this one; those of the replay itself aside."""

    def __init__(self) -> None:
        self.calls = self.system_calls = 0
        self._counting = False
        threading.setprofile(self._note)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts meanwhile."""
        sys.setprofile(self._note)
        self._counting = True
        try:
            yield
        finally:
            self._counting = False
            sys.setprofile(None)
            threading.setprofile(None)

    def _note(self, frame: FrameType, event: str, called: Any) -> None:
        if not self._counting or event not in ("call", "c_call") or frame.f_code.co_filename.startswith(_OWN):
            return
        self.calls += 1
        if event == "c_call":
            owner = getattr(called, "__self__", None)
            kind = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__name__
            self.system_calls += called.__name__ in SYSTEM_CALLS.get(kind, ())


class Memory:
    """What became of memory. (bytes, blocks, objects)"""

    def __init__(self) -> None:
        self.peak = self.kept = self.garbage = 0

    @contextmanager
    def peaking(self) -> Iterator[None]:
        """Sees how much more than at the beginning is in use at most."""
        gc.collect()
        tracemalloc.start()
        yield
        self.peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Sees how many more blocks are in use at the end, and how many objects only the collector of cycles frees."""
        _collect()
        before = sys.getallocatedblocks()
        gc.disable()
        yield
        gc.enable()
        self.garbage = _collect()
        self.kept = max(0, sys.getallocatedblocks() - before)


def _collect() -> int:
    """How many objects were found that nobody can reach; those that were set aside are looked at as well."""
    gc.unfreeze()
    return gc.collect()


def _counted() -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, way in WAYS.items():
        memory, calls = Memory(), Calls()
        way(MEASURED, memory.peaking())
        way(MEASURED, memory.keeping())
        way(MEASURED, calls.counting())
        kinds = {
            "calls": calls.calls,
            "system calls": calls.system_calls,
            "peak": memory.peak,
            "kept": memory.kept,
            "garbage": memory.garbage,
        }
        for kind, count in kinds.items():
            found.setdefault(kind, {})[name] = count / MEASURED
    return found


if __name__ == "__main__":
    print(json.dumps(_counted()))
