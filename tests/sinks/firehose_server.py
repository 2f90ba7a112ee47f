"""A small Firehose that keeps to the limits of AWS, and fails when it is told to; moto does neither.

It speaks the protocol of DescribeDeliveryStream and PutRecordBatch over HTTP, in threads of the test's process.
"""

import json
import threading
import time
from base64 import b64decode
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

MOST_RECORDS = 500
LARGEST_RECORD = 1000 * 1024
LARGEST_CALL = 4 * 1024 * 1024


class Fault(NamedTuple):
    """What goes wrong with one call that puts records."""

    refused: Sequence[int] = ()
    """The records that are not taken, by their place in the call; all others are."""
    error: str | None = None
    """The call is answered with this error, and nothing is taken."""
    answers: bool = True
    """Whether there is an answer at all; without one the records are taken, and the connection is closed."""
    late_by_s: float = 0
    """How long the answer takes. (s)"""
    names_them: bool = True
    """Whether the answer says which records are not taken."""


class FirehoseError(Exception):
    """What the service answers in place of a result."""


@dataclass
class FirehoseServer:
    """The service, and what it has taken."""

    endpoint: str = ""
    streams: set[str] = field(default_factory=lambda: {"reports"})
    may_describe: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    """What goes wrong with the next calls, one after the other."""
    calls: list[int] = field(default_factory=list)
    """How many records each call had."""
    taken: defaultdict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    """The records of each stream, in the order in which they were taken."""

    def lines(self, stream: str = "reports") -> list[bytes]:
        """What its records hold, line by line."""
        return b"".join(self.taken[stream]).splitlines(keepends=True)

    def answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """What is answered; None for nothing at all. Raises `FirehoseError`."""
        if operation == "DescribeDeliveryStream" and not self.may_describe:
            raise FirehoseError("AccessDeniedException")
        stream = asked["DeliveryStreamName"]
        if stream not in self.streams:
            raise FirehoseError("ResourceNotFoundException")
        if operation == "DescribeDeliveryStream":
            return {"DeliveryStreamDescription": {"DeliveryStreamName": stream}}
        return self._put(stream, [b64decode(record["Data"], validate=True) for record in asked["Records"]])

    def _put(self, stream: str, some: list[bytes]) -> dict[str, Any] | None:
        self.calls.append(len(some))
        if len(some) > MOST_RECORDS or sum(map(len, some)) > LARGEST_CALL or max(map(len, some)) > LARGEST_RECORD:
            raise FirehoseError("InvalidArgumentException")
        fault = self.faults.popleft() if self.faults else Fault()
        time.sleep(fault.late_by_s)
        if fault.error:
            raise FirehoseError(fault.error)
        self.taken[stream] += [data for place, data in enumerate(some) if place not in fault.refused]
        if not fault.answers:
            return None
        refused = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
        named = fault.refused if fault.names_them else ()
        told = [refused if place in named else {"RecordId": str(place)} for place in range(len(some))]
        return {"FailedPutCount": len(fault.refused), "Encrypted": False, "RequestResponses": told}


@contextmanager
def firehose_server() -> Iterator[FirehoseServer]:
    """The service, at a free port of loopback."""
    service, lock = FirehoseServer(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                with lock:
                    answer = service.answer(self.headers["X-Amz-Target"].split(".")[1], asked)
            except FirehoseError as error:
                self._answer(503 if "Unavailable" in str(error) else 400, {"__type": str(error), "message": "s3cret"})
                return
            if answer is None:
                self.close_connection = True
            else:
                self._answer(200, answer)

        def _answer(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.endpoint = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield service
        finally:
            server.shutdown()
            serving.join()
