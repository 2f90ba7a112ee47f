"""Strangers at the cluster port: each is refused and counted under its reason, and a good link beside goes on."""

import logging
import pickle
import ssl
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from cluster.certificates import Pair, new_authority
from cluster.frames import (
    FrameReader,
    FrameTooLarge,
    LinkHello,
    MalformedHello,
    Question,
    decode_hello,
    encode_hello,
    framed,
)
from cluster.links import Refused
from cluster.settings import LinkLimits, TlsFiles
from cluster.tls import Tls
from tests.cluster.certificates_for_tests import Certificates, any_client
from tests.cluster.linking import QUICK, Peer, Wire, limits, link, peers, until, wire

MEMBER = "127.0.0.1:9#ffffffffffffffff"
"""A member that the peers keep, greater than them, so that it is to dial."""

_STARTS = st.sampled_from(
    [encode_hello(LinkHello(me="a", you="b"))[:cut] for cut in range(20)]
    + [encode_hello(Question(b"x"))[:cut] for cut in range(20)]
)

Act = Callable[[Wire], Awaitable[None]]


def patience(why: Refused) -> LinkLimits:
    """Little where it is to run out, much everywhere else."""
    if why in (Refused.HANDSHAKE_TIMEOUT, Refused.HELLO_TIMEOUT):
        return limits(handshake_timeout_in_s=0.2, hello_timeout_in_s=0.2)
    return QUICK


def saying(data: bytes) -> Act:
    async def act(stranger: Wire) -> None:
        await stranger.stream.send_all(data)

    return act


async def hang_up(stranger: Wire) -> None:
    await stranger.stream.aclose()


@asynccontextmanager
async def undisturbed(tls: Tls | None, bounds: LinkLimits = QUICK) -> AsyncIterator[Peer]:
    """A peer with a good link, that must be the same and work when the test is over."""
    async with peers(2, tls, bounds) as (a, b):
        link(a, b)
        await until(lambda: bool(a.happened and b.happened))
        a.transport.keep([b.name, MEMBER])
        a.statistics.refused.clear()
        yield a
        b.transport.send(a.name, b"still here")
        await until(lambda: bool(a.frames))
        assert a.frames == [(b.name, b"still here")]
        assert [what for what, member in a.happened if member == b.name] == ["connected"]


@asynccontextmanager
async def secure_wire(peer: Peer, files: TlsFiles | None) -> AsyncIterator[Wire]:
    """A connection to a peer by TLS, under a certificate of any kind."""
    async with wire(peer) as plain:
        stream = trio.SSLStream(plain.stream, any_client(files), server_hostname="127.0.0.1")
        yield Wire(stream)
        await trio.aclose_forcefully(stream)


async def refused(peer: Peer, why: Refused) -> None:
    await until(lambda: peer.statistics.refused.total() > 0)
    assert peer.statistics.refused == {why: 1}
    assert ("connected", MEMBER) not in peer.happened


HTTP = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(500)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        pytest.param(saying(b"\xff" * 100), Refused.FRAME_TOO_LARGE, id="garbage"),
        pytest.param(saying(HTTP), Refused.FRAME_TOO_LARGE, id="an HTTP request"),
        pytest.param(saying(CLIENT_HELLO), Refused.FRAME_TOO_LARGE, id="TLS to a plain port"),
        pytest.param(saying(framed(pickle.dumps({"me": "x"}))), Refused.MALFORMED_HELLO, id="a pickle"),
        pytest.param(saying(framed(b"")), Refused.MALFORMED_HELLO, id="an empty frame"),
        pytest.param(saying(framed(b"\x91" * 60_000)), Refused.MALFORMED_HELLO, id="deep nesting"),
        pytest.param(saying(framed(b"\x81\xa1x" + b"\x91" * 60_000)), Refused.MALFORMED_HELLO, id="nesting to skip"),
        pytest.param(saying(framed(encode_hello(Question(bytes(9))))[:-3]), Refused.HELLO_TIMEOUT, id="half a frame"),
        pytest.param(saying(framed(bytes(65_537))), Refused.FRAME_TOO_LARGE, id="a large frame"),
        pytest.param(saying(b"\xff\xff\xff\xff"), Refused.FRAME_TOO_LARGE, id="a huge length"),
        pytest.param(saying(b""), Refused.HELLO_TIMEOUT, id="silence"),
        pytest.param(hang_up, Refused.NO_HELLO, id="nothing at all"),
    ],
)
async def test_nonsense_at_a_plain_port_is_refused(act: Act, why: Refused) -> None:
    async with undisturbed(None, patience(why)) as peer, wire(peer) as stranger:
        await act(stranger)
        await refused(peer, why)


