"""The registry as a replicated machine: bytes in, outcomes out, snapshots in parts."""

from store.commands import MalformedCommand, Outcome, decode
from store.registry import Registry
from store.restoring import Restoring
from store.snapshots import PART_BYTES, Snapshot


class Machine:
    """A registry behind the three verbs that replication needs.

    `apply` never raises: bytes that are no command give an outcome that says so, alike on every replica. `part_bytes`
    is how large the parts of its snapshots get (bytes); parts of any size can be restored.
    """

    def __init__(self, part_bytes: int = PART_BYTES) -> None:
        self.registry = Registry()
        """Another object after each restoring."""
        self._part_bytes = part_bytes

    def apply(self, command: bytes) -> Outcome:
        """Applies an encoded command."""
        try:
            decoded = decode(command)
        except MalformedCommand as error:
            return Outcome(failed=f"malformed command: {error}")
        return self.registry.apply(decoded)

    def snapshot(self) -> Snapshot:
        """All replicated state as of now, part by part; to be closed if it is not read to its end."""
        return Snapshot(self.registry, self._part_bytes)

    def restoring(self) -> Restoring:
        """A new state to be put together from the parts of a snapshot.

        Its `take` raises `store.records.MalformedSnapshot`; until its `finish` nothing changes here.
        """
        return Restoring(self._become)

    def _become(self, registry: Registry) -> None:
        self.registry = registry
