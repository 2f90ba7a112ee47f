"""Nodes of one cluster without a port: the real pipeline of each, over one log that all their machines apply.

A node that is `absent` applies nothing until it is given the state of another, as one that lagged too far is. A node
that is born anew has lost its place: the commit that waits, or the next one, finds that it is a new member.
"""

from functools import partial
from itertools import count
from typing import Any

import trio

from cluster.machine import Reborn
from schemas.reports import Report
from store.commands import Outcome
from store.machine import Machine
from tests.world import World


class Replicas:
    """The nodes, by their present names; the first leads."""

    def __init__(self, *names: str, **settings: Any) -> None:
        self.members = list(names)
        self.leader = names[0]
        self.absent: set[World] = set()
        self._ids = count(1)
        self._settings = settings
        self.nodes = {name: self._node(name, settings) for name in names}
        self._tell_standing()

    def __getitem__(self, name: str) -> World:
        return self.nodes[name]

    def pass_time(self, ms: int) -> dict[str, list[Report]]:
        """Lets time pass for all, a second at a time; the reports of each."""
        told: dict[str, list[Report]] = {name: [] for name in self.nodes}
        for _ in range(0, ms, 1000):
            for name, world in self.nodes.items():
                told[name] += world.pass_time(1000)
        return told

    def remove(self, name: str) -> None:
        """A node is no member any more, and does not know it yet."""
        self.members.remove(name)
        self._tell_standing()

    def lose(self, name: str, heir: str) -> None:
        """A node is killed and removed from the cluster; another leads it from now on."""
        self.absent.add(self.nodes.pop(name))
        self.leader = heir
        self.remove(name)

    def bear_anew(self, name: str, new: str) -> World:
        """A node loses its place, joins anew under another name, and is given the registry of the others."""
        world = self.nodes.pop(name)
        self.nodes[new] = world
        self.members = [*(member for member in self.members if member != name), new]
        world.name = new
        if self.leader == name:
            self.leader = self.members[0]
        self._tell_standing()
        self.give_state(world)
        return world

    def lead(self, name: str) -> None:
        """A node leads from now on."""
        self.leader = name
        self._tell_standing()

    def join(self, name: str) -> World:
        """A new node, with the registry of the others."""
        self.nodes[name] = world = self._node(name, self._settings)
        self.members.append(name)
        self._tell_standing()
        self.give_state(world)
        world.now = max(other.now for other in self.nodes.values())
        return world

    def end_life_at_next_commit(self, name: str, new: str, *, applied: bool) -> None:
        """The next command of a node ends its life: the others have applied it, or have not."""
        world = self.nodes[name]

        async def lost(command: bytes) -> Outcome:
            if world.name != name:
                return await self._commit(world, command)
            if applied:
                self.absent.add(world)
                for other in self.nodes.values():
                    if other not in self.absent:
                        other.machine.apply(command)
            self.bear_anew(name, new)
            raise Reborn

        world.commit = lost

    def give_state(self, world: World) -> None:
        """Replaces the registry of a node by that of another: it is there again."""
        of = next(other for other in self.nodes.values() if other is not world and other not in self.absent)
        restoring = world.machine.restoring()
        for part in of.machine.snapshot():
            restoring.take(part)
        restoring.finish()
        self.absent.discard(world)

    def _node(self, name: str, settings: dict[str, Any]) -> World:
        ids = (f"call-{number}" for number in self._ids)
        world = World(origin=name, machine=Machine(), ids=ids, **settings)
        world.commit = partial(self._commit, world)
        return world

    async def _commit(self, proposer: World, command: bytes) -> Outcome:
        await trio.lowlevel.checkpoint()
        if proposer in self.absent:
            raise Reborn
        everyone = [world for world in self.nodes.values() if world not in self.absent]
        return {world: world.machine.apply(command) for world in everyone}[proposer]

    def _tell_standing(self) -> None:
        for name, world in self.nodes.items():
            world.standing = {"members": tuple(self.members), "leads": name == self.leader}