@pytest.mark.parametrize(
    ("act", "why"),
    [
        pytest.param(saying(b"\xff" * 100), Refused.HANDSHAKE_FAILED, id="garbage"),
        pytest.param(saying(HTTP), Refused.HANDSHAKE_FAILED, id="an HTTP request"),
        pytest.param(
            saying(framed(encode_hello(LinkHello(me=MEMBER, you="x")))), Refused.HANDSHAKE_FAILED, id="plain text"
        ),
        pytest.param(saying(framed(pickle.dumps({"me": "x"}))), Refused.HANDSHAKE_FAILED, id="a pickle"),
        pytest.param(saying(CLIENT_HELLO[:100]), Refused.HANDSHAKE_TIMEOUT, id="half a ClientHello"),
        pytest.param(saying(b""), Refused.HANDSHAKE_TIMEOUT, id="silence"),
        pytest.param(hang_up, Refused.HANDSHAKE_FAILED, id="nothing at all"),
    ],
)
async def test_nonsense_at_a_tls_port_is_refused(act: Act, why: Refused, tmp_path: Path) -> None:
    async with undisturbed(Certificates(tmp_path).tls(), patience(why)) as peer, wire(peer) as stranger:
        await act(stranger)
        await refused(peer, why)


def another_authority(ours: Certificates) -> TlsFiles:
    return Certificates(ours.folder / "theirs").files()


def expired(ours: Certificates) -> TlsFiles:
    return ours.write(ours.authority.issue("127.0.0.1", 1, datetime.now(UTC) - timedelta(days=2)), "expired")


def signed_by_itself(ours: Certificates) -> TlsFiles:
    return ours.write(new_authority(1, datetime.now(UTC)).pair(), "itself")


def no_certificate(ours: Certificates) -> TlsFiles | None:
    return None


@pytest.mark.parametrize("shown", [another_authority, expired, signed_by_itself, no_certificate])
async def test_who_has_no_good_certificate_is_refused(
    shown: Callable[[Certificates], TlsFiles | None], tmp_path: Path
) -> None:
    ours = Certificates(tmp_path)
    async with undisturbed(ours.tls()) as peer, secure_wire(peer, shown(ours)) as stranger:
        await stranger.ended()  # makes the handshake first
        await refused(peer, Refused.HANDSHAKE_FAILED)


