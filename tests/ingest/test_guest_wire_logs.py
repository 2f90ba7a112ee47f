"""Wire logs of the originals, played to the port for samples: what is written down is what the originals wrote down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from trio.testing import wait_all_tasks_blocked

from ingest import Rtcstats
from tests.ingest.visiting import SECRET, Paper, signed, visiting

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "reference" / "examples"

pytestmark = pytest.mark.skipif(not EXAMPLES.exists(), reason="the wire logs are not at hand")


def wire_log(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def lines_of(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line]


def sockets_in(log: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The parts of a log, each of one socket."""
    begins = [at for at, step in enumerate(log) if step["dir"] == "connect"]
    for begin, end in zip(begins, [*begins[1:], len(log)], strict=True):
        yield log[begin:end]


async def rtcstats_dumps(log: list[dict[str, Any]]) -> list[Paper]:
    async with visiting(Rtcstats(path="/{rest...}", jwt_secret=SECRET, require_jwt=False)) as visited:
        for steps in sockets_in(log):
            at = urlsplit(steps[0]["url"].replace("TOKEN", signed()))
            page = await visited.page(f"{at.path}?{at.query}" if at.query else at.path, steps[0]["subprotocol"])
            for step in steps:
                if step["dir"] == "send":
                    await page.send_message(step["text"])
            await page.aclose()
            await wait_all_tasks_blocked()
        return visited.dumps


@pytest.mark.parametrize("name", ["p2p-call", "p2p-call-plain", "failures", "raw-plain"])
async def test_a_dump_of_rtcstats_has_the_lines_of_the_original(name: str) -> None:
    log = wire_log(EXAMPLES / "rtcstats" / name / "client.wire.jsonl")
    (dump,) = await rtcstats_dumps(log)
    sent = [step["text"].encode() for step in log if step["dir"] == "send" and step["text"]]

    assert dump.lines == sent
    if name.endswith("plain"):  # the others had their addresses hidden when they were completed
        assert dump.lines == lines_of(EXAMPLES / "rtcstats" / name / "dump.rtcstats")[2:-1]
    assert dump.closed is not None
    assert orjson.loads(dump.closed[0] or b"")[:2] == ["close", None]


async def test_a_socket_of_rtcstats_without_a_message_leaves_nothing() -> None:
    (dump,) = await rtcstats_dumps(wire_log(EXAMPLES / "rtcstats" / "no-messages" / "client.wire.jsonl"))

    assert dump.lines == []


async def jitsi_dumps(log: list[dict[str, Any]]) -> list[Paper]:
    async with visiting(Rtcstats(path="/elsewhere")) as visited:
        for steps in sockets_in(log):
            at = urlsplit(steps[0]["url"])
            browser = await visited.socket(f"/jitsi{at.path}?{at.query}", steps[0].get("subprotocol", ""))
            for step in steps:
                if step["dir"] == "recv":
                    assert await browser.get_message() == step["text"]
                elif step["dir"] == "send":
                    await browser.send_message(step["text"])
            await wait_all_tasks_blocked()
            await browser.aclose(3001)
            await wait_all_tasks_blocked()
        return visited.dumps


@pytest.mark.parametrize(
    ("name", "dumps"),
    [
        ("standard", ["11111111-1111-4111-8111-111111111111"]),
        ("jicofo", ["22222222-2222-4222-8222-222222222222", "22222222-2222-4222-8222-222222222222_1"]),
        ("unsupported-protocol", ["66666666-6666-4666-8666-666666666666"]),
    ],
)
async def test_dumps_of_jitsi_have_the_lines_of_the_original(name: str, dumps: list[str]) -> None:
    told = await jitsi_dumps(wire_log(EXAMPLES / "jitsi-rtcstats" / f"{name}.wire.jsonl"))

    for dump, id_ in zip(told, dumps, strict=True):
        original = lines_of(EXAMPLES / "jitsi-rtcstats" / f"dump.{id_}.jsonl")[1:]
        assert [timeless(line) for line in dump.lines] == [timeless(line) for line in original]


def timeless(line: bytes) -> bytes:
    """A line without the time at which a server got it; browsers' lines have none of these."""
    message = orjson.loads(line)
    return orjson.dumps(message | {"timestamp": 0}) if type(message) is dict else line


@pytest.mark.parametrize("name", ["bad-session-id", "not-json"])
async def test_what_ends_a_socket_of_the_original_costs_only_its_message(name: str) -> None:
    log = wire_log(EXAMPLES / "jitsi-rtcstats" / f"{name}.wire.jsonl")
    dumps = await jitsi_dumps([step for step in log if step["dir"] != "closed"])

    assert [len(dump.lines) for dump in dumps] == ([] if name == "bad-session-id" else [1])
