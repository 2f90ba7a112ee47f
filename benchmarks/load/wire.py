"""What the generator asks of a connection, whatever it speaks."""

import socket
from typing import Protocol


class Wire(Protocol):
    """A connection that is open, and not blocking."""

    socket: socket.socket
    sent: int
    sent_bytes: int
    closed: int | None
    flat: bool

    @property
    def answered(self) -> bool:
        """Whether the server has read all that was said before it was asked last."""

    @property
    def wants_to_write(self) -> bool:
        """Whether there is something to write."""

    def say(self) -> None:
        """The next message waits to be written."""

    def ask(self) -> None:
        """Asks the server whether it has read everything."""

    def prepare(self) -> None:
        """Makes all that it will say while it is `flat`."""

    def write(self) -> None:
        """Writes what the system takes now."""

    def read(self) -> None:
        """Takes what came in."""

    def leave(self) -> None:
        """Leaves as clients do."""
