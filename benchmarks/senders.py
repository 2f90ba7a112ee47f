"""What do samples cost by who sends them, and how? Microseconds of processor time, without sockets and sinks.

    python -m benchmarks.senders [--rounds 5]

The same samples are told in several ways, each to a pipeline of its own: `take` is what becomes of the bytes of a
message until its samples are known, with ids hidden and tokens looked at; `rest` is what they cause: matching, commands
of a node that is alone, reports, and their JSON. `ratio` is the whole cost of a message, relative to the first way of
the same samples, which follow one another; `reports` are for each message. The least of several rounds is told.

The samples are those of simulated calls of five through an SFU, and of recordings: those of the tests and, if they are
at hand, those of the references.
"""

import argparse
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
import orjson
import trio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from analysis.privacy import Obfuscation, Obfuscations, Obfuscator, obscure
from benchmarks.messages import messages
from ingest.access_tokens import AccessControl
from ingest.grants import Grant
from ingest.incoming import Incoming, incoming
from ingest.intake import Intake, Obscure
from ingest.sources import AccessTokens, Sources
from ingest.statistics import Transport
from ingest.token_keys import Algorithm
from observer.simulation.protobuf_messages import in_protobuf
from schemas.deltas import Deltas, flavour_of
from schemas.protobuf import decode, encoder_of
from schemas.reports import to_json
from schemas.samples import Item
from schemas.samples_3 import as_2_2, says_left
from schemas.samples_3_news import News
from schemas.versions import SchemaVersion, parse_version
from tests.recordings.recording import load
from tests.world import NOW, World

ROOT = Path(__file__).parent.parent
RECORDINGS = (ROOT / "tests" / "recordings" / "data", ROOT.parent / "shared" / "recordings")
BATCH = 20
MOST_ENTRIES = 5_000
MOST_CLIENTS = 100
SIMULATED = 300

Spoken = list[tuple[int, bytes]]
"""The messages of several connections, in the order in which they came: who speaks, and what."""


@dataclass(frozen=True)
class Way:
    """One way to tell some samples: how it is called, what senders say of themselves, what they send.

    What came `before` is told as well, and not measured.
    """

    name: str
    query: Mapping[str, str]
    spoken: Spoken
    obscure: Obscure | None = None
    grant: Grant | None = None
    before: Spoken = field(default_factory=list)

    def incoming(self) -> Incoming:
        """What the node knows of the senders."""
        return incoming({"serviceId": "svc", "mediaUnitId": "unit"}, self.query, 255, grant=self.grant)


@dataclass(frozen=True)
class Cost:
    """Of one message: microseconds until it is taken, and for all that follows; how many reports come of it."""

    take: float
    rest: float
    reports: float


def measured(way: Way) -> Cost:
    """Tells all samples once, to a pipeline that knows nobody."""
    world = World()
    intake = Intake(Sources(), lambda: world.now, obscure=way.obscure)
    decoders = {who: intake.decoder(way.incoming(), Transport.WEBSOCKET) for who, _ in way.before + way.spoken}

    async def tell(spoken: Spoken) -> Cost:
        take = rest = reports = 0.0
        for batch in batched(spoken):
            began = time.process_time()
            samples = [intake.take(data, decoders[who]) for who, data in batch]
            taken = time.process_time()
            world.now += 100
            await world.pipeline.process(samples)
            for report in world.told:
                to_json(report)
            rest += time.process_time() - taken
            take += taken - began
            reports += len(world.told)
            world.told.clear()
        count = len(spoken) or 1
        return Cost(take / count * 1e6, rest / count * 1e6, reports / count)

    trio.run(tell, way.before)
    return trio.run(tell, way.spoken)


def batched(spoken: Spoken) -> Iterator[Spoken]:
    """The messages as the pipeline gets them from a busy node."""
    for start in range(0, len(spoken), BATCH):
        yield spoken[start : start + BATCH]


HEAD = f"{'samples, and how they are told':<52} {'messages':>8} {'bytes':>7} {'reports':>7} {'take':>6} {'rest':>6}"
HEAD += f" {'sum':>6} {'ratio':>6}"


