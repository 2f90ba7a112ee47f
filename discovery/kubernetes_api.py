"""A talk with a Kubernetes API server, in a thread: connect, list, watch, watch on, until something fails.

The `kubernetes` client knows where the server is, whom to trust and what to say who asks. Its API classes stay out:
their models cost a hundred megabytes and seconds of start-up, and they slow down what is to be read.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import urllib3
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as Timeout

from discovery.pod_list import ApiFailed, Ended, Failure, Opened, Word, failed_with, read_event, read_page
from discovery.pods import Pods

Configure = Callable[[], Configuration]
"""Tells how to reach the API server. It may read files and may fail with any exception."""

_CHUNK = 65_536
_LONGEST_REFUSAL = 65_536
_SHORT_WATCH = 1.0
"""A watch that ends sooner, without an event, is no watch; with one, the next is asked for no sooner. (s)"""
_LONGEST_REASON = 200


def from_environment() -> Configuration:
    """That of the kubeconfig named by `KUBECONFIG` if there is one, else that of the pod's service account."""
    configuration = Configuration()
    kubeconfig = os.environ.get("KUBECONFIG")
    if kubeconfig:
        config.load_kube_config(kubeconfig, client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
    else:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    return configuration


class Talk:
    """One talk. What the server says goes to `heard`, in the thread; it returns the version to watch on from, or None
    if all pods are to be listed."""

    def __init__(self, pods: Pods, configure: Configure, heard: Callable[[Talk, Word], str | None]) -> None:
        self._pods = pods
        self._configure = configure
        self._heard = heard
        self._response: urllib3.HTTPResponse | None = None
        self.interrupted = False
        """Whether nobody listens any more."""

    def hold(self, version: str | None) -> NoReturn:
        """Talks until it fails, with `ApiFailed` or with what `heard` raises; leaves no connection open."""
        client = self._connected()
        try:
            with _translated(client.configuration):
                while True:
                    version = self._list(client) if version is None else self._watch(client, version)
        finally:
            client.close()  # type: ignore[no-untyped-call]

    def interrupt(self) -> None:
        """Ends it as soon as may be, from another thread; does not wait."""
        self.interrupted = True
        response = self._response
        if response is not None:
            # It may be just closing by itself.
            with suppress(OSError, ValueError, RuntimeError, TypeError):
                response.shutdown()

    def _connected(self) -> ApiClient:
        try:
            configuration = self._configure()
            # A silent server would be waited for several times over.
            configuration.retries = False
            return ApiClient(configuration)
        except (ConfigException, OSError) as error:
            raise ApiFailed(Failure.ERROR, f"it is not known how to reach it: {_one_line(error)}") from error
        except Exception as error:
            # The text of the error may quote the file, and so a token.
            text = f"it is not known how to reach it: {type(error).__name__} while its configuration was read"
            raise ApiFailed(Failure.ERROR, text) from None

    def _list(self, client: ApiClient) -> str | None:
        """All pods, page by page, as they are in the cluster now and not as a cache remembers them."""
        further = ""
        while True:
            asked = {"limit": str(self._pods.limits.page_size)}
            if further:
                asked["continue"] = further
            with self._asked(client, "list", asked) as response:
                page = read_page(b"".join(self._bounded(response)))
            version = self._heard(self, page)
            further = page.further
            if not further:
                return version

    def _watch(self, client: ApiClient, since: str) -> str | None:
        """What changes, for a while."""
        limits = self._pods.limits
        asked = {
            "watch": "true",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(limits.watch_in_s),
        }
        began, events = time.monotonic(), 0
        with self._asked(client, "watch", asked) as response:
            _be_patient(response, limits.watch_in_s + limits.read_timeout_in_s)
            self._heard(self, Opened())
            for line in self._lines(response):
                self._heard(self, read_event(line, self._pods))
                events += 1
        rest = began + _SHORT_WATCH - time.monotonic()
        if rest > 0:
            if not events:
                raise ApiFailed(Failure.CUT, "it ended a watch as soon as it had begun")
            time.sleep(rest)
        return self._heard(self, Ended())

    @contextmanager
    def _asked(self, client: ApiClient, verb: str, asked: dict[str, str]) -> Iterator[urllib3.HTTPResponse]:
        """The answer to a question, if it is 200; raises `ApiFailed` if not."""
        limits = self._pods.limits
        if self._pods.label_selector:
            asked["labelSelector"] = self._pods.label_selector
        request = client.param_serialize(
            "GET",
            "/api/v1/namespaces/{namespace}/pods",
            path_params={"namespace": self._pods.namespace},
            query_params=list(asked.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        timeouts = (limits.connect_timeout_in_s, limits.read_timeout_in_s)
        response: Any = client.call_api(*request, _request_timeout=timeouts).response
        try:
            self._response = response
            if self.interrupted:
                raise ApiFailed(Failure.CUT, "it was interrupted")
            if response.status != 200:
                raise failed_with(response.status, response.read(_LONGEST_REFUSAL), verb, self._pods)
            yield response
        finally:
            self._response = None
            response.close()

    def _bounded(self, response: urllib3.HTTPResponse) -> Iterator[bytes]:
        size = 0
        for chunk in response.stream(_CHUNK):
            size += len(chunk)
            self._check(size)
            yield chunk

    def _lines(self, response: urllib3.HTTPResponse) -> Iterator[bytes]:
        """Each as soon as it is complete."""
        begun: list[bytes] = []
        size = 0
        for chunk in response.stream(_CHUNK):
            first, *others = chunk.split(b"\n")
            begun.append(first)
            size += len(first)
            self._check(size)
            for other in others:
                line = b"".join(begun)
                if line.strip():
                    yield line
                begun, size = [other], len(other)
        if b"".join(begun).strip():
            raise ApiFailed(Failure.CUT, "it broke off in the middle of an event")

    def _check(self, size: int) -> None:
        if size > self._pods.limits.max_answer_size:
            text = f"an answer is longer than {self._pods.limits.max_answer_size} bytes (limits.maxAnswerSize)"
            raise ApiFailed(Failure.TOO_MUCH, text)


def _be_patient(response: urllib3.HTTPResponse, seconds: float) -> None:
    """The head of an answer is due soon, but then a watch may say nothing all the time that it lasts."""
    sock = getattr(response.connection, "sock", None)
    if sock is not None:
        sock.settimeout(seconds)


@contextmanager
def _translated(configuration: Configuration) -> Iterator[None]:
    """Turns what the client raises into `ApiFailed`, without the secrets of the configuration."""
    try:
        yield
    except ApiFailed as error:
        raise ApiFailed(error.failure, _without_secrets(str(error), configuration)) from None
    except (ApiException, HTTPError, ConfigException, OSError) as error:
        failure, text = _words(error)
        raise ApiFailed(failure, _without_secrets(text, configuration)) from None
    except Exception as error:
        # Such as a token that cannot stand in a header: the text may quote it. No node ends for a fault of the client.
        raise ApiFailed(Failure.ERROR, f"it cannot be asked: {type(error).__name__} in the client") from None


def _words(error: Exception) -> tuple[Failure, str]:
    match error:
        case ApiException():
            # The client raises it for TLS only, as the answers are read here.
            return Failure.UNREACHABLE, f"TLS: {_one_line(error.reason)}"
        case SSLError():
            return Failure.UNREACHABLE, f"TLS: {_one_line(error)}"
        case NewConnectionError() | ProxyError():
            return Failure.UNREACHABLE, f"no connection: {_one_line(error)}"
        case Timeout():
            return Failure.TIMEOUT, "it does not answer in time"
        case ProtocolError():
            return Failure.CUT, "it broke off"
        case _:
            return Failure.ERROR, f"{type(error).__name__}: {_one_line(error)}"


def _without_secrets(text: str, configuration: Configuration) -> str:
    for secret in (*configuration.api_key.values(), configuration.password or ""):
        for part in secret.split():
            if len(part) > len("bearer"):
                text = text.replace(part, "***")
    return text


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:_LONGEST_REASON]
