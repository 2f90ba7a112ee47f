"""The objects of a control plane as plain JSON, for tests that run under trio."""

import json
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.kubernetes.control_plane import ADMIN, TOKEN_REQUEST, ControlPlane
from tests.kubernetes.node_plan import Store

Object = dict[str, Any]

CORE = "/api/v1"
APPS = "/apis/apps/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
NETWORK = "/apis/networking.k8s.io/v1"
POLICY = "/apis/policy/v1beta1"

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

    def __init__(self, plane: ControlPlane, http: httpx.AsyncClient, namespace: str) -> None:
        self.namespace = namespace
        self._plane = plane
        self._http = http

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
        url = f"{api}/namespaces/{self.namespace}/{path}".rstrip("/")
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": _MERGE if method == "PATCH" else "application/json"}
        try:
            answer = await self._http.request(method, url, content=content, headers=headers)
        except httpx.TransportError as error:
            raise Unreached(f"{method} {url}: {error!r}") from error
        if answer.is_error:
            raise Answered(answer.status_code, f"{method} {url}: {answer.text}")
        told: Object = answer.json()
        return told


@asynccontextmanager
async def objects(plane: ControlPlane, namespace: str) -> AsyncIterator[Objects]:
    """The objects of a new namespace, which is asked to end at the end."""
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with httpx.AsyncClient(
        base_url=plane.url, verify=plane.trust, headers=headers, timeout=10, trust_env=False
    ) as http:
        body = {"metadata": {"name": namespace}}
        (await http.post(f"{CORE}/namespaces", json=body)).raise_for_status()
        yield Objects(plane, http, namespace)
