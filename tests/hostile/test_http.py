"""Heads and bodies that are none, that lie, or that are made to be expensive."""

import gzip
import random
import zlib
from pathlib import Path

import pytest

from tests.hostile.standing import GET, Standing, post, standing, statuses, upgrade
from tests.world import sample

pytestmark = pytest.mark.hostile

POST = b"POST /rest/samples/a/b HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

GARBAGE = {
    "nothing": b"",
    "line ends": b"\r\n" * 100,
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\nX",
    "half a body": post(b"{" * 100)[:-50],
    "another protocol's greeting": b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(range(200)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20),
    "zeros": bytes(20_000),
    "high bytes": b"\xff" * 20_000,
    "no version": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/99.9\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "header without colon": b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "header with NUL": b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "header with space": b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "length of 5000 digits": POST + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000),
    "odd digits": POST + b"Content-Length: \xb2\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked"
    b"\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: x\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunk that is none": CHUNKED + b"zz\r\n\r\n",
    "negative chunk": CHUNKED + b"-5\r\nhello\r\n",
    "endless chunk head": CHUNKED + b"1;" + b"x" * 100_000,
    "long target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long head": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 60_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 100_000,
    "odd upgrade": upgrade(key="short"),
    "upgrade with a body": upgrade("/samples/a/b", "dGhlIHNhbXBsZSBub25jZQ==", "Content-Length: 500") + b"hello",
}

STATUSES = {400, 405, 413, 431, 501, 505}


async def test_what_is_no_request_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        for name, data in GARBAGE.items():
            answered = statuses(await it.tell(data))
            assert set(answered) <= STATUSES, (name, answered)
            await it.check()
        assert await it.ended("malformed") >= 15
        assert await it.ended("head_too_large") >= 3
        assert await it.ended("handshake_invalid") == 2


async def test_random_bytes_are_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(7)
    whole = [GET, upgrade(), post(b'{"clientSamples":[]}')]
    async with standing(tmp_path, caplog) as it:
        for _ in range(300):
            data = bytearray(chance.choice(whole))
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            await it.tell(bytes(data[: chance.randint(1, len(data))]))


async def test_a_handshake_with_a_key_beyond_ascii_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        assert statuses(await it.tell(upgrade(key="é" * 24))) == [400]


REFUSED_PATHS = {
    "/rest/samples/%ff/x": 400,
    "/rest/samples/%c0%af/x": 400,
    "/rest/samples/%ed%a0%80/x": 400,
    "/rest/samples/%f4%90%80%80/x": 400,
    "/rest/samples/%00/x": 400,
    "/rest/samples/a/x%1b": 400,
    "/rest/samples//x": 404,
    "/rest/samples/a": 404,
    "/rest/samples/a/b/c": 404,
    "/rest//samples/a/b": 404,
    "/rest/../rest/samples/a/b": 404,
    "/rest/samples/a/../../samples/b": 404,
    "//rest/samples/a/b": 404,
    "/" * 5000: 404,
    "/samples/a/b": 426,
    "/rest/samples/" + "a" * 513 + "/x": 400,
    "/rest/samples/a/" + "%F0%9F%98%80" * 513: 400,
    "/rest/samples/a/b?" + "&".join("x=1" for _ in range(65)): 400,
    "/rest/samples/a/b?schemaVersion=%ff": 400,
    "/rest/samples/a/b?schemaVersion=" + "9" * 5000: 400,
    "/rest/samples/a/b?schemaVersion=2.2.0%00": 400,
    "/rest/samples/a/b?format=protobuf": 400,
    "http://[::1/rest/samples/a/b": 400,
    "*": 404,
    "a:b:c": 404,
}

TAKEN_PATHS = {
    "/rest/samples/%2e%2e/x": "..",
    "/rest/samples/../x": "..",
    "/rest/samples/a%2Fb/x": "a/b",
    "/rest/samples/%252e/x": "%2e",
    "/rest/samples/%F0%9F%98%80/x": "\U0001f600",
    "/rest/samples/a%/x": "a%",
    "/rest/samples/a;b=c/x/": "a;b=c",
    "http://elsewhere/rest/samples/abs/x": "abs",
}


async def test_paths_made_to_confuse_are_refused_or_name_a_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with standing(tmp_path, caplog) as it:
        for path, status in REFUSED_PATHS.items():
            assert statuses(await it.tell(post(b"{}", path=path))) == [status], path[:60]
        for number, (path, service) in enumerate(TAKEN_PATHS.items()):
            told = await _services(it, path, f"visitor {number}")
            assert told == {service}, path


async def _services(it: Standing, path: str, client_id: str) -> set[str]:
    """The services named in the reports of a client whose sample was posted to this path."""
    lying = sample(client_id, room=client_id, serviceId="lie", mediaUnitId="lie")
    body = b'{"clientSamples":[%s]}' % str(lying).replace("'", '"').encode()
    assert statuses(await it.tell(post(body, path=path))) == [200], path
    return {report["serviceId"] for report in await it.node.reports() if report["roomId"] == client_id}


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    request = GET.replace(b"Connection: close\r\n", b"")
    async with standing(tmp_path, caplog) as it:
        answered = statuses(await it.tell(request * 2000 + GET))

    assert answered == [200] * 2001


def _bomb(size: int) -> bytes:
    return gzip.compress(b" " * size)


COMPRESSED = {
    "a bomb": (_bomb(100_000_000), 413),
    "a bomb in a bomb": (gzip.compress(_bomb(100_000_000)), 400),
    "cut short": (_bomb(1000)[:-10], 400),
    "more behind the end": (_bomb(1000) + b"x" * 1000, 400),
    "two members": (_bomb(10) + _bomb(10), 400),
    "not gzip": (b"{}" * 100, 400),
    "a wrong sum": (_bomb(1000)[:-8] + bytes(8), 400),
    "nothing in it": (gzip.compress(b""), 400),
}


async def test_compressed_bodies_made_to_explode_are_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with standing(tmp_path, caplog) as it:
        for name, (body, status) in COMPRESSED.items():
            assert statuses(await it.tell(post(body, "Content-Encoding: gzip"))) == [status], name
        for body in (zlib.compress(bytes(100_000_000)), b"\x78\x9c" + bytes(1000)):
            assert statuses(await it.tell(post(body, "Content-Encoding: deflate"))) in ([413], [400])
        assert statuses(await it.tell(post(b"", "Content-Encoding: gzip, gzip"))) == [415]
        it.check_memory()
        assert await it.ended("body_too_large") == 2


async def test_endless_chunks_are_refused_at_the_limit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    head = CHUNKED
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    async with standing(tmp_path, caplog) as it:
        answered = statuses(await it.tell(head, *[chunk] * 64, end=False))
        it.check_memory()

        assert answered in ([413], [])
        assert await it.answers(413) == 1


async def test_a_body_in_tiny_chunks_costs_only_its_sender(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    head = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with standing(tmp_path, caplog) as it:
        assert statuses(await it.tell(head + b"1\r\n1\r\n" * 50_000 + b"0\r\n\r\n")) == [400]
        assert await it.refused("undecodable") == 1
