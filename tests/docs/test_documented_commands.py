"""Every command of the documents runs, in the order in which a reader types them."""

import doctest
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from observer.simulation.free_ports import free_ports
from tests.docs.documents import TOP, WRITTEN, Block, blocks, blocks_of, name_of, text_of

NOT_RUN = {
    "make install": "it makes the environment that runs this test",
    "make demo": "it takes some thirty seconds; its parts are tested by tests/observer/test_demo.py",
    "make run": "the same as webrtc-observer run --config observer.yaml, which the documents show as well",
    "make test": "it runs this test",
    "make check": "it runs this test",
    "make format": "it changes files",
    "make docs": "it changes files; tests/observer/test_configuration_docs.py tests what it makes",
    "make lock": "it asks the package index",
    "make bench": "it takes minutes",
    "make soak": "it takes minutes",
    "make speed-guard": "it changes a file; tests/speed tests what it measures",
    "make faults": "it takes minutes",
    "make simulate-cluster": "it takes minutes; tests/cluster/test_simulation.py runs some seeds",
}
"""The commands that are not run here, and why."""

PATIENCE_S = 30.0
_LOOPBACK = "127.0.0."
_CLUSTER_PORT = "5601"
_LISTENS = re.compile(r"Taking samples on port (\d+), watched on port (\d+)")
_ELLIPSIS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

pytestmark = pytest.mark.processes