async def test_older_tls_is_refused(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    async with undisturbed(ours.tls()) as peer, wire(peer) as plain:
        context = any_client(ours.files())
        context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_2
        await Wire(trio.SSLStream(plain.stream, context)).ended()
        await refused(peer, Refused.HANDSHAKE_FAILED)


async def test_a_certificate_without_alternative_names_is_refused(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    async with undisturbed(ours.tls()) as peer, secure_wire(peer, ours.write(_nameless(ours), "nameless")) as stranger:
        await stranger.hello(MEMBER, peer.name)
        await refused(peer, Refused.UNNAMED)


def _nameless(ours: Certificates) -> Pair:
    """A certificate that has the host as its subject only."""
    good = ours.authority.issue("127.0.0.1", 1, datetime.now(UTC))
    certificate = x509.load_pem_x509_certificate(good.certificate)
    bare = (
        x509.CertificateBuilder(certificate.issuer, certificate.subject, certificate.public_key())
        .serial_number(1)
        .not_valid_before(certificate.not_valid_before_utc)
        .not_valid_after(certificate.not_valid_after_utc)
        .sign(ours.authority.key, hashes.SHA256())
    )
    return Pair(bare.public_bytes(Encoding.PEM), good.key, good.expires_at)


@pytest.mark.parametrize(
    ("host", "me", "why"),
    [
        pytest.param("127.0.0.2", MEMBER, Refused.WRONG_NAME, id="the certificate of another host"),
        pytest.param("observer.example", MEMBER, Refused.WRONG_NAME, id="a name in place of the address"),
        pytest.param("127.0.0.1", "127.0.0.2:9#ffffffffffffffff", Refused.WRONG_NAME, id="the name of another host"),
        pytest.param("127.0.0.1", "127.0.0.1:9#0000000000000000", Refused.NOT_A_MEMBER, id="not kept"),
        pytest.param("127.0.0.1", "127.0.0.1", Refused.MALFORMED_HELLO, id="no name of a member"),
        pytest.param("127.0.0.1", "", Refused.MALFORMED_HELLO, id="no name"),
        pytest.param("127.0.0.1", "127.0.0.1:9#\n\x1b[31m", Refused.NOT_A_MEMBER, id="a name for terminals"),
    ],
)
async def test_a_link_under_a_name_that_is_not_to_be_believed_is_refused(
    host: str, me: str, why: Refused, tmp_path: Path
) -> None:
    ours = Certificates(tmp_path)
    shown = ours.write(ours.authority.issue(host, 1, datetime.now(UTC)), "shown")
    async with undisturbed(ours.tls()) as peer, secure_wire(peer, shown) as stranger:
        await stranger.hello(me, peer.name)
        await refused(peer, why)


async def test_a_link_to_a_member_that_we_were_is_refused() -> None:
    async with undisturbed(None) as peer, wire(peer) as stranger:
        await stranger.hello(MEMBER, f"{peer.address}#0000000000000000")
        await refused(peer, Refused.WRONG_TARGET)


async def test_a_link_from_the_side_that_is_to_be_dialed_is_refused() -> None:
    lesser = "127.0.0.1:1#0000000000000000"
    async with peers(1) as (peer,), wire(peer) as stranger:
        peer.transport.keep([lesser])
        await stranger.hello(lesser, peer.name)
        await refused(peer, Refused.WRONG_SIDE)

        assert peer.happened == []


async def test_two_hundred_connections_that_only_wait_keep_nobody_out() -> None:
    async with undisturbed(None, limits(max_strangers=16)) as peer, AsyncExitStack() as stack:
        for _ in range(200):
            await stack.enter_async_context(wire(peer))
        await until(lambda: peer.statistics.refused[Refused.TOO_MANY_CONNECTIONS] == 184)
        late = await stack.enter_async_context(wire(peer))
        await late.hello(MEMBER, peer.name)

        assert await late.hear() == b""
        await until(lambda: ("connected", MEMBER) in peer.happened)


async def test_a_dialer_refuses_who_has_the_certificate_of_another_host(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    async with peers(1, ours.tls("127.0.0.2")) as (a,), peers(1, ours.tls()) as (b,):
        b.name = MEMBER
        link(a, b)
        await until(lambda: b.statistics.failed_dials > 0)

        assert b.happened == []
        assert "IP address mismatch" in (b.transport.trouble(a.address) or "")


async def test_a_question_is_put_only_to_who_has_a_certificate_of_the_host(tmp_path: Path) -> None:
    ours = Certificates(tmp_path)
    async with peers(1, ours.tls("127.0.0.2")) as (a,), peers(1, ours.tls()) as (b,):
        assert await b.transport.ask(a.address, b"who?", 10) is None
        assert a.questions == []


async def test_refusals_are_logged_once_a_second_and_without_what_was_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with undisturbed(None) as peer:
        for count in range(1, 21):
            async with wire(peer) as stranger:
                await stranger.hello("127.0.0.1:9#secret", "secret")
                await until(lambda count=count: peer.statistics.refused.total() == count)  # type: ignore[misc]

    told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert 1 <= len(told) < 5
    assert "not_a_member" in told[0]
    assert "secret" not in caplog.text


@given(st.lists(st.binary(max_size=300), max_size=20), st.data())
def test_frames_come_out_as_they_went_in_wherever_they_are_cut(bodies: list[bytes], data: st.DataObject) -> None:
    wire = b"".join(map(framed, bodies))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=50)))
    reader = FrameReader(300)
    read = [body for a, b in pairwise([0, *cuts, len(wire)]) for body in reader.feed(wire[a:b])]

    assert read == bodies


@given(st.lists(st.binary(max_size=50), max_size=50))
def test_any_bytes_give_small_frames_or_one_error(chunks: list[bytes]) -> None:
    reader = FrameReader(100)
    try:
        for chunk in chunks:
            assert all(len(frame) <= 100 for frame in reader.feed(chunk))
    except FrameTooLarge:
        return


def test_a_frame_that_comes_byte_by_byte_comes_whole() -> None:
    reader = FrameReader(100_000)
    body = bytes(range(250)) * 400
    read = [frame for byte in framed(body) for frame in reader.feed(bytes([byte]))]

    assert read == [body]


def test_a_frame_that_comes_in_tiny_pieces_takes_little_more_room_than_it_is_long() -> None:
    reader = FrameReader(1 << 20)
    pieces = 100_000
    tracemalloc.start()
    try:
        reader.feed((1 << 20).to_bytes(4, "little") + b"x")
        for piece in range(pieces):
            reader.feed(piece.to_bytes(4, "little"))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < 2 * 4 * pieces


def test_a_large_frame_that_is_announced_takes_no_room_yet() -> None:
    reader = FrameReader(1 << 30)
    tracemalloc.start()
    try:
        reader.feed((1 << 30).to_bytes(4, "little") + b"x")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 10_000


@given(st.one_of(st.binary(max_size=200), st.builds(lambda start, rest: start + rest, _STARTS, st.binary(max_size=50))))
def test_any_bytes_are_a_hello_or_no_hello(body: bytes) -> None:
    try:
        hello = decode_hello(body)
    except MalformedHello:
        return

    assert isinstance(hello, LinkHello | Question)


@given(st.text(), st.text(), st.binary())
def test_a_hello_comes_out_as_it_went_in(me: str, you: str, data: bytes) -> None:
    for hello in (LinkHello(me=me, you=you), Question(data)):
        assert decode_hello(encode_hello(hello)) == hello
