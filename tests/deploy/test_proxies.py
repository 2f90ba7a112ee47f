"""What clients send reaches the nodes through the real proxies; what the proxies are to keep away stays away."""

import gzip
import ssl
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import ConnectionClosed

from tests.deploy.guests import JSON, ORIGIN, browser, post_url, sample, session
from tests.deploy.machines import certify, certify_proxy, machines
from tests.deploy.pinged import silent_session
from tests.deploy.placed import Site
from tests.deploy.proxies import KINDS, Proxy, both, proxy
from tests.deploy.watched import open_websockets, opened_connections
from tests.faults.ledger import told
from tests.faults.standing import Nodes

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

NOT_READY, ABNORMAL = 4226, 1006
TOO_LARGE, TOO_MANY = 413, 429
MEBIBYTE = 2**20
PATIENCE = 40
CUT_AFTER = 4.0
SHORTENED = {
    "nginx": {"proxy_read_timeout 90s": "proxy_read_timeout 4s", "proxy_send_timeout 30s": "proxy_send_timeout 1s"},
    "haproxy": {
        "timeout tunnel 90s": "timeout tunnel 4s",
        "timeout client 30s": "timeout client 1s",
        "timeout server 30s": "timeout server 1s",
        "timeout http-request 10s": "timeout http-request 1s",
    },
}
"""The time-outs of HTTP, and that of silent WebSockets."""


def joined(nodes: Nodes) -> set[str]:
    """The clients of whom the nodes told."""
    return {one.payload["clientId"] for one in told(nodes) if one.payload.get("name") == "CLIENT_JOINED"}


