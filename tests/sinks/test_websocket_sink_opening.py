"""WebsocketSink: how it connects, to whom, with which certificates; what no configuration may say."""

import json
import ssl
from pathlib import Path

import pytest
import trio
from wsproto.events import AcceptConnection, Event, RejectConnection, Request

from observer.config import parse
from observer.config.effective import effective
from sinks.dialing import Stream, Tls
from sinks.sink import NotDelivered
from sinks.websocket import WebsocketSink
from tests.sinks.listening import HOST, Certificates, listening, refusing
from tests.sinks.sinks_for_tests import batch, lines
from tests.sinks.websocket_receiver import WebsocketReceiver, Wire

SECRET = "hunter2"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


async def send_to(port: int, tls: Tls, host: str = HOST, **keys: object) -> None:
    sink = WebsocketSink(f"wss://{host}:{port}/reports", tls=tls, **keys)  # type: ignore[arg-type]
    async with sink.opened("mySink") as send:
        await send(batch(1))


async def test_a_request_is_what_the_configuration_says() -> None:
    receiver = WebsocketReceiver()
    async with listening(receiver) as port:
        sink = WebsocketSink(f"ws://{HOST}:{port}/a%20b?c=d", token=SECRET, headers={"X-Tenant": "acme"})
        async with sink.opened("mySink"):
            pass

    [request] = receiver.requests
    assert (request.host, request.target) == (f"{HOST}:{port}", "/a%20b?c=d")
    assert {(b"authorization", b"Bearer hunter2"), (b"x-tenant", b"acme")} <= {*request.extra_headers}


@pytest.mark.parametrize(
    ("uri", "host", "target"),
    [
        ("ws://reports.example", "reports.example", "/"),
        ("wss://reports.example:443", "reports.example", "/"),
        ("wss://reports.example:80/x", "reports.example:80", "/x"),
        ("ws://[::1]/x?y", "[::1]", "/x?y"),
        ("ws://[::1]:81", "[::1]:81", "/"),
    ],
)
def test_a_port_is_named_unless_it_is_the_usual_one(uri: str, host: str, target: str) -> None:
    request = WebsocketSink(uri).request()

    assert (request.host, request.target) == (host, target)


@pytest.mark.parametrize(
    "keys",
    [
        {"uri": "http://reports.example"},
        {"uri": "ws://"},
        {"uri": "ws://reports.example:0"},
        {"uri": "ws://reports.example:65536"},
        {"uri": "ws://[::1"},
        {"uri": "ws://me:hunter2@reports.example"},
        {"uri": "ws://reports.example/#hunter2"},
        {"uri": "ws://reports.example/hunter 2"},
        {"uri": "ws://reports.example/hünter2"},
        {"uri": "ws://reports.example/hunter2\r\nX: y"},
        {"token": "hunter2\r\nX: y"},
        {"token": "hunter2", "headers": {"authorization": "x"}},
        {"headers": {"X": "hunter2\n"}},
        {"headers": {"X": "hunter2\N{EURO SIGN}"}},
        {"headers": {"X Y": "hunter2"}},
        {"headers": {"Host": "hunter2"}},
        {"headers": {"Sec-WebSocket-Key": "hunter2"}},
        {"tls": Tls(ca="hunter2")},
    ],
    ids=str,
)
def test_what_cannot_work_is_told_at_once_and_without_secrets(keys: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"uri|token|headers") as problem:
        WebsocketSink(**{"uri": "ws://reports.example", **keys})  # type: ignore[arg-type]

    assert SECRET not in str(problem.value)


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(WebsocketSink("ws://reports.example", token=SECRET))
    assert SECRET not in repr(WebsocketSink("ws://reports.example", headers={"X-Token": SECRET}))


def test_secrets_are_masked_where_the_configuration_is_shown() -> None:
    config = {"uri": f"ws://a/?token={SECRET}", "token": SECRET, "headers": {"X-Region": SECRET}}
    text = json.dumps({"observer": {"sinks": {"stream": {"type": "WebsocketSink", "config": config}}}})

    assert SECRET not in effective(parse(text, {}))


async def test_a_server_that_refuses_is_told_with_its_answer_and_not_tried_again_at_once() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Request):
            await wire.send(RejectConnection(status_code=401))
        return True

    receiver = WebsocketReceiver(hear)
    async with listening(receiver) as port:
        with pytest.raises(NotDelivered, match=r":\d+: it answered the handshake with 401$"):
            async with WebsocketSink(f"ws://{HOST}:{port}/?token={SECRET}").opened("mySink"):
                pass

    assert len(receiver.events) == 1


async def test_a_server_that_breaks_off_is_tried_again_at_once_so_many_times() -> None:
    tries = []

    async def serve(stream: Stream) -> None:
        tries.append(stream)

    async with listening(serve) as port:
        with pytest.raises(ConnectionError, match=r"handshake|WebSocket"):
            async with WebsocketSink(f"ws://{HOST}:{port}", max_retry=2).opened("mySink"):
                pass

    assert len(tries) == 3


