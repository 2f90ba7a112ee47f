"""A real PostgreSQL, as Debian has it: with a password, and TLS for those who ask for it."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from observer.simulation.free_ports import LOOPBACK, free_ports
from tests.observer.certified import write_certificates
from tests.sinks.services.process import Service

_BACKENDS_S = 20.0


def programs() -> Path:
    """Where the newest server is; skips the test if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.skip("PostgreSQL is not at hand: make services")
    return found[-1].parent


class PostgresServer(Service):
    """Its data outlast `kill`. It refuses to run as root, so it is nobody then."""

    username = "observer"
    password = "p@ss/w:rd%"

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        where = programs()
        self._folder_of_all = Path(mkdtemp(prefix="postgres-"))
        self._who = (
            ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] if os.geteuid() == 0 else []
        )
        write_certificates(self._folder_of_all, LOOPBACK, ca="ca.pem", cert="server.pem", key="server.key")
        self.authority = self._folder_of_all / "ca.pem"
        (self._folder_of_all / "password").write_text(self.password)
        self._own()
        data = self._folder_of_all / "data"
        self._run(
            [
                *(str(where / "initdb"), "-D", str(data), "-U", self.username, "-A", "scram-sha-256", "--no-sync"),
                *(f"--pwfile={self._folder_of_all / 'password'}", "-E", "UTF8", "--locale=C.UTF-8"),
            ]
        )
        settings = {
            "port": self.port,
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": self._folder_of_all / "server.pem",
            "ssl_key_file": self._folder_of_all / "server.key",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        super().__init__(
            self._folder_of_all, [*self._who, str(where / "postgres"), "-D", str(data), *options], self._answers
        )

    def uri(self, database: str = "postgres", **parameters: str) -> str:
        """Where a database is, with the password in it."""
        said = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{self.username}:p%40ss%2Fw%3Ard%25@{LOOPBACK}:{self.port}/{database}?{said}"

    def asked(self, database: str, statement: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement answers; nothing if it has no rows."""
        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            answer = connection.execute(statement, values)
            return answer.fetchall() if answer.description else []

    def create(self, database: str) -> None:
        """A new database."""
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            connection.execute(SQL("create database {}").format(Identifier(database)))

    def halt(self) -> None:
        """It stands still: connections are taken, and no one answers."""
        self._tell_all(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `halt`."""
        self._tell_all(signal.SIGCONT)

    def _tell_all(self, number: signal.Signals) -> None:
        for pid in self._all():
            with suppress(ProcessLookupError):  # its workers come and go
                os.kill(pid, number)

    def kill(self) -> None:
        """Kills it, and waits until nothing of it is left, so that it can be started again."""
        pids = self._all()
        super().kill()
        ends = time.monotonic() + _BACKENDS_S
        while any(map(_runs, pids)) and time.monotonic() < ends:
            time.sleep(0.01)

    def close(self) -> None:
        """Ends it for good, with its data."""
        super().close()
        shutil.rmtree(self._folder_of_all, ignore_errors=True)

    def _all(self) -> Sequence[int]:
        process = self._process
        if process is None:
            return []
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [process.pid, *map(int, children)]

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.uri(), connect_timeout=2) as connection:
                return connection.execute("select 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    def _run(self, command: list[str]) -> None:
        subprocess.run([*self._who, *command], check=True, capture_output=True, cwd=self._folder_of_all)

    def _own(self) -> None:
        if self._who:
            for path in (self._folder_of_all, *self._folder_of_all.iterdir()):
                shutil.chown(path, "nobody", "nogroup")


def _runs(pid: int) -> bool:
    """Whether a process is there, and is more than what waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
