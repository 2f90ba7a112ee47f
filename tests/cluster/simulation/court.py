"""What must hold at any moment, whatever fails."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cluster.status import Role, Status
from tests.cluster.simulation.application import Change
from tests.cluster.simulation.history import START, Chain, History

if TYPE_CHECKING:
    from tests.cluster.simulation.process import Process

Place = tuple[str, int]
"""A cluster, and a number in its story."""


class Court:
    """Sees all that all processes do, and collects what is wrong."""

    def __init__(self, processes: Callable[[], Iterable["Process"]], tell: Callable[[str], None]) -> None:
        self.wrong: list[str] = []
        self.history = History(self.found)
        self.happened: dict[tuple[str, int], list[Place]] = defaultdict(list)
        """Where each command of each origin took effect."""
        self.events: dict[Place, list[str]] = {}
        """What each command made happen."""
        self.told: dict[str, list[str]] = defaultdict(list)
        """Who told of what happened."""
        self.acknowledged: list[tuple[str, int]] = []
        self.leaders: dict[tuple[str, int], str] = {}
        self.clusters_lost = 0
        """How often a cluster was formed that does not go on from the last one."""
        self._processes, self._tell = processes, tell
        self._applied: dict[str, tuple[str, int, frozenset[str]]] = {}
        """How far each process has come, and who was a member by then."""
        self._added: dict[str, int] = {}
        """Where in the log it can be read that a process is a member, or behind that."""

    def found(self, what: str) -> None:
        """Something is wrong."""
        self._tell(f"WRONG: {what}")
        self.wrong.append(what)

    # Elections and clusters

    def reborn(self, process: "Process", last: Status) -> None:
        """A process gave up its place. A voter may do so only if it is one no more, or its cluster is over: it forgets
        what it has acknowledged, and that may be what makes up a majority."""
        cluster = last.cluster
        if cluster is None or last.member not in last.members or self._is_over(cluster):
            return
        added = self._added.get(last.member, 0)
        if not any(
            place == cluster and applied >= added and last.member not in settled
            for place, applied, settled in self._applied.values()
        ):
            self.found(f"{last.member} gives up its place in {cluster}, though nobody has applied that it lost it")

    def _note_members(self, process: "Process", status: Status) -> None:
        """Remembers who was a member as of what each process has applied."""
        settled = process.settled()
        if status.cluster:
            self._applied[process.name] = (status.cluster, status.applied_index, settled)
        if process.name not in self._added and process.name in status.members:
            self._added[process.name] = process.last_index()

    def _is_over(self, cluster: str) -> bool:
        return any(story.parent == cluster for story in self.history.stories.values())

    def observe(self, process: "Process", status: Status) -> None:
        """A process did something."""
        self._note_members(process, status)
        if status.cluster and status.role is Role.LEADER:
            leader = self.leaders.setdefault((status.cluster, status.term), status.member)
            if leader != status.member:
                self.found(f"{leader} and {status.member} both lead term {status.term} of {status.cluster}")

    def formed(self, process: "Process", cluster: str, number: int, chain: Chain) -> None:
        """Somebody speaks of a cluster for the first time; its story goes on from this state."""
        if cluster != process.name:
            self.found(f"{process.name} is in {cluster}, which nobody formed")
        lineage = process.lineage()
        parent = lineage[-1] if lineage else None
        others = [other for other in self._processes() if other.alive and other is not process]
        for other in others:
            self._may_form_beside(process, other, parent)
        heirs = [other for other in others if parent and other.cluster == parent and other.is_voter]
        owed = [(other.name, other.witness.number, other.witness.chain) for other in heirs]
        if parent is None:
            owed = []
            if number:
                self.found(f"{process.name} forms a cluster with a state of nowhere")
            if self.history.stories:
                self.clusters_lost += 1
        self._tell(f"{cluster} formed from {parent} at {number}")
        self.history.begin(cluster, parent, number, chain, owed)

    def _may_form_beside(self, process: "Process", other: "Process", parent: str | None) -> None:
        """Nobody may have, or ever get, a quorum in another cluster; whoever knows something must not be forgotten."""
        members = other.status.members
        if other.cluster is None or not other.is_voter:
            return
        names = {
            each.name for each in self._processes() if each.alive and each.cluster == other.cluster and each.is_voter
        }
        there = [member for member in members if member in names and member != process.name]
        if 2 * len(there) > len(members):
            self.found(
                f"{process.name} forms a cluster while {there} of {list(members)} are a majority of {other.cluster}"
            )
        elif parent is None and other.witness.chain != START:
            self.found(
                f"{process.name} forms an empty cluster while {other.name} holds {other.witness.number} commands"
            )

    # Commands

    def happens(self, cluster: str, number: int, change: Change, events: list[str]) -> None:
        """A command took effect, for the first time in this cluster."""
        places = self.happened[change.origin, change.seq]
        for before, at in places:
            if at != number and self.history.contains(cluster, before, at):
                self.found(
                    f"{change.seq} of {change.origin} took effect at {at} of {before} and at {number} of {cluster}"
                )
        places.append((cluster, number))
        self.events[cluster, number] = events
        lost = [name for name in change.gone if name in self.names_of_members(cluster)]
        if lost:
            self._tell(f"{change.origin} declares {lost} gone, who are there")

    def names_of_members(self, cluster: str) -> set[str]:
        """Who lives, as far as they know, in this cluster."""
        return {each.name for each in self._processes() if each.alive and each.cluster == cluster and each.is_voter}

    def answered(self, process: "Process", cluster: str | None, origin: str, seq: int, events: list[str]) -> None:
        """A proposer, then of this cluster, heard the answer of its command."""
        places = [place for place in self.happened[origin, seq] if cluster and self.history.contains(cluster, *place)]
        if not places or places[0][1] > process.witness.number:
            self.found(f"{origin} heard the answer of its number {seq}, which is not applied there")
            return
        self.acknowledged.append((origin, seq))
        if not Counter(self.events[places[0]]) <= Counter(events):
            self.found(f"{origin} heard another answer of its number {seq} than it was given")

    def tells(self, teller: str, events: Iterable[str]) -> None:
        """A process tells the world what happened."""
        for event in events:
            if teller in self.told[event]:
                self.found(f"{teller} tells {event} twice")
            self.told[event].append(teller)

    # At the end

    def close(self, cluster: str, alive: Iterable[str]) -> None:
        """Everything is quiet in this cluster, and these are its members."""
        history, there = self.history, set(alive)
        for name in history.lineage(cluster):
            for who, at, chain in history.stories[name].owed:
                if history.at(cluster, at) != chain:
                    self.found(f"{cluster} goes on without what {who} had applied up to {at}")
        if not self.clusters_lost:
            self._nothing_acknowledged_is_lost(cluster)
        for place, events in self.events.items():
            if history.contains(cluster, *place):
                for event in events:
                    self._told_once(event, there)

    def _nothing_acknowledged_is_lost(self, cluster: str) -> None:
        """Unless the cluster was formed anew: then only what the survivors had applied is owed."""
        if self.history.stories[cluster].parent is not None:
            return
        for origin, seq in self.acknowledged:
            if not any(self.history.contains(cluster, *place) for place in self.happened[origin, seq]):
                self.found(f"number {seq} of {origin} was acknowledged, and is lost")

    def _told_once(self, event: str, there: set[str]) -> None:
        tellers = self.told[event]
        if not tellers:
            self.found(f"nobody told {event}")
        elif len(tellers) > 1 and len(there.intersection(tellers)) > 1:
            self.found(f"{event} was told by {tellers}")
