"""The real proxies, with the configurations of `deploy/`."""

import os
import pwd
import signal
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from observer.simulation.free_ports import free_ports
from tests.deploy.placed import Site
from tests.services import tool

KINDS = ("nginx", "haproxy")

_PATIENCE = 10.0
_POLL = 0.02


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs: where clients reach it, and whom they trust."""

    kind: str
    host: str
    port: int
    trust: ssl.SSLContext
    log: Path
    process: trio.Process

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    def reload(self) -> None:
        """Lets it read its configuration and certificates anew, as ``systemctl reload`` does."""
        self.process.send_signal(signal.SIGHUP if self.kind == "nginx" else signal.SIGUSR2)

    async def wait_said(self, words: str, times: int = 1) -> None:
        """Waits until its log holds these words so many times."""
        with trio.fail_after(_PATIENCE):
            while self.log.read_text().count(words) < times:  # noqa: ASYNC110 - nobody else could tell
                await trio.sleep(_POLL)


@asynccontextmanager
async def proxy(kind: str, site: Site, changes: Mapping[str, str] | None = None) -> AsyncIterator[Proxy]:
    """A proxy of this kind before the nodes of the site; `changes` are replaced in its configuration besides.

    It has taken its first connection when the block begins, and is gone after it.
    """
    program, folder, (port,) = str(tool(kind)), site.folder / kind, free_ports(1)
    folder.mkdir()
    user = pwd.getpwuid(os.geteuid()).pw_name
    written = folder / f"{kind}.conf"
    written.write_text(getattr(site, kind)(port, user, changes or {}))
    command = {
        "nginx": [program, "-e", str(folder / "error.log"), "-c", str(written), "-g", "daemon off;"],
        "haproxy": [program, "-W", "-db", "-f", str(written)],
    }[kind]
    trust = ssl.create_default_context(cafile=str(site.folder / "ca.pem"))
    log = folder / ("error.log" if kind == "nginx" else "output.log")
    with (folder / "output.log").open("wb") as output:
        process = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        await _wait_listening(site.proxy_host, port, process, folder)
        yield Proxy(kind, site.proxy_host, port, trust, log, process)
    finally:
        with trio.CancelScope(shield=True):
            await _end(process)


@asynccontextmanager
async def both(site: Site, changes: Mapping[str, Mapping[str, str]] | None = None) -> AsyncIterator[list[Proxy]]:
    """A proxy of each kind before the same nodes, with changes for each."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(proxy(kind, site, (changes or {}).get(kind))) for kind in KINDS]


async def _wait_listening(host: str, port: int, process: trio.Process, folder: Path) -> None:
    with trio.move_on_after(_PATIENCE):
        while process.poll() is None:
            try:
                await (await trio.open_tcp_stream(host, port)).aclose()
                return
            except OSError:
                await trio.sleep(_POLL)
    raise AssertionError(_logs(folder))


def _logs(folder: Path) -> str:
    return "\n".join(log.read_text() for log in folder.glob("*.log"))


async def _end(process: trio.Process) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    with trio.move_on_after(_PATIENCE) as patience:
        await process.wait()
    if patience.cancelled_caught:
        process.kill()
        await process.wait()