def rows(title: str, ways: Sequence[Way], rounds: int) -> list[str]:
    """A line for each way; the rounds of all are run in turn."""
    costs: dict[str, list[Cost]] = {way.name: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            gc.collect()
            costs[way.name].append(measured(way))
    told, first = [], 0.0
    for way in ways:
        take, rest = (min(getattr(cost, part) for cost in costs[way.name]) for part in ("take", "rest"))
        first = first or take + rest
        size = sum(len(data) for _, data in way.spoken) / len(way.spoken)
        reports = costs[way.name][0].reports
        told.append(
            f"{title + ', ' + way.name:<52} {len(way.spoken):8} {size:7.0f} {reports:7.1f} {take:6.0f} {rest:6.0f}"
            f" {take + rest:6.0f} {(take + rest) / first:6.2f}"
        )
    return told


def hiding() -> Obscure | None:
    """What hides addresses, rooms and users."""
    hidden = Obfuscation.ANONYMIZATION
    return obscure(Obfuscator(True, hidden, hidden, hidden), Obfuscations(hash_salt="a salt for this benchmark only"))


def simulated() -> list[Way]:
    """Calls of five through an SFU: samples of 2.2 in JSON, with and without all else, and in protobuf."""
    of: dict[str, int] = {}
    items = [orjson.loads(text) for text in messages(5, SIMULATED // 20, 20, sfu=True)]
    items.sort(key=lambda item: item["clientSamples"][0]["timestamp"])
    who = [of.setdefault(item["clientSamples"][0]["clientId"], len(of)) for item in items]
    texts = list(zip(who, map(orjson.dumps, items), strict=True))
    binary = list(zip(who, map(in_protobuf, items), strict=True))
    return [
        Way("2.2 JSON", {}, texts),
        Way("2.2 JSON, hidden", {}, texts, obscure=hiding()),
        Way("2.2 JSON, with a token", {}, texts, grant=Grant(b"", expires=NOW * 2)),
        Way("2.2 protobuf", {"format": "protobuf", "schemaVersion": "2.2.0"}, binary),
        Way("2.2 protobuf, hidden", {"format": "protobuf", "schemaVersion": "2.2.0"}, binary, obscure=hiding()),
    ]


def recorded(path: Path) -> dict[str, Spoken]:
    """What was sent over WebSockets, by what its senders said of themselves."""
    spoken: dict[str, Spoken] = {}
    targets: dict[int, str] = {}
    for step in load(path).steps:
        if step.act == "open":
            targets[step.connection] = urlsplit(step.target).query
        elif step.act == "message" and step.connection in targets:
            body = step.body.encode() if isinstance(step.body, str) else step.body
            spoken.setdefault(targets[step.connection], []).append((step.connection, body))
    return spoken


def of_protobuf(path: Path) -> list[Way]:
    """The protobuf of a recording, and the same samples as JSON; if it is of 3.x, as JSON of 2.2 first."""
    [(query, binary)] = recorded(path).items()
    asked = {name: value for name, [value] in parse_qs(query).items()} | {"roomId": "room"}
    version = parse_version(asked["schemaVersion"])
    assert version is not None
    items = whole(binary, version)
    json = asked | {"format": "json"}
    texts = [(who, orjson.dumps(item)) for who, item in items]
    if not version.is_3:
        return [
            Way("2.2 JSON", json, texts),
            Way("2.2 JSON, a number as text", json, [(who, orjson.dumps(drifted(item))) for who, item in items]),
            Way("2.2 JSON, hidden", json, texts, obscure=hiding()),
            Way("2.2 protobuf", asked, binary),
            Way("2.2 protobuf, hidden", asked, binary, obscure=hiding()),
        ]
    twos = [(who, orjson.dumps(message)) for who, message in in_2_2(items)]
    return [
        Way("as 2.2 JSON", json | {"schemaVersion": "2.2.0"}, twos),
        Way("3.x JSON", json, texts),
        Way("3.x JSON, hidden", json, texts, obscure=hiding()),
        Way("3.x delta protobuf", asked, binary),
        Way("3.x delta protobuf, hidden", asked, binary, obscure=hiding()),
    ]


def whole(binary: Spoken, version: SchemaVersion) -> list[tuple[int, Item]]:
    """The samples of protobuf messages; each connection's deltas made whole."""
    known: dict[int, Deltas] = {}
    found = []
    for who, data in binary:
        item = decode(data, version, MOST_ENTRIES)
        if version.is_3:
            deltas = known.setdefault(who, Deltas(flavour_of(encoder_of(data, version)), MOST_CLIENTS))
            item = deltas.fill(item)
        found.append((who, item))
    return found


def drifted(item: Item) -> Item:
    """The message as a client tells it that drifts from its schema: of each sample one number is text."""
    return item | {"clientSamples": [sample | _as_text(sample) for sample in item.get("clientSamples", [])]}


def _as_text(sample: Item) -> Item:
    """The transports, of which the first tells the first of its numbers as text."""
    first, *others = sample["pcTransports"]
    name = next(name for name, value in first.items() if type(value) is int)
    return {"pcTransports": [first | {name: str(first[name])}, *others]}


def in_2_2(items: list[tuple[int, Item]]) -> Iterator[tuple[int, Item]]:
    """Samples of 3.x as messages of clients of 2.2, which tell once what is told once."""
    told: dict[int, News] = {}
    for who, item in items:
        sample = as_2_2(item, MOST_ENTRIES)
        told.setdefault(who, News(MOST_ENTRIES)).only(sample)
        yield who, {"clientSamples": [sample]} | ({"controls": {"close": True}} if says_left(item) else {})


def of_sfu(path: Path) -> list[Way]:
    """The clients of a recording by themselves, and its SFU by itself."""
    [spoken] = recorded(path).values()
    sfu = [(who, data) for who, data in spoken if b'"sfuSamples"' in data]
    clients = [(who, data) for who, data in spoken if b'"sfuSamples"' not in data]
    return [
        Way("clients, 2.2 JSON", {}, clients),
        Way("SFU, 2.2 JSON", {}, sfu, before=clients),
        Way("SFU, 2.2 JSON, hidden", {}, sfu, obscure=hiding(), before=clients),
    ]


def at_hand(name: str) -> Path | None:
    """A recording, if it is there."""
    return next((path for folder in RECORDINGS if (path := folder / f"{name}.jsonl.gz").exists()), None)


def of_tokens(rounds: int) -> list[str]:
    """What it costs to look at a token: once a WebSocket, and with each POST."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secret = "s" * 32
    claims = {"serviceId": "svc", "roomId": "room", "clientId": "client", "exp": NOW // 1000 + 600}
    found = []
    for settings, key in (
        (AccessTokens(Algorithm.HS256, secret=secret), secret),
        (AccessTokens(Algorithm.ES256, public_key=public), private),
    ):
        control, token = AccessControl(settings), jwt.encode(claims, key, settings.algorithm.value)
        cost = microseconds(lambda control=control, token=token: control.grant(token, "svc", "unit", NOW), 200, rounds)  # type: ignore[misc]
        found.append(f"a token of {settings.algorithm.value}: {cost:.0f}")
    return found


def microseconds(act: Callable[[], object], times: int, rounds: int) -> float:
    """The least processor time of one of `times` acts, of several rounds."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(times):
            act()
        best = min(best, time.process_time() - began)
    return best / times * 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    o = parser.parse_args(arguments)
    print(HEAD)
    sets: list[tuple[str, Callable[[Path], list[Way]]]] = [
        ("oc2-2party-protobuf", of_protobuf),
        ("oc3-2party-protobufdelta", of_protobuf),
        ("oc2-sfu3-json", of_sfu),
    ]
    found = [("simulated", simulated())]
    found += [(name.split("-")[0] + " recorded", made(path)) for name, made in sets if (path := at_hand(name))]
    for title, ways in found:
        print("\n".join(rows(title, ways, o.rounds)), flush=True)
    print("\n".join(of_tokens(o.rounds)))


if __name__ == "__main__":
    main()
