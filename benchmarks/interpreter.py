"""The Python that runs: its version, and whether the compiler that built it knew which of its code is used most.

Such a build (profile-guided optimisation) needs less processor time for the same work, so figures of two Pythons are
not to be compared without it.
"""

import ctypes
import platform
import sysconfig
from collections.abc import Sequence

OPTION = "--enable-optimizations"
"""What CPython's `configure` is told for it."""

PAIRS = (
    ("PyObject_GetAttr", "PyObject_Print"),
    ("PyList_Append", "PyList_GetSlice"),
    ("PyDict_SetItem", "PyDict_Clear"),
)
"""Functions of one source file each: programs use the first all the time, and the second hardly ever."""

FAR = 100_000
"""More than a compiler leaves between two functions of one of these files, unless it sorts them by use. (bytes)"""


def described() -> str:
    """The version of the Python that runs, and how it was built."""
    config_args = sysconfig.get_config_var("CONFIG_ARGS") or ""
    return f"{platform.python_version()} {_TOLD[profile_guided(config_args, distances())]}"


_TOLD = {
    True: "built with profile-guided optimisation",
    False: "built without profile-guided optimisation",
    None: "(profile-guided optimisation: unknown)",
}


def profile_guided(config_args: str, apart: Sequence[int]) -> bool | None:
    """Whether a Python was built that way, or None where that cannot be told.

    Who packages Python may ask for it otherwise than by `configure`, and tell nothing of it (Debian does). Then how far
    `apart` the functions of `PAIRS` lie tells it: compilers that know a profile put what is hardly used elsewhere.
    """
    if OPTION in config_args:
        return True
    far = {distance > FAR for distance in apart}
    return far.pop() if len(far) == 1 else None


def distances() -> list[int]:
    """Between the functions of each of `PAIRS` in memory; none where this is not CPython. (bytes)"""
    try:
        return [abs(_address(often) - _address(seldom)) for often, seldom in PAIRS]
    except AttributeError:
        return []


def _address(name: str) -> int:
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
