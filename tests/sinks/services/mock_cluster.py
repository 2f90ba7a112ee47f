"""The mock cluster of librdkafka, which does what it is told at a port of loopback: one command a connection.

Usage: mock_cluster.py PORT BROKERS. It calls the library that stands beside confluent-kafka.
"""

import ctypes
import socketserver
import sys
from pathlib import Path
from typing import Any

import confluent_kafka

_PRODUCER = 0
_POINTER, _NUMBER, _TEXT = ctypes.c_void_p, ctypes.c_int32, ctypes.c_char_p


class Cluster:
    """So many brokers. Each method that is no command's has a name that begins with ``_``."""

    def __init__(self, brokers: int) -> None:
        (library,) = Path(confluent_kafka.__file__).parent.parent.glob("confluent_kafka.libs/librdkafka*.so*")
        self._library = ctypes.CDLL(str(library))
        conf = self._call("conf_new", _POINTER)
        error = ctypes.create_string_buffer(256)
        args = (ctypes.c_int(_PRODUCER), _POINTER(conf), error, ctypes.c_size_t(len(error)))
        handle = self._call("new", _POINTER, *args)
        assert handle, error.value
        self._cluster = _POINTER(self._call("mock_cluster_new", _POINTER, _POINTER(handle), _NUMBER(brokers)))

    def bootstrap(self) -> str:
        return str(self._call("mock_cluster_bootstraps", _TEXT, self._cluster).decode())

    def topic(self, name: str, partitions: str, copies: str) -> str:
        numbers = _NUMBER(int(partitions)), _NUMBER(int(copies))
        return self._done(self._call("mock_topic_create", _NUMBER, self._cluster, _TEXT(name.encode()), *numbers))

    def down(self, broker: str) -> str:
        return self._done(self._call("mock_broker_set_down", _NUMBER, self._cluster, _NUMBER(int(broker))))

    def up(self, broker: str) -> str:
        return self._done(self._call("mock_broker_set_up", _NUMBER, self._cluster, _NUMBER(int(broker))))

    def delay(self, broker: str, milliseconds: str) -> str:
        numbers = _NUMBER(int(broker)), _NUMBER(int(milliseconds))
        return self._done(self._call("mock_broker_set_rtt", _NUMBER, self._cluster, *numbers))

    def lead(self, topic: str, partition: str, broker: str) -> str:
        numbers = _NUMBER(int(partition)), _NUMBER(int(broker))
        name = _TEXT(topic.encode())
        return self._done(self._call("mock_partition_set_leader", _NUMBER, self._cluster, name, *numbers))

    def fail(self, api: str, code: str, times: str) -> str:
        errors = (_NUMBER * int(times))(*[int(code)] * int(times))
        numbers = ctypes.c_int16(int(api)), ctypes.c_size_t(len(errors))
        self._call("mock_push_request_errors_array", None, self._cluster, *numbers, errors)
        return self._done(0)

    def _call(self, name: str, result: type | None, *args: object) -> Any:
        function = getattr(self._library, f"rd_kafka_{name}")
        function.restype = result
        return function(*args)

    def _done(self, error: object) -> str:
        return "done" if error == 0 else ""


class Commands(socketserver.StreamRequestHandler):
    """Obeys the one line that it reads."""

    def handle(self) -> None:
        command, *args = self.rfile.readline().decode().split() or ["none"]
        if command in ("bootstrap", "topic", "down", "up", "delay", "lead", "fail"):
            self.wfile.write(f"{getattr(CLUSTER, command)(*args)}\n".encode())


if __name__ == "__main__":
    CLUSTER = Cluster(int(sys.argv[2]))
    with socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Commands) as server:
        server.serve_forever()
