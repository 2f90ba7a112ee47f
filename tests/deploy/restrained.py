"""Runs a command under the restrictions of a unit, as far as they can be had without systemd.

    python -m tests.deploy.restrained UNIT STATE_FOLDER COMMAND ...

These are `NoNewPrivileges`, `CapabilityBoundingSet`, `LimitNOFILE`, `MemoryDenyWriteExecute`, `SystemCallFilter`,
`RestrictAddressFamilies` and `UMask`, read from the unit; and, for root, `ProtectSystem=strict`: all is read-only but
the state folder, ``/dev``, ``/proc`` and ``/sys``.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

_SET_NO_NEW_PRIVS, _DROP_BOUNDING, _SET_MDWE = 38, 24, 65
_LAST_CAPABILITY = Path("/proc/sys/kernel/cap_last_cap")
_CLONE_NEWNS, _MS_BIND_ALL, _MS_PRIVATE_ALL = 0x20000, 0x5000, 0x44000
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EQUAL = 4

_libc = ctypes.CDLL(None, use_errno=True)

Settings = dict[str, list[str]]


class _Comparison(ctypes.Structure):
    """libseccomp's ``struct scmp_arg_cmp``."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings(unit: Path) -> Settings:
    """The values of each key of a unit, in their order."""
    found = defaultdict(list)
    for line in unit.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            found[key].append(value)
    return found


def restrain(unit: Settings, state: Path) -> None:
    """Restricts this process and all that it starts. Raises `OSError` when something cannot be had."""
    os.umask(int(unit["UMask"][0], 8))
    files = min(int(unit["LimitNOFILE"][0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if os.geteuid() == 0:
        assert unit["ProtectSystem"] == ["strict"]
        _make_read_only_but(state)
        assert unit["CapabilityBoundingSet"] == [""]
        for capability in range(int(_LAST_CAPABILITY.read_text()) + 1):
            _prctl(_DROP_BOUNDING, capability)
    assert unit["NoNewPrivileges"] == unit["MemoryDenyWriteExecute"] == ["true"]
    _prctl(_SET_NO_NEW_PRIVS, 1)
    _prctl(_SET_MDWE, 1)
    _filter(_allowed(unit["SystemCallFilter"]), [getattr(socket, name) for name in _families(unit)])


def _families(unit: Settings) -> list[str]:
    (line,) = unit["RestrictAddressFamilies"]
    return line.split()


def _allowed(lines: Iterable[str]) -> set[str]:
    """The names of the system calls that these lines of a unit leave."""
    allowed = set[str]()
    for line in lines:
        names = {name for word in line.removeprefix("~").split() for name in _members(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _members(word: str) -> set[str]:
    """The system calls of a group such as ``@system-service``."""
    if not word.startswith("@"):
        return {word}
    told = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, capture_output=True, text=True)
    inner = [line.strip() for line in told.stdout.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    return {name for part in inner for name in _members(part)}


def _filter(allowed: Iterable[str], families: Iterable[int]) -> None:
    """Lets the kernel refuse all other system calls with EPERM, and sockets of other families with EAFNOSUPPORT."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ERRNO | errno.EPERM)))
    for name in allowed:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0 and name != "socket":
            _worked(library.seccomp_rule_add(context, ctypes.c_uint32(_ALLOW), number, 0))
    number = library.seccomp_syscall_resolve_name(b"socket")
    for family in families:
        only = (_Comparison * 1)(_Comparison(0, _EQUAL, family, 0))
        _worked(library.seccomp_rule_add_array(context, ctypes.c_uint32(_ALLOW), number, 1, only))
    _worked(library.seccomp_load(context))


def _make_read_only_but(state: Path) -> None:
    """Gives this process mounts of its own in which nothing else can be written, where root of this machine may."""
    try:
        _called(_libc.unshare(_CLONE_NEWNS))
    except PermissionError:
        return
    _called(_libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_PRIVATE_ALL), None))
    for kept in (state, *map(Path, ("/dev", "/proc", "/sys"))):
        _called(_libc.mount(bytes(kept), bytes(kept), None, ctypes.c_ulong(_MS_BIND_ALL), None))
    _set_read_only(b"/", True)
    for kept in (state, *map(Path, ("/dev", "/proc", "/sys"))):
        _set_read_only(bytes(kept), False)


def _set_read_only(path: bytes, read_only: bool) -> None:
    attributes = (ctypes.c_uint64 * 4)(int(read_only), int(not read_only), 0, 0)
    flags = ctypes.c_uint(_AT_RECURSIVE)
    _called(_libc.syscall(_MOUNT_SETATTR, _AT_FDCWD, path, flags, attributes, ctypes.c_size_t(32)))


def _prctl(option: int, value: int) -> None:
    _called(_libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))


def _called(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _worked(result: int) -> None:
    if result:
        raise OSError(-result, os.strerror(-result))


if __name__ == "__main__":
    _unit, _state, *_command = sys.argv[1:]
    restrain(settings(Path(_unit)), Path(_state))
    os.execvp(_command[0], _command)
