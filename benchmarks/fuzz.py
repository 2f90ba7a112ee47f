"""Looks for messages that break the pipeline, led by what they reach of the code.

Needs ``pip install atheris``. A message that breaks something is written to the present folder as ``crash-…``, and the
exit code is not 0.
"""

import json
import logging
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from importlib import import_module
from random import Random
from typing import Any

try:
    atheris: Any = import_module("atheris")
except ImportError:
    atheris = None

SECONDS = 60
LONGEST = 4096

SEEDS: tuple[Any, ...] = (
    {"clientId": "a", "roomId": "r", "timestamp": 1},
    {"clientSamples": [{"clientId": "a", "roomId": "r", "timestamp": 1, "callId": "c", "userId": "NULL"}]},
    {"controls": {"close": True}, "clientSamples": [], "sfuSamples": [{}], "turnSamples": [{}]},
    {
        "clientId": "a",
        "roomId": "r",
        "timestamp": 1.5,
        "timeZoneOffsetInHours": -60,
        "pcTransports": [{"peerConnectionId": "p", "label": "l", "candidatePairState": "x"}],
        "inboundAudioTracks": [{"peerConnectionId": "p", "trackId": "t", "ssrc": "7", "jitter": "0.1"}],
        "outboundVideoTracks": [{"peerConnectionId": "p", "trackId": "t", "ssrc": 7, "sfuStreamId": "s"}],
        "extensionStats": [{"type": "e", "payload": "{}"}],
        "customCallEvents": [{"name": "CALL_STARTED", "timestamp": 1, "attachments": {}}],
        "os": {"name": "n"},
        "localSDPs": ["a"],
    },
)

KEYS = ("serviceId", "mediaUnitId", "clientId", "callId", "ssrc", "label", "name", "payload", "type", "close", "value")


def main() -> None:
    """Fuzzes for some seconds."""
    options = _parser().parse_args()
    if atheris is None:
        sys.exit("This needs atheris: pip install atheris")
    logging.disable(logging.CRITICAL)
    with atheris.instrument_imports(include=["analysis", "ingest", "observer", "schemas", "store"]):
        attack = _attack()
    for seed in SEEDS:
        attack(json.dumps(seed).encode())
    limits = [f"-max_total_time={options.seconds}", f"-max_len={LONGEST}"]
    atheris.Setup([sys.argv[0], *limits, *options.folder], attack, custom_mutator=_mutated)
    atheris.Fuzz()


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=SECONDS, help="how long (default: %(default)s)")
    parser.add_argument("folder", nargs="*", help="a folder that keeps what led further, from run to run")
    return parser


def _attack() -> Callable[[bytes], None]:
    """What takes one message and raises if it does harm. Imports what it attacks, so that it can be instrumented."""
    import orjson

    from ingest import BadSamples
    from ingest.decoder import Decoder
    from ingest.incoming import Incoming
    from schemas.reports import NAMES, to_json
    from schemas.samples import Budget, Reason
    from tests.world import IDLE, World

    def attack(data: bytes) -> None:
        try:
            samples = Decoder(Incoming("svc", "mu"), 1).decode(data, Budget())
        except BadSamples:
            return
        world = World()
        reports = world.tell(samples, samples)
        for _ in range(6):  # not at once: a node that halts closes nothing
            world.now += IDLE // 3
            world.pipeline.scan_at_next_tick()
            reports += world.tick()
        assert world.rejected[Reason.FAILED] == 0, "a sample failed"
        assert not world.registry.calls, "a call stays"
        for report in reports:
            payload = orjson.loads(to_json(report))["payload"]
            assert tuple(payload) == NAMES[report.type], "a report has other keys"
            assert payload["serviceId"] == "svc", "a report is of another service"

    return attack


def _mutated(data: bytes, longest: int, seed: int) -> bytes:
    """Another message made from this one: mostly still JSON, for what is none does not get far."""
    chance = Random(seed)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = chance.choice(SEEDS)
    else:
        if chance.random() < 0.1:
            return bytes(atheris.Mutate(data, longest))
        value = _changed(value, chance)
    made = json.dumps(value).encode()
    return made if len(made) <= longest else bytes(data)


def _changed(value: Any, chance: Random) -> Any:
    """The value with one of its parts replaced."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        if chance.random() < 0.2:
            return {**value, chance.choice(KEYS): value[key]}
        return {**value, key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        index = chance.randrange(len(value))
        return [*value[:index], _changed(value[index], chance), *value[index + chance.randint(0, 1) :]]
    if isinstance(value, str) and chance.random() < 0.5:
        return bytes(atheris.Mutate(value.encode("utf-8", "replace"), len(value) + 8)).decode("utf-8", "replace")
    numbers = (True, -1, 0, 2**53, 2**63, 2**64, 1.5, -1e300)
    odd: tuple[Any, ...] = (None, *numbers, "", "NULL", "\ud800", "\0", "x" * 600, [], {}, [[]])
    return chance.choice((*odd, [value, value], {"a": value}, chance.choice(SEEDS)))


if __name__ == "__main__":
    main()