async def test_samples_reach_the_nodes_by_post_and_by_websocket_also_large_ones(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    said, answers = set[str](), []
    async with machines(site) as nodes, both(site) as proxies:
        for at in proxies:
            bodies = {
                f"{at.kind}-plain": sample(f"{at.kind}-plain", "room"),
                f"{at.kind}-large": sample(f"{at.kind}-large", "room", padding=9 * MEBIBYTE),
            }
            async with browser(at) as posts:
                for client_id, body in bodies.items():
                    answers.append((await posts.post(post_url(at), content=body, headers=JSON)).status_code)
                    said.add(client_id)
                packed = gzip.compress(sample(f"{at.kind}-packed", "room"))
                headers = JSON | {"Content-Encoding": "gzip"}
                answers.append((await posts.post(post_url(at), content=packed, headers=headers)).status_code)
            async with session(at) as socket:
                await socket.send_message(sample(f"{at.kind}-text", "room", 1).decode())
                await socket.send_message(sample(f"{at.kind}-long", "room", 2, padding=900_000))
            said |= {f"{at.kind}-packed", f"{at.kind}-text", f"{at.kind}-long"}
        for node in nodes:
            await node.stop()

        assert (answers, joined(nodes)) == ([200] * 6, said)


async def test_a_page_of_another_origin_is_told_by_the_nodes_whether_it_may_post(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed, too_large = [], []
    async with machines(site), both(site) as proxies:
        for at in proxies:
            async with browser(at) as posts:
                for origin in (ORIGIN, "https://elsewhere.example.org"):
                    answer = await posts.options(post_url(at), headers=asks | {"Origin": origin})
                    allowed.append(answer.headers.get("Access-Control-Allow-Origin"))
                body = sample("client", "room", padding=10 * MEBIBYTE)
                too_large.append((await posts.post(post_url(at), content=body, headers=JSON)).status_code)

    assert (allowed, too_large) == ([ORIGIN, None] * 2, [TOO_LARGE] * 2)


async def test_a_silent_websocket_outlives_the_time_outs_of_a_proxy(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    pings = {"observer": {"sources": {"websocket": {"pingIntervalInS": 1}}}}
    silences: list[float] = []

    async def stay(at: Proxy) -> None:
        silences.append(await silent_session(at, 1.5 * CUT_AFTER, sample(at.kind, "room", 1)))

    async with machines(site, pings) as nodes:
        async with both(site, SHORTENED) as proxies, trio.open_nursery() as nursery:
            for at in proxies:
                nursery.start_soon(stay, at)
        for node in nodes:
            await node.stop()

        assert joined(nodes) == {"nginx", "haproxy"}
        assert max(silences) < CUT_AFTER


async def test_a_node_that_is_not_ready_costs_no_post_and_haproxy_leads_nobody_to_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    async with machines(site, apart=True) as nodes:
        apart = nodes[-1]
        async with proxy("haproxy", site) as at:
            await at.wait_said("Server observer/observer-3 is DOWN")
            before = await opened_connections(apart)
            posts, refusals = await post_all(at, 20), [await refusals_of(at) for _ in range(10)]
            led = await opened_connections(apart) - before
        async with proxy("nginx", site) as at:
            posts += await post_all(at, 20)
            refused = await opened_connections(apart) - before
            through_nginx = [await refusals_of(at) for _ in range(10)]

    assert (posts, refusals, led) == ([200] * 40, [0] * 10, 0)
    # nginx learns of it by trying, and tries POSTs again elsewhere; WebSockets are closed there, and come again.
    assert refused > 0
    assert max(through_nginx) < PATIENCE


async def test_haproxy_ends_the_sessions_of_a_node_that_has_lost_the_majority(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    ends = []
    async with machines(site) as nodes, proxy("haproxy", site) as at:
        try:
            async with session(at) as socket:
                await socket.send_message(sample("client", "room", 1))
                (its,) = [node for node in nodes if await open_websockets(node)]
                for node in nodes.besides(its):
                    node.halt()
                with trio.fail_after(30):
                    await socket.get_message()
        except ConnectionClosed as closed:
            ends = [closed.reason.code if closed.reason else None]
        unready = await its.readiness()

    assert (ends, unready[0]) == ([ABNORMAL], 503)


async def post_all(at: Proxy, count: int) -> list[int]:
    """How so many POSTs were answered, each on a connection of its own to the proxy."""
    answers = []
    for number in range(count):
        async with browser(at) as posts:
            body = sample(f"{at.kind}-{number}", "room")
            answers.append((await posts.post(post_url(at), content=body, headers=JSON)).status_code)
    return answers


async def refusals_of(at: Proxy) -> int:
    """How often a client was refused until it had a session that took a sample."""
    for refusals in range(PATIENCE):
        try:
            async with session(at) as socket:
                await socket.send_message(sample("guest", "room", 1))
                with trio.move_on_after(0.1):
                    await socket.get_message()
            return refusals
        except ConnectionClosed as closed:
            if closed.reason is None or closed.reason.code != NOT_READY:
                raise
    return PATIENCE


LIMITED = {
    "nginx": {"rate=100r/s": "rate=1r/m", "burst=200": "burst=4"},
    "haproxy": {"http_req_rate gt 1000": "http_req_rate gt 5"},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_an_address_that_asks_too_often_is_refused_and_no_other(kind: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    async with proxy(kind, site, LIMITED[kind]) as at:
        answers = []
        for address in site.nobody[:2]:
            transport = httpx.AsyncHTTPTransport(verify=at.trust, local_address=address)
            async with browser(at, transport=transport) as posts:
                answers.append([(await posts.get(f"https://{at.place}/")).status_code for _ in range(8)])

    assert answers[0][5:] == [TOO_MANY] * 3
    assert TOO_MANY not in answers[1][:5]


async def test_a_renewed_certificate_is_shown_after_a_reload_that_cuts_no_session(tmp_path: Path) -> None:
    site = Site(tmp_path)
    authority = certify(site)
    async with machines(site) as nodes:
        async with both(site) as proxies, session(proxies[0]) as one, session(proxies[1]) as other:
            former = [await shown(at) for at in proxies]
            certify_proxy(site, authority)
            for at, certificate in zip(proxies, former, strict=True):
                at.reload()
                await wait_shown(at, certificate)
            await one.send_message(sample("nginx", "room", 1))
            await other.send_message(sample("haproxy", "room", 1))
        for node in nodes:
            await node.stop()

        assert joined(nodes) == {"nginx", "haproxy"}


async def wait_shown(at: Proxy, former: bytes) -> None:
    """Waits until the proxy shows another certificate."""
    with trio.fail_after(10):
        while await shown(at) in (former, b""):  # noqa: ASYNC110 - nobody else could tell
            await trio.sleep(0.02)


async def shown(at: Proxy) -> bytes:
    """The certificate that the proxy shows a new connection; empty while it takes none."""
    try:
        stream = trio.SSLStream(await trio.open_tcp_stream(at.host, at.port), at.trust, server_hostname=at.host)
        await stream.do_handshake()
    except (OSError, trio.BrokenResourceError, ssl.SSLError):
        return b""
    certificate: bytes = stream.getpeercert(binary_form=True)
    await trio.aclose_forcefully(stream)
    return certificate
