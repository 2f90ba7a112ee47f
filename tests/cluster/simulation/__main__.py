"""One seed, or many: ``python -m tests.cluster.simulation --seed 7 --trace``."""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.cluster.simulation.pods import run_pods
from tests.cluster.simulation.random_run import run


def main() -> int:
    """Runs what the command line says; 1 if anything was wrong."""
    logging.getLogger("cluster").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.simulation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--pods", action="store_true")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.seed is not None:
        return one(options.seed, options.trace, options.pods)
    return many(range(options.first, options.first + options.seeds), options.jobs, options.pods)


def one(seed: int, trace: bool, pods: bool) -> int:
    """One seed in words."""
    began = time.perf_counter()
    simulation = (run_pods if pods else run)(seed, print if trace else None)
    seconds = time.perf_counter() - began
    print(f"seed {seed}: {simulation.schedule.now:.1f} s in {seconds:.1f} s, fingerprint {simulation.fingerprint:08x}")
    print(f"healed in {simulation.healed_in:.1f} s, {len(simulation.court.acknowledged)} commands acknowledged")
    for wrong in simulation.court.wrong:
        print(wrong)
    return bool(simulation.court.wrong)


def many(seeds: range, jobs: int, pods: bool) -> int:
    """Many seeds, in processes of their own; tells those that failed, and how to see each again."""
    began = time.perf_counter()
    failed = done = 0
    virtual = slowest = 0.0
    counts: Counter[str] = Counter()
    for seed, wrong, seconds, healed, counted in _results(seeds, jobs, pods):
        done += 1
        counts.update(counted)
        virtual += seconds
        slowest = max(slowest, healed)
        if wrong:
            failed += 1
            again = f"python -m tests.cluster.simulation --seed {seed} --trace{' --pods' if pods else ''}"
            print(f"seed {seed}: {wrong[0]}\n    {again}", flush=True)
        elif sys.stderr.isatty():
            print(f"\r{done} of {len(seeds)}", end="", file=sys.stderr, flush=True)
    real = time.perf_counter() - began
    print(f"{done} seeds from {seeds.start}: {failed} failed; {virtual:.0f} s in {real:.0f} s")
    print(
        f"slowest healing {slowest:.1f} s; {', '.join(f'{name} {number}' for name, number in sorted(counts.items()))}"
    )
    return bool(failed)


Result = tuple[int, list[str], float, float, Counter[str]]


def _results(seeds: range, jobs: int, pods: bool) -> Iterator[Result]:
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(result, pods=pods), seeds, chunksize=4)


def result(seed: int, pods: bool) -> Result:
    """What became of a seed."""
    simulation = (run_pods if pods else run)(seed)
    return seed, simulation.court.wrong, simulation.schedule.now, simulation.healed_in, simulation.counts()


if __name__ == "__main__":
    sys.exit(main())
