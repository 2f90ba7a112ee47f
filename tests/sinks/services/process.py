"""What all services behind sinks share: a process of its own at ports that it keeps, which can be killed and started
again.
"""

import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from observer.simulation.free_ports import LOOPBACK

PATIENCE = 60.0
"""How long a service may take to be ready. (s)"""

_POLL = 0.02


class Service:
    """One service as a real process. Nothing runs until `start`, and nothing after `close`.

    All methods block; in a task of trio, `start` belongs into a thread. As a context manager it is started and closed.
    `ready` returns False, or raises `OSError`, while the service does not yet do what tests need of it.
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        ready: Callable[[], bool],
    ) -> None:
        self._command, self._ready = command, ready
        self._folder = folder
        self.log = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started, and not killed since."""
        return self._process is not None

    def start(self) -> None:
        """Starts it, also after `kill`, and waits until it is ready.

        Raises `AssertionError` with the end of its log if that takes too long, or if it ends.
        """
        assert self._process is None, "it runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self._folder
            )
        patience_ends = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < patience_ends:
            try:
                if self._ready():
                    return
            except OSError:
                pass
            time.sleep(_POLL)
        self.kill()
        raise AssertionError(
            f"{self._command[0]} is not ready:\n{self.log.read_bytes()[-3000:].decode(errors='replace')}"
        )

    def kill(self) -> None:
        """Ends it with SIGKILL, if it runs; its port is closed then."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()

    def close(self) -> None:
        """Ends it for good."""
        self.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def accepts(port: int) -> bool:
    """Whether something listens at a port of loopback. Raises `OSError` where nothing does."""
    socket.create_connection((LOOPBACK, port), timeout=1).close()
    return True
