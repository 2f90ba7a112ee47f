"""The row of joins and leaves: how many a cluster commits in a second, and how long each takes."""

import statistics

from benchmarks.cluster_bench.loads import HEAD, Load, loaded
from benchmarks.table.rounds import Trouble, figure
from benchmarks.table.targets import Measured

KEY = "joins"

_SIZE = 10
_LOAD = Load(nodes=3, work="churn", tls=True, size=_SIZE, proposers=4, pause=0.02, seconds=3.0)
"""More than is promised, and less than a cluster can: how long a commit takes means nothing where all go flat out."""


async def measure(rounds: int) -> Measured:
    """Runs with a cluster of their own each. Raises `Trouble` when its members differ afterwards, or there was an
    election.
    """
    rates, latest, cpu = [], [], []
    for _ in range(rounds):
        told = dict(zip(_names(), (await loaded(_LOAD)).split(maxsplit=len(_names()) - 1), strict=True))
        if told["state"] != "alike":
            raise Trouble(told["state"])
        rates.append(float(told["cmd/s"]) * _SIZE)
        latest.append(float(told["p99"]))
        cpu.append(float(told["us L"]))
    return Measured({"rate": figure(rates), "p99": figure(latest)}, {"leader us a row": statistics.median(cpu)})


def _names() -> list[str]:
    words = HEAD.replace(" ms", "").replace("us ", "us_").replace("cpu ", "cpu_").replace("stall ", "stall_").split()
    return [word.replace("_", " ") for word in words]
