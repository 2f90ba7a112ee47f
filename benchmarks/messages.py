"""Files of messages for `benchmarks.load`: one JSON message a line, made of simulated calls.

    python -m benchmarks.messages FILE [--participants 2] [--clients 40] [--samples 20] [--sfu]

Every client of the calls has `--samples` lines, its first sample (with all that is told once) and the following ones.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from random import Random

import orjson

from observer.simulation.calls import CallShape, plan_call
from observer.simulation.samples import client_sample

PERIOD = 2.0
EPOCH = 1_750_000_000_000.0


def messages(participants: int, clients: int, samples: int, *, sfu: bool = False, seed: int = 1) -> Iterator[bytes]:
    """The messages of at least `clients` clients in calls of `participants`; the same for the same seed."""
    rng = Random(seed)
    for _ in range(-(-clients // participants)):
        call = plan_call(
            rng, CallShape(participants, samples * PERIOD * 10, sfu=sfu, stagger=0, one_leaves_early=False)
        )
        for person in call.participants:
            since = None
            for seq in range(samples):
                at = PERIOD * (seq + 1)
                sample = client_sample(call, person, at, since=since, seq=seq, epoch=EPOCH)
                since = at
                yield orjson.dumps({"clientSamples": [sample]})


def write(path: Path, lines: Iterator[bytes]) -> None:
    """Writes the messages, one a line."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--participants", type=int, default=2)
    parser.add_argument("--clients", type=int, default=40)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--sfu", action="store_true")
    o = parser.parse_args()
    write(o.file, messages(o.participants, o.clients, o.samples, sfu=o.sfu))


if __name__ == "__main__":
    main()
