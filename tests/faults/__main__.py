"""``python -m tests.faults``: kill -9 of the leader and of followers again and again under load, with figures."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio

from tests.faults.kills import Outcome, kills

_LONGEST_GAP = 1.5
"""Until others take new clients, beside the time that reports wait. (s)"""

_OLDEST_LOST = 0.5
"""What is accepted is committed within a batch and a round between nodes. (s)"""


def main() -> int:
    """Runs what is asked for; 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="of the leader, and as many of followers (default: 20)")
    parser.add_argument("--clients", type=int, default=24, help="that stay (default: 24)")
    parser.add_argument("--visitors", type=float, default=30.0, help="a second (default: 30)")
    parser.add_argument(
        "--reports-every", type=int, default=10, help="how long reports wait for others (ms, default: 10)"
    )
    options = parser.parse_args()

    async def run(folder: Path) -> Outcome:
        return await kills(
            folder,
            leaders=options.kills,
            followers=options.kills,
            clients=options.clients,
            visitors=options.visitors,
            reports_every=options.reports_every,
        )

    with tempfile.TemporaryDirectory(prefix="webrtc-observer-faults-") as folder:
        outcome = trio.run(run, Path(folder))
    verdict = outcome.verdict
    print(f"leader killed:   until the next join {_figures(outcome.leader_gaps)}")
    print(f"follower killed: until the next join {_figures(outcome.follower_gaps)}")
    print(f"from the start of the killed node until all is whole {_figures(outcome.returns)}")
    print(f"clients that a returned node did not know: {outcome.unknown}; exit codes at the end: {outcome.exit_codes}")
    print(verdict)
    for what in ("unheard", "unreported", "twice"):
        for one in getattr(verdict, what)[:20]:
            print(f"{what}: {one}")
    slack = options.reports_every / 1000
    wrong = [
        verdict.unheard or verdict.unreported or verdict.twice,
        max(outcome.gaps) - slack > _LONGEST_GAP,
        max(verdict.lost.values(), default=0.0) > _OLDEST_LOST,
        outcome.unknown,
        any(outcome.exit_codes),
    ]
    return 1 if any(wrong) else 0


def _figures(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    middle = ordered[len(ordered) // 2]
    return f"median {middle:.2f} s, longest {ordered[-1]:.2f} s, of {len(ordered)}"


if __name__ == "__main__":
    sys.exit(main())
