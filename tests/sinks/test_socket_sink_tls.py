"""SocketSink over TLS: whom it trusts, who it is, and how a connection ends."""

from pathlib import Path

import pytest
import trio

from observer.config import parse
from sinks.dialing import Stream, Tls
from sinks.lines import Batch, batch_of
from sinks.socket import SocketConfirmation, SocketSink
from tests.sinks.line_receiver import CLOSE, COUNT, LineReceiver, counting, send_to, sink
from tests.sinks.listening import Certificates, listening, refusing
from tests.sinks.sinks_for_tests import batch, lines


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_lines_go_over_tls(certificates: Certificates, confirmation: SocketConfirmation) -> None:
    receiver = LineReceiver(counting if confirmation is COUNT else None)
    some = batch_of([b"x" * 500_000] * 10)
    async with listening(receiver, certificates.serving()) as port:
        await send_to(sink(port, confirmation, tls=Tls(ca=certificates.ca)), some, batch(3))
        await trio.testing.wait_all_tasks_blocked(0.05)

    assert receiver.lines == [*some, *lines(3)]


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_a_receiver_that_asks_for_a_certificate_gets_ours(
    certificates: Certificates, confirmation: SocketConfirmation
) -> None:
    receiver = LineReceiver(counting if confirmation is COUNT else None)
    ours = Tls(certificates.ca, *certificates.issue("observer.example"))
    async with listening(receiver, certificates.serving(asks=True)) as port:
        await send_to(sink(port, confirmation, tls=ours), batch(3))
        await trio.testing.wait_all_tasks_blocked(0.05)

    assert receiver.lines == lines(3)


@pytest.mark.parametrize("confirmation", SocketConfirmation)
async def test_a_receiver_that_refuses_our_certificate_has_got_nothing(
    certificates: Certificates, tmp_path: Path, confirmation: SocketConfirmation
) -> None:
    (tmp_path / "strangers").mkdir()
    strangers = Certificates(tmp_path / "strangers")
    wrong = Tls(certificates.ca, *strangers.issue("observer.example"))
    acknowledged: list[Batch] = []

    async def sending(port: int) -> None:
        async with sink(port, confirmation, tls=wrong, max_retry=0).opened("mySink") as send:
            await send(batch(3))
            acknowledged.append(batch(3))
            await trio.sleep_forever()

    with refusing(certificates.serving(asks=True)) as port, pytest.raises((ConnectionError, ExceptionGroup)):
        await sending(port)

    assert acknowledged == []


async def test_a_receiver_that_bears_another_name_is_not_trusted(certificates: Certificates) -> None:
    async with listening(LineReceiver(), certificates.serving("reports.example")) as port:
        with pytest.raises(ConnectionError, match="its certificate is refused: IP address mismatch"):
            await send_to(sink(port, tls=Tls(ca=certificates.ca)), batch(1))


async def test_a_receiver_may_bear_the_name_that_the_configuration_says(certificates: Certificates) -> None:
    receiver = LineReceiver()
    async with listening(receiver, certificates.serving("reports.example")) as port:
        await send_to(sink(port, CLOSE, tls=Tls(ca=certificates.ca, server_name="reports.example")), batch(1))

    assert receiver.lines == lines(1)


async def test_a_receiver_whose_tls_was_cut_has_not_confirmed_by_closing(certificates: Certificates) -> None:
    async def serve(stream: Stream) -> None:
        assert isinstance(stream, trio.SSLStream)
        while await stream.receive_some(65_536):
            pass
        await stream.transport_stream.aclose()

    async with listening(serve, certificates.serving()) as port:
        with pytest.raises(ConnectionError, match="EOF"):
            await send_to(sink(port, CLOSE, tls=Tls(ca=certificates.ca)), batch(3))


@pytest.mark.parametrize(
    ("tls", "wanted"),
    [("", None), ("tls:", None), ("tls: {}", Tls()), ("tls: {serverName: a.example}", Tls(server_name="a.example"))],
)
def test_an_empty_block_asks_for_tls(tls: str, wanted: Tls | None) -> None:
    text = f"observer: {{sinks: {{lines: {{type: SocketSink, config: {{host: a, port: 1, {tls}}}}}}}}}"
    configured = parse(text, {}).observer.sinks["lines"].sink

    assert isinstance(configured, SocketSink)
    assert configured.tls == wanted
