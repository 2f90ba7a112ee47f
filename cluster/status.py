"""What a member tells of itself and its cluster, for operators and for those who wait for it."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a member is at the moment."""

    SEEKING = "seeking"
    """It looks for a cluster."""
    LEARNER = "learner"
    """It is being given the state, and is no member yet."""
    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class Status:
    """A member and its cluster, as that member sees them.

    `members` are those as of the last applied entry, and those by the log behind it: who is not among them, for one
    that `leads`, never will be again. `connected` are the others that it has a link to. `ready`: it is a member and has
    caught up. `quorum`: it is ready and in touch with a leader that has a majority. `leads`: it has led for a while
    without doubt, so that it may decide for others. `waits_for` says in words what keeps it from having a quorum.
    `commit_index` and `applied_index` count entries of the log, `log_bytes` are those of the commands in it.
    """

    member: str
    cluster: str | None
    role: Role
    term: int
    leader: str | None
    members: tuple[str, ...]
    connected: tuple[str, ...]
    commit_index: int
    applied_index: int
    log_entries: int
    log_bytes: int
    ready: bool
    quorum: bool
    leads: bool
    waits_for: str | None
