"""How much memory a sample takes that has been decoded and waits for the pipeline."""

import time
import tracemalloc
from collections.abc import Sequence
from random import Random

import orjson

from benchmarks.capacity_bench.crowd import SPACING, STEADY
from ingest.decoder import Decoder
from ingest.incoming import Incoming
from ingest.sources import Sources
from observer.simulation.calls import CallShape, plan_call
from observer.simulation.samples import client_sample
from schemas.samples import Budget


def times_its_size(participants: int, *, sfu: bool) -> float:
    """What the samples of one call take, decoded, as a multiple of their messages' size.

    Strings that the decoder shares among samples, such as keys, count once.
    """
    messages = _messages(participants, sfu=sfu)
    _taken(messages)  # what the decoder makes once, it has made by now
    return _taken(messages) / sum(map(len, messages))


def _taken(messages: Sequence[bytes]) -> int:
    sources = Sources()
    decoder = Decoder(Incoming("service", "unit"), most_clients=1)
    tracemalloc.start()
    held = [
        decoder.decode(message, Budget(sources.max_items_per_message, sources.max_id_length)) for message in messages
    ]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(held) == len(messages)
    return taken


def _messages(participants: int, *, sfu: bool) -> list[bytes]:
    shape = CallShape(participants, 10_000, sfu=sfu, stagger=0, one_leaves_early=False)
    call = plan_call(Random(1), shape)
    epoch = time.time() * 1000
    return [
        orjson.dumps(
            {
                "clientSamples": [
                    client_sample(call, person, SPACING * (seq + 1), since=SPACING * seq, seq=seq, epoch=epoch)
                ]
            }
        )
        for person in call.participants
        for seq in range(1, STEADY + 1)
    ]
