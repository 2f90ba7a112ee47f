"""Asks the kernel for pages of 2 MB where this process has much memory.

A node with 10,000 clients goes through some 200 MB again and again. In pages of 4 KiB those are 50,000 places, more
than a processor remembers, and it looks up anew where nearly each of them is; in pages of 2 MB they are a hundred.

Only what is named here is asked for: memory that belongs to this process alone, is written to, stands for no file and
bears no name but that of the C library's heap. Who gives a mapping a name has plans of their own with it. Stacks of
threads stay as they are: each uses a few KiB of its 8 MB, and would take 2 MB.

The kernel is asked again for what it was asked for before: it sees that there is nothing to do, and what was freed and
mapped anew in between is not missed.
"""

import ctypes
import errno
import logging
import mmap
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import trio

LEAST = 2 * 1024 * 1024
"""How long a mapping is at least for a large page to fit in. (bytes)"""

_OFTEN, _PART = 10.0, 1000
"""How often it looks: as often as the kernel itself goes through what it was asked for (s), and for which part of the
time at most. A look took 0.4 ms in a process of 240 MB and 440 mappings, so it may take place in the event loop."""

_ENABLED = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MAPS = Path("/proc/self/maps")

_MADV_HUGEPAGE = 14
_PASSES = {errno.ENOMEM, errno.EAGAIN}
"""A thread has unmapped it meanwhile, or the kernel has no memory for its own books: the next look is another."""

_USUAL_STACK = 2 * 1024 * 1024
"""How long glibc makes the stack of a thread where stacks are not limited. (bytes)"""

_LOG = logging.getLogger(__name__)

Span = tuple[int, int]
"""Where it begins, and where the next thing may begin."""


class LargePages:
    """Asks again and again, for the process grows. Each process needs one at most."""

    def __init__(self, enabled: Path = _ENABLED, maps: Path = _MAPS) -> None:
        self.asked = 0
        """For how much was asked at the last look. (bytes)"""
        self._enabled = enabled
        self._maps = maps

    async def run(self) -> None:
        """Asks until it is cancelled. Ends where the system offers none, or fails: a node does as well without."""
        try:
            said = _chosen(self._enabled.read_text())
            if said == "madvise":
                await self._ask()
            else:
                _LOG.info("Large pages are not asked for: %s says %s", self._enabled, said)
        except Exception as error:
            self.asked = 0
            _LOG.info("Large pages are not asked for: %s", error)

    async def _ask(self) -> NoReturn:
        advise, stack = _madvise(), stack_size()
        while True:
            began = trio.current_time()
            # Names of files come as they are, in whatever encoding.
            found = spans(self._maps.read_bytes().decode("latin-1"), stack, mmap.PAGESIZE)
            self.asked = sum(end - start for start, end in found if advise(start, end))
            await trio.sleep(max(_OFTEN, _PART * (trio.current_time() - began)))


def spans(maps: str, stack: int, guard: int) -> list[Span]:
    """What to ask for, given the text of ``/proc/self/maps``, and how long stacks of threads and their guards are.

    Above an inaccessible mapping stands a stack; older kernels make one mapping of it and of what is above it. From
    glibc 2.42 on the guard may be a part of the mapping that cannot be told, and stacks in a row one mapping.
    """
    found = []
    inaccessible_until = None
    for line in filter(None, maps.split("\n")):
        place, access, _, _, inode, *name = line.split(None, 5)
        start, end = (int(at, 16) for at in place.split("-"))
        if access == "---p":
            inaccessible_until = end
        elif access == "rw-p" and inode == "0" and (not name or name == ["[heap]"]):
            start += stack if start == inaccessible_until else 0
            if end - start >= LEAST and (end - start) % (stack + guard):
                found.append((start, end))
    return found


def stack_size() -> int:
    """How long the stack of a thread is if nobody says otherwise. (bytes)"""
    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return _USUAL_STACK if soft == resource.RLIM_INFINITY else soft


def _chosen(enabled: str) -> str:
    """Which of ``always [madvise] never`` it is."""
    return enabled.partition("[")[2].partition("]")[0]


def _madvise() -> Callable[[int, int], bool]:
    """Asks for a span, and tells whether it is still there. Raises `OSError` if asking is in vain."""
    function = ctypes.CDLL(None, use_errno=True).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

    def advise(start: int, end: int) -> bool:
        if function(start, end - start, _MADV_HUGEPAGE) == 0:
            return True
        number = ctypes.get_errno()
        if number not in _PASSES:
            raise OSError(number, os.strerror(number))
        return False

    return advise
