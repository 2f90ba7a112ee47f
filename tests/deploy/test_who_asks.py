"""The proxies tell the nodes who asks: by that a node knows who may scrape client metrics, and who only seems near."""

from functools import partial
from pathlib import Path

import pytest
import trio

from tests.deploy.guests import browser
from tests.deploy.machines import certify
from tests.deploy.placed import Site
from tests.deploy.proxies import both

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

PUBLIC = "203.0.113.5"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def test_a_node_is_told_by_its_proxy_who_asks_behind_what_the_client_says(tmp_path: Path) -> None:
    site = Site(tmp_path)
    certify(site)
    heads: list[bytes] = []

    async def answer(stream: trio.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head and (more := await stream.receive_some(65536)):
            head += more
        heads.append(head)
        await stream.send_all(_ANSWER)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        for host in site.hosts:
            for port in site.ports[:2]:
                await nursery.start(partial(trio.serve_tcp, answer, port, host=host))
        async with both(site) as proxies:
            for at in proxies:
                async with browser(at) as page:
                    await page.get(f"https://{at.place}/metrics", headers={"X-Forwarded-For": PUBLIC})
        nursery.cancel_scope.cancel()

    asked = [forwarded(head) for head in heads if head.startswith(b"GET /metrics ")]
    assert len(asked) == 2
    for words in asked:
        assert len(words) == 2
        assert words[0] == PUBLIC
        assert words[1].startswith("127.")


def forwarded(head: bytes) -> list[str]:
    """All addresses that stand in the head's `X-Forwarded-For`, in their order."""
    lines = [line.partition(":") for line in head.decode().split("\r\n")]
    told = [value for name, _, value in lines if name.lower() == "x-forwarded-for"]
    return [address.strip() for value in told for address in value.split(",")]
