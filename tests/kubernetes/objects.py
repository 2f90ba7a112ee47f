"""The objects of a control plane as plain JSON, for tests that run under trio."""

import json
import uuid
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import h11
import trio

from tests.kubernetes.control_plane import ADMIN, TOKEN_REQUEST, ControlPlane
from tests.kubernetes.node_plan import Store

Object = dict[str, Any]

CORE = "/api/v1"
APPS = "/apis/apps/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
NETWORK = "/apis/networking.k8s.io/v1"
POLICY = "/apis/policy/v1beta1"

_PATIENCE_S = 10.0
_MERGE = "application/merge-patch+json"


class Answered(Exception):
    """The API server said no, with this status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Unreached(Exception):
    """The API server is not there."""


class Objects:
    """What the administrator sees of a namespace: paths are relative to it, such as ``pods/observer-0``."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.namespace = namespace
        self._plane = plane

    async def list(self, kind: str, api: str = CORE, selector: str = "") -> list[Object]:
        """All objects of a kind, such as ``pods``, that have these labels."""
        query = f"?labelSelector={selector}" if selector else ""
        items: list[Object] = (await self.get(kind + query, api))["items"]
        return items

    async def get(self, path: str, api: str = CORE) -> Object:
        """One object. Raises `Answered` (404) when it is not there, `Unreached` when the API server is not."""
        return await self._ask("GET", path, api)

    async def create(self, path: str, body: Mapping[str, Any], api: str = CORE) -> Object:
        """Creates an object among its kind, or asks for a subresource."""
        return await self._ask("POST", path, api, body)

    async def merge(self, path: str, body: Mapping[str, Any], api: str = CORE) -> Object:
        """Merges some fields into an object."""
        return await self._ask("PATCH", path, api, body)

    async def delete(self, path: str, api: str = CORE, grace: int | None = None) -> None:
        """Asks that an object ends, within `grace` (s) if that is given."""
        await self._ask("DELETE", path, api, {"propagationPolicy": "Background", "gracePeriodSeconds": grace})

    async def store(self) -> Store:
        """The ConfigMaps and Secrets."""
        maps, secrets = await self.list("configmaps"), await self.list("secrets")
        return Store(*({one["metadata"]["name"]: one.get("data") or {} for one in some} for some in (maps, secrets)))

    async def secret(self, name: str) -> dict[str, bytes]:
        """The values of a Secret."""
        return {key: b64decode(value) for key, value in (await self.get(f"secrets/{name}"))["data"].items()}

    async def kubeconfig(self, service_account: str, file: Path) -> Path:
        """A kubeconfig, in this file, with a fresh token of a service account."""
        answer = await self.create(f"serviceaccounts/{service_account}/token", TOKEN_REQUEST)
        return self._plane.kubeconfig_with(answer["status"]["token"], file)

    async def _ask(self, method: str, path: str, api: str, body: Mapping[str, Any] | None = None) -> Object:
        target = f"{api}/namespaces/{self.namespace}/{path}".rstrip("/")
        return await _ask(self._plane, method, target, body)


async def new_namespace(plane: ControlPlane) -> Objects:
    """The objects of a namespace of its own."""
    name = f"tests-{uuid.uuid4().hex[:8]}"
    await _ask(plane, "POST", f"{CORE}/namespaces", {"metadata": {"name": name}})
    return Objects(plane, name)


async def _ask(plane: ControlPlane, method: str, target: str, body: Mapping[str, Any] | None) -> Object:
    try:
        with trio.fail_after(_PATIENCE_S):
            status, text = await _talk(plane, method, target, b"" if body is None else json.dumps(body).encode())
    except (OSError, trio.TooSlowError, trio.BrokenResourceError, h11.ProtocolError) as error:
        raise Unreached(f"{method} {target}: {error!r}") from error
    if status >= 400:
        raise Answered(status, f"{method} {target}: {text.decode()}")
    told: Object = json.loads(text)
    return told


async def _talk(plane: ControlPlane, method: str, target: str, body: bytes) -> tuple[int, bytes]:
    """One request, over a connection of its own."""
    host, port = urlsplit(plane.url).hostname or "", urlsplit(plane.url).port or 443
    stream = await trio.open_ssl_over_tcp_stream(host, port, ssl_context=plane.trust, https_compatible=True)
    headers = {
        "Host": host,
        "Connection": "close",
        "Authorization": f"Bearer {ADMIN}",
        "Content-Type": _MERGE if method == "PATCH" else "application/json",
        "Content-Length": str(len(body)),
    }
    http = h11.Connection(h11.CLIENT)
    events = (h11.Request(method=method, target=target, headers=list(headers.items())), h11.Data(data=body))
    status, text = 0, bytearray()
    async with stream:
        await stream.send_all(b"".join(http.send(event) or b"" for event in (*events, h11.EndOfMessage())))
        while True:
            match event := http.next_event():
                case h11.NEED_DATA:
                    http.receive_data(bytes(await stream.receive_some(65536)))
                case h11.Response():
                    status = event.status_code
                case h11.Data():
                    text += event.data
                case h11.EndOfMessage():
                    return status, bytes(text)
                case h11.ConnectionClosed():
                    raise ConnectionResetError("there is no answer")
