"""What a process does that has no cluster, or lost touch with it: decided from what everyone it knows says of itself.

Nothing here forgets what a cluster acknowledged:

* A cluster is formed only by the process with the smallest address, when everyone whose answer counts says that it has
  none. It counts whoever must be asked by anyone who was asked.
* A cluster whose majority died at once is formed anew only by the survivor that knows most, when everyone has answered
  and the survivors are too few to ever have a majority again: then nobody else can hold on to the old one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.messages import Description
from cluster.names import address_of


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again later. `why` is for operators."""

    why: str


@dataclass(frozen=True, slots=True)
class JoinThrough:
    """Ask the leader at this address to be made a member."""

    address: str


@dataclass(frozen=True, slots=True)
class Form:
    """Be the first member of a new cluster."""


@dataclass(frozen=True, slots=True)
class Reform:
    """Be the first member of a cluster that goes on with the state of the old one."""


@dataclass(frozen=True, slots=True)
class BeBornAnew:
    """Give up one's place, which is lost, and look for a cluster again. `why` is for operators."""

    why: str


Step = Wait | JoinThrough | Form | Reform | BeBornAnew

Answers = Mapping[str, Description | None]
"""What was said at each address that was asked; ``None`` where nobody answered."""


def first_step(me: Description, answers: Answers) -> Step:
    """What a process that belongs to no cluster does."""
    there = _others(me, answers)
    led = [answer for answer in there if answer.cluster and answer.leader]
    if led:
        newest = max(led, key=lambda answer: (len(answer.lineage), answer.term, answer.member))
        return JoinThrough(address_of(newest.leader or newest.member))
    formed = [answer for answer in there if answer.cluster]
    if formed:
        return Wait(f"{_addresses(formed)} {_have(formed)} a cluster, but no leader")
    missing = _missing(me, answers)
    if missing:
        return Wait(_not_answered(missing))
    smallest = min([me, *there], key=lambda answer: address_of(answer.member))
    if smallest is me:
        return Form()
    return Wait(f"{address_of(smallest.member)} is to form a cluster")


def next_step(me: Description, answers: Answers) -> Step:
    """What a member does that has been out of touch with any leader for long."""
    there = _others(me, answers)
    for answer in there:
        if me.cluster in answer.lineage:  # from now on this one must form nothing, whatever becomes of the other
            if answer.leader:
                return BeBornAnew("its cluster was formed anew without it")
            return Wait(f"{address_of(answer.member)} is forming its cluster anew")
        # Only what was applied counts: a removal that is not committed may be taken back, and then this one is needed.
        if answer.cluster == me.cluster and answer.applied >= me.since and me.member not in answer.settled:
            return BeBornAnew("it was removed from its cluster")
    if any(answer.cluster == me.cluster and answer.leader for answer in there):
        return Wait("others have a leader that is not in touch with this one")
    missing = _missing(me, answers)
    if missing:
        return Wait(f"no leader is in touch; {_not_answered(missing)}")
    return _after_all_answered(me, there)


def _after_all_answered(me: Description, there: Sequence[Description]) -> Step:
    peers = [answer for answer in there if answer.cluster == me.cluster]
    alive = {me.member, *(answer.member for answer in peers if answer.member in me.members)}
    if 2 * len(alive) > len(me.members):
        return Wait("the members that are there elect a leader")
    newest = max([me, *peers], key=lambda answer: (answer.position, address_of(answer.member)))
    if newest is not me:
        return Wait(f"{address_of(newest.member)} knows most, and is to form the cluster anew")
    if any(answer.cluster and answer.leader for answer in there):
        return BeBornAnew("the majority of its cluster is gone, and others have another one")
    # Who is left of a cluster that this one goes on from can never lead again: else this one had not been formed.
    if any(answer.cluster not in (None, me.cluster, *me.lineage) for answer in there):
        return Wait("the majority of its cluster is gone, and others have another one that has no leader")
    return Reform()


def _others(me: Description, answers: Answers) -> list[Description]:
    """What others said. An address may turn out to be one's own under another name."""
    return [answer for answer in answers.values() if answer and answer.member != me.member]


def _missing(me: Description, answers: Answers) -> list[str]:
    """Whose answer counts, and who has not answered."""
    counts = {*me.known, *map(address_of, me.members)}
    for answer in answers.values():
        if answer:
            counts |= {*answer.known, *map(address_of, answer.members)}
    answered = {address for address, answer in answers.items() if answer}
    answered |= {address_of(answer.member) for answer in answers.values() if answer}
    return sorted(counts - answered - {address_of(me.member)})


def _not_answered(addresses: Sequence[str]) -> str:
    return f"{_list(addresses)} {'has' if len(addresses) == 1 else 'have'} not answered"


def _addresses(there: Sequence[Description]) -> str:
    return _list(sorted(address_of(answer.member) for answer in there))


def _have(there: Sequence[Description]) -> str:
    return "has" if len(there) == 1 else "have"


def _list(addresses: Sequence[str]) -> str:
    if len(addresses) > 5:
        return f"{', '.join(addresses[:5])} and {len(addresses) - 5} more"
    return ", ".join(addresses)
