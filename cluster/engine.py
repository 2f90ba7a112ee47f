"""PySyncObj 0.3.17 as an engine without a world: its time is given to it, what it says comes out as messages.

It is reached into by its private names, so its version is pinned and checked here. What of it is used, and what is
replaced, stands in DESIGN.md.
"""

from collections.abc import Callable
from importlib.metadata import version
from operator import attrgetter
from typing import Any, Protocol

from pysyncobj import SyncObj, SyncObjConf, syncobj
from pysyncobj.transport import Transport

from cluster.messages import Forward, Message, Stand, Vote, Voted, change_of, changed
from cluster.peer import Peer, peer_named
from cluster.settings import Timing

PINNED = "0.3.17"

if version("pysyncobj") != PINNED:
    raise ImportError(f"PySyncObj {PINNED} is needed, this is {version('pysyncobj')}")

COMMAND = b"\x00"
NO_OP = b"\x01"
CHANGE = b"\x02"
"""The first byte of an entry says what it is; these are PySyncObj's own numbers."""

FOLLOWER = syncobj._RAFT_STATE.FOLLOWER
CANDIDATE = syncobj._RAFT_STATE.CANDIDATE
LEADER = syncobj._RAFT_STATE.LEADER


class Time:
    """The time that PySyncObj sees: that of the call by which it was entered. (s)"""

    now = 0.0


class _Codec:
    """Stands where PySyncObj uses pickle: it only writes and reads changes of the membership."""

    dumps = staticmethod(lambda change: change_of(change[0], change[1]))
    loads = staticmethod(changed)


syncobj.monotonicTime = lambda: Time.now
syncobj.pickle = _Codec


class Outside(Protocol):
    """What the engine needs around it."""

    def send(self, member: str, message: Message) -> bool:
        """Sends a message if there is a link."""

    def pending(self, member: str) -> int:
        """How much waits to be sent to a member. (bytes)"""


class _Voice(Transport):  # type: ignore[misc]
    """What PySyncObj says by itself, as messages."""

    def __init__(self, outside: Outside) -> None:
        super().__init__(None, None, [])
        self._outside = outside

    def send(self, node: Peer, message: dict[str, Any]) -> bool:
        term = message.get("term", 0)
        match message["type"]:
            case "request_vote":
                said: Message = Vote(term, message["last_log_index"], message["last_log_term"])
            case "response_vote":
                said = Voted(term)
            case "timeout_now":
                said = Stand(term)
            case "apply_command":
                said = Forward(message["command"])
            case other:
                raise AssertionError(f"PySyncObj says {other!r}")
        return self._outside.send(node.id, said)


class _Poller:
    """PySyncObj has nothing to wait for here."""

    def poll(self, timeout: float) -> None: ...


_laid_open: list[str] = []


def _private(name: str) -> Any:
    """An attribute of PySyncObj that it calls private."""
    full = f"_SyncObj__{name}"
    _laid_open.append(full)
    return property(attrgetter(full), lambda raft, value: setattr(raft, full, value))


class Engine(SyncObj):  # type: ignore[misc]
    """PySyncObj with its private attributes laid open, driven by nobody but its owner."""

    log = _private("raftLog")
    term = _private("raftCurrentTerm")
    commit_index = _private("raftCommitIndex")
    last_applied = _private("raftLastApplied")
    leader_commit = _private("leaderCommitIndex")
    next_index = _private("raftNextIndex")
    match_index = _private("raftMatchIndex")
    answered_at = _private("lastResponseTime")
    next_send = _private("newAppendEntriesTime")
    others = _private("otherNodes")
    election_deadline = _private("raftElectionDeadline")
    leader_node = _private("raftLeader")
    first_own_index = _private("noopIDx")
    state = _private("raftState")

    def __init__(self, name: str, outside: Outside, timing: Timing, role_changed: Callable[[int, int], None]) -> None:
        super().__init__(
            peer_named(name), [], _conf(timing, role_changed), nodeClass=peer_named, transport=_Voice(outside)
        )
        self._poller = _Poller()


for _name in _laid_open:
    setattr(Engine, _name, None)  # PySyncObj looks at all attributes before it has set them


def _conf(timing: Timing, role_changed: Callable[[int, int], None]) -> SyncObjConf:
    return SyncObjConf(
        autoTick=False,
        appendEntriesPeriod=timing.heartbeat,
        raftMinTimeout=timing.election_min,
        raftMaxTimeout=timing.election_max,
        connectionTimeout=max(3.5, timing.election_max),
        leaderFallbackTimeout=timing.leader_fallback,
        commandsQueueSize=10_000,
        commandsWaitLeader=True,
        dynamicMembershipChange=True,
        onStateChanged=role_changed,
    )
