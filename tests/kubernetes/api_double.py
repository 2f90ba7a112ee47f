"""An API server for tests where the real one is not at hand, or would not fail as it is told to.

It knows pods only. The `kubernetes` client talks to it as to any other; the tests of discovery hold both to the same.
"""

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.kubernetes.pod_store import Gone, PodStore

ADMIN = "admin-of-double"
OBSERVER = "token-of-observer"
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Asked:
    """A question that came."""

    verb: str
    query: dict[str, str]
    token: str


@dataclass(eq=False)
class OpenWatch:
    """A watch that somebody listens to."""

    version: int
    raw: list[bytes] = field(default_factory=list)
    """What is said besides events, and before the next of them."""
    ends: bool = False
    cut: bool = False
    gone: bool = False


class ApiDouble:
    """The server: `may` is what the observer's token allows, `fault` what is wrong with it."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self.store = PodStore()
        self.may = {"list", "watch"}
        self.tokens = {OBSERVER}
        self.asked: list[Asked] = []
        self.watches: list[OpenWatch] = []
        self.changed = threading.Condition()
        self.stopped = threading.Event()
        self.connections: set[Any] = set()
        self.accepted = 0
        self.errors: list[BaseException] = []
        self._faults: dict[str, list[Fault]] = {}
        self._tls = trust
        self._server = self._listening(0)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if trust else 'http'}://127.0.0.1:{self.port}"

    # What a test says

    def kubeconfig(self, file: Path, token: str = OBSERVER) -> Path:
        """A kubeconfig for whoever has a token, as a new file."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "double", "cluster": {"server": self.url}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "double", "context": {"cluster": "double", "user": "user"}}],
            "current-context": "double",
        }
        file.write_text(json.dumps(content))
        return file

    def fails(self, verb: str, *faults: "Fault") -> None:
        """The next questions of a kind are answered with these, one by one, the last of them for ever."""
        with self.changed:
            self._faults[verb] = list(faults)

    def works(self) -> None:
        """Nothing is wrong any more."""
        with self.changed:
            self._faults.clear()

    def fault(self, verb: str) -> "Fault | None":
        """What is wrong with the answer to this question."""
        with self.changed:
            faults = self._faults.get(verb, [])
            return faults.pop(0) if len(faults) > 1 else next(iter(faults), None)

    def compact(self) -> None:
        """Forgets what was, though watches go on."""
        with self.changed:
            self.store.compact()
            self.changed.notify_all()

    def says(self, raw: bytes) -> None:
        """Says something to all who watch."""
        with self.changed:
            for watch in self.watches:
                watch.raw.append(raw)
            self.changed.notify_all()

    def ends_watches(self) -> None:
        """Ends all watches as if their time were over."""
        self._to_watches(ends=True)

    def cuts_watches(self) -> None:
        """Breaks off in all watches."""
        self._to_watches(cut=True)

    def _to_watches(self, *, ends: bool = False, cut: bool = False) -> None:
        with self.changed:
            for watch in self.watches:
                watch.ends, watch.cut = ends, cut
            self.changed.notify_all()

    def count(self, verb: str) -> int:
        """How many questions of a kind have come."""
        return sum(each.verb == verb for each in self.asked)

    def wait(self, holds: Callable[[], bool]) -> None:
        """Waits, in a thread, until something holds; raises `AssertionError` if it does not come true."""
        with self.changed:
            assert self.changed.wait_for(holds, _PATIENCE_S), self.asked

    def stop(self) -> None:
        """Breaks all connections and listens no more."""
        self.stopped.set()
        with self.changed:
            self.changed.notify_all()
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(2)
        self._server.shutdown()
        self._server.server_close()

    def start(self) -> None:
        """Listens again, where it did."""
        self.stopped = threading.Event()
        self._server = self._listening(self.port)

    def _listening(self, port: int) -> "_Server":
        server = _Server(self, port, self._tls)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, double: ApiDouble, port: int, tls: ssl.SSLContext | None) -> None:
        self.double = double
        self.tls = tls
        super().__init__(("127.0.0.1", port), Answering)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hangs up may do so; anything else is a mistake of the double."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            self.double.errors.append(error)


