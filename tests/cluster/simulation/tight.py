"""Pieces so small that what takes many messages in a large cluster does so in a small one."""

from collections.abc import Iterator
from contextlib import contextmanager

from cluster import raft, replication, transfer

_PIECES = (
    (replication, "BATCH", 300),
    (replication, "WINDOW", 600),
    (raft, "_APPLIED_AT_ONCE", 400),
    (transfer, "WINDOW", 900),
    (transfer, "AT_ONCE", 300),
)


@contextmanager
def tight(on: bool) -> Iterator[None]:
    """While it lasts, constants of the engine are small."""
    before = [getattr(module, name) for module, name, _ in _PIECES]
    if on:
        for module, name, small in _PIECES:
            setattr(module, name, small)
    yield
    for (module, name, _), usual in zip(_PIECES, before, strict=True):
        setattr(module, name, usual)
