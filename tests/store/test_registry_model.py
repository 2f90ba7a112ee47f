"""The registry against a plain one, under commands of any kind, in any order, from nodes whose clocks differ."""

from collections import Counter
from itertools import count, islice

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from store.commands import (
    CALL,
    CLIENT,
    NO_MEMBER,
    PEER_CONNECTION,
    RTP_PAD,
    SCTP_CHANNEL,
    SFU,
    SFU_TRANSPORT,
    TRACK,
    ClientSeen,
    ClientTouch,
    Command,
    Keep,
    Leave,
    Outcome,
    Sweep,
    Touch,
    encode,
)
from store.entities import AUDIO, INBOUND, OUTBOUND, VIDEO
from store.machine import Machine
from store.registry import Registry
from tests.build import LIMITS, NOW
from tests.store.agreement import (
    Openings,
    Outbox,
    assert_indexes_agree,
    names_of,
    rows_of,
    rows_of_plain,
    sfu_rows_of,
    sfu_rows_of_plain,
    values_of,
)
from tests.store.copies import ROW_BY_ROW, copy_of, machine_of, parts_of, restored
from tests.store.plain_registry import PlainRegistry
from tests.store.plain_rows import path_of
from tests.store.sights import AGES, CLIENTS, SERVICES, SFUS, clients_seen, sfus_seen

NODES = ("n1", "n2", "n3")
SKEWS = {"n1": 0, "n2": -5_000, "n3": 1_500}
"""How far the clock of each node is off. (ms)"""


class UnderWay:
    """A snapshot that is read bit by bit while commands are applied, and what it must give."""

    def __init__(self, machine: Machine) -> None:
        self.awaited = parts_of(machine)
        self.parts = machine.snapshot()
        self.since: list[bytes] = []
        self.taken: list[bytes] = []

    def read(self, count: int) -> bool:
        """Reads a number of parts; whether there is more."""
        self.taken += islice(self.parts, count)
        assert self.taken == self.awaited[: len(self.taken)]
        return len(self.taken) < len(self.awaited) or next(self.parts, None) is not None

    def caught_up(self) -> Machine:
        """A machine that starts from it and applies what came since."""
        machine = restored(self.taken)
        for command in self.since:
            machine.apply(command)
        return machine