async def test_a_server_that_comes_back_between_quick_tries_is_used() -> None:
    receiver, tries = WebsocketReceiver(), []

    async def serve(stream: Stream) -> None:
        tries.append(stream)
        if len(tries) == 3:
            await receiver(stream)

    async with listening(serve) as port, WebsocketSink(f"ws://{HOST}:{port}").opened("mySink") as send:
        await send(batch(1))

    assert receiver.messages == lines(1)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_a_server_that_speaks_something_else_is_told(answer: bytes) -> None:
    async def serve(stream: Stream) -> None:
        await stream.send_all(answer)
        await stream.receive_some()

    async with listening(serve) as port:
        with pytest.raises(ConnectionError, match="did not answer as a WebSocket server does"):
            async with WebsocketSink(f"ws://{HOST}:{port}", max_retry=0).opened("mySink"):
                pass


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def serve(stream: Stream) -> None:
        await trio.sleep_forever()

    async with listening(serve) as port:
        with pytest.raises(ConnectionError, match=r"no connection within 0\.1 s"):
            async with WebsocketSink(f"ws://{HOST}:{port}", connect_timeout_in_s=0.1).opened("mySink"):
                pass


async def test_what_a_server_sends_together_with_its_handshake_is_heard() -> None:
    async def hear(wire: Wire, event: Event) -> bool:
        if isinstance(event, Request):
            answer = wire.protocol.send(AcceptConnection())
            await wire.stream.send_all(answer + b"\x88\x02\x03\xe9")
            await wire.receive()
        return True

    async def stay(port: int) -> None:
        async with WebsocketSink(f"ws://{HOST}:{port}").opened("mySink"):
            await trio.sleep_forever()

    async with listening(WebsocketReceiver(hear)) as port:
        with pytest.raises(ExceptionGroup) as raised:
            await stay(port)

    assert raised.group_contains(ConnectionError, match="closed with code 1001")


async def test_a_server_of_an_authority_that_is_named_is_trusted(certificates: Certificates) -> None:
    receiver = WebsocketReceiver()
    async with listening(receiver, certificates.serving()) as port:
        await send_to(port, Tls(ca=certificates.ca))

    assert receiver.messages == lines(1)


async def test_a_server_of_an_unknown_authority_is_not(certificates: Certificates) -> None:
    async with listening(WebsocketReceiver(), certificates.serving()) as port:
        with pytest.raises(
            ConnectionError, match="its certificate is refused: self-signed certificate in certificate chain"
        ):
            await send_to(port, Tls(), max_retry=0)


async def test_a_server_that_bears_another_name_is_not(certificates: Certificates) -> None:
    async with listening(WebsocketReceiver(), certificates.serving("reports.example")) as port:
        with pytest.raises(ConnectionError, match="is refused: IP address mismatch"):
            await send_to(port, Tls(ca=certificates.ca), max_retry=0)


async def test_a_server_may_bear_the_name_that_the_configuration_says(certificates: Certificates) -> None:
    receiver = WebsocketReceiver()
    async with listening(receiver, certificates.serving("reports.example")) as port:
        await send_to(port, Tls(ca=certificates.ca, server_name="reports.example"))

    assert receiver.messages == lines(1)


async def test_a_server_that_asks_for_a_certificate_gets_ours(certificates: Certificates) -> None:
    receiver = WebsocketReceiver()
    async with listening(receiver, certificates.serving(asks=True)) as port:
        await send_to(port, Tls(certificates.ca, *certificates.issue("observer.example")))

    assert receiver.messages == lines(1)


async def test_a_server_that_asks_for_a_certificate_refuses_who_has_none(certificates: Certificates) -> None:
    told = r"certificate required|reset by peer|Broken pipe"
    with refusing(certificates.serving(asks=True)) as port, pytest.raises(ConnectionError, match=told):
        await send_to(port, Tls(certificates.ca), max_retry=0)


async def test_plain_text_at_a_port_of_tls_is_told(certificates: Certificates) -> None:
    async def serve(stream: Stream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.receive_some()

    async with listening(serve) as port:
        with pytest.raises(ConnectionError, match=f"{HOST}:{port}: .*(WRONG_VERSION_NUMBER|wrong version number)"):
            await send_to(port, Tls(certificates.ca), max_retry=0)


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        (Tls(ca="nowhere.pem"), r"^tls\.ca: nowhere\.pem: No such file or directory$"),
        (Tls(ca=__file__), r"^tls\.ca: .*: nothing that can be used|^tls\.ca: .*no certificate"),
        (Tls(cert="nowhere.pem"), r"^tls\.cert: nowhere\.pem: No such file or directory$"),
    ],
)
async def test_a_file_that_cannot_be_used_is_named(tls: Tls, told: str) -> None:
    with pytest.raises(ConnectionError, match=told):
        await send_to(1, tls)


async def test_a_key_that_is_encrypted_asks_nobody_for_its_password(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    cert, _ = certificates.issue("observer.example")
    key = tmp_path / "encrypted.key"
    key.write_bytes(certificates.encrypted_key())

    with pytest.raises(ConnectionError, match=r"^tls\.cert: "):
        await send_to(1, Tls(certificates.ca, cert, str(key)))


def test_a_key_without_its_certificate_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="key needs cert"):
        Tls(key="key.pem")


def test_old_versions_of_tls_are_not_spoken() -> None:
    assert Tls().context().minimum_version >= ssl.TLSVersion.TLSv1_2
