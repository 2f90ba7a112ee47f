"""The load generator: plain sockets in one thread, so cheap that it saturates what it measures.

`python -m benchmarks.load --help` says what it does; here are the parts that other loads are made of.
"""

from benchmarks.load.frames import BINARY, CLOSE, frame
from benchmarks.load.websocket import Connection, watch

__all__ = ["BINARY", "CLOSE", "Connection", "frame", "watch"]