@dataclass
class Terminal:
    """Where a node runs, and what it says there."""

    node: subprocess.Popen[bytes]
    log: Path

    def wait_until_it_listens(self) -> tuple[str, str]:
        """The ports at which it takes samples, and is watched."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            said = self.log.read_text()
            listens = _LISTENS.search(said)
            if listens:
                return listens[1], listens[2]
            assert self.node.poll() is None, said
            time.sleep(0.05)
        raise AssertionError(f"it does not listen: {self.log.read_text()}")

    def end(self) -> None:
        """Stops the node, as the documents say: with SIGTERM, upon which it ends well."""
        self.node.send_signal(signal.SIGTERM)
        assert self.node.wait(PATIENCE_S) == 0, self.log.read_text()


class Reader:
    """Somebody who follows a document in a folder of their own, with the observer installed in `.venv`.

    What the documents call 127.0.0.1, 127.0.0.2 and so on are addresses of loopback that this reader has alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = os.environ | {"PYTHONPATH": str(TOP), "APPLICATION_SERVER_PORT": "0"}
        self._environment["APPLICATION_MANAGEMENT_PORT"] = "0"
        self._terminals: list[Terminal] = []
        self._network = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}."
        self._cluster_port = str(*free_ports(1))
        self._addresses: dict[str, str] = {}
        _install(folder)

    def save(self, block: Block) -> None:
        """Writes a block that names a file into that file."""
        for name in block.words:
            if "." in name:
                text = self._real(block.text).replace(_CLUSTER_PORT, self._cluster_port)
                (self._folder / name).write_text(text, encoding="utf-8")

    def run(self, block: Block) -> str:
        """Types the commands of a block; what they print."""
        match block.words:
            case ["serves"]:
                self.serve(block.text.splitlines())
                return ""
            case ["without", number]:
                self._terminals[int(number) - 1].end()
        script = "".join(line for line in block.text.splitlines(keepends=True) if line.strip() not in NOT_RUN)
        if not script.strip():
            return ""
        done = subprocess.run(
            ["sh", "-euc", self._real(script)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{block}: exit code {done.returncode}\n{done.stderr.decode()}"
        return self._documented(done.stdout.decode())

    def serve(self, commands: list[str]) -> None:
        """Starts commands that run until they are stopped, each in a terminal of its own, in place of those before."""
        self.stop()
        for number, command in enumerate(commands, 1):
            path = self._folder / f"{number}.log"
            with path.open("wb") as log:
                node = subprocess.Popen(
                    ["sh", "-euc", f"exec env {self._real(command)}"],
                    cwd=self._folder,
                    env=self._environment,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                )
            self._terminals.append(Terminal(node, path))
        for number, terminal in enumerate(self._terminals, 1):
            for documented, port in zip(("7080", "7081"), terminal.wait_until_it_listens(), strict=True):
                self._addresses[f"127.0.0.{number}:{documented}"] = f"{self._network}{number}:{port}"

    def stop(self) -> None:
        """Stops what runs."""
        terminals, self._terminals = self._terminals, []
        self._addresses.clear()
        for terminal in terminals:
            if terminal.node.poll() is None:
                terminal.end()

    def kill(self) -> None:
        """Leaves nothing behind."""
        for terminal in self._terminals:
            terminal.node.kill()
            terminal.node.wait()

    def _real(self, text: str) -> str:
        """The text with the addresses at which the nodes really are."""
        for documented, real in self._addresses.items():
            text = text.replace(documented, real)
        return text.replace(_LOOPBACK, self._network)

    def _documented(self, text: str) -> str:
        """The text with the addresses that the documents give the nodes."""
        for documented, real in self._addresses.items():
            text = text.replace(real, documented)
        return text.replace(self._network, _LOOPBACK).replace(f":{self._cluster_port}", f":{_CLUSTER_PORT}")


@contextmanager
def reader(folder: Path) -> Iterator[Reader]:
    somebody = Reader(folder)
    try:
        yield somebody
        somebody.stop()
    finally:
        somebody.kill()


def _install(folder: Path) -> None:
    """What `make install` leaves, as far as the documents use it."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, words in (("webrtc-observer", "-m observer "), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        program.chmod(0o755)
    (folder / "observer.yaml").write_text((TOP / "observer.yaml").read_text())


def follow(somebody: Reader, steps: list[Block]) -> None:
    """Saves files, types commands, and holds what they print against the block behind them."""
    printed = ""
    for block in steps:
        if block.language == "sh":
            printed = somebody.run(block)
        elif block.words == ("prints",):
            assert doctest.OutputChecker().check_output(block.text, printed, _ELLIPSIS), f"{block} prints:\n{printed}"
        else:
            somebody.save(block)


@pytest.mark.parametrize("document", [d for d in WRITTEN if any(b.document == d for b in blocks("sh"))], ids=name_of)
def test_every_command_of_a_document_runs(document: Path, tmp_path: Path) -> None:
    steps = blocks_of(text_of(document), document)

    with reader(tmp_path) as somebody:
        follow(somebody, [step for step in steps if step.language == "sh" or step.words])


def test_every_command_that_is_not_run_stands_in_a_document_or_the_makefile() -> None:
    known = {line.strip() for block in blocks("sh") for line in block.text.splitlines()}
    targets = set(re.findall(r"^([\w-]+):", (TOP / "Makefile").read_text(), re.MULTILINE))

    assert {command for command in NOT_RUN if command not in known and command.split()[1] not in targets} == set()


def test_every_language_of_a_block_is_known() -> None:
    known = {"sh", "console", "text", "yaml", "json", "js", "html", "ini", "nginx", "haproxy", "promql", "python"}

    assert {str(b) for d in WRITTEN for b in blocks_of(text_of(d), d) if b.language not in known} == set()


def test_a_command_that_fails_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="exit code 1"), reader(tmp_path) as somebody:
        follow(somebody, blocks_of("```sh\ntrue\nfalse\ntrue\n```\n"))


def test_a_command_that_prints_something_else_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="prints"), reader(tmp_path) as somebody:
        follow(somebody, blocks_of("```sh\necho one\n```\n\n```text prints\ntwo\n```\n"))


def test_a_node_that_does_not_start_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="unknown key"), reader(tmp_path) as somebody:
        follow(
            somebody,
            blocks_of(
                "```yaml wrong.yaml\nobserver: {bufers: {}}\n```\n\n"
                "```sh serves\n.venv/bin/webrtc-observer run --config wrong.yaml\n```\n"
            ),
        )
