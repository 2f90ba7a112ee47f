"""WebSocket sessions: which are taken, what they may say, how they are refused."""

from contextlib import suppress
from pathlib import Path

import pytest
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from observer.simulation.protobuf_messages import written
from schemas.protobuf.formats import format_of
from schemas.versions import SchemaVersion
from tests.conformance.bodies import client, names, samples
from tests.ingest.tokens import OTHER_SECRET, SECRET, token
from tests.nodes import NOW, running

TOKENS = {"security": {"accessTokens": {"algorithm": "HS256", "secret": SECRET, "leewayInS": 0}}}


@pytest.mark.parametrize("version", ["2.0.0", "2.0.4", "2.1.0", "2.1.7", "2.2.0", "2.2.9", "3.0.0", "3.6.1", None])
async def test_a_version_of_the_known_families_is_taken(tmp_path: Path, version: str | None) -> None:
    """C32."""
    query = {} if version is None else {"schemaVersion": version}
    async with running(tmp_path) as node, node.websocket(**query) as session:
        await session.send(samples(client()))
        reports = await node.reports(session)

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


@pytest.mark.parametrize(
    "version", ["9.9", "9.9.9", "1.0.0", "2.3.0", "", "two", "2.2", "-2.2.0", "x" * 500, "é" * 200]
)
async def test_another_version_is_refused(tmp_path: Path, version: str) -> None:
    """C32: with a reason that fits a close frame."""
    async with running(tmp_path) as node, node.websocket(schemaVersion=version) as session:
        code, reason = await session.wait_closed()

    assert code == 4230
    assert "version" in reason
    assert len(reason.encode()) <= 123


async def test_protobuf_is_taken_in_binary_messages(tmp_path: Path) -> None:
    """C37."""
    form = format_of(SchemaVersion(2, 2, 0))
    async with running(tmp_path) as node, node.websocket(format="protobuf", schemaVersion="2.2.0") as session:
        await session.send(written({"clientSamples": [client()]}, form))
        reports = await node.reports_until("CALL_STARTED", "CLIENT_JOINED")

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


@pytest.mark.parametrize("message", [samples(client()), samples(client()).decode(), b"\x0a\x03abc"])
async def test_what_is_no_protobuf_closes_a_session_of_it(tmp_path: Path, message: bytes | str) -> None:
    """C37: in words that fit a close frame."""
    async with running(tmp_path) as node, node.websocket(format="protobuf", schemaVersion="2.2.0") as session:
        await session.send(message)
        code, reason = await session.wait_closed()

    assert code == 4230
    assert reason.startswith("Failed to decode Samples: ")


