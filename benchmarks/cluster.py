"""What a cluster costs and how it behaves: real processes on loopback, driven over pipes. Linux only.

    python -m benchmarks.cluster throughput [--sizes 1 10 100 1000] [--nodes 3] [--tls] [--work upserts|joins|churn] ...
    python -m benchmarks.cluster commit     # how long one command at a time takes, from the leader and from a follower
    python -m benchmarks.cluster catchup    # a follower is killed (-9) and comes back to 10^6 entities
    python -m benchmarks.cluster failover   # the leader is killed (-9) under load, again and again
    python -m benchmarks.cluster sizes      # 3, 5, 7 and 9 nodes: at rest, and under the same load

Members replicate a plain dict of upserts of some 130 bytes, or, with ``--work joins``, the store: clients that join
with two peer connections and four tracks; with ``--work churn`` half of a command's clients leave instead, some time
after they came. Processor time (us for each entity, of the leader and of a follower) is the figure to trust on a shared
machine; it does not count the making of commands. A stall is how late the loop came to a timer of 20 ms. At the end of
each row the states of all members are compared.
"""

import argparse
from collections.abc import Iterable

import trio

from benchmarks.cluster_bench.loads import HEAD, REST_HEAD, Load, loaded, resting
from benchmarks.cluster_bench.losses import CatchUp, FailOver, caught_up, failed_over

_PROPOSERS = {1: 64, 10: 8, 100: 2, 1000: 1}
_JOIN_PROPOSERS = {1: 16, 10: 4, 100: 1}


async def throughput(o: argparse.Namespace) -> None:
    """Every member proposes as fast as it can."""
    await _rows(
        Load(o.nodes, o.work, o.tls, size, o.proposers or _proposers(o.work, size), "all", 0, o.seconds, o.gc)
        for size in o.sizes or (_PROPOSERS if o.work == "upserts" else _JOIN_PROPOSERS)
    )


async def commit(o: argparse.Namespace) -> None:
    """One command after the other from one member, and a small command of every member every 50 ms."""
    for where in ("leader", "follower"):
        print(f"one proposer, on the {where}:")
        await _rows(
            Load(o.nodes, o.work, o.tls, size, 1, where, 0, o.seconds, o.gc)
            for size in o.sizes or ([1, 10, 100] if o.work == "upserts" else [1, 10])
        )
    print("each member one command every 50 ms:")
    await _rows([Load(o.nodes, o.work, o.tls, 50 if o.work == "upserts" else 7, 1, "all", 0.05, o.seconds, o.gc)])


async def sizes(o: argparse.Namespace) -> None:
    """More and more members."""
    print(f"at rest, {o.seconds:g} s:\n{REST_HEAD}")
    for nodes in o.counts:
        print(await resting(nodes, o.tls, o.seconds), flush=True)
    size = 100 if o.work == "upserts" else 10
    print("as fast as all together can:")
    await _rows(Load(nodes, o.work, o.tls, size, 2, "all", 0, o.seconds, o.gc) for nodes in o.counts)
    print("each member one command every 50 ms:")
    steady = 50 if o.work == "upserts" else 7
    await _rows(Load(nodes, o.work, o.tls, steady, 1, "all", 0.05, o.seconds, o.gc) for nodes in o.counts)


async def catchup(o: argparse.Namespace) -> None:
    """A follower that lost everything."""
    await caught_up(CatchUp(o.nodes, o.work, o.tls, o.entities, o.load, o.hogs, o.times, o.gc))


async def failover(o: argparse.Namespace) -> None:
    """A cluster that lost its leader."""
    await failed_over(FailOver(o.nodes, o.tls, times=o.times))


def _proposers(work: str, size: int) -> int:
    usual = _PROPOSERS if work == "upserts" else _JOIN_PROPOSERS
    return next((count for most, count in usual.items() if size <= most), 1)


async def _rows(loads: Iterable[Load]) -> None:
    print(HEAD)
    for load in loads:
        print(await loaded(load), flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for run in (throughput, commit, catchup, failover, sizes):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        command.add_argument("--nodes", type=int, default=3)
        command.add_argument("--tls", action="store_true")
        command.add_argument("--work", choices=("upserts", "joins", "churn"), default="upserts")
        command.add_argument("--seconds", type=float, default=3.0)
        command.add_argument("--sizes", type=int, nargs="+", help="entities (joins: clients) a command")
        command.add_argument("--proposers", type=int, default=0, help="on each member")
        command.add_argument("--gc", type=int, nargs="+", help="thresholds of the garbage collector")
        command.add_argument("--times", type=int, default=10 if run is failover else 1)
        command.add_argument("--entities", type=int, default=1_000_000)
        command.add_argument("--load", type=int, default=0, help="entities a command, while a follower catches up")
        command.add_argument("--hogs", type=int, default=0, help="busy processes beside a catch-up")
        command.add_argument("--counts", type=int, nargs="+", default=[3, 5, 7, 9])
    o = parser.parse_args()
    trio.run(o.run, o)


if __name__ == "__main__":
    main()
