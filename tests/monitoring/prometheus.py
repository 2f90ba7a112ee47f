"""A real Prometheus on this machine, and what it answers."""

import json
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
import trio

from observer.simulation.asking import ask
from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.services import tool

PATIENCE = 60.0
"""How long it may take to be ready, and what is waited for may take to be so. (s)"""

_LOOK = 0.2


class Refused(Exception):
    """Prometheus does not take an expression; the text is what it says."""


class Prometheus:
    """It scrapes and evaluates once a second."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def query(self, expression: str) -> Sequence[Mapping[str, Any]]:
        """The result of an expression as of now. Raises `Refused`."""
        return list((await self._get("query", query=expression))["result"])

    async def number(self, expression: str) -> float:
        """The only value of an expression; 0 if it has none."""
        return sum([float(result["value"][1]) for result in await self.query(expression)])

    async def firing(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The alerts that fire, by their names."""
        return await self._alerts("firing")

    async def waiting(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """The alerts whose expression holds, and not yet for long enough, by their names."""
        return await self._alerts("pending")

    async def rules(self) -> Sequence[Mapping[str, Any]]:
        """All rules, and how their last evaluation went."""
        return [rule for group in (await self._get("rules"))["groups"] for rule in group["rules"]]

    async def wait_until(self, expression: str) -> None:
        """Waits until an expression has a result. Raises `AssertionError` when that takes too long."""
        with trio.move_on_after(PATIENCE):
            while not await self.query(expression):  # noqa: ASYNC110 - only Prometheus knows
                await trio.sleep(_LOOK)
            return
        raise AssertionError(f"this does not come true: {expression}")

    async def _alerts(self, state: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        for alert in (await self._get("alerts"))["alerts"]:
            if alert["state"] == state:
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    async def _get(self, what: str, **parameters: str) -> Any:
        _, body = await ask(LOOPBACK, self.port, f"/api/v1/{what}?{urlencode(parameters)}")
        answer = orjson.loads(body)
        if answer["status"] != "success":
            raise Refused(answer["error"])
        return answer["data"]


@asynccontextmanager
async def prometheus(folder: Path, jobs: Mapping[str, Sequence[int]], rules: str) -> AsyncIterator[Prometheus]:
    """It watches the ports of loopback that each job names, under these rules; it is killed afterwards."""
    (folder / "rules.yaml").write_text(rules)
    (port,) = free_ports(1)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [f"{LOOPBACK}:{port}" for port in ports]}]}
            for job, ports in jobs.items()
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with (folder / "prometheus.log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            [
                str(tool("prometheus")),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={LOOPBACK}:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        await _wait_ready(process, port, folder / "prometheus.log")
        yield Prometheus(port)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()


async def _wait_ready(process: trio.Process, port: int, log: Path) -> None:
    with trio.move_on_after(PATIENCE):
        while process.poll() is None:
            try:
                status, _ = await ask(LOOPBACK, port, "/-/ready")
            except OSError:
                status = 0
            if status == 200:
                return
            await trio.sleep(_LOOK)
    raise AssertionError(f"Prometheus is not ready:\n{(await trio.Path(log).read_text())[-3000:]}")
