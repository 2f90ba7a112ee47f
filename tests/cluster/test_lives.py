"""The rules of a process's life in its cluster, one at a time: what one process asks, says, keeps and gives up."""

from collections.abc import Sequence
from random import Random

from cluster.configuration import ADD
from cluster.member import Member
from cluster.messages import (
    Append,
    Decision,
    Description,
    Forward,
    Join,
    Message,
    Part,
    Question,
    Who,
    change_of,
    encode,
    message,
    question,
)
from cluster.settings import LogLimits, Timing
from discovery import Found
from tests.cluster.tape import Tape

A, B, C, D = "a:1", "b:1", "c:1", "d:1"
LEADER, OTHER, NEWCOMER = f"{B}#{0:016x}", f"{C}#{0:016x}", f"{C}#{7:016x}"
CLUSTER, FORMER = LEADER, f"{C}#{9:016x}"
EVERYONE = frozenset({A, B, C})
STEP = 0.05
COMMAND = b"\x00"
CHANGE = b"\x02"


class Life:
    """A process at A, and the world around it: questions wait until they are answered here."""

    def __init__(self, founders: frozenset[str] = EVERYONE) -> None:
        self.now = 100.0
        self.said: list[tuple[str, Message]] = []
        self.asks: dict[str, Question] = {}
        self.kept: list[frozenset[str]] = []
        self.tape = Tape()
        self.done: dict[bytes, int | None] = {}
        numbers = iter(range(1, 100))
        self.member: Member[int] = Member(
            A,
            self.tape,
            self,
            Timing(),
            LogLimits(),
            fresh=lambda: f"{next(numbers):016x}",
            rng=Random(0),
            now=self.now,
        )
        self.member.discovered(Found(founders, founders))
        self.index = 0

    # The world

    def send(self, member: str, frame: bytes) -> bool:
        self.said.append((member, message(frame)))
        return True

    def pending(self, member: str) -> int:
        return 0

    def keep(self, members: frozenset[str]) -> None:
        self.kept.append(members)

    def ask(self, address: str, asked: bytes) -> None:
        self.asks[address] = question(asked)

    # What happens

    def pass_time(self, seconds: float = STEP) -> None:
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            self.member.tick(self.now)

    def answers(self, address: str, said: Description | Decision | None) -> None:
        del self.asks[address]
        self.member.answered(address, None if said is None else encode(said), self.now)

    def hears(self, member: str, said: Message) -> None:
        self.member.received(member, encode(said), self.now)

    def follows(self, *commands: bytes, of: str = LEADER, term: int = 1, commit: bool = True) -> None:
        """A leader sends these entries, or a heartbeat."""
        previous, self.index = self.index, self.index + len(commands)
        entries = [(1, command) for command in commands]
        self.hears(of, Append(term, self.index if commit else previous, previous, 1, entries))
        self.pass_time()

    def stays_in_touch(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.follows()

    def proposes(self, command: bytes) -> None:
        def done(answer: int | None) -> None:
            self.done[command] = answer

        self.member.propose(command, done, self.now)
        self.pass_time()

    def forwards(self, to: str) -> list[bytes]:
        """The commands that it sent to a leader."""
        return [said.command for member, said in self.said if member == to and isinstance(said, Forward)]

    def round(self, b: Description | None, c: Description | None) -> None:
        """It asks everyone once more, and these are the answers."""
        for _ in range(20):
            if not {B, C} <= self.asks.keys():
                self.pass_time()
        self.answers(B, b)
        self.answers(C, c)

    @property
    def cluster(self) -> str | None:
        return self.member.describe(self.now).cluster


def unformed(address: str) -> Description:
    return Description(member=f"{address}#{5:016x}", known=sorted(EVERYONE))


def one_of_them(name: str, members: Sequence[str]) -> Description:
    settled = sorted(members)
    return Description(
        member=name, cluster=CLUSTER, members=settled, settled=settled, applied=(1, 100), known=sorted(EVERYONE)
    )


def led() -> Description:
    return Description(
        member=LEADER, cluster=CLUSTER, leader=LEADER, lineage=[FORMER], members=[LEADER, OTHER], known=[B, C]
    )


def learner() -> Life:
    """It was taken in by the leader, and was given the state."""
    life = Life()
    life.pass_time()
    life.answers(C, None)
    life.answers(B, led())
    assert isinstance(life.asks[B], Join)
    life.answers(B, Decision(True, "", led()))
    for member in (LEADER, OTHER):
        life.member.connected(member, life.now)
    for number in range(2):
        last = number == 1
        life.hears(LEADER, Part(1, 9, 1, 9, 1, number, last, [LEADER, OTHER], b"" if last else b"x"))
    life.index = 9
    life.pass_time()
    life.said.clear()
    return life


def a_member(*, settled: bool = True) -> Life:
    """It is a member by its log, beside the leader and another."""
    life = learner()
    life.follows(CHANGE + change_of(ADD, life.member.name), commit=settled)
    life.said.clear()
    return life


def out_of_touch() -> Life:
    """A member that hears of nobody any more."""
    life = a_member()
    life.follows(COMMAND + bytes(16) + b"not known to be committed", commit=False)
    for member in (LEADER, OTHER):
        life.member.disconnected(member, life.now)
    life.pass_time(2.0)
    return life


# Forming


def test_who_asks_while_it_asks_must_have_answered_too() -> None:
    life = Life(frozenset({A, B}))
    life.pass_time()
    life.member.asked(encode(Who(D)), None, lambda answer: None, life.now)
    life.answers(B, Description(member=f"{B}#{5:016x}", known=[A, B]))
    assert life.cluster is None


def asked_by_one_that_is_silent_itself(ago: float) -> Life:
    """Its own peers have answered, but not who asked it that long before."""
    life = Life(frozenset({A, B}))
    life.pass_time()
    life.member.asked(encode(Who(D)), None, lambda answer: None, life.now)
    life.answers(B, None)
    life.pass_time(ago)
    if D in life.asks:
        life.answers(D, None)
    life.answers(B, Description(member=f"{B}#{5:016x}", known=[A, B]))
    life.pass_time()
    return life


def test_who_asked_just_before_it_asked_must_have_answered_too() -> None:
    assert asked_by_one_that_is_silent_itself(1.0).cluster is None


def test_who_asked_once_and_never_again_is_waited_for_no_longer() -> None:
    life = asked_by_one_that_is_silent_itself(1.0)
    for _ in range(12):
        life.pass_time(1.0)
        for address in [*life.asks]:
            life.answers(address, Description(member=f"{B}#{5:016x}", known=[A, B]) if address == B else None)
    assert life.cluster is not None


def strangely_answered(exact: bool) -> Life:
    """At the address of B somebody answers who is C."""
    life = Life()
    life.member.discovered(Found(frozenset({A, B}), frozenset({A, B}), exact=exact))
    life.pass_time()
    for address in (B, C):
        life.answers(address, Description(member=f"{C}#{5:016x}", known=[C]))
    life.pass_time()
    return life


def test_where_addresses_are_exact_nobody_answers_for_another() -> None:
    assert strangely_answered(exact=True).cluster is None


def test_where_they_are_not_an_address_may_be_another_name_of_a_peer() -> None:
    assert strangely_answered(exact=False).cluster is not None


def test_where_addresses_are_exact_an_answer_of_its_own_is_none_of_a_peer() -> None:
    life = Life()
    life.member.discovered(Found(frozenset({A, B}), frozenset({A, B}), exact=True))
    life.pass_time()
    life.answers(B, life.member.describe(life.now))
    life.pass_time()
    assert life.cluster is None


def test_where_addresses_are_exact_case_does_not_matter() -> None:
    life = Life()
    life.member.discovered(Found(frozenset({A, "B:1"}), frozenset({A, "B:1"}), exact=True))
    life.pass_time()
    life.answers("B:1", Description(member=f"{B}#{5:016x}", known=[B]))
    life.answers(B, Description(member=f"{B}#{5:016x}", known=[B]))
    life.pass_time()
    assert life.cluster is not None


def test_where_addresses_are_exact_no_cluster_is_formed_anew_upon_the_answer_of_another() -> None:
    life = out_of_touch()
    life.member.discovered(Found(EVERYONE, EVERYONE, exact=True))
    for _ in range(3):
        life.round(unformed(C), unformed(C))
    assert life.cluster == CLUSTER


def test_a_cluster_is_formed_anew_only_when_two_rounds_say_so() -> None:
    life = out_of_touch()
    life.round(unformed(B), unformed(C))
    once = life.cluster
    life.round(unformed(B), unformed(C))
    assert once == CLUSTER
    assert life.cluster == life.member.name


def test_the_two_rounds_follow_one_another() -> None:
    life = out_of_touch()
    life.round(unformed(B), unformed(C))
    life.round(unformed(B), None)
    life.round(unformed(B), unformed(C))
    assert life.cluster == CLUSTER


def formed_anew() -> Life:
    life = out_of_touch()
    for _ in range(2):
        life.round(unformed(B), unformed(C))
    return life


def test_who_forms_a_cluster_anew_keeps_all_it_has() -> None:
    assert formed_anew().tape.told[-1] == b"not known to be committed"


def test_a_cluster_that_was_formed_anew_remembers_where_it_came_from() -> None:
    life = formed_anew()
    assert life.member.describe(life.now).lineage == [FORMER, CLUSTER]


def test_who_joins_learns_where_the_cluster_came_from() -> None:
    life = learner()
    assert life.member.describe(life.now).lineage == [FORMER]


# Members


def test_a_learner_that_hears_nothing_any_more_gives_up() -> None:
    life = learner()
    name = life.member.name
    life.pass_time(20.0)
    assert life.member.name != name


def test_who_has_the_entry_that_makes_it_a_member_never_gives_up_by_itself() -> None:
    life = a_member(settled=False)
    name = life.member.name
    life.pass_time(60.0)
    assert life.member.name == name


def test_who_is_out_of_touch_accepts_members_that_it_does_not_know_of() -> None:
    life = out_of_touch()
    life.round(None, one_of_them(NEWCOMER, [LEADER, NEWCOMER, life.member.name]))
    life.pass_time()
    assert NEWCOMER in life.kept[-1]


def test_who_was_halted_for_long_drops_its_links_before_it_hears_anything() -> None:
    life = a_member()
    life.now += 2.0
    life.hears(LEADER, Append(1, life.index, life.index, 1, []))
    assert life.kept[-1] == frozenset()
    assert life.said == []


def test_who_was_halted_for_a_moment_goes_on_as_if_nothing_had_been() -> None:
    life = a_member()
    life.now += 1.0
    life.hears(LEADER, Append(1, life.index, life.index, 1, []))
    assert life.kept[-1] == {LEADER, OTHER}
    assert [member for member, _ in life.said] == [LEADER]


# Proposals


def test_a_proposal_is_sent_again_byte_for_byte_when_nothing_was_heard_of_it_for_a_second() -> None:
    life = a_member()
    life.proposes(b"x")
    life.stays_in_touch(1.2)
    first, second = life.forwards(LEADER)
    assert first == second


def test_a_proposal_is_sent_again_at_once_when_another_leads() -> None:
    life = a_member()
    life.proposes(b"x")
    life.follows(of=OTHER, term=2)
    assert life.forwards(OTHER) == life.forwards(LEADER)


def test_a_proposal_is_done_when_its_own_command_is_applied_here() -> None:
    life = a_member()
    life.proposes(b"x")
    life.proposes(b"y")
    _, command = life.forwards(LEADER)
    life.follows(command)
    assert life.done == {b"y": 1 + len([b"the snapshot"])}


def test_the_proposals_of_a_life_end_with_it() -> None:
    life = a_member()
    life.proposes(b"x")
    for member in (LEADER, OTHER):
        life.member.disconnected(member, life.now)
    life.pass_time(2.0)
    life.round(one_of_them(LEADER, [LEADER, OTHER]), None)
    assert life.member.statistics.rebirths == 1
    assert life.done == {b"x": None}


# Being ready


def test_who_is_to_be_a_member_is_ready_when_that_is_applied() -> None:
    assert [a_member(settled=settled).member.status(0.0).ready for settled in (False, True)] == [False, True]


def test_a_member_is_ready_when_it_has_applied_what_was_committed() -> None:
    life = learner()
    change = CHANGE + change_of(ADD, life.member.name)
    life.hears(LEADER, Append(1, 99, 9, 1, [(1, change)]))
    life.pass_time()
    before = life.member.status(life.now).ready
    life.hears(LEADER, Append(1, 99, 10, 1, [(1, COMMAND + bytes(16) + b"x")] * 89))
    life.pass_time()
    assert (before, life.member.status(life.now).ready) == (False, True)


def test_a_new_cluster_begins_with_the_empty_state() -> None:
    life = Life(frozenset({A}))
    life.tape.told = [b"of a former life"]
    life.pass_time()
    assert (life.cluster, life.tape.told) == (life.member.name, [])
