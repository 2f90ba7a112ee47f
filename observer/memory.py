"""How the C library hands out memory."""

import ctypes

_M_ARENA_MAX = -8


def keep_to_one_arena() -> None:
    """Lets all threads share one heap.

    glibc gives each thread a heap of its own, and none of them shrinks; ours write to files now and then, and memory
    would grow for minutes until each had its share. Does nothing where the C library is another.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
