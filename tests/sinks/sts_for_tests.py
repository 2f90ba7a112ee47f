"""An STS that gives sessions of any length, and remembers how it was asked."""

from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl


class Sts:
    """Serves on a port of loopback while its context lasts. Each session has keys of its own: `key-1`, `key-2`."""

    def __init__(self, lasts_s: float) -> None:
        self.asked: list[dict[str, str]] = []
        """The parameters of each request."""
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked.append({**dict(parse_qsl(body.decode())), "signed": self.headers.get("Authorization", "")})
                self._answer(_session(asked[-1]["Action"], len(asked), lasts_s))

            def do_GET(self) -> None:
                self._answer(b"")

            def _answer(self, text: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _session(action: str, number: int, lasts_s: float) -> bytes:
    ends = datetime.now(UTC) + timedelta(seconds=lasts_s)
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
        f"<AccessKeyId>key-{number}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>"
        f"<SessionToken>token</SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
        f"</Credentials></{action}Result></{action}Response>"
    ).encode()