@pytest.mark.parametrize(
    ("shown", "closed"),
    [
        ({}, (4225, "Access token is required to provide")),
        ({"accessToken": token(OTHER_SECRET, exp=NOW)}, (4231, "The provided access token is invalid")),
        ({"accessToken": token(serviceId="x", exp=NOW)}, (4231, "The provided access token is not for this service")),
        ({"accessToken": token(exp=NOW // 1000 - 1)}, (4224, "Access token is expired")),
    ],
    ids=["none", "of another key", "of another service", "expired"],
)
async def test_where_tokens_are_asked_for_a_session_must_show_one(
    tmp_path: Path, shown: dict[str, str], closed: tuple[int, str]
) -> None:
    async with running(tmp_path, sources=TOKENS) as node, node.websocket(**shown) as session:
        assert await session.wait_closed() == closed


async def test_a_session_ends_when_its_token_expires(tmp_path: Path, clock: MockClock) -> None:
    shown = token(exp=NOW // 1000 + 50)
    async with running(tmp_path, sources=TOKENS) as node, node.websocket(accessToken=shown) as session:
        await session.send(samples(client("A")))
        reports = await node.reports(session)
        await node.pass_time(51)
        closed = await session.wait_closed()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]
    assert closed == (4224, "Access token is expired")


async def test_a_token_has_so_many_sessions(tmp_path: Path) -> None:
    tokens = {"security": {"accessTokens": {**TOKENS["security"]["accessTokens"], "maxSessionsPerToken": 1}}}
    shown = token(exp=NOW)
    async with running(tmp_path, sources=tokens) as node, node.websocket(accessToken=shown) as first:
        await first.send(samples(client("A")))
        await node.reports(first)
        async with node.websocket(accessToken=shown) as second:
            code, _ = await second.wait_closed()

    assert code == 4228


async def test_nothing_of_tokens_and_secrets_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    shown = [token(exp=NOW), token(OTHER_SECRET, exp=NOW)]
    async with running(tmp_path, sources=TOKENS) as node:
        for one in shown:
            async with node.websocket(accessToken=one) as session:
                with suppress(ConnectionClosed):  # the second may be refused before it can speak
                    await session.send(b"not json")
                _, reason = await session.wait_closed()
            assert one not in reason
        metrics = await node.get("/prometheus")

    told = caplog.text + metrics.text
    assert not any(secret in told for secret in (SECRET, *(part for one in shown for part in one.split("."))))


@pytest.mark.parametrize("message", [b"not json", "neither is this", b"[]", b"1", b"null", b"", b"\xff\xfe", b'{"a":'])
async def test_a_message_that_is_no_json_object_closes_its_session(tmp_path: Path, message: bytes | str) -> None:
    """C33: and no other session."""
    async with running(tmp_path) as node, node.websocket() as bad, node.websocket() as good:
        await good.send(samples(client("A")))
        await bad.send(message)
        code, reason = await bad.wait_closed()
        await good.send(samples(client("B")))
        reports = await node.reports(good)

    assert (code, reason) == (4230, "Failed to decode Samples")
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED", "CLIENT_JOINED"]


async def test_what_was_said_before_a_bad_message_counts(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        async with node.websocket() as session:
            await session.send(samples(client("A")))
            await session.send(b"not json")
            await session.wait_closed()
        reports = await node.reports()

    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


async def test_disabled_websockets_are_opened_and_closed(tmp_path: Path) -> None:
    """C34."""
    async with running(tmp_path, sources={"websocket": {"enabled": False}}) as node:
        async with node.websocket() as session:
            closed = await session.wait_closed()
        status = (await node.post(client())).status

    assert closed == (4229, "The websocket is disabled")
    assert status == 200


async def test_sessions_wait_for_remote_peers(tmp_path: Path) -> None:
    """C35: REST does not."""
    async with running(tmp_path, nodes=1, sources={"websocket": {"minRemotePeers": 1}}) as node:
        async with node.websocket() as session:
            closed = await session.wait_closed()
        answer = await node.post(client())
        reports = await node.reports()

    assert closed == (4226, "The service is not ready")
    assert answer.status == 200
    assert names(reports) == ["CALL_STARTED", "CLIENT_JOINED"]


async def test_a_minute_after_the_last_one_a_message_is_answered(tmp_path: Path, clock: MockClock) -> None:
    """The keep-alive that clients of the reference expect: the text `message`, not within the first minute."""
    async with running(tmp_path) as node, node.websocket() as session:
        await session.send(samples(client("A", 1000)))
        await node.reports(session)
        await node.pass_time(61)
        await session.send(samples(client("A", 2000)))
        await session.send(samples(client("A", 3000)))
        await node.reports(session)
        kept_alive = await session.receive()
        await session.send(b"not json")
        code, _ = await session.wait_closed()

    assert kept_alive == "message"
    assert code == 4230


async def test_the_keep_alive_comes_at_most_once_a_minute(tmp_path: Path, clock: MockClock) -> None:
    received: list[str | bytes] = []
    async with running(tmp_path) as node, node.websocket() as session:
        for second in range(0, 200, 10):
            await session.send(samples(client("A", second)))
            await node.reports(session)
            await node.pass_time(10)
        await session.send(b"not json")
        received = await session.receive_until_closed()

    assert received in (["message"] * 2, ["message"] * 3)


@pytest.mark.parametrize("path", ["/", "/samples", "/samples/svc", "/samples/svc/mu/more", "/rest/samples/svc/mu"])
async def test_another_path_is_no_websocket(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as node:
        answer = await node.upgrade(path)

    assert answer.status in (400, 404, 405, 426)


async def test_ids_in_the_path_may_be_escaped(tmp_path: Path) -> None:
    async with running(tmp_path) as node, node.websocket(service="my%20service", unit="%C3%A9") as session:
        await session.send(samples(client()))
        reports = await node.reports(session)

    assert {(r["serviceId"], r["mediaUnitId"]) for r in reports[1:]} == {("my service", "é")}


async def test_opened_and_closed_sessions_are_counted(tmp_path: Path) -> None:
    async with running(tmp_path) as node:
        for _ in range(3):
            async with node.websocket() as session:
                await session.send(samples(client()))
                await node.reports(session)
        await node.reports()
        opened = await node.metric("observertc_sources_opened_websockets_total")
        closed = await node.metric("observertc_sources_closed_websockets_total")

    assert (opened, closed) == (3, 3)
