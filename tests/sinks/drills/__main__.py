"""``python -m tests.sinks.drills``: the service of each sink is killed under load, for a minute, with figures."""

import argparse
import sys
import tempfile
from pathlib import Path

import pytest
import trio

from tests.sinks.drills.destinations import DESTINATIONS
from tests.sinks.drills.outage import Outcome, Plan, outage

_AT_MOST_MB = 80


def main() -> int:
    """Plays what is asked for; 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.sinks.drills", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="that each service is down (default: 60)")
    parser.add_argument("--rate", type=float, default=200, help="reports a second (default: 200)")
    parser.add_argument("--only", choices=DESTINATIONS, action="append", help="this sink (may be repeated)")
    options = parser.parse_args()
    wrong = 0
    for name in options.only or DESTINATIONS:
        for kills in (False, True):
            plan = Plan(options.seconds, options.rate, spool=kills, kill_observer=kills)
            what = f"{name}, {options.seconds:g} s" + (", the observer killed meanwhile, with a spool" if kills else "")
            try:
                outcome = _played(name, plan)
            except pytest.skip.Exception as missing:
                print(f"{what}: {missing}", flush=True)
                continue
            wrong += not _is_well(outcome)
            print(f"{what}: {_told(name, outcome)}", flush=True)
    return 1 if wrong else 0


def _played(name: str, plan: Plan) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="webrtc-observer-outage-") as folder:
        return trio.run(outage, Path(folder), [name], plan)


def _is_well(outcome: Outcome) -> bool:
    grown_mb = outcome.most_mb - outcome.calm_mb
    return not (outcome.wrong or outcome.unmade or outcome.exit_code) and grown_mb < _AT_MOST_MB


def _told(name: str, outcome: Outcome) -> str:
    return (
        f"{outcome.verdicts[name]}; {len(outcome.unmade)} samples without a report; memory {outcome.calm_mb:.0f} MB, "
        f"at most {outcome.most_mb:.0f} MB; caught up {outcome.caught_up_s:.1f} s after the service was back; "
        f"exit code {outcome.exit_code}"
    )


if __name__ == "__main__":
    sys.exit(main())