class Answering(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.double = self.server.double
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        with self.double.changed:
            self.double.connections.add(self.connection)
            self.double.accepted += 1
            gone = self.double.stopped.is_set()
        if gone:
            with suppress(OSError):  # else nobody would close what was wrapped
                self.connection.shutdown(2)

    def finish(self) -> None:
        with self.double.changed:
            self.double.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        self._answer("watch" if query.get("watch") == "true" else "list", query)

    def do_POST(self) -> None:
        self._answer("create", {})

    def do_PATCH(self) -> None:
        self._answer("patch", {})

    def do_DELETE(self) -> None:
        self._answer("delete", dict(parse_qsl(urlsplit(self.path).query)))

    def _answer(self, verb: str, query: dict[str, str]) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = json.loads(body) if body else {}
        token = (self.headers.get("Authorization") or "").partition(" ")[2]
        with self.double.changed:
            self.double.asked.append(Asked(verb, query, token))
            self.double.changed.notify_all()
        fault = self.double.fault(verb)
        if fault is not None:
            return fault(self)
        _, _, _, _, namespace, kind, *name = urlsplit(self.path).path.split("/")
        if token not in (ADMIN, *self.double.tokens):
            return self.status(401, "Unauthorized")
        if token != ADMIN and verb not in self.double.may:
            return self.status(403, f'pods is forbidden: cannot {verb} resource "pods" in the namespace "{namespace}"')
        assert kind == "pods", self.path
        if verb == "watch":
            return self._watch(namespace, query)
        with self.double.changed:
            code, answer = self._done(verb, namespace, name, query, content)
            self.double.changed.notify_all()
        return self.json(code, answer) if answer is not None else self.status(code, "gone, missing or there already")

    def _done(
        self, verb: str, namespace: str, name: list[str], query: dict[str, str], content: dict[str, Any]
    ) -> tuple[int, Any]:
        store = self.double.store
        try:
            match verb:
                case "list":
                    limit, further = int(query.get("limit", 0)), query.get("continue", "")
                    return 200, store.page(namespace, query.get("labelSelector", ""), limit, further)
                case "create":
                    return 201, store.create(namespace, content)
                case "patch":
                    return 200, store.patch(namespace, name[0], content)
                case _:
                    grace = query.get("gracePeriodSeconds", content.get("gracePeriodSeconds"))
                    return 200, store.delete(namespace, name[0], None if grace is None else int(grace))
        except Gone:
            return 410, None
        except KeyError:
            return 404, None
        except ValueError:
            return 409, None

    def _watch(self, namespace: str, query: dict[str, str]) -> None:
        double, watch = self.double, OpenWatch(int(query["resourceVersion"]))
        until = monotonic() + float(query["timeoutSeconds"])
        self.head_of_stream()
        with double.changed:
            double.watches.append(watch)
            double.changed.notify_all()
        try:
            while not (watch.ends or watch.cut or double.stopped.is_set()) and monotonic() < until:
                for line in self._news(watch, namespace, query.get("labelSelector", ""), until):
                    self.chunk(line)
        finally:
            with double.changed:
                double.watches.remove(watch)
        if watch.cut or double.stopped.is_set():
            return self.hang_up()
        if query.get("allowWatchBookmarks") == "true" and not watch.gone:
            version = self._seen_by(watch, namespace, query.get("labelSelector", ""))
            self.chunk(event("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(version)}}))
        return self.chunk(b"")

    def _seen_by(self, watch: OpenWatch, namespace: str, selector: str) -> int:
        """Up to which version there is nothing that a watch has not told."""
        with self.double.changed:
            untold = any(self.double.store.since(watch.version, namespace, selector))
            return watch.version if untold else self.double.store.version

    def _news(self, watch: OpenWatch, namespace: str, selector: str, until: float) -> list[bytes]:
        with self.double.changed:
            try:
                news = list(self.double.store.since(watch.version, namespace, selector))
            except Gone:
                watch.ends = watch.gone = True
                return [event("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})]
            if not (news or watch.raw or watch.ends or watch.cut):
                self.double.changed.wait(max(0.0, until - monotonic()))
                return []
            raw, watch.raw = watch.raw, []
            watch.version = self.double.store.version
        return [*raw, *(json.dumps(each).encode() + b"\n" for each in news)]

    # What faults are made of

    def json(self, code: int, content: object) -> None:
        """A whole answer."""
        self.whole(code, json.dumps(content).encode())

    def status(self, code: int, message: str) -> None:
        """A refusal."""
        self.json(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message})

    def whole(self, code: int, body: bytes) -> None:
        """An answer of known length."""
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def head_of_stream(self) -> None:
        """The beginning of an answer of unknown length."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text: bytes) -> None:
        """A part of it; an empty one is its end."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))

    def hang_up(self) -> None:
        """Answers nothing more on this connection."""
        self.close_connection = True


Fault = Callable[[Answering], None]
"""Answers a question in place of the double; some are in `api_faults`."""


def event(kind: str, content: object) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": content}).encode() + b"\n"


@contextmanager
def api_double(trust: ssl.SSLContext | None = None) -> Iterator[ApiDouble]:
    """An API server; nothing of it runs afterwards."""
    double = ApiDouble(trust)
    try:
        yield double
    finally:
        double.stop()
    assert not double.errors
