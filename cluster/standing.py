"""What a member tells of itself: to others who ask, and to operators."""

from typing import Any

from cluster.messages import Description
from cluster.raft import Raft
from cluster.status import Role, Status


def description(
    raft: Raft[Any], cluster: str, lineage: list[str], known: list[str], ready: bool, now: float
) -> Description:
    """For others."""
    return Description(
        member=raft.name,
        cluster=cluster,
        lineage=lineage,
        leader=raft.leader() if ready and raft.in_touch(now) else None,
        members=sorted(raft.configuration.members),
        settled=sorted(raft.configuration.settled),
        applied=raft.position_of(raft.last_applied),
        since=raft.position_of(raft.configuration.since(raft.name, raft.last_applied)),
        term=raft.term,
        last_term=raft.log.last_term,
        last_index=raft.log.last,
        known=known,
    )


def no_member(name: str, why: str) -> Status:
    """For operators, of one who belongs to no cluster, and why."""
    return Status(name, None, Role.SEEKING, 0, None, (), (), 0, 0, 0, 0, False, False, False, why)


def status(raft: Raft[Any], cluster: str, ready: bool, why: str, now: float) -> Status:
    """For operators. `why` says what it waits for, should it have no quorum."""
    quorum = ready and raft.in_touch(now)
    members = raft.configuration.members | raft.configuration.settled
    return Status(
        member=raft.name,
        cluster=cluster,
        role=raft.role() if ready else Role.LEARNER,
        term=raft.term,
        leader=raft.leader(),
        members=tuple(sorted(members)),
        connected=tuple(sorted(members & raft.linked)),
        commit_index=raft.commit_index,
        applied_index=raft.last_applied,
        log_entries=len(raft.log),
        log_bytes=raft.log.bytes,
        ready=ready,
        quorum=quorum,
        leads=quorum and _leads(raft, now),
        waits_for=None if quorum else why,
    )


def _leads(raft: Raft[Any], now: float) -> bool:
    """Whether it has led for so long that no former leader can believe to lead any more."""
    if raft.led_since is None or not raft.leads() or raft.last_applied < raft.first_own_index:
        return False
    timing = raft.timing
    return now - raft.led_since > max(2 * timing.election_max, timing.leader_fallback + timing.heartbeat)
