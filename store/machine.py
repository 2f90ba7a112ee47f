"""The registry as a replicated machine: bytes in, outcomes out, snapshots as bytes."""

import orjson

from store import snapshots
from store.commands import MalformedCommand, Outcome, decode
from store.registry import Registry


class Machine:
    """A registry behind the three verbs that replication needs.

    `apply` never raises: bytes that are no command give an outcome that says so, alike on every replica.
    """

    def __init__(self) -> None:
        self.registry = Registry()

    def apply(self, command: bytes) -> Outcome:
        """Applies an encoded command."""
        try:
            decoded = decode(command)
        except MalformedCommand as error:
            return Outcome(failed=f"malformed command: {error}")
        return self.registry.apply(decoded)

    def snapshot(self) -> bytes:
        """All replicated state."""
        return orjson.dumps(snapshots.dump(self.registry), default=tuple)

    def restore(self, data: bytes) -> None:
        """Takes the state that another machine gave; raises `store.snapshots.MalformedSnapshot` and keeps its own."""
        try:
            plain = orjson.loads(data)
        except ValueError as error:
            raise snapshots.MalformedSnapshot(str(error)) from error
        self.registry = snapshots.load(plain)