class World(RuleBasedStateMachine):
    """Three nodes propose; each command is applied to the registry, a replica that gets bytes, and the plain one."""

    @initialize()
    def begin(self) -> None:
        """Nobody is there yet."""
        self.time = NOW
        self.fresh = count(1)
        self.registry = Registry()
        self.replica = Machine(ROW_BY_ROW)
        self.plain = PlainRegistry()
        self.names = {node: f"{node}#1" for node in NODES}
        self.sent: dict[str, Command] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.outbox = Outbox()
        self.openings = Openings()
        self.lost: list[str] = []
        self.under_way: list[UnderWay] = []

    def propose(self, node: str, mark: int = 0, **parts: object) -> Outcome:
        """Applies a new command of a node everywhere; all must agree on its outcome."""
        name = self.names[node]
        seq = self.sent[name].seq + 1 if name in self.sent else 1
        mark = max(mark, self.sent[name].mark if name in self.sent else 0)
        command = Command(name, seq, self.time + SKEWS[node], mark)._replace(**parts)  # type: ignore[arg-type]
        outcome = self.apply(command)
        self.sent[name], self.outcomes[name] = command, outcome
        assert self.openings.follow(self.outbox.follow(command, outcome)) == []
        return outcome

    def apply(self, command: Command) -> Outcome:
        """Applies a command everywhere; all must agree on its outcome."""
        outcome = self.registry.apply(command)
        assert outcome == self.plain.apply(command)
        assert outcome == self.replica.apply(encode(command))
        for snapshot in self.under_way:
            snapshot.since.append(encode(command))
        return outcome

    def draw_seen(self, data: st.DataObject) -> ClientSeen:
        """What samples show of one client."""
        return data.draw(clients_seen(self.time, f"c{next(self.fresh)}"))

    def draw_touch(self, data: st.DataObject) -> Touch:
        """The touch of a row, mostly of one that is there."""
        there = [path_of(path) for path in self.plain.rows()]
        there += [(row.kind, *row.path) for row in self.plain.sfus.rows]
        absent = [
            (CALL, "s1", "r1", "none"),
            (CLIENT, "s1", "none"),
            (PEER_CONNECTION, "s1", "alice", "none"),
            (TRACK, "s1", "alice", "pc1", OUTBOUND, AUDIO, "none"),
            (SFU, "s1", "none"),
            (SFU_TRANSPORT, "s1", "f1", "none"),
            (RTP_PAD, "s1", "f1", "t1", INBOUND, "none"),
            (SCTP_CHANNEL, "s1", "f1", "t1", "none"),
        ]
        what, *path = data.draw(st.sampled_from([*there, *absent]))
        return Touch(what, path, self.time - data.draw(AGES), data.draw(st.integers(-500, 3_000)))

    def draw_client_touch(self, data: st.DataObject) -> ClientTouch:
        """The touch of a client, with all or some of what is below it, and some of what is not."""
        there = [(call, client) for call in self.plain.calls for client in call.clients]
        times = (self.time - data.draw(AGES), data.draw(st.integers(-500, 3_000)))
        if not there:
            return ClientTouch("s1", "none", "none", *times, [])
        call, client = data.draw(st.sampled_from(there))
        keys = [(direction, kind, "t") for direction in (INBOUND, OUTBOUND) for kind in (AUDIO, VIDEO)]
        names = st.sampled_from(["pc1", "pc2", "none"])
        some = st.lists(st.tuples(names, st.lists(st.sampled_from(keys), unique=True)), unique_by=lambda it: it[0])
        below = some | st.integers(1, 9)
        call_id = data.draw(st.sampled_from([call.name, call.name, "another"]))
        return ClientTouch(call.service, client.first.client_id, call_id, *times, data.draw(below))

    def draw_leave(self, data: st.DataObject) -> Leave:
        """A client or an SFU leaves for certain, or perhaps."""
        what, ids = data.draw(st.sampled_from([(CLIENT, CLIENTS), (SFU, SFUS)]))
        return Leave(what, data.draw(SERVICES), data.draw(ids), data.draw(st.booleans()))

    @rule(seconds=st.sampled_from([1, 1, 2, 5]))
    def time_passes(self, seconds: int) -> None:
        """Up to half of the longest limit."""
        self.time += seconds * 1_000

    @rule(node=st.sampled_from(NODES), data=st.data(), entries=st.integers(1, 3))
    def observe(self, node: str, data: st.DataObject, entries: int) -> None:
        """Samples arrived."""
        outcome = self.propose(node, seen=[self.draw_seen(data) for _ in range(entries)])

        assert len(outcome.calls) == entries

    @rule(node=st.sampled_from(NODES), data=st.data(), entries=st.integers(1, 2))
    def observe_sfus(self, node: str, data: st.DataObject, entries: int) -> None:
        """Samples of SFUs arrived."""
        outcome = self.propose(node, sfus=[data.draw(sfus_seen(self.time)) for _ in range(entries)])

        assert (outcome.opened, outcome.closed, outcome.sfus_closed) == ([], [], [])

    @rule(node=st.sampled_from(NODES), data=st.data(), entries=st.integers(1, 3))
    def touch(self, node: str, data: st.DataObject, entries: int) -> None:
        """Rows fell silent."""
        touches, clients = data.draw(st.sampled_from([(entries, 0), (0, entries), (entries, 1)]))
        outcome = self.propose(
            node,
            touches=[self.draw_touch(data) for _ in range(touches)],
            clients=[self.draw_client_touch(data) for _ in range(clients)],
        )

        assert outcome == Outcome([], [], [], None, [], [])

    @rule(node=st.sampled_from(NODES), data=st.data())
    def leave(self, node: str, data: st.DataObject) -> None:
        """A socket closed."""
        self.propose(node, leaves=[self.draw_leave(data)])

    @rule(node=st.sampled_from(NODES))
    def sweep(self, node: str) -> None:
        """Closes something exactly if the registry said so beforehand."""
        awaited = self.registry.has_idle(LIMITS, self.time + SKEWS[node])

        outcome = self.propose(node, sweep=LIMITS)

        assert bool(outcome.closed or outcome.sfus_closed) is awaited

    def draw_keep(self, data: st.DataObject) -> Keep:
        """A value, or a touch of one, said a while ago."""
        place = (data.draw(st.sampled_from(["x", "y"])), data.draw(st.sampled_from("abc")))
        value = data.draw(st.none() | st.binary(max_size=2))
        return Keep(*place, value, data.draw(st.sampled_from([0, 1_000, 4_000])), data.draw(st.integers(-500, 3_000)))

    @rule(node=st.sampled_from(NODES), data=st.data(), entries=st.integers(1, 3))
    def keep(self, node: str, data: st.DataObject, entries: int) -> None:
        """Values are to be kept."""
        self.propose(node, keep=[self.draw_keep(data) for _ in range(entries)])

    @rule(node=st.sampled_from(NODES), ago=st.sampled_from([0, 1_500, 60_000]))
    def forget(self, node: str, ago: int) -> None:
        """Forgets something exactly if the registry said so beforehand."""
        now, before = self.time + SKEWS[node], len(self.registry.values)
        awaited = self.registry.values.any_silent(now, now - ago)

        self.propose(node, forget=now - ago)

        assert (len(self.registry.values) < before) is awaited

    @rule(node=st.sampled_from(NODES), data=st.data())
    def all_at_once(self, node: str, data: st.DataObject) -> None:
        """A command with something in every part."""
        self.propose(
            node,
            touches=[self.draw_touch(data)],
            seen=[self.draw_seen(data), self.draw_seen(data)],
            sfus=[data.draw(sfus_seen(self.time))],
            leaves=[self.draw_leave(data)],
            sweep=LIMITS,
            gone=[self.lose(other) for other in NODES if other != node and data.draw(st.booleans())],
            clients=[self.draw_client_touch(data)],
            keep=[self.draw_keep(data)],
            forget=self.time - 2_000,
        )

    @rule(node=st.sampled_from(NODES), heir=st.sampled_from(NODES))
    def crash(self, node: str, heir: str) -> None:
        """A node starts anew under another name; the heir, which may be the new node itself, tells what was left."""
        name = self.lose(node)
        self.propose(heir, gone=[name, "nobody"])

    def lose(self, node: str) -> str:
        """The name that a node will not use again."""
        name = self.names[node]
        stem, number = name.split("#")
        self.names[node] = f"{stem}#{int(number) + 1}"
        self.lost.append(name)
        return name

    @rule(data=st.data(), seq=st.integers(1, 3))
    @precondition(lambda self: self.lost)
    def come_late(self, data: st.DataObject, seq: int) -> None:
        """A command of a node that is gone comes after all, for the first time or again."""
        before = parts_of(self.replica)
        seen, leave = self.draw_seen(data), self.draw_leave(data)
        name = data.draw(st.sampled_from(self.lost))
        late = Command(name, seq, self.time + 60_000, seq, seen=[seen], leaves=[leave], sweep=LIMITS)

        outcome = self.apply(late)

        assert outcome == Outcome(failed=NO_MEMBER)
        assert parts_of(self.replica) == before

    @rule(node=st.sampled_from(NODES), data=st.data())
    def mark(self, node: str, data: st.DataObject) -> None:
        """A node has told some of its outcomes, or all."""
        sent = self.sent.get(self.names[node])
        if sent:
            self.propose(node, mark=data.draw(st.integers(sent.mark, sent.seq)))

    @rule(node=st.sampled_from(NODES), back=st.sampled_from([0, 0, 1, 2]))
    def retry(self, node: str, back: int) -> None:
        """A node proposes its last command again, or one before it; whatever it holds, only its number counts."""
        sent = self.sent.get(self.names[node])
        if sent is None or sent.seq - back < 1:
            return
        before = parts_of(self.replica)
        last = self.outcomes[sent.origin]
        again = sent._replace(seq=sent.seq - back, now=self.time + 60_000, mark=sent.seq)

        outcome = self.apply(again)

        assert outcome == (Outcome() if back else last)
        assert parts_of(self.replica) == before

    @rule()
    @precondition(lambda self: len(self.under_way) < 3)
    def begin_snapshot(self) -> None:
        """A snapshot is asked for, and read later."""
        self.under_way.append(UnderWay(self.replica))

    @rule(data=st.data(), count=st.integers(1, 6))
    @precondition(lambda self: self.under_way)
    def read(self, data: st.DataObject, count: int) -> None:
        """Some more of a snapshot is read; one that is complete gives a replica, once it has caught up."""
        snapshot = data.draw(st.sampled_from(self.under_way))
        if snapshot.read(count):
            return
        self.under_way.remove(snapshot)
        assert parts_of(snapshot.caught_up()) == parts_of(self.replica)

    @rule(data=st.data())
    @precondition(lambda self: len(self.under_way) > 1)
    def abandon(self, data: st.DataObject) -> None:
        """Who asked for a snapshot is gone."""
        snapshot = data.draw(st.sampled_from(self.under_way))
        self.under_way.remove(snapshot)
        snapshot.parts.close()

    @rule()
    @precondition(lambda self: not self.under_way)
    def rejoin(self) -> None:
        """The replica is replaced by one that starts from its snapshot."""
        self.replica = copy_of(self.replica)

    @invariant()
    @precondition(lambda self: hasattr(self, "registry"))
    def all_agree(self) -> None:
        """Rows, indexes, outbox and everything else."""
        state = parts_of(self.replica)
        assert parts_of(machine_of(self.registry)) == state
        copy = restored(state)
        assert parts_of(copy) == state
        assert_indexes_agree(copy.registry)
        assert rows_of(self.registry) == rows_of_plain(self.plain)
        assert sfu_rows_of(self.registry) == sfu_rows_of_plain(self.plain)
        assert self.registry.departed.rows == self.plain.remembered()
        assert self.registry.sfu_half.departed.rows == self.plain.sfus.remembered(self.plain.now)
        assert values_of(self.registry) == values_of(copy.registry) == self.plain.values
        assert_indexes_agree(self.registry)
        assert_indexes_agree(self.replica.registry)
        there = Counter(map(names_of, self.plain.rows()))
        there.update(("sfu", *row.path) for row in self.plain.sfus.rows)
        assert self.openings.open_now() == there
        assert self.outbox.problems(self.registry) == []

    def teardown(self) -> None:
        """Everything closes in the end, and nothing is left behind."""
        if not hasattr(self, "registry"):
            return
        self.time += 100_000
        self.propose("n1", sweep=Sweep(*(limit // 2 for limit in LIMITS)))
        for snapshot in self.under_way:
            assert not snapshot.read(10_000)
            assert parts_of(snapshot.caught_up()) == parts_of(self.replica)
        assert self.replica.registry.watchers == []
        registry = self.registry
        assert (registry.calls, registry.rooms, registry.clients, registry.streams) == ({}, {}, {}, {})
        assert (registry.sent, registry.played, registry.sfus, registry.internal_pads) == ({}, {}, {}, {})
        assert not self.openings.open_now()
        for name, last in list(self.sent.items()):
            self.apply(Command(name, last.seq + 1, self.time, last.seq))
        assert [origin.untold for origin in registry.origins.values() if origin.untold] == []


TestWorld = World.TestCase
TestWorld.settings = settings(
    deadline=None,
    max_examples=120,
    stateful_step_count=40,
    derandomize=True,
    # To shrink a history of forty commands takes minutes; the assertion that failed tells more, sooner.
    phases=[Phase.explicit, Phase.generate],
)
